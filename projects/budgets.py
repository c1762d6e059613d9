"""What is left of each profile's budget at its host, kept between polls and shown to people."""

from dataclasses import asdict
from datetime import datetime, timedelta

from projects.github_budget import Budget, pace
from projects.models import Profile, ProfileBudget
from projects.reading import StageUnreadable, Trouble

__all__ = ["Budget", "forget", "pace", "pause", "remember", "stored"]

FIELDS = tuple(Budget.__dataclass_fields__)
CLOCKS_DIFFER_BY = timedelta(days=1)  # at the most, those of machines that are in order
DEFAULT_PAUSE = timedelta(minutes=1)  # for a host that limits and does not say until when


def stored(profile: Profile, now: datetime) -> Budget:
    """What the host last told of this profile; nothing where that was noted while a clock was wrong."""
    row: ProfileBudget | None = getattr(profile, "budget", None)
    if row is None or _of_a_wrong_clock(row, now):
        return Budget()
    return Budget(**{name: getattr(row, name) for name in FIELDS})


def _of_a_wrong_clock(row: ProfileBudget, now: datetime) -> bool:
    return row.measured_at is not None and row.measured_at > now + CLOCKS_DIFFER_BY


def remember(profile: Profile, budget: Budget, now: datetime) -> None:
    """Store what the host told; what this answer does not say stays known: whose the credentials are, and a pause that
    another question met."""
    values = asdict(budget) | {"measured_at": budget.measured_at or now}
    if not values["login"]:
        del values["login"]
    row: ProfileBudget | None = getattr(profile, "budget", None)
    if budget.paused_until is None and not (row and _of_a_wrong_clock(row, now)):
        del values["paused_until"], values["pause_reason"]
    ProfileBudget.objects.update_or_create(profile=profile, defaults=values)


def limit_of(profile: Profile, now: datetime) -> StageUnreadable | None:
    """The limit that pauses this profile now."""
    budget = stored(profile, now)
    if budget.paused_until is None or budget.paused_until <= now:
        return None
    return StageUnreadable(Trouble.LIMITED, budget.pause_reason, retry_at=budget.paused_until)


def pause(profile: Profile, limit: StageUnreadable, now: datetime) -> None:
    """Ask nothing with this profile until its limit ends."""
    until = limit.retry_at or now + DEFAULT_PAUSE
    ProfileBudget.objects.update_or_create(
        profile=profile, defaults={"paused_until": until, "pause_reason": limit.message, "measured_at": now}
    )


def forget(profile: Profile) -> None:
    """What was left, and the pause, were of the credentials that the profile had before."""
    ProfileBudget.objects.filter(profile=profile).delete()
