"""What the files of a repository say of a project: CI provider, Renovate, orbs, runtimes. No I/O.

A path that ends in a slash is a folder; its text is the names of its entries, one a line.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from projects.orbs import orbs_of
from projects.runtimes import RUNTIME_FILES, Files, json_object, runtimes_of

CIRCLECI_CONFIG = ".circleci/config.yml"
TRAVIS_CONFIG = ".travis.yml"
WORKFLOWS = ".github/workflows/"
# docs.renovatebot.com/configuration-options; package.json may hold the key "renovate", too.
RENOVATE_CONFIGS = (
    *("renovate.json", "renovate.json5", ".renovaterc", ".renovaterc.json", ".renovaterc.json5"),
    *(".github/renovate.json", ".github/renovate.json5", ".gitlab/renovate.json", ".gitlab/renovate.json5"),
)
PATHS = (CIRCLECI_CONFIG, TRAVIS_CONFIG, WORKFLOWS, *RENOVATE_CONFIGS, *RUNTIME_FILES)


@dataclass(frozen=True, slots=True)
class Properties:
    """`ci_provider` is empty when there is none; `runtimes` as `runtimes_of` gives them."""

    ci_provider: str = ""
    renovate: bool = False
    orbs: tuple[str, ...] = ()
    runtimes: Mapping[str, str] = field(default_factory=dict)


def properties_of(files: Files) -> Properties:
    """Never raises, whatever the files hold. None is a file that is not there."""
    return Properties(
        ci_provider=_ci_provider(files),
        renovate=_uses_renovate(files),
        orbs=orbs_of(files.get(CIRCLECI_CONFIG)),
        runtimes=runtimes_of(files),
    )


def _ci_provider(files: Files) -> str:
    if files.get(CIRCLECI_CONFIG) is not None:
        return "circleci"
    if files.get(TRAVIS_CONFIG) is not None:
        return "travis"
    names = (files.get(WORKFLOWS) or "").splitlines()
    return "github actions" if any(name.endswith((".yml", ".yaml")) for name in names) else ""


def _uses_renovate(files: Files) -> bool:
    if any(files.get(path) is not None for path in RENOVATE_CONFIGS):
        return True
    return "renovate" in json_object(files.get("package.json"))
