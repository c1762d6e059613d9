"""What a project should change to be maintained well, in sentences.

Pure: the standard library and other pure modules only.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from projects.runtimes import UNKNOWN_VERSION
from projects.versions import VersionStatus, status_of

Minimums = Mapping[str, str]  # a runtime's least supported version


class DeploymentType(StrEnum):
    """What a project is released to, as far as its stages tell."""

    KUBERNETES = "Kubernetes"
    HEROKU = "Heroku"


@dataclass(frozen=True, slots=True)
class Target:
    """What a stage tells of where it runs: whether an image tag says its commit, its profile's name, its git host."""

    image: bool
    profile: str | None = None
    host: str | None = None

    @property
    def is_heroku(self) -> bool:
        host = (self.host or "").lower()
        return (self.profile or "").lower() == "heroku" or host == "heroku.com" or host.endswith(".heroku.com")


class Code(StrEnum):
    """Kinds of recommendations, for machines."""

    VERSION_UNKNOWN = "version-unknown"
    VERSION_UNSUPPORTED = "version-unsupported"
    NOT_AUTOMATIC = "not-automatic"
    RENOVATE_MISSING = "renovate-missing"
    RENAMED = "renamed"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One thing to do; `sentence` is for people."""

    code: Code
    sentence: str


@dataclass(frozen=True, slots=True)
class KnownRepository:
    """A repository as the stages name it, what its host calls it now, and whether it is archived there."""

    path: str
    current_path: str
    archived: bool

    @property
    def renamed(self) -> bool:
        return self.path.lower() != self.current_path.lower()


@dataclass(frozen=True, slots=True)
class Upkeep:
    """The facts that recommendations are made from. `renovate` is None while it was never read."""

    deployment_type: DeploymentType | None
    automatic: bool
    renovate: bool | None
    orbs: Collection[str]
    runtimes: Mapping[str, str]
    minimums: Minimums
    repositories: Collection[KnownRepository] = ()


def recommendations(upkeep: Upkeep) -> list[Recommendation]:
    """All that apply: repositories, then runtimes by name, then releasing, then Renovate."""
    found = [*_repository_recommendations(upkeep.repositories), *_runtime_recommendations(upkeep)]
    on_kubernetes = upkeep.deployment_type is DeploymentType.KUBERNETES
    if on_kubernetes and not upkeep.automatic:
        found.append(
            Recommendation(
                Code.NOT_AUTOMATIC, "Releases are not automatic. Give the last stage an automatic deploy strategy."
            )
        )
    if on_kubernetes and upkeep.orbs and upkeep.renovate is False:
        found.append(
            Recommendation(
                Code.RENOVATE_MISSING, "Renovate is not set up. Add a renovate.json, so that orbs stay up to date."
            )
        )
    return found


def _repository_recommendations(repositories: Iterable[KnownRepository]) -> Iterator[Recommendation]:
    for each in repositories:
        if each.renamed:
            yield Recommendation(
                Code.RENAMED,
                f"The repository {each.path} is now {each.current_path} and is read there. Change the git remote of "
                "the stages.",
            )
        if each.archived:
            yield Recommendation(
                Code.ARCHIVED,
                f"The repository {each.current_path} is archived: nobody can push to it or release it. Archive this "
                "project, too, or unarchive the repository.",
            )


def _runtime_recommendations(upkeep: Upkeep) -> Iterator[Recommendation]:
    for runtime in sorted(upkeep.runtimes):
        version, minimum = upkeep.runtimes[runtime], upkeep.minimums.get(runtime)
        status, title = status_of(version, minimum), runtime.capitalize()
        if version == UNKNOWN_VERSION:
            sentence = f"Dependency {title} version unknown, add a version declaration file"
            yield Recommendation(Code.VERSION_UNKNOWN, sentence)
        elif status is VersionStatus.UNKNOWN:
            sentence = f"Dependency {title} version unknown: its declaration ({version}) names no number"
            yield Recommendation(Code.VERSION_UNKNOWN, sentence)
        elif status is VersionStatus.OUT_OF_DATE and minimum:
            least = minimum.removeprefix("v")
            sentence = f"Dependency {title} uses an unsupported version. Update to v{least} or higher."
            yield Recommendation(Code.VERSION_UNSUPPORTED, sentence)


def deployment_type(targets: Iterable[Target]) -> DeploymentType | None:
    """What a project's stages say together; an image tag outweighs all else."""
    found = list(targets)
    if any(target.image for target in found):
        return DeploymentType.KUBERNETES
    return DeploymentType.HEROKU if any(target.is_heroku for target in found) else None
