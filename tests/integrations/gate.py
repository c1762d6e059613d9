"""The scripts of integrations/, taken out of their YAML and run as their systems run them, with bash, curl and jq."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings

INTEGRATIONS: Path = settings.BASE_DIR / "integrations"
NAMES = {"url": "HORIZON_URL", "user": "HORIZON_USER", "password": "HORIZON_PASSWORD"}


@dataclass(frozen=True, slots=True)
class Ended:
    status: int
    output: str


def action() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((INTEGRATIONS / "github-action" / "action.yml").read_text())
    return loaded


def orb() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((INTEGRATIONS / "circleci" / "orb.yml").read_text())
    return loaded


def github_action(url: str, user: str, password: str, *, path: str = "", repository: str = "", **more: str) -> Ended:
    """The step with these inputs, dashes as underscores; `repository` is the one that the workflow runs in."""
    (step,) = action()["runs"]["steps"]
    given = {"url": url, "user": user, "password": password} | {k.replace("_", "-"): v for k, v in more.items()}
    values = {
        name: given.get(name, str(spec.get("default", "")).replace("${{ github.repository }}", repository))
        for name, spec in action()["inputs"].items()
    }
    assert given.keys() <= values.keys()
    env = {name: _filled(text, "${{ inputs.", " }}", values) for name, text in step["env"].items()}
    return _run(["bash", "--noprofile", "--norc", "-eo", "pipefail"], step["run"], env, path)


def circleci_orb(url: str, user: str, password: str, *, path: str = "", repository: str = "", **more: str) -> Ended:
    """The command with these parameters; a boolean comes as 1 or 0, as CircleCI puts it into an environment."""
    command = orb()["commands"]["block"]
    (step,) = (each["run"] for each in command["steps"])
    given = {name.replace("_", "-"): value for name, value in more.items()}
    defaults = {name: spec["default"] for name, spec in command["parameters"].items()}
    assert given.keys() <= defaults.keys()
    values = {name: str(value).lower() if isinstance(value, bool) else value for name, value in defaults.items()}
    values |= given
    for name, spec in command["parameters"].items():
        if spec["type"] == "boolean":
            values[name] = {"true": "1", "false": "0"}[values[name]]
    env = {name: _filled(text, "<< parameters.", " >>", values) for name, text in step["environment"].items()}
    env |= {NAMES["url"]: url, NAMES["user"]: user, NAMES["password"]: password}
    if repository:
        owner, _, name = repository.partition("/")
        env |= {"CIRCLE_PROJECT_USERNAME": owner, "CIRCLE_PROJECT_REPONAME": name}
    return _run(["/bin/bash"], step["command"], env, path)


def _filled(text: str, before: str, after: str, values: dict[str, str]) -> str:
    assert text.startswith(before), text
    return values[text.removeprefix(before).removesuffix(after)]


def _run(shell: list[str], script: str, env: dict[str, str], path: str) -> Ended:
    kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        [*shell, "-c", script],
        env={**kept, "PATH": path or os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return Ended(done.returncode, done.stdout + done.stderr)


def bash(script: str, **env: str) -> Ended:
    """Any script, with these variables."""
    return _run(["/bin/bash"], script, env, "")
