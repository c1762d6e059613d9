"""Messages in Slack that stay true: after the notice, what became of the release.

Everything that they say comes from rows and decisions, so that it does not matter which worker says it, or when. The
message of a bot is edited, its thread tells each change. A webhook cannot edit: there only what people must know is
told, once.
"""

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from django.db.models import Exists, OuterRef, Prefetch, Q

from releases import facts, slack_texts
from releases.decision import Action, Decision, Facts, decide
from releases.messages import span
from releases.models import DeployStrategy, Notice, Release, SlackPost
from releases.notices import said_of, warning
from releases.slack import Target
from releases.slack_posts import Errand, News, bring, waits
from releases.slack_story import story_of
from releases.slack_targets import bots_of, targets_of
from releases.slack_texts import because, date, plain

logger = logging.getLogger(__name__)

RECENT: Final = timedelta(hours=24)  # news of a finished release that are older are no news
# A moment that moved by less is the same for people.
SAME_MOMENT: Final = timedelta(minutes=1)
FAILING: Final = ("checks-failing", "conflicts", "review", "draft")
SAYS_NO: Final = ("blocked", "skipped", "postponed", "closed")


@dataclass(frozen=True, slots=True)
class Tidings:
    """One state of a release. `headline` and `line` are in Slack's markup; `for_all`: webhooks are told, too.

    `unasked`: told to targets that have no message about this release yet. `goes_on`: the notice holds (again).
    """

    said: str
    headline: str
    for_all: bool = False
    unasked: bool = False
    goes_on: bool = False


def keep_true(strategies: Collection[DeployStrategy], clock: Callable[[], datetime]) -> None:
    """Bring the messages about these strategies' releases up to what is true now.

    Raises ExceptionGroup, after all others had their turn, for what should never happen.
    """
    now = clock()
    telling = [each.pk for each in strategies if each.slack_webhook_urls or each.slack_channels]
    releases = list(_releases(telling, now))
    if not releases:
        return
    # What was done meanwhile is in the rows, and not in those that were given.
    rows = facts.strategies_with_all().select_related("slack_profile")
    fresh = rows.in_bulk({release.strategy_id for release in releases})
    known, bugs = _facts(fresh.values(), now)
    bots = bots_of(fresh.values())
    errands: list[Errand] = []
    for release in releases:
        if release.strategy_id in known:
            release.strategy = fresh[release.strategy_id]
            try:
                errands += _errands(release, known[release.strategy_id], targets_of(release.strategy, bots), now)
            except Exception as error:
                # A fault in one release's message must not keep the others from being told; it is raised at the end.
                logger.exception("what Slack is to be told of %s could not be worked out", release.strategy)
                bugs.append(error)
    bring(errands, now)
    if bugs:
        raise ExceptionGroup("some messages could not be kept true", bugs)


def _facts(strategies: Collection[DeployStrategy], now: datetime) -> tuple[dict[int, Facts], list[Exception]]:
    """Of all in a few queries; where one of them is broken, of each by itself, without that one."""
    try:
        return facts.facts_of(strategies, now), []
    except Exception:
        # One of them is broken: each is tried by itself, and that one reported.
        logger.exception("the releases that Slack is told of could not be looked at together")
    known: dict[int, Facts] = {}
    bugs: list[Exception] = []
    for strategy in strategies:
        try:
            known |= facts.facts_of([strategy], now)
        except Exception as error:
            # Raised by the caller, after the others were told.
            logger.exception("what Slack is to be told of %s could not be looked at", strategy)
            bugs.append(error)
    return known, bugs


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


def _errands(release: Release, known: Facts, targets: Iterable[Target], now: datetime) -> Iterable[Errand]:
    tidings = tidings_of(release, known)
    if tidings is None:
        return
    posts: dict[str, SlackPost] = {post.target: post for post in getattr(release, "told", ())}
    for target in targets:
        post = posts.get(target.digest)
        news = _missed(release, tidings, post, now) or _news(release, tidings, target, post)
        if news is not None and (post is None or not (post.said == news.said or waits(post, news.said, now))):
            yield Errand(release, target, news)


def _missed(release: Release, tidings: Tidings, post: SlackPost | None, now: datetime) -> News | None:
    """The notice, for a target that did not take it when others did, and where nothing has come in between."""
    notice = _newest(release)
    if (
        notice is None
        or post is None
        or not tidings.goes_on
        or post.wanted != said_of(notice)
        or post.said == post.wanted
    ):
        return None
    told = warning(release, notice, now)
    # It comes later than the notice had to: it says when, and is none itself.
    when = date(notice.merge_at, release.strategy.time_zone)
    headline = f"The following changes come {when}, as others were told already: {_link(release)}"
    text = slack_texts.status(story_of(release), headline, stoppable=True)
    return replace(told, text=text)


