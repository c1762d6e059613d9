"""The commit status horizon/release: what a person's merge button shows, kept true.

- success: nothing but age, notice or a person's click stands between the head and its merge, so a person who merges now
  does no harm;
- failure: somebody, or the calendar, says no: a block, closed hours, a postponed or skipped release;
- pending: something must still happen (checks, a review, a conflict), or GitHub refused.

It is posted on change only, and left as it is while nothing is known for certain.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from django.conf import settings

from projects.github_pulls import GitHub, Status
from projects.github_upkeep import LONGEST_DESCRIPTION
from projects.reading import StageUnreadable
from releases import upkeep_attempts as attempts
from releases.calendar import closed_by, closed_until
from releases.decision import Action, Decision, Facts, decide
from releases.facts import github_profile
from releases.messages import exactly, listed, sentence
from releases.models import Attempt, DeployStrategy, Release
from releases.repositories import repository
from releases.situation import STATUS_CONTEXT, ReleaseNow
from releases.upkeep_text import told_at

Clock = Callable[[], datetime]

# Looking again changes these, or nothing that is true can be said.
UNCERTAIN = {"stale", "unread", "unreadable", "mergeability-unknown", "head-moved", "merging", "queued"}
SAYS_NO = {"blocked", "closed-hours", "postponed", "skipped"}


def wanted(facts: Facts, said: str) -> Status | None:
    """The status that the head should have; None where it stays as it is. `said` is what it was set to last."""
    if facts.reading is None or facts.reading.pull_request is None or facts.error:
        return None
    sha = facts.pull.head_sha
    if not facts.plan.commit_status:
        stale = said.startswith(sha) and not said.startswith(f"{sha} success")
        return _status("success", "Horizon does not set this status any more.") if stale else None
    if (now := decide(facts)).code in UNCERTAIN:
        return None
    if facts.postponed is not None and facts.postponed.until > facts.now:
        until = exactly(facts.postponed.until, facts.plan.zone)
        return _status("failure", f"Postponed by {facts.postponed.by} until {until.removeprefix('on ')}.")
    if facts.skipped is not None and facts.skipped.sha == sha:
        return _status("failure", f"Skipped by {facts.skipped.by}: {sentence(facts.skipped.reason)}")
    return _by_the_rules(facts, now, sha)


def _by_the_rules(facts: Facts, now: Decision, sha: str) -> Status | None:
    """What the rules say to a person who wants it now: the same question that "release now" asks."""
    mine = facts.released_now or ReleaseNow(by="", reason="", sha=sha)
    free = decide(replace(facts, release_now=mine, assign_tried=True, merges_unconfirmed=0))
    if free.code in UNCERTAIN:
        return None
    if free.action is Action.MERGE:
        return _status("success", _may_merge(facts, now))
    if free.code == "blocked" and facts.blocks:
        return _status("failure", f"Blocked by {facts.blocks[0].by}: {sentence(facts.blocks[0].reason)}")
    if free.code in SAYS_NO:
        return _status("failure", _closed(facts) or free.reason)
    return _status("pending", free.reason if free.code != "refused" else "GitHub refused to merge it.")


def _may_merge(facts: Facts, now: Decision) -> str:
    if facts.plan.merge_after is None:
        return "Nothing stands against merging it: people merge it."
    at = told_at(facts)
    when = f" Horizon merges it {exactly(at, facts.plan.zone)}." if at and now.action is not Action.MERGE else ""
    return f"Nothing stands against merging it.{when}"


def _closed(facts: Facts) -> str:
    rules = closed_by(facts.plan.closed, facts.now)
    if not rules:
        return ""
    until = closed_until(facts.plan.closed, facts.now)
    opens = f", opens {exactly(until, facts.plan.zone).removeprefix('on ')}" if until and until.year < 9000 else ""
    return f"Closed: {listed([rule.name for rule in rules])}{opens}."


def _status(state: str, description: str) -> Status:
    line = " ".join(description.split())
    short = line if len(line) <= LONGEST_DESCRIPTION else f"{line[: LONGEST_DESCRIPTION - 1]}…"
    return Status(STATUS_CONTEXT, state, short)


def said_of(sha: str, status: Status) -> str:
    """What a release's row remembers of it."""
    return f"{sha} {status.state} {status.description}"[:300]


