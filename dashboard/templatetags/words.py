"""Filters and tags for the words of `dashboard.words`."""

from datetime import UTC, datetime, tzinfo

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard import words

register = template.Library()


@register.simple_tag
def age(moment: datetime | None) -> SafeString | str:
    """A time element that tells an age, and the exact time in its title."""
    if moment is None:
        return ""
    moment = moment.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}" data-ago>{}</time>',
        moment.isoformat(timespec="seconds"),
        exact(moment),
        words.ago(moment, timezone.now()),
    )


@register.simple_tag
def countdown(moment: datetime | None) -> SafeString | str:
    """A time element that counts down where there is JavaScript, and names the time where there is none."""
    if moment is None:
        return ""
    moment = moment.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}" data-until>{}</time>',
        moment.isoformat(timespec="seconds"),
        exact(moment),
        exact(moment),
    )


@register.filter
def exact(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%a %d %b %Y, %H:%M} UTC"


@register.simple_tag
def clock(moment: datetime | None, zone: tzinfo) -> SafeString | str:
    """A time element on the clock of this zone, which is named; UTC is in its title."""
    if moment is None:
        return ""
    return format_html(
        '<time datetime="{}" title="{}">{} {}</time>',
        moment.astimezone(UTC).isoformat(timespec="seconds"),
        exact(moment),
        f"{moment.astimezone(zone):%a %d %b %Y, %H:%M}",
        zone,
    )


@register.filter
def short(sha: str) -> str:
    return sha[:7]


@register.inclusion_tag("parts/_avatar.html")
def avatar(name: str, email: str) -> dict[str, str | int]:
    return {"initials": words.initials(name), "colour": words.colour_of(email or name)}
