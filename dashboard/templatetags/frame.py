"""What the frame of every page needs: menus, the chosen theme, who reads."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django import template
from django.http import HttpRequest
from django.template import Context
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from blocks.queries import forgotten_blocks
from dashboard.access import may_read
from dashboard.theme import theme_of
from projects.queries import all_tags

register = template.Library()
SECTIONS = {"history": "history", "blocks": "blocks", "projects": "projects"}


@dataclass(frozen=True, slots=True)
class Team:
    name: str

    @property
    def query(self) -> str:
        return urlencode({"tag": self.name})


@dataclass(frozen=True, slots=True)
class Frame:
    may_read: bool
    teams: list[Team]
    section: str
    blocks_url: str
    closed_hours_url: str
    forgotten: int
    other_theme: str


@register.simple_tag(takes_context=True)
def frame(context: Context) -> Frame:
    request = context.get("request")
    if request is None:  # an error page that was made outside of any request
        return Frame(
            may_read=False, teams=[], section="", blocks_url="", closed_hours_url="", forgotten=0, other_theme="dark"
        )
    allowed = may_read(request)
    tags = context.get("all_tags")
    section = request.path.strip("/").split("/")[0]
    return Frame(
        may_read=allowed,
        teams=[Team(tag) for tag in (all_tags() if tags is None else tags)] if allowed else [],
        section=SECTIONS.get(section, section or "home"),
        blocks_url=_address("blocks"),
        closed_hours_url=_address("closed-hours"),
        forgotten=_forgotten(request, context.get("forgotten")),
        other_theme="light" if theme_of(request) == "dark" else "dark",
    )


@register.simple_tag(takes_context=True)
def theme_attribute(context: Context) -> SafeString:
    """The attribute for <html>; nothing when the system decides."""
    theme = theme_of(context["request"]) if "request" in context else None
    return mark_safe(f' data-theme="{theme}"') if theme else SafeString()  # noqa: S308  (one of two constants)


def _forgotten(request: HttpRequest, known: int | None) -> int:
    """How many blocks of this person have no end and are older than a week."""
    user = getattr(request, "user", None)
    if user is None or not user.is_staff or user.pk is None:
        return 0
    if known is not None:
        return known
    return forgotten_blocks(timezone.now()).filter(owner=user.pk).count()


def _address(name: str) -> str:
    try:
        return reverse(name)
    except NoReverseMatch:
        return ""
