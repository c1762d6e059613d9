"""docs/dependencies.md names each dependency, and no other."""

import re
import tomllib

from django.conf import settings


def _named(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=]", requirement)[0].lower() for requirement in requirements}


def test_every_dependency_has_a_line_that_says_why() -> None:
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())
    wanted = _named(project["project"]["dependencies"]) | _named(project["dependency-groups"]["dev"])
    text = (settings.BASE_DIR / "docs" / "dependencies.md").read_text()
    documented = set(re.findall(r"^\| ([a-z0-9_-]+) \| .{10,}", text, re.MULTILINE)) - {"package"}
    assert documented == wanted