def is_due(release: Release, facts: Facts, failures: Sequence[Attempt], now: datetime) -> bool:
    if attempts.unfinished(failures) is not None:
        return True
    if release.state != Release.State.OPEN:
        return False
    status = wanted(facts, release.status_said)
    if status is None or release.status_said == said_of(facts.pull.head_sha, status):
        return False
    return facts.pull.number == release.number and attempts.may_try(failures, now)


def keep(strategy: DeployStrategy, release: Release, facts: Facts, failures: Sequence[Attempt], clock: Clock) -> None:
    """Settle what a crash left, else set the status where it is not what it should be. Raises StageUnreadable."""
    unfinished = attempts.unfinished(failures)
    if unfinished is not None:
        _settle(strategy, release, unfinished, clock())
        return
    status = wanted(facts, release.status_said)
    if status is not None:
        _set(strategy, release, facts.pull.head_sha, status, clock)


def set_before_merge(strategy: DeployStrategy, release: Release, sha: str, clock: Clock) -> bool:
    """Set it to success before Horizon's own merge, which GitHub would refuse where the status is required.

    Call it outside a transaction, so that what it claims outlives a crash. What goes wrong stops no merge: where the
    status is required and not there, GitHub's refusal says so. Where the merge does not happen after all, the next
    upkeep corrects it. True where it says success now.
    """
    reading = getattr(strategy, "reading", None)
    required = (reading.facts.get("required_checks") or []) if reading is not None else []
    if not strategy.commit_status and STATUS_CONTEXT not in required:
        return False
    if release.status_said.startswith(f"{sha} success"):
        return True
    try:
        return _set(strategy, release, sha, _status("success", "Horizon merges it now."), clock)
    except StageUnreadable:
        return False


def _set(strategy: DeployStrategy, release: Release, sha: str, status: Status, clock: Clock) -> bool:
    owner, name = repository(strategy)
    github = GitHub(github_profile(strategy))
    attempt = attempts.claim(release, Attempt.Act.STATUS, sha, f"{status.state}\n{status.description}", clock())
    if attempt is None:
        return False
    url = f"{settings.PUBLIC_URL}{strategy.stage.project.get_absolute_url()}"
    outcome = attempts.sent(attempt, lambda: github.set_status(owner, name, sha, status, target_url=url), clock)
    if outcome:
        _done(release, attempt, status, clock())
    elif outcome is None:
        _settle(strategy, release, attempt, clock())
    release.refresh_from_db(fields=["status_said"])
    return release.status_said == said_of(sha, status)


def _settle(strategy: DeployStrategy, release: Release, attempt: Attempt, now: datetime) -> None:
    """The newest status on GitHub tells: it is posted on change only, so an equal one is this attempt's."""
    owner, name = repository(strategy)
    state, _, description = attempt.message.partition("\n")
    found = GitHub(github_profile(strategy)).statuses(owner, name, attempt.sha)
    newest = next((each for each in found if each.context.lower() == STATUS_CONTEXT), None)
    if newest is not None and (newest.state, newest.description) == (state, description):
        _done(release, attempt, newest, now)
    elif now - attempt.begun_at >= attempts.SETTLED_AFTER:
        attempts.without_effect(attempt, now)


def _done(release: Release, attempt: Attempt, status: Status, now: datetime) -> None:
    more = {"context": STATUS_CONTEXT, "state": status.state, "description": status.description}
    attempts.done(attempt, now, "status.set", more, {"status_said": said_of(attempt.sha, status)})
    release.status_said = said_of(attempt.sha, status)
