"""What must hold of a release at every moment, computed from the servers' own logs and from what people said, and not
from Horizon's code: naively, moment by moment.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from blocks.models import DeployBlock
from releases.models import DeployStrategy
from releases.models_closed import ClosedHours
from tests.releases.world import BOT, World
from tests.servers.github.model import Act

GREEN = {"success", "neutral", "skipped"}
HOUR = timedelta(hours=1)
AWAY = timedelta(hours=2)  # so long is a notice tried that Slack does not take


@dataclass(frozen=True)
class Wish:
    """Somebody releases this commit now, in spite of these blocks, and of closed hours."""

    sha: str
    blocks: frozenset[int] = frozenset()
    closed: bool = False


@dataclass
class Said:
    """What staff said to the project's release, and did not take back."""

    now: Wish | None = None
    postponed: datetime | None = None
    skipped: str = ""


@dataclass(frozen=True)
class Pull:
    """A pull request of the project as the server has it."""

    head: str
    branches: tuple[str, str]
    draft: bool
    approvals: int
    changes_wanted: bool
    created_at: datetime


@dataclass(frozen=True)
class Moment:
    """How things stand: what a merge is held against."""

    at: datetime
    plan: DeployStrategy
    blocks: frozenset[int]
    closed: bool
    said: Said
    pulls: Mapping[int, Pull]
    checks: Mapping[str, Mapping[str, str]]
    required: frozenset[str]
    reviews: int
    pushed: Mapping[str, datetime]
    broken: frozenset[str] = frozenset()  # commits that the base has already, squashed, and that nobody has healed yet

    @property
    def told(self) -> bool:
        """Whether people are to be told in Slack before a merge."""
        return bool(self.plan.slack_channels or self.plan.slack_webhook_urls)

    def rushes(self, sha: str) -> Wish | None:
        return self.said.now if self.said.now and self.said.now.sha == sha else None


@dataclass(frozen=True)
class Told:
    """A warning that was delivered in Slack: when, of which pull request, and the moment that it named."""

    at: datetime
    repository: str
    number: int
    named: datetime


# --- how things stand -------------------------------------------------------------------------------------------------


def blocks_in_force(world: World, at: datetime) -> frozenset[int]:
    return frozenset(
        block.pk
        for block in DeployBlock.objects.prefetch_related("projects")
        if block.begins_at <= at
        and (block.resolved_at is None or block.resolved_at > at)
        and (block.scope != "projects" or world.project in block.projects.all())
    )


def is_closed(plan: DeployStrategy, at: datetime) -> bool:
    """Whether this minute is closed on the wall clocks of those who say so."""
    local = at.astimezone(ZoneInfo(plan.time_zone))
    rows = ClosedHours.objects.filter(organization=plan.stage.project.organization)
    return any(_cron_has(each, local) for each in plan.blocked_time_buckets) or any(_within(row, at) for row in rows)


def _cron_has(expression: str, local: datetime) -> bool:
    """Fields of `*`, numbers, spans and lists; day of the month and weekday are never both limited here."""
    now = (local.minute, local.hour, local.day, local.month, local.isoweekday() % 7)
    return all(_field_has(text, value) for text, value in zip(expression.split(), now, strict=True))


def _field_has(text: str, value: int) -> bool:
    if text == "*":
        return True
    spans = [part.partition("-") for part in text.split(",")]
    return any(int(first) <= value <= int(last or first) for first, _, last in spans)


def _within(row: ClosedHours, at: datetime) -> bool:
    local = at.astimezone(ZoneInfo(row.time_zone))
    now, today, yesterday = local.time(), local.weekday(), (local.weekday() - 1) % 7
    if row.begins_at < row.ends_at:
        return today in row.weekdays and row.begins_at <= now < row.ends_at
    return (today in row.weekdays and now >= row.begins_at) or (yesterday in row.weekdays and now < row.ends_at)


def pulls_of(world: World) -> dict[int, Pull]:
    return {
        pull.number: Pull(
            pull.head_sha,
            (pull.head_ref, pull.base_ref),
            pull.draft,
            sum(review.state == "APPROVED" for review in pull.latest_reviews()),
            any(review.state == "CHANGES_REQUESTED" for review in pull.latest_reviews()),
            pull.created_at,
        )
        for pull in world.repo.pulls.all.values()
    }


def pushed(world: World) -> dict[str, datetime]:
    """When each commit became the head of staging for the first time."""
    first: dict[str, datetime] = {}
    for activity in world.repo.activities:
        if activity.ref == "refs/heads/staging" and activity.after:
            first.setdefault(activity.after, activity.at)
    return first


def open_pulls(world: World) -> list[int]:
    """The open pull requests of the release."""
    return [
        pull.number
        for pull in world.repo.pulls.all.values()
        if pull.state == "open" and (pull.head_ref, pull.base_ref) == ("staging", "release")
    ]


def broken(world: World, squashed: set[str]) -> frozenset[str]:
    """Those of the squashed commits that look as if they still waited.

    None where the head has everything of the base (that heals it), and new content as well.
    """
    repo = world.repo
    if not squashed or repo.find("refs/heads/staging") is None:
        return frozenset()
    waiting = squashed & {commit.sha for commit in repo.log("release..staging")}
    healed = not repo.log("staging..release")
    same = repo.log("staging")[0].tree == repo.log("release")[0].tree
    return frozenset() if healed and not same else frozenset(waiting)


# --- what was done ----------------------------------------------------------------------------------------------------


def acts(world: World, *kinds: str) -> list[Act]:
    """What the server saw Horizon do, oldest first: all of it, or what is of these kinds."""
    name = world.repo.full_name.lower()
    done = [act for act in world.github.acts if act.repository.lower() == name]
    assert {act.actor for act in done} <= {BOT}
    return [act for act in done if act.kind in kinds or not kinds]


