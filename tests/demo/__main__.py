"""`make demo`: Horizon with a lively company that needs no token, at the same address as `make up`."""

import io
import logging
import os
import random
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml
from moto.server import ThreadedMotoServer

from horizon.instance import AlreadyRunning, Instance
from tests.demo import yesterday
from tests.demo.company import PASSWORD, found
from tests.demo.configuration import configuration
from tests.demo.life import follow, happen
from tests.demo.registry import Registry
from tests.servers.github import GitHubServer
from tests.servers.slack import SlackServer

ROOT = Path(__file__).resolve().parent.parent.parent
MARK = "made-by-the-demo"
SEED = int(os.environ.get("DEMO_SEED", "11"))
SLACK_TOKEN = "xoxb-of-the-demo"
HOOK_SECRET = secrets.token_urlsafe(32)
PROMOTED_AFTER = timedelta(seconds=30)
PACE = float(os.environ.get("DEMO_SECONDS", "4"))  # between two things that happen


def main() -> int:
    """Start the servers and Horizon, fill it, and let things happen until it ends or is told to."""
    data = fresh_folder(ROOT / os.environ.get("DEMO_FOLDER", ".demo"))
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # moto would tell every request
    registry = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    registry.start()
    host, port = registry.get_host_and_port()
    with GitHubServer() as github, SlackServer() as slack:
        slack.add_bot(SLACK_TOKEN, channels=("#dev", "#releases"))
        found(github, datetime.now(UTC), SEED)
        images = Registry(f"http://{host}:{port}", github)
        images.fill(datetime.now(UTC))
        os.environ.update(environment(data, f"http://{host}:{port}", slack.url))
        horizon = subprocess.Popen([sys.executable, "manage.py", "up"], cwd=ROOT)
        for signal_number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signal_number, lambda number, _: horizon.send_signal(number))
        try:
            if wait_until_served(horizon):
                fill(github, slack)
                github.webhooks.add(f"{address()}/webhooks/github", secret=HOOK_SECRET, app_id=1)
                welcome(slack.url)
                live(github, images, horizon)
        finally:
            horizon.terminate()
            horizon.wait()
    registry.stop()
    return horizon.returncode


def fresh_folder(folder: Path) -> Path:
    """The company is founded anew each time, so what an earlier demo stored is of no use."""
    if folder.exists():
        if not (folder / MARK).exists():
            sys.exit(f"{folder} was not made by the demo; move it away first.")
        try:
            Instance(folder).close()
        except AlreadyRunning as error:
            sys.exit(str(error))
        shutil.rmtree(folder)
    folder.mkdir()
    (folder / MARK).touch()
    return folder


def environment(data: Path, registry: str, slack: str) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "horizon.settings",
        "HORIZON_DATA_DIR": str(data),
        "HORIZON_INSECURE_HOSTS": "127.0.0.1,localhost",
        "HORIZON_SLACK_HOST": slack,
        "HORIZON_SLACK_WEBHOOK_HOSTS": "127.0.0.1",
        "HORIZON_POLL_SECONDS": os.environ.get("HORIZON_POLL_SECONDS", "5"),
        "HORIZON_GITHUB_WEBHOOK_SECRETS": HOOK_SECRET,
        "HORIZON_ADMIN_PASSWORD": os.environ.get("HORIZON_ADMIN_PASSWORD", PASSWORD),
        "AWS_ENDPOINT_URL_ECR": registry,
        "AWS_ENDPOINT_URL_STS": registry,
    }


def address() -> str:
    return f"http://127.0.0.1:{os.environ.get('HORIZON_PORT', '8000')}"


def wait_until_served(horizon: "subprocess.Popen[bytes]") -> bool:
    """Whether pages are served; False when Horizon ended instead."""
    pause = threading.Event()
    while horizon.poll() is None:
        try:
            with urllib.request.urlopen(f"{address()}/healthz", timeout=2):
                return True
        except (urllib.error.URLError, OSError):
            pause.wait(0.2)
    return False


def fill(github: GitHubServer, slack: SlackServer) -> None:
    """Invite the people, tell the story of yesterday, declare the company, block one project."""
    import django

    django.setup()
    from django.core.management import call_command

    from tests.demo.people import block_one, invite

    invite()
    company = configuration(
        git=github.url, api_url=github.api_url, slack_token=SLACK_TOKEN, webhook=slack.webhook("#dev")
    )
    yesterday.live_yesterday(github, company)
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        yaml.safe_dump(company, file, allow_unicode=True)
        file.flush()
        call_command("apply", file.name, stdout=io.StringIO())
    block_one(datetime.now(UTC) + timedelta(hours=20))


def welcome(slack: str) -> None:
    """Where to sign in, and as whom."""
    lines = (
        f"sign in at {address()} with one of",
        f"  ana    {PASSWORD}    staff: blocks, releases, goes back",
        f"  gita   {PASSWORD}    only looks",
        f"  admin  {os.environ['HORIZON_ADMIN_PASSWORD']}    configures, may release in spite of blocks",
        f"what Slack is told stands at {slack}",
    )
    for line in lines:
        print(f"demo: {line}", flush=True)


def live(github: GitHubServer, images: Registry, horizon: "subprocess.Popen[bytes]") -> None:
    chance = random.Random(SEED)  # a lively company, no secret
    pause = threading.Event()
    begun = datetime.now(UTC)
    plans: list[tuple[datetime, Callable[[datetime], str]]] = [
        (begun + yesterday.BLOCKED_FOR, lambda _: yesterday.go_on()),
        (begun + PROMOTED_AFTER, images.promote),
    ]
    while horizon.poll() is None:
        now = datetime.now(UTC)
        print(happen(github, chance), flush=True)
        for line in follow(github, now):
            print(line, flush=True)
        for plan in [each for each in plans if each[0] < now]:
            plans.remove(plan)
            print(plan[1](now), flush=True)
        pause.wait(PACE)


if __name__ == "__main__":
    sys.exit(main())
