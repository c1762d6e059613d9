"""The collected static files of the folder that STATIC_ROOT names."""

from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command


def collect_when_changed() -> None:
    """Collect, hash and compress static files when one is newer than the last collection."""
    manifest = Path(settings.STATIC_ROOT) / "staticfiles.json"
    collected = manifest.stat().st_mtime if manifest.exists() else 0.0
    if any(path.stat().st_mtime > collected for path in _sources()):
        call_command("collectstatic", verbosity=0, interactive=False, clear=False)


def _sources() -> list[Path]:
    return [Path(storage.path(name)) for finder in get_finders() for name, storage in finder.list([])]
