"""Repositories as their host knows them: ids that outlive a rename, default branches."""

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache

from django.conf import settings
from django.db.models import Exists, Func, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.functions import Concat, Lower

from projects.models import Profile, Repository, Stage
from projects.reading import Head, Question, RepositoryFacts
from projects.remotes import UnsafeRemote, parse_remote, repository_of
from projects.sighting import Answer


@lru_cache(maxsize=20_000)
def path_of(git_remote: str) -> str | None:
    """owner/name in lower case; None where the remote has no such path."""
    try:
        owner, name = repository_of(parse_remote(git_remote, insecure_hosts=settings.INSECURE_HOSTS))
    except UnsafeRemote:
        return None
    return f"{owner}/{name}".lower()


def known_ids(profile: Profile, questions: Collection[Question]) -> dict[str, int]:
    """The host's ids of the repositories that were seen before, by path."""
    return {path: repository.host_id for path, repository in _known(profile, questions).items()}


def _known(profile: Profile, questions: Collection[Question]) -> dict[str, Repository]:
    paths = {path for question in questions if (path := path_of(question.remote))}
    known = Repository.objects.filter(api_url=profile.api_url, path__in=paths)
    return {repository.path: repository for repository in known}


def of_stages(stages: Iterable[Stage]) -> list[Repository]:
    """What their hosts told of the repositories of these stages, those that are read through an API."""
    wanted = {
        (stage.profile.api_url, path)
        for stage in stages
        if stage.profile and stage.profile.is_github and (path := path_of(stage.git_remote))
    }
    if not wanted:
        return []
    found = Repository.objects.filter(path__in={path for _, path in wanted}).order_by("path")
    return [repository for repository in found if (repository.api_url, repository.path) in wanted]


def stages_of(path: str) -> QuerySet[Stage]:
    """Those of the repository of this name (owner/name in lower case), or of any other name of the same repository:
    builds send the newest, remotes may have an older one. For use in another query."""
    known = Repository.objects.annotate(now_at=Lower("current_path"))
    of_name = known.filter(Q(path=path) | Q(now_at=path), api_url=OuterRef("api_url"), host_id=OuterRef("host_id"))
    names = known.filter(Exists(of_name))
    end = Func(Lower("git_remote"), Value("[^:/]+/[^:/]+$"), function="SUBSTRING", output_field=TextField())
    called = Q()
    for name in ("path", "now_at"):
        called |= Q(end__in=names.values(name)) | Q(end__in=names.values(written=Concat(name, Value(".git"))))
    return Stage.objects.annotate(end=end).filter(called)


def remember(profile: Profile, answers: Mapping[Question, Answer]) -> None:
    """Store what is new about repositories; nothing is written when nothing is."""
    known = _known(profile, answers)
    for path, facts in _told(answers).items():
        repository = known.get(path) or Repository(api_url=profile.api_url, path=path)
        values = _values(facts)
        if any(getattr(repository, name) != value for name, value in values.items()):
            Repository.objects.update_or_create(api_url=profile.api_url, path=path, defaults=values)


def _told(answers: Mapping[Question, Answer]) -> dict[str, RepositoryFacts]:
    told: dict[str, RepositoryFacts] = {}
    for question, answer in answers.items():
        path = path_of(question.remote)
        if path and isinstance(answer, Head) and answer.repository:
            told[path] = answer.repository
    return told


def _values(facts: RepositoryFacts) -> dict[str, object]:
    return {
        "host_id": facts.host_id,
        "current_path": f"{facts.owner}/{facts.name}",
        "default_branch": facts.default_branch or "",
        "default_branch_sha": facts.default_branch_sha or "",
        "archived": facts.archived,
    }
