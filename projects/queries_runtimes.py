"""What /metrics tells of the runtimes of projects."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings

from projects.models import ProjectProperties
from projects.versions import VersionStatus, status_of

_GAUGE = {VersionStatus.OUT_OF_DATE: -1, VersionStatus.UNKNOWN: 0, VersionStatus.FINE: 1}


@dataclass(frozen=True, slots=True)
class RuntimeStatus:
    """One line of the gauge `runtime_version_status`: -1 out of date, 0 unknown, 1 fine."""

    organization: str
    project: str
    criticality: int | None
    tags: tuple[str, ...]
    runtime: str
    version: str
    value: int


def runtime_statuses() -> Iterator[RuntimeStatus]:
    """One for each runtime of each project that is shown, by project; one query."""
    rows = ProjectProperties.objects.filter(project__archived_at=None).order_by(
        "project__organization__name", "project__name"
    )
    columns = ("project__organization__name", "project__name", "project__criticality", "project__tags", "runtimes")
    for organization, project, criticality, tags, runtimes in rows.values_list(*columns).iterator():
        for runtime, version in sorted(runtimes.items()):
            value = _GAUGE[status_of(version, settings.MINIMUM_VERSIONS.get(runtime))]
            yield RuntimeStatus(organization, project, criticality, tuple(tags), runtime, version, value)
