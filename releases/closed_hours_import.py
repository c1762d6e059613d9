"""Turn a calendar file into a change of holidays: what is new, what differs, and what the file has no more."""

from dataclasses import dataclass
from datetime import date

from projects.models import Organization
from releases.closed_hours import Change
from releases.closed_hours_ical import ReadCalendar, ReadHoliday
from releases.models import Holiday


@dataclass(frozen=True, slots=True)
class Import:
    """The change, and how many rows of each kind it has."""

    change: Change
    new: int
    changed: int
    same: int
    left_out: int

    @property
    def removed(self) -> int:
        return len(self.change.removed)


def import_of(organization: Organization, read: ReadCalendar, source: str, today: date) -> Import:
    """What the file means for what was imported from the same calendar before; what is over stays as it is.

    `source` names the calendar where the file does not.
    """
    source = read.name or source
    stored = {(row.uid, row.first_day): row for row in Holiday.objects.filter(organization=organization, source=source)}
    new: list[Holiday] = []
    changed: list[Holiday] = []
    wanted = {(each.uid, each.first_day): each for each in read.holidays}
    for key, each in wanted.items():
        row = stored.get(key)
        if row is None:
            new.append(_put(Holiday(organization=organization, source=source, uid=each.uid), each))
        elif _values(row) != _values(each):
            changed.append(_put(row, each))
    removed = [row for key, row in stored.items() if key not in wanted and row.last_day >= today]
    return Import(
        Change(organization, (*new, *changed), tuple(removed), source),
        new=len(new),
        changed=len(changed),
        same=len(wanted) - len(new) - len(changed),
        left_out=read.left_out,
    )


def _put(row: Holiday, read: ReadHoliday) -> Holiday:
    row.name, row.first_day, row.last_day = read.name, read.first_day, read.last_day
    row.begins_at, row.ends_at, row.time_zone = read.begins_at, read.ends_at, read.zone
    return row


def _values(each: Holiday | ReadHoliday) -> tuple[object, ...]:
    zone = each.zone if isinstance(each, ReadHoliday) else each.time_zone
    return each.name, each.last_day, each.begins_at, each.ends_at, zone
