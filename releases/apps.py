from typing import Any

from django.apps import AppConfig


class ReleasesConfig(AppConfig):
    name = "releases"

    def ready(self) -> None:
        from django.db.models.signals import pre_delete

        from projects.merging import MERGES_SINCE, WAKES
        from releases.queries import merges_since
        from releases.waking import wake_projects

        if merges_since not in MERGES_SINCE:
            MERGES_SINCE.append(merges_since)
        if wake_projects not in WAKES:
            WAKES.append(wake_projects)
        # However a strategy goes: by itself, with its stage, its project, or by a file.
        pre_delete.connect(_leave_behind, "releases.DeployStrategy", dispatch_uid="releases.farewells")


def _leave_behind(instance: Any, **_: Any) -> None:
    from django.utils import timezone

    from releases.farewells import REMOVED, leave_behind

    leave_behind(instance, REMOVED, timezone.now())