def _news(release: Release, tidings: Tidings, target: Target, post: SlackPost | None) -> News | None:
    """What this target is told; None where it knows, or need not."""
    was_told = post is not None and post.delivered_at is not None
    if not (was_told or tidings.unasked):
        return None
    if post is not None and was_told and not _concerns(release, tidings, target, post):
        return None
    text = slack_texts.status(story_of(release), tidings.headline, stoppable=tidings.goes_on)
    return News(tidings.said, text, tidings.headline, anew=tidings.unasked and not was_told)


def _concerns(release: Release, tidings: Tidings, target: Target, post: SlackPost) -> bool:
    """Whether readers of a target that was told before must hear it. A webhook, which cannot edit, is told of a no
    after the notice, once, and that it goes on after that no."""
    before, is_now = post.said.partition(":")[0], tidings.said.partition(":")[0]
    if tidings.goes_on and before == "warned":
        return False  # it says so already
    if target.can_edit:
        return True
    if tidings.goes_on:
        return before in ("blocked", "held")
    return tidings.for_all and not (before == is_now == "held")


def tidings_of(release: Release, known: Facts) -> Tidings | None:
    """How the release stands, for people who were told that it comes; None where there is nothing to add."""
    match release.state:
        case Release.State.MERGED:
            return _merged(release, known)
        case Release.State.CLOSED:
            if release.closing == Release.Closing.LEFT:
                words = f"Not released: its strategy releases something else now: {_link(release)}"
                return Tidings("closed", words, for_all=_noticed(release))
            by = f" by {plain(release.closed_by, 80)}" if release.closed_by else ""
            return Tidings(
                "closed", f"Not released: the pull request was closed{by}: {_link(release)}", for_all=_noticed(release)
            )
    return _open(release, known, decide(known))


def _merged(release: Release, known: Facts) -> Tidings:
    at = f" {date(release.merged_at, release.strategy.time_zone)}" if release.merged_at else ""
    by = plain(release.merged_by or "Somebody", 80)
    said, done = {
        Release.Kind.ROLLBACK: ("rollback", f"{by} rolled back{at}"),
        Release.Kind.MANUAL: ("by-hand", f"{by} released by hand{at}"),
    }.get(Release.Kind(release.kind), ("released", f"Released{at}"))
    by_people = said != "released"
    if release.live_at and release.merged_at:
        took = (release.live_at - release.merged_at).total_seconds()
        later = f" {span(took)} later" if took >= 1 else ""
        return Tidings("live", f"{done}, and live{later}: {_link(release)}", unasked=by_people)
    if release.live_alarm_at:
        within = span(release.strategy.live_within)
        headline = f"{done}, but not seen live within {within}: look at its deployment: {_link(release)}"
        return Tidings("not-live", headline, for_all=True, unasked=True)
    return Tidings(said, f"{done}: {_link(release)}", for_all=by_people, unasked=by_people)


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
    return None if decision.action is Action.WARN else _going_on(release, known, decision)


def _going_on(release: Release, known: Facts, decision: Decision) -> Tidings | None:
    """It is only a matter of time: when, if that is not what the notice named, or if a no came in between."""
    notice = _newest(release)
    if known.announced_at is None or notice is None:
        return None
    named = notice.merge_at
    when = date(known.announced_at, release.strategy.time_zone)
    if known.covering_notice is None and known.announced_at - named > SAME_MOMENT:
        headline = f"Delayed: it will be released {when}, after another notice: {_link(release)}"
        return Tidings(f"delayed:{known.announced_at:%Y%m%dT%H%M}", headline)
    # In closed hours nobody is told that it goes on.
    if known.covering_notice is None or decision.code == "closed-hours":
        return None
    return Tidings(f"on:{named:%Y%m%dT%H%M}", f"Goes on: it will be released {when}: {_link(release)}", goes_on=True)


def _noticed(release: Release) -> bool:
    return bool(getattr(release, "given", ()))


def _newest(release: Release) -> Notice | None:
    """The last notice that somebody got."""
    notices: list[Notice] = getattr(release, "given", [])
    return notices[0] if notices else None


def _link(release: Release) -> str:
    return story_of(release).url


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]
