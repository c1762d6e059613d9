"""What a profile's page says of webhooks: when the last one came for what is read with the profile."""

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from projects.admin_profiles import ProfileAdmin
from projects.models import Profile
from releases.queries_webhooks import last_delivery

DOCS = "docs/github.md"


def webhooks_of(self: ProfileAdmin, profile: Profile) -> str | SafeString:
    """In words, for the page of the profile."""
    if not profile.is_github:
        return "Only GitHub sends webhooks."
    heard = last_delivery(profile)
    if heard is not None:
        at = date_format(timezone.localtime(heard.received_at), "j M Y, H:i T")
        what = f"{heard.event} {heard.action}".strip()
        return f"The last one came {timesince(heard.received_at, depth=1)} ago ({at}): {what} of {heard.path}."
    seconds = int(settings.POLL_INTERVAL.total_seconds())
    why = "" if settings.GITHUB_WEBHOOK_SECRETS else " Horizon takes none: HORIZON_GITHUB_WEBHOOK_SECRETS is not set."
    return format_html(
        "None ever came for the repositories of this profile, so a push shows after up to {} s.{} "
        "{}/webhooks/github is their address; <code>{}</code> says how to set them up.",
        seconds,
        why,
        settings.PUBLIC_URL,
        DOCS,
    )
