"""Which reader serves a stage, by its profile; and the tests that an administrator runs by hand."""

from collections.abc import Iterable
from typing import Protocol

from django.conf import settings

from projects.git import Credentials, GitReader
from projects.github import GitHubReader, check_profile
from projects.models import Profile, Repository, Stage
from projects.reading import Difference, Head, Question, RepositoryFacts, StageUnreadable, Trouble, Where
from projects.registry import Image, RegistryReader
from projects.repositories import path_of
from projects.secrets import Secret, SecretUnreadable


class Reader(Protocol):
    """What all readers can do. May belong to one thread: ask for one where it is used."""

    def heads(self, questions: Iterable[Question]) -> dict[Question, Head | StageUnreadable]:
        """Where these stages are now; a trouble with one is its own answer."""
        ...

    def difference(self, remote: str, base_sha: str, head_sha: str) -> Difference:
        """What `head_sha` has and `base_sha` has not. Raises StageUnreadable."""
        ...

    def squashed_head(self, remote: str, sha: str) -> str | None:
        """The last of the commits that were squashed or rebased into this one, where the host tells it."""
        ...


class ImageReader:
    """The registry's reader. It knows commits, but not what is between them."""

    def __init__(self, reader: RegistryReader) -> None:
        self._reader = reader

    def heads(self, questions: Iterable[Question]) -> dict[Question, Head | StageUnreadable]:
        return self._reader.heads(questions)

    def difference(self, remote: str, base_sha: str, head_sha: str) -> Difference:
        raise StageUnreadable(
            Trouble.MISCONFIGURED,
            "A container registry cannot compare commits: give another stage of the project a git remote.",
        )

    def squashed_head(self, remote: str, sha: str) -> str | None:
        return None


def reader_of(profile: Profile | None) -> Reader:
    """The reader for stages of this profile. Raises StageUnreadable(MISCONFIGURED) for one that reads no stages.

    Credentials go to their profile's host and to no other: every reader refuses remotes on other hosts.
    """
    if profile is None:
        return _git(None)
    if profile.is_github:
        return GitHubReader(profile)
    if profile.kind == Profile.Kind.BASIC:
        return _git(Credentials(profile.host, profile.user, _secret(profile)))
    if profile.kind == Profile.Kind.AWS:
        return ImageReader(_registry(profile))
    raise StageUnreadable(
        Trouble.MISCONFIGURED,
        f'The profile "{profile.name}" is a Slack bot\'s and reads no stages: choose one of GitHub, a git host or AWS.',
    )


def images_of(stage: Stage, limit: int) -> list[Image]:
    """What runs or ran in a stage, as its registry says now, the last promoted first. Raises StageUnreadable."""
    if not stage.hokusai or stage.profile is None or stage.profile.kind != Profile.Kind.AWS:
        raise StageUnreadable(Trouble.MISCONFIGURED, f"{stage.name} is not read from a container registry.")
    return _registry(stage.profile).images(stage.question.remote, stage.hokusai, limit)


def test_profile(profile: Profile) -> str:
    """What the host says to these credentials now, in sentences. Raises StageUnreadable."""
    if profile.is_github:
        report = check_profile(profile)
        return " ".join([f"Signed in as {report.login}.", report.rights, report.budget, *report.problems])
    if profile.kind == Profile.Kind.AWS:
        identity = _registry(profile).identity()
        return f"AWS knows this key: {identity}. What it may read shows when a stage that uses it is tested."
    if profile.kind == Profile.Kind.BASIC:
        _secret(profile)
        return (
            f"User and password for {profile.host} are complete. A git host tells whether they are right only when a "
            "repository is read: test a stage that uses this profile."
        )
    raise StageUnreadable(Trouble.MISCONFIGURED, "A Slack bot is tested by the first message that it sends.")


def test_stage(stage: Stage) -> str:
    """The commit that this stage is at now, in a sentence. Raises StageUnreadable.

    A repository that took the name of the one that Horizon knew is accepted by this: a person has looked at it.
    """
    question = stage.question
    answer = reader_of(stage.profile).heads([question])[question]
    if isinstance(answer, StageUnreadable):
        raise answer
    place = {
        Where.BRANCH: f'the branch "{question.name}"',
        Where.TAG_PATTERN: f'the newest tag that matches "{question.name}"',
        Where.HOKUSAI: f'the image with the tag "{question.name}"',
    }[question.where]
    label = f" ({answer.label})" if answer.label else ""
    facts = answer.repository
    archived = " The repository is archived." if facts and facts.archived else ""
    where = f" of {facts.owner}/{facts.name}" if facts else ""
    accepted = (
        " It is another repository than the one that Horizon knew by this name; from now on this one is read."
        if facts and _accept(stage, facts)
        else ""
    )
    return f"Found {place}{where}{label} at commit {answer.sha[:12]}.{archived}{accepted}"


def _accept(stage: Stage, facts: RepositoryFacts) -> bool:
    """Whether another repository was known by this name, which is forgotten."""
    api_url = stage.profile.api_url if stage.profile else ""
    known = Repository.objects.filter(api_url=api_url, path=path_of(stage.git_remote) or "")
    forgotten, _ = known.exclude(host_id=facts.host_id).delete()
    return forgotten > 0


def _git(credentials: Credentials | None) -> GitReader:
    return GitReader(credentials, data_dir=settings.DATA_DIR, insecure_hosts=settings.INSECURE_HOSTS)


def _registry(profile: Profile) -> RegistryReader:
    return RegistryReader(profile.region, profile.key_id, _secret(profile))


def _secret(profile: Profile) -> str:
    secret: Secret = profile.secret
    try:
        clear = secret.reveal()
    except SecretUnreadable as error:
        words = str(error)
    else:
        if clear:
            return clear
        words = f'The profile "{profile.name}" has no secret: enter one.'
    raise StageUnreadable(Trouble.MISCONFIGURED, words)
