"""What the admin shows of a stored strategy: in words, when it could merge, what its repository does to it, and what
Horizon would do now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from projects.secrets import SecretUnreadable
from releases import facts
from releases.closed_rules import of_cron
from releases.decision import Decision, Facts, Item, checklist, decide
from releases.explain import Terms, strategy_in_words
from releases.forecast import Chance, chances
from releases.host_settings import Finding, findings
from releases.messages import zone_of
from releases.models import DeployStrategy
from releases.queries_slack import slack_troubles, with_slack_troubles
from releases.situation import Action
from releases.webhook_urls import urls_of


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of the forecast: wall time of the strategy's zone, UTC, how long it stays open, and why then."""

    there: str
    utc: str
    until: str
    why: str


@dataclass(frozen=True, slots=True)
class StrategyPage:
    """`decision` is that of the facts that were read last, at `read_at`."""

    words: str
    zone: str
    moments: list[Moment]
    findings: list[Finding]
    read_at: datetime | None
    error: str
    decision: Decision
    items: list[Item]
    slack_troubles: list[Mapping[str, Any]]
    tells_slack: bool

    @property
    def would(self) -> str:
        return WOULD[self.decision.action]


WOULD = {
    Action.NOTHING: "do nothing",
    Action.WAIT: "wait",
    Action.HOLD: "hold it",
    Action.OPEN: "open the pull request",
    Action.ASSIGN: "assign somebody to the pull request",
    Action.WARN: "warn people in Slack",
    Action.MERGE: "merge the pull request",
}


def page_of(strategy_id: int, now: datetime) -> StrategyPage | None:
    """None for a strategy of an archived project: nothing is done with it."""
    strategy = facts.strategies_with_all().annotate(**with_slack_troubles()).filter(pk=strategy_id).first()
    if strategy is None:
        return None
    known = facts.facts_of([strategy], now)[strategy.pk]
    return StrategyPage(
        words=sentence_of(strategy),
        zone=zone_of(strategy.time_zone)[1],
        moments=[_moment(chance, strategy.time_zone) for chance in chances(known.plan, now)],
        findings=_findings(known),
        read_at=known.read_at,
        error=known.error,
        decision=decide(known),
        items=checklist(known),
        slack_troubles=slack_troubles(strategy),
        tells_slack=bool(strategy.slack_webhook_urls or strategy.slack_channels),
    )


def sentence_of(strategy: DeployStrategy) -> str:
    """What was set, as a sentence: "Opens a pull request from staging to release, ...\""""
    words = strategy_in_words(terms_of(strategy))
    return f"{words[0].upper()}{words[1:]}."


def terms_of(strategy: DeployStrategy) -> Terms:
    organization = strategy.stage.project.organization
    return Terms(
        automatic=strategy.automatic,
        base=strategy.base,
        head=strategy.head,
        merge_after=strategy.merge_after,
        merge_prior_warning=strategy.merge_prior_warning,
        min_commit_age=strategy.min_commit_age,
        max_wait=strategy.max_wait,
        merge_method=strategy.merge_method,
        required_checks=tuple(strategy.required_checks),
        channels=tuple(strategy.slack_channels),
        webhooks=_webhooks(strategy),
        closed=tuple(of_cron(bucket, strategy.time_zone) for bucket in strategy.blocked_time_buckets if _reads(bucket)),
        hours=tuple(dict.fromkeys(hours.name for hours in organization.closed_hours.all())),
        commit_status=strategy.commit_status,
    )


def _webhooks(strategy: DeployStrategy) -> int:
    if not strategy.slack_webhook_urls:
        return 0
    try:
        return len(urls_of(strategy.slack_webhook_urls))
    except SecretUnreadable:
        return 1  # at least; the form says that it cannot be decrypted


def _reads(bucket: str) -> bool:
    try:
        of_cron(bucket, "UTC")
    except ValueError:
        return False
    return True


def _findings(known: Facts) -> list[Finding]:
    return findings(known.plan, known.reading) if known.reading is not None else []


def _moment(chance: Chance, zone_name: str) -> Moment:
    zone = zone_of(zone_name)[0]
    until = f"until {_said(chance.until, zone)}" if chance.until else "from then on at any time"
    return Moment(_said(chance.at, zone), f"{chance.at.astimezone(UTC):%a %d %b %H:%M} UTC", until, chance.why)


def _said(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%a %d %b %H:%M}"
