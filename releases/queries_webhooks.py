"""What was heard from GitHub, for pages and figures."""

from datetime import datetime

from django.db.models import Max

from projects.models import Profile, Repository
from projects.repositories import path_of
from releases.models import DeployStrategy, WebhookDelivery


def last_delivery(profile: Profile) -> WebhookDelivery | None:
    """The newest delivery about a repository that is read or released with this profile, by any name that it has."""
    strategies = DeployStrategy.objects.filter(profile=profile).exclude(repository="")
    owner = profile.organization.name
    written = {name if "/" in name else f"{owner}/{name}" for name in strategies.values_list("repository", flat=True)}
    remotes = {path_of(remote) for remote in profile.stages.values_list("git_remote", flat=True) if remote}
    paths = {path for path in remotes if path} | {name.lower() for name in written}
    known = Repository.objects.filter(api_url=profile.api_url, path__in=paths)
    paths |= {name.lower() for name in known.values_list("current_path", flat=True)}
    return WebhookDelivery.objects.filter(path__in=paths).order_by("-received_at").first()


def undone() -> int:
    """Deliveries whose work is not done."""
    return WebhookDelivery.objects.filter(processed_at=None).count()


def last_heard_at() -> datetime | None:
    """When the last delivery came, if any did."""
    last: datetime | None = WebhookDelivery.objects.aggregate(at=Max("received_at"))["at"]
    return last
