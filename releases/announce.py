"""Messages in Slack that stay true: after the notice, what became of the release.

Everything that they say comes from rows and decisions, so that it does not matter which worker says it, or when. The
message of a bot is edited, its thread tells each change. A webhook cannot edit: there only what people must know is
told, once.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from django.db.models import Exists, OuterRef, Prefetch, Q

from releases import facts, slack_texts
from releases.decision import Action, Decision, Facts, decide
from releases.messages import span
from releases.models import DeployStrategy, Notice, Release, SlackPost
from releases.slack import Target
from releases.slack_posts import News, bring
from releases.slack_story import story_of
from releases.slack_targets import targets_of
from releases.slack_texts import Story, because, date, plain

RECENT: Final = timedelta(hours=24)  # news of a finished release that are older are no news
# A moment that moved by less is the same for people.
SAME_MOMENT: Final = timedelta(minutes=1)
FAILING: Final = ("checks-failing", "conflicts", "review", "draft")
SAYS_NO: Final = ("blocked", "skipped", "postponed", "closed")


@dataclass(frozen=True, slots=True)
class Tidings:
    """One state of a release. `headline` and `line` are in Slack's markup; `for_all`: webhooks are told, too.

    `unasked`: told to targets that have no message about this release yet.
    """

    said: str
    headline: str
    for_all: bool = False
    unasked: bool = False
    stoppable: bool = False


def keep_true(strategies: Collection[DeployStrategy], clock: Callable[[], datetime]) -> None:
    """Bring the messages about these strategies' releases up to what is true now."""
    now = clock()
    telling = [each.pk for each in strategies if each.slack_webhook_urls or each.slack_channels]
    releases = list(_releases(telling, now))
    if not releases:
        return
    # What was done meanwhile is in the rows, and not in those that were given.
    fresh = facts.strategies_with_all().in_bulk([release.strategy_id for release in releases])
    known = facts.facts_of(fresh.values(), now)
    for release in releases:
        if release.strategy_id in fresh:
            release.strategy = fresh[release.strategy_id]
            _tell(release, known[release.strategy_id], now)


def _releases(strategies: Iterable[int], now: datetime) -> Iterable[Release]:
    """Those that people were told of, and those that they are to be told of unasked."""
    since = now - RECENT
    noticed = Exists(Notice.objects.filter(release=OuterRef("pk"), delivered_at__isnull=False))
    news = Q(merged_at__gte=since) | Q(closed_at__gte=since) | Q(live_at__gte=since) | Q(live_alarm_at__gte=since)
    unasked = (Q(kind__in=[Release.Kind.MANUAL, Release.Kind.ROLLBACK]) & Q(merged_at__gte=since)) | Q(
        live_alarm_at__gte=since
    )
    posts = Prefetch("slack_posts", SlackPost.objects.order_by("id"), to_attr="told")
    notices = Prefetch(
        "notices", Notice.objects.filter(delivered_at__isnull=False).order_by("-begun_at"), to_attr="given"
    )
    found = Release.objects.filter(strategy__in=list(strategies))
    return found.filter(Q(noticed) & (Q(state__in=Release.UNFINISHED) | news) | unasked).prefetch_related(
        posts, notices
    )


def _tell(release: Release, known: Facts, now: datetime) -> None:
    tidings = tidings_of(release, known)
    if tidings is None:
        return
    posts: dict[str, SlackPost] = {post.target: post for post in getattr(release, "told", ())}
    for target in targets_of(release.strategy):
        news = _news(tidings, story_of(release), target, posts.get(target.digest))
        if news is not None:
            bring(release, target, news, now)


def _news(tidings: Tidings, story: Story, target: Target, post: SlackPost | None) -> News | None:
    """What this target is told; None where it knows, or need not."""
    was_told = post is not None and post.delivered_at is not None
    if (post is not None and post.said == tidings.said) or not (was_told or tidings.unasked):
        return None
    if target.webhook is not None and not _concerns(tidings, post):
        return None
    text = slack_texts.status(story, tidings.headline, stoppable=tidings.stoppable)
    return News(tidings.said, text, tidings.headline, anew=tidings.unasked and not was_told)