def merges(world: World) -> list[Act]:
    """Merges that took effect, and requests that the merge queue took: from there on GitHub merges by itself."""
    return acts(world, "pull-request.merged", "pull-request.enqueued")


def warnings(texts: list[str], at: datetime) -> Iterator[Told]:
    """Those among messages of Slack that tell of a merge to come; other messages are none."""
    for text in texts:
        if text.startswith("The following changes will be released in"):
            pull, named = re.search(r"/([^/]+)/pull/(\d+)", text), re.search(r"When: <!date\^(\d+)\^", text)
            assert pull and named, text
            yield Told(at, pull[1], int(pull[2]), datetime.fromtimestamp(int(named[1]), UTC))


# --- a merge is allowed -----------------------------------------------------------------------------------------------


def against(moment: Moment, act: Act, told: list[Told], away_since: datetime | None) -> list[str]:
    """All that stood against this merge at this moment; nothing when it was allowed."""
    number, sha = int(str(act.data["number"])), str(act.data["head"])
    pull, rush = moment.pulls.get(number), moment.rushes(sha)
    if pull is None:
        return ["there is no such pull request"]
    found = [*_against_the_pull(moment, pull, sha), *_against_the_hour(moment, rush)]
    found += [f"released before, squashed: {sorted(moment.broken)}"] if moment.broken else []
    if not rush:
        found += _against_its_age(moment, pull, sha, act.at)
        if moment.told and not _was_told(moment, number, told, act.at, away_since):
            found.append(f"nobody was told: {told}, Slack away since {away_since}")
    return found


def _against_the_pull(moment: Moment, pull: Pull, sha: str) -> Iterator[str]:
    if pull.head != sha:
        yield f"another head: {pull.head}"
    if pull.branches != ("staging", "release"):
        yield f"not the release: {pull.branches}"
    if pull.draft:
        yield "a draft"
    if pull.changes_wanted or pull.approvals < moment.reviews:
        yield f"{pull.approvals} approvals of {moment.reviews}, changes wanted: {pull.changes_wanted}"
    states = moment.checks.get(sha, {})
    required = moment.required | set(moment.plan.required_checks)
    counting = {name: state for name, state in states.items() if not required or name in required}
    if required - set(counting) or set(counting.values()) - GREEN:
        yield f"checks: {counting}, required {sorted(required)}"


def _against_the_hour(moment: Moment, rush: Wish | None) -> Iterator[str]:
    if blocks := moment.blocks - (rush.blocks if rush else frozenset()):
        yield f"blocks {sorted(blocks)}"
    if moment.closed and not (rush and rush.closed):
        yield "closed hours"


def _against_its_age(moment: Moment, pull: Pull, sha: str, at: datetime) -> Iterator[str]:
    plan, said = moment.plan, moment.said
    if not plan.automatic or plan.merge_after is None:
        yield "left to people"
        return
    if said.skipped == sha or (said.postponed is not None and said.postponed > at):
        yield "skipped or postponed"
    due = pull.created_at + timedelta(seconds=plan.merge_after)
    if plan.min_commit_age is not None:
        soaked = moment.pushed[sha] + timedelta(seconds=plan.min_commit_age)
        latest = soaked if plan.max_wait is None else pull.created_at + timedelta(seconds=plan.max_wait)
        due = max(due, min(soaked, latest))
    if at < due:
        yield f"younger than {due}"


def _was_told(moment: Moment, number: int, told: list[Told], at: datetime, away_since: datetime | None) -> bool:
    """A warning came in time, and the moment that it named is at most an hour ago; or Slack was away for two hours."""
    warned = timedelta(seconds=moment.plan.merge_prior_warning)
    in_time = [each for each in told if each.number == number and at - each.at >= min(warned, HOUR * 24)]
    # Slack's dates are whole seconds.
    covering = [each for each in in_time if each.named <= at <= each.named + HOUR + timedelta(seconds=1)]
    return bool(covering) or (away_since is not None and at - away_since >= AWAY)


def check_opened(act: Act, moments: list[Moment], closed: set[str]) -> None:
    """Nothing is opened while somebody says no, or for what was squashed; `closed`: the heads of pull requests that
    people had closed."""
    sha = str(act.data["sha"])
    if act.data["base"] != "release":
        return  # it heals the history
    assert sha not in closed, "opened again what a person had closed"

    def allowed(moment: Moment) -> bool:
        rush = moment.rushes(sha)
        said = moment.said
        no = moment.blocks - (rush.blocks if rush else frozenset())
        later = said.skipped == sha or (said.postponed is not None and said.postponed > moment.at)
        return not no and not moment.broken and bool(rush or (moment.plan.automatic and not later))

    assert any(map(allowed, moments)), f"opened although {moments}"


def against_telling(moment: Moment, told: Told) -> list[str]:
    """All that stood against this warning at this moment."""
    pull, found = moment.pulls.get(told.number), list[str]()
    if pull is None or pull.branches != ("staging", "release"):
        return [f"not the release: {pull}"]
    if moment.blocks:
        found.append(f"blocks {sorted(moment.blocks)}")
    if moment.closed:
        found.append("closed hours")
    if moment.said.skipped == pull.head or (moment.said.postponed is not None and moment.said.postponed > moment.at):
        found.append("skipped or postponed")
    if is_closed(moment.plan, told.named):
        found.append("the moment that it names is closed")
    if told.named - told.at < timedelta(seconds=moment.plan.merge_prior_warning - 1):
        found.append("too late")
    return found
