"""Projects by the names that people give to commands: `project` or `organization/project`."""

from collections.abc import Sequence

from projects.models import Project


class NameUnclear(Exception):
    """A name means no project, or more than one; the text says which and what to type."""


def find_projects(names: Sequence[str]) -> list[Project]:
    """The active projects of these names, or all of them when none is given. Raises NameUnclear."""
    projects = Project.objects.active().select_related("organization").order_by("organization__name", "name")
    if not names:
        return list(projects)
    return list(dict.fromkeys(_find(name) for name in names))


def _find(name: str) -> Project:
    found = list(Project.objects.active().select_related("organization").named(name))
    if not found:
        raise NameUnclear(f"There is no project {name!r}. Names are `project` or `organization/project`.")
    if len(found) > 1:
        raise NameUnclear(f"{name!r} is ambiguous: say which of {', '.join(sorted(map(str, found)))}.")
    return found[0]
