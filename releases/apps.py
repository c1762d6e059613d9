from django.apps import AppConfig


class ReleasesConfig(AppConfig):
    name = "releases"

    def ready(self) -> None:
        from projects.merging import MERGES_SINCE
        from releases.queries import merges_since

        if merges_since not in MERGES_SINCE:
            MERGES_SINCE.append(merges_since)
