"""The way back: a pull request that reverts a release, the block that comes with it, and its end.

The block lifts by itself when the history of the strategy's head takes back every bad commit: for each there is a
commit "This reverts commit <sha>" (which is not itself reverted), or one that reverts a merge which brought it; so also
when the base, with its revert, was merged back into head. What cannot be read, or is not named, does not lift it: then
a person does, with a reason.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import F, Q

from audit.record import HORIZON, Actor, record
from blocks.change import Wish, create_block, resolve_block
from blocks.models import DeployBlock
from projects import budgets
from projects.github_pulls import ActRefused, AnswerLost, PullRequest
from projects.github_revert import Reverts, Told
from projects.live import announce
from projects.merging import hold_back_merges
from projects.models import StageHead
from projects.reading import StageUnreadable, Trouble
from releases import facts
from releases.models import DeployStrategy, GoingBack, Release, Repair
from releases.pushes_look import Found
from releases.readings import stored_reading
from releases.reverted import not_reverted

logger = logging.getLogger(__name__)

Clock = Callable[[], datetime]
# After so long no request of a process that died is still on its way: GitHub ends each after 10 seconds.
SETTLED_AFTER = timedelta(seconds=60)
LONGEST_PAUSE = timedelta(hours=1)
MOST = 50  # of a pass: each is a request or two
WARNING = "Merging again does not bring reverted commits back: revert the revert, or change the code anew."


class CannotRevert(Exception):
    """No pull request can revert this release; the message says why and what to do instead."""


# --- asking ---------------------------------------------------------------------------------------------------------


@transaction.atomic
def ask_for_revert(
    release: Release, *, reason: str, actor: Actor, owner: AbstractBaseUser | None, clock: Clock
) -> Repair:
    """Have a pull request opened that reverts this release, and block its commits. Raises CannotRevert."""
    hold_back_merges(release.strategy.stage.project.organization_id)  # before any row: as whoever postpones does
    if release.state != Release.State.MERGED or release.number is None:
        raise CannotRevert("GitHub reverts merged pull requests only: revert the commits by hand, as shown.")
    if release.repairs.filter(kind=Repair.Kind.REVERT, state__in=[Repair.State.ASKED, Repair.State.OPEN]).exists():
        raise CannotRevert("A pull request that reverts this release is asked for, or open, already.")
    strategy = release.strategy
    try:
        with transaction.atomic():
            repair = Repair.objects.create(
                strategy=strategy, release=release, kind=Repair.Kind.REVERT, base=strategy.base,
                head=f"revert-{release.number}-{strategy.head}", asked_by=actor.name, asked_at=clock(),
            )  # fmt: skip
    except IntegrityError:
        raise CannotRevert("Another revert of this project is being opened: try again in a minute.") from None
    bad = [str(commit["sha"]) for commit in release.commits] or [release.head_sha]
    good = release.base_sha or _merge_before(release)
    text = f"Going back behind #{release.number}: {reason}"
    _block(strategy, release, bad, good, text, actor=actor, owner=owner, clock=clock)
    announce([strategy.stage.project_id])
    return repair


def keep_back(release: Release, found: Found, clock: Clock) -> None:
    """Somebody went back: what was taken away must not be released again by itself. A revert that was asked for has its
    block already."""
    if found.number is not None:
        Repair.objects.filter(strategy=release.strategy, number=found.number).update(state=Repair.State.DONE)
        return
    bad = [commit.sha for commit in found.commits] or [found.from_sha]
    text = (
        f"Rolled back from {found.from_sha[:7]} to {found.to_sha[:7]} by {found.by}. Horizon does not release these "
        "commits again until they are reverted, or somebody lifts this block."
    )
    _block(release.strategy, release, bad, found.to_sha, text, actor=HORIZON, owner=None, clock=clock)


def _block(
    strategy: DeployStrategy,
    release: Release,
    bad: Sequence[str],
    good: str,
    text: str,
    *,
    actor: Actor,
    owner: AbstractBaseUser | None,
    clock: Clock,
) -> DeployBlock:
    project = strategy.stage.project
    wish = Wish(project.organization, text[:2000], projects=[project], bad_commits=bad)
    block = create_block(wish, actor=actor, owner=owner, clock=clock).block
    GoingBack.objects.create(block=block, strategy=strategy, release=release, good_sha=good)
    return block


def _merge_before(release: Release) -> str:
    """Where the base was before a release of which that was not written down; empty where nobody knows."""
    earlier = Release.objects.filter(strategy=release.strategy, state=Release.State.MERGED)
    earlier = earlier.filter(merged_at__lt=release.merged_at).exclude(merge_sha="")
    return earlier.order_by("-merged_at").values_list("merge_sha", flat=True).first() or ""


# --- opening --------------------------------------------------------------------------------------------------------


def open_reverts(clock: Clock) -> None:
    """Open what was asked for; look for what an earlier try may have opened before trying again."""
    now = clock()
    due = Q(retry_at=None) | Q(retry_at__lte=now)
    asked = Repair.objects.filter(due, kind=Repair.Kind.REVERT, state=Repair.State.ASKED)
    for repair in asked.select_related("release", *_WITH).order_by("asked_at")[:MOST]:
        # The claim is committed before the request: whoever dies leaves a row that says that it was tried.
        mine = Repair.objects.filter(due, pk=repair.pk, state=Repair.State.ASKED)
        if mine.update(retry_at=now + SETTLED_AFTER, failures=F("failures") + 1) == 1:
            _open(repair, clock)


_WITH = (
    "strategy__stage__project__organization",
    "strategy__stage__profile__budget",
    "strategy__profile__budget",
    "strategy__reading",
)


def _open(repair: Repair, clock: Clock) -> None:
    """`repair` is as it was before this try."""
    try:
        owner, name = _repository(repair.strategy)
        reverts = Reverts(facts.github_profile(repair.strategy))
        pull = reverts.find(owner, name, repair.base, str(repair.key)) if repair.failures else None
        if pull is None:
            title, body = _text(repair)
            pull = reverts.revert(owner, name, _number(repair), title=title, body=body)
    except ActRefused as refusal:
        _refused(repair, refusal.message, clock(), final=not refusal.transient, retry_at=refusal.retry_at)
    except StageUnreadable as error:
        _refused(repair, error.message, clock(), final=False, retry_at=error.retry_at)
    except AnswerLost as error:
        Repair.objects.filter(pk=repair.pk).update(error=error.message)
    else:
        _opened(repair, pull, clock())


def _number(repair: Repair) -> int:
    return (repair.release.number if repair.release else None) or 0


def _repository(strategy: DeployStrategy) -> tuple[str, str]:
    """As GitHub calls it now, where that was read."""
    reading = stored_reading(strategy)
    if reading is None:
        return facts.repository_of_strategy(strategy)
    owner, _, name = reading.repository.partition("/")
    return owner, name


def _text(repair: Repair) -> tuple[str, str]:
    number = _number(repair)
    body = (
        f"{repair.asked_by} goes back behind #{number}. Merging this releases the state before it.\n\n"
        f"Until `{repair.strategy.head}` takes these commits back as well, a deploy block keeps them from being "
        f"released again. {WARNING}\n\n<!-- horizon {repair.key} -->"
    )
    return f"Revert the release #{number}", body


def _opened(repair: Repair, pull: PullRequest, now: datetime) -> None:
    with transaction.atomic():
        asked = Repair.objects.filter(pk=repair.pk, state=Repair.State.ASKED)
        values = {"number": pull.number, "url": pull.url, "head": pull.head, "opened_at": now, "error": ""}
        if asked.update(state=Repair.State.OPEN, retry_at=None, **values) != 1:
            return
        project = repair.strategy.stage.project
        data = {
            "kind": repair.kind,
            "asked_by": repair.asked_by,
            "base": pull.base,
            "head": pull.head,
            "reverts": _number(repair),
            "pull_request": {"number": pull.number, "url": pull.url},
        }
        record("repair.opened", actor=HORIZON, at=now, project=project, data=data)
        announce([project.pk])


def _refused(repair: Repair, words: str, now: datetime, *, final: bool, retry_at: datetime | None) -> None:
    """In GitHub's own words; what may pass is tried again after a pause that doubles."""
    pause = min(SETTLED_AFTER * 2 ** min(repair.failures, 10), LONGEST_PAUSE)
    state = Repair.State.REFUSED if final else Repair.State.ASKED
    with transaction.atomic():
        asked = Repair.objects.filter(pk=repair.pk, state=Repair.State.ASKED)
        asked.update(state=state, error=words, retry_at=None if final else max(now + pause, retry_at or now))
        announce([repair.strategy.stage.project_id])