def _concerns(tidings: Tidings, post: SlackPost | None) -> bool:
    """Whether readers of a webhook must hear it: a no after the notice, and that it goes on after that no."""
    if tidings.for_all:
        return True
    goes_on = tidings.said.startswith("on:")
    return goes_on and post is not None and post.said.partition(":")[0] in ("blocked", "held")


def tidings_of(release: Release, known: Facts) -> Tidings | None:
    """How the release stands, for people who were told that it comes; None where there is nothing to add."""
    match release.state:
        case Release.State.MERGED:
            return _merged(release, known)
        case Release.State.CLOSED:
            by = f" by {plain(release.closed_by, 80)}" if release.closed_by else ""
            return Tidings(
                "closed", f"Not released: the pull request was closed{by}: {_link(release)}", for_all=_noticed(release)
            )
    return _open(release, known, decide(known))


def _merged(release: Release, known: Facts) -> Tidings:
    zone = release.strategy.time_zone
    at = f" {date(release.merged_at, zone)}" if release.merged_at else ""
    if release.live_at and release.merged_at:
        took = span((release.live_at - release.merged_at).total_seconds())
        return Tidings("live", f"Released{at}, and live {took} later: {_link(release)}")
    if release.live_alarm_at:
        within = span(release.strategy.live_within)
        headline = f"Merged{at}, but not seen live within {within}: look at its deployment: {_link(release)}"
        return Tidings("not-live", headline, for_all=True, unasked=True)
    if release.kind == Release.Kind.ROLLBACK:
        headline = f"{plain(release.merged_by or 'Somebody', 80)} rolled back{at}: {_link(release)}"
        return Tidings("rollback", headline, for_all=True, unasked=True)
    if release.kind == Release.Kind.MANUAL:
        headline = f"{plain(release.merged_by or 'Somebody', 80)} released by hand{at}: {_link(release)}"
        return Tidings("by-hand", headline, for_all=True, unasked=True)
    return Tidings("released", f"Released{at}: {_link(release)}")


def _open(release: Release, known: Facts, decision: Decision) -> Tidings | None:
    if decision.unknown or not _noticed(release):
        return None
    if decision.code in SAYS_NO or decision.code in FAILING:
        kind = "blocked" if decision.code in SAYS_NO else "held"
        return Tidings(
            f"{kind}:{_digest(decision.reason)}",
            f"Not released yet: {because(decision.reason)} {_link(release)}",
            for_all=True,
        )
    if decision.action is Action.HOLD:
        headline = f"Not released yet: {because(decision.reason)} {_link(release)}"
        return Tidings(f"held:{_digest(decision.reason)}", headline)
    return None if decision.action is Action.WARN else _going_on(release, known)


def _going_on(release: Release, known: Facts) -> Tidings | None:
    """It is only a matter of time: when, if that is not what the notice named, or if a no came in between."""
    named = _named(release)
    if known.announced_at is None or named is None:
        return None
    when = date(known.announced_at, release.strategy.time_zone)
    if known.covering_notice is None and known.announced_at - named > SAME_MOMENT:
        headline = f"Delayed: it will be released {when}, after another notice: {_link(release)}"
        return Tidings(f"delayed:{known.announced_at:%Y%m%dT%H%M}", headline)
    if known.covering_notice is None or _says_warned(release):
        return None
    return Tidings(f"on:{named:%Y%m%dT%H%M}", f"Goes on: it will be released {when}: {_link(release)}", stoppable=True)


def _says_warned(release: Release) -> bool:
    """Whether every message still says what the notice said."""
    posts: list[SlackPost] = getattr(release, "told", [])
    return all(post.said.startswith("warned:") for post in posts if post.delivered_at)


def _noticed(release: Release) -> bool:
    return bool(getattr(release, "given", ()))


def _named(release: Release) -> datetime | None:
    notices: list[Notice] = getattr(release, "given", [])
    return notices[0].merge_at if notices else None


def _link(release: Release) -> str:
    return release.url or story_of(release).project_url


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]
