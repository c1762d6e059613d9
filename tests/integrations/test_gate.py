"""The gate of builds: CircleCI's orb and GitHub's action against the running server."""

import os
import shutil
import textwrap
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from audit.record import Actor
from blocks.change import Wish, create_block
from projects.models import Project
from tests import worlds
from tests.integrations import gate
from tests.integrations.gate import Ended, circleci_orb, github_action
from tests.pages.server import SiteServer

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
PASSWORD = "pass\"word\\ with $HOME `id` and 'more' é"
FREE, WRONG_USE, WRONG, NO_PROJECT, BLOCKED, UNKNOWN = 0, 2, 3, 4, 5, 6
Gate = Callable[..., Ended]


@pytest.fixture(params=[github_action, circleci_orb], ids=["github-action", "circleci-orb"])
def ask(request: pytest.FixtureRequest) -> Gate:
    found: Gate = request.param
    return found


@pytest.fixture
def horizon(transactional_db: None) -> Iterator[str]:
    User.objects.create_user("build", password=PASSWORD)
    server = SiteServer()
    server.start()
    yield server.address
    server.stop()


@pytest.fixture
def candela(horizon: str) -> Project:
    return worlds.project("candela")


def block(project: Project, reason: str = "needs QA", **changed: Any) -> None:
    wish = Wish(project.organization, reason, **({"projects": [project]} | changed))
    create_block(wish, actor=Actor.person("mary"), owner=None, clock=timezone.now)