# --- lifting --------------------------------------------------------------------------------------------------------


def lift(clock: Clock) -> None:
    """End the blocks whose bad commits the head has taken back. A head is asked about once; after trouble with a pause
    that doubles, and never while a limit pauses its profile."""
    now = clock()
    rows = GoingBack.objects.filter(
        Q(block__resolved_at=None) | Q(block__resolved_at__gt=now),
        Q(retry_at=None) | Q(retry_at__lte=now),
        block__scope=DeployBlock.Scope.PROJECTS,
    ).exclude(good_sha="")
    for going in rows.select_related("block", *_WITH).order_by(F("looked_at").asc(nulls_first=True))[:MOST]:
        head = head_of(going.strategy)
        if head and head != going.looked_sha and not _look(going, head, clock):
            break  # the next pass knows of the limit


def head_of(strategy: DeployStrategy) -> str:
    """Where the strategy's head was last seen; empty where that is not known."""
    reading = stored_reading(strategy)
    if reading is not None and reading.head_sha and strategy.automatic:
        return reading.head_sha
    stage = StageHead.objects.filter(stage__project=strategy.stage.project_id, stage__branch=strategy.head, error="")
    return stage.values_list("sha", flat=True).first() or ""


def _told(strategy: DeployStrategy, since: str, head: str, now: datetime) -> Sequence[Told]:
    """What the commits after one say that they revert. Raises StageUnreadable; a limit pauses the profile."""
    profile = facts.github_profile(strategy)
    if (limit := budgets.limit_of(profile, now)) is not None:
        raise limit
    owner, name = _repository(strategy)
    try:
        return Reverts(profile).told(owner, name, since, head)
    except StageUnreadable as error:
        if error.trouble is Trouble.LIMITED:
            budgets.pause(profile, error, now)
        raise


def _put_off(going: GoingBack, error: StageUnreadable, now: datetime) -> None:
    before = going.retry_at - going.looked_at if going.retry_at and going.looked_at else SETTLED_AFTER / 2
    again = max(now + min(2 * before, LONGEST_PAUSE), error.retry_at or now)
    GoingBack.objects.filter(pk=going.pk).update(looked_at=now, retry_at=again, error=error.message)


def _look(going: GoingBack, head: str, clock: Clock) -> bool:
    """False where a limit of the host was met."""
    strategy = going.strategy
    try:
        told = _told(strategy, going.good_sha, head, clock())
    except StageUnreadable as error:
        _put_off(going, error, clock())
        return error.trouble is not Trouble.LIMITED
    missing = not_reverted(going.block.bad_commits, told)
    values = {"looked_sha": head, "missing": len(missing), "error": "", "retry_at": None}
    GoingBack.objects.filter(pk=going.pk).update(looked_at=clock(), **values)
    if not missing and going.block.bad_commits:
        note = f"{strategy.head} takes back what was bad: at {head[:7]} every one of its commits is reverted."
        resolve_block(going.block, note=note, actor=HORIZON, clock=clock)
    announce([strategy.stage.project_id])
    return True