class Elsewhere:
    """A server that answers everything in the same way, and notes what it was asked."""

    def __init__(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.asked: list[str] = []
        self.over = Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                if status == 0:
                    outer.over.wait(60)
                    return
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def stop(self) -> None:
        self.over.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def elsewhere() -> Iterator[Callable[..., Elsewhere]]:
    made: list[Elsewhere] = []

    def start(status: int, body: bytes = b"", **headers: str) -> Elsewhere:
        made.append(Elsewhere(status, body, **headers))
        return made[-1]

    yield start
    for each in made:
        each.stop()


class TestAnswers:
    def test_a_free_project_goes_on(self, ask: Gate, horizon: str, candela: Project) -> None:
        ended = ask(horizon, "build", PASSWORD, project=str(candela.pk))

        assert (ended.status, ended.output) == (FREE, "horizon: no deploy block.\n")

    def test_a_blocked_project_stops_with_the_reasons(self, ask: Gate, horizon: str, candela: Project) -> None:
        until = (timezone.now() + timedelta(hours=2)).replace(microsecond=0)
        block(candela, "needs QA")
        block(candela, "incident 12\n::add-mask::x", resolved_at=until)

        ended = ask(horizon, "build", PASSWORD, project=str(candela.pk))

        assert ended.status == BLOCKED
        assert "- needs QA (block " in ended.output
        assert ", no end)" in ended.output
        assert f"until {until.isoformat().replace('+00:00', 'Z')})" in ended.output
        assert not any(line.startswith("::") for line in ended.output.splitlines())

    @pytest.mark.parametrize("scope", [{"scope": "organization"}, {"scope": "tag", "tag": "galleries"}])
    def test_blocks_of_tag_and_organization_stop_it_too(
        self, ask: Gate, horizon: str, candela: Project, scope: dict[str, str]
    ) -> None:
        Project.objects.update(tags=["galleries"])
        block(candela, projects=[], **scope)

        assert ask(horizon, "build", PASSWORD, project=str(candela.pk)).status == BLOCKED

    def test_a_planned_block_stops_nothing_yet(self, ask: Gate, horizon: str, candela: Project) -> None:
        block(candela, begins_at=timezone.now() + timedelta(hours=1))

        assert ask(horizon, "build", PASSWORD, project=str(candela.pk)).status == FREE

    def test_the_repository_that_is_built_is_asked_for_by_default(
        self, ask: Gate, horizon: str, candela: Project
    ) -> None:
        block(candela)

        assert ask(horizon, "build", PASSWORD, repository="artsy/candela").status == BLOCKED
        assert ask(horizon, "build", PASSWORD, project="Artsy/Candela").status == BLOCKED

    def test_a_wrong_password_stops_and_says_so(self, ask: Gate, horizon: str, candela: Project) -> None:
        ended = ask(horizon, "build", "wrong", project=str(candela.pk), go_on_when_unknown="true")

        assert (ended.status, ended.output) == (WRONG, "horizon: user name or password is wrong.\n")

    @pytest.mark.parametrize(
        "project",
        [
            "artsy/nowhere",
            "999999",
            "'; touch {bad}; '",
            '"; touch {bad}; "',
            "$(touch {bad})",
            "`touch {bad}`",
            "a&resolved=true",
            "-o {bad}",
            "@/etc/passwd",
            "a b/c d",
            "[1-3]",
            "é/ü",
            "x" * 3000,
        ],
    )
    def test_a_strange_project_is_only_a_name(
        self, ask: Gate, horizon: str, candela: Project, tmp_path: Path, project: str
    ) -> None:
        bad = tmp_path / "bad"

        ended = ask(horizon, "build", PASSWORD, project=project.format(bad=bad), go_on_when_unknown="true")

        assert (ended.status, bad.exists()) == (NO_PROJECT, False)
        assert "horizon: there is no project " in ended.output


class TestUnknown:
    """Unknown is not free; an input says otherwise."""

    def both(self, ask: Gate, url: str, **more: str) -> Ended:
        ended = ask(url, "build", PASSWORD, project="1", **more)
        assert "whether the release is blocked is unknown, so it stops here." in ended.output
        goes_on = ask(url, "build", PASSWORD, project="1", go_on_when_unknown="true", **more)
        assert (goes_on.status, "it goes on" in goes_on.output) == (FREE, True)
        return ended

    def test_a_server_that_is_away_stops_it(self, ask: Gate) -> None:
        assert self.both(ask, "http://127.0.0.1:9").status == UNKNOWN

    def test_a_host_that_does_not_exist_stops_it(self, ask: Gate) -> None:
        assert self.both(ask, "http://horizon.invalid").status == UNKNOWN

    def test_a_server_that_is_too_slow_stops_it(self, ask: Gate, elsewhere: Callable[..., Elsewhere]) -> None:
        ended = self.both(ask, elsewhere(0).url, max_time="0.3")

        assert ended.status == UNKNOWN
        assert "within 0.3 seconds" in ended.output

    @pytest.mark.parametrize("status", [500, 502, 503])
    def test_a_server_in_trouble_stops_it(self, ask: Gate, elsewhere: Callable[..., Elsewhere], status: int) -> None:
        assert self.both(ask, elsewhere(status).url).status == UNKNOWN

    @pytest.mark.parametrize(
        "body", [b"", b"<html>", b"{}", b"null", b'"[]"', b"[1]", b"[ ]", b"[[]]", b"[]\nx", b"[] []"]
    )
    def test_an_answer_that_is_none_of_horizons_stops_it(
        self, ask: Gate, elsewhere: Callable[..., Elsewhere], body: bytes
    ) -> None:
        assert self.both(ask, elsewhere(200, body).url).status == UNKNOWN


class TestWrongUse:
    def test_a_redirect_is_not_followed(self, ask: Gate, elsewhere: Callable[..., Elsewhere]) -> None:
        target = elsewhere(200, b"[]")
        source = elsewhere(302, Location=f"{target.url}/api/deploy_blocks")

        ended = ask(source.url, "build", PASSWORD, project="1", go_on_when_unknown="true")

        assert ended.status == WRONG
        assert "redirects" in ended.output
        assert target.asked == []

    @pytest.mark.parametrize(
        ("changed", "words"),
        [
            ({"url": ""}, "no url was given"),
            ({"url": "horizon.example.com"}, "no https://"),
            ({"url": "file:///etc/passwd"}, "no https://"),
            ({"url": "http://a:b@127.0.0.1"}, "more than an address"),
            ({"user": ""}, "no user was given"),
            ({"user": "a:b"}, "has a colon"),
            ({"password": ""}, "no password was given"),
            ({"password": "secret\nproxy = evil"}, "the password has a line break"),
            ({"project": "a\nb"}, "the project has a line break"),
            ({"max_time": "5; id"}, "max-time is no number"),
            ({"max_time": "-1"}, "max-time is no number"),
        ],
    )
    def test_each_input_that_is_wrong_is_named(self, ask: Gate, changed: dict[str, str], words: str) -> None:
        values = {"url": "http://127.0.0.1:9", "user": "build", "password": "secret", "project": "1"} | changed

        ended = ask(**values, go_on_when_unknown="true")

        assert (ended.status, words in ended.output) == (WRONG_USE, True)
        assert "evil" not in ended.output

    def test_no_project_at_all_is_named(self, ask: Gate) -> None:
        ended = ask("http://127.0.0.1:9", "build", "secret")

        assert (ended.status, "no project was given" in ended.output) == (WRONG_USE, True)

    @pytest.mark.parametrize("tool", ["curl", "jq"])
    def test_a_missing_program_is_named(self, ask: Gate, tmp_path: Path, tool: str) -> None:
        other = {"curl": "jq", "jq": "curl"}[tool]
        for name in ("bash", other):
            (tmp_path / name).symlink_to(str(shutil.which(name)))

        ended = ask("http://127.0.0.1:9", "build", "secret", project="1", path=str(tmp_path))

        assert (ended.status, f"{tool} is missing" in ended.output) == (WRONG_USE, True)


class TestSecret:
    def test_the_password_is_neither_printed_nor_an_argument(
        self, ask: Gate, horizon: str, candela: Project, tmp_path: Path
    ) -> None:
        noted = tmp_path / "arguments"
        spy = tmp_path / "curl"
        spy.write_text(f'#!/bin/bash\nprintf "%s\\n" "$@" >{noted}\nexec {shutil.which("curl")} "$@"\n')
        spy.chmod(0o755)

        ended = ask(
            horizon, "build", PASSWORD, project=str(candela.pk), path=f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
        )

        assert ended.status == FREE
        assert f"project_id={candela.pk}" in noted.read_text()
        assert PASSWORD not in noted.read_text() + ended.output


class TestFiles:
    def test_both_run_the_same_script(self) -> None:
        (step,) = gate.action()["runs"]["steps"]
        (run,) = (each["run"] for each in gate.orb()["commands"]["block"]["steps"])

        assert run["command"].endswith(step["run"])

    def test_no_input_is_put_into_a_script(self) -> None:
        (step,) = gate.action()["runs"]["steps"]
        (run,) = (each["run"] for each in gate.orb()["commands"]["block"]["steps"])

        assert "${{" not in step["run"]
        assert "<<" not in run["command"]  # CircleCI's own sign for a parameter

    def test_the_job_of_the_orb_hands_on_every_parameter(self) -> None:
        job, command = gate.orb()["jobs"]["block"], gate.orb()["commands"]["block"]
        (step,) = job["steps"]

        assert job["parameters"] == command["parameters"]
        assert step["block"] == {name: f"<< parameters.{name} >>" for name in command["parameters"]}

    @pytest.mark.parametrize(
        "url",
        [
            "git@github.com:artsy/candela.git",
            "https://github.com/artsy/candela",
            "https://github.com/artsy/candela.git/",
        ],
    )
    def test_the_orb_takes_the_repository_from_its_address_where_circleci_tells_no_name(self, url: str) -> None:
        (run,) = (each["run"] for each in gate.orb()["commands"]["block"]["steps"])
        own = run["command"].partition("set -euo pipefail")[0]
        script = textwrap.dedent(own) + '\necho "$HORIZON_GATE_PROJECT"'

        names = {f"HORIZON_GATE_{name}_IN": "NONE" for name in ("URL", "USER", "PASSWORD")}
        ended = gate.bash(script, HORIZON_GATE_PROJECT="", CIRCLE_REPOSITORY_URL=url, **names)

        assert ended.output == "artsy/candela\n"
