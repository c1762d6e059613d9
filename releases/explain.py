"""What a strategy does, in words: "opens a pull request from staging to release, merges it 24 hours later, ..."

Pure: no Django, no clock, no input or output.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from releases.calendar import ClosedRule, Days, Span
from releases.durations import in_words
from releases.messages import listed, zone_of

MOST_SPANS = 3  # more are said by the expression itself
MOST_NAMES = 6
_DAY = 1440  # minutes
_WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)
_VERBS = {"merge": "merges it", "squash": "squashes it into one commit", "rebase": "merges it by rebasing"}


@dataclass(frozen=True, slots=True)
class Terms:
    """What somebody set. Times are whole seconds; `closed` are the strategy's own closed minutes, `hours` the names of
    its organization's closed hours."""

    automatic: bool
    base: str
    head: str
    merge_after: int | None = None
    merge_prior_warning: int = 3600
    min_commit_age: int | None = None
    max_wait: int | None = None
    merge_method: str = "merge"
    required_checks: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    webhooks: int = 0
    closed: tuple[ClosedRule, ...] = ()
    hours: tuple[str, ...] = ()
    commit_status: bool = False


def strategy_in_words(terms: Terms) -> str:
    """One sentence without a capital letter and a full stop."""
    if not terms.automatic:
        return f"leaves it to people to release {terms.head} to {terms.base}"
    parts = [f"opens a pull request from {terms.head} to {terms.base}"]
    if terms.merge_after is None:
        parts.append("which people merge")
    else:
        parts += [_merging(terms), *_soaking(terms), *_checks(terms), *_closed(terms), *_warning(terms)]
    if terms.commit_status:
        parts.append("shows what it says as the commit status horizon/release")
    return ", ".join(parts)


def _merging(terms: Terms) -> str:
    verb = _VERBS.get(terms.merge_method, "merges it")
    return f"{verb} {in_words(terms.merge_after)} later" if terms.merge_after else f"{verb} as soon as it can be"


def _soaking(terms: Terms) -> Iterable[str]:
    if terms.min_commit_age:
        limit = f" (or {in_words(terms.max_wait)} after the opening)" if terms.max_wait is not None else ""
        yield f"when its newest commit is at least {in_words(terms.min_commit_age)} old{limit}"


def _checks(terms: Terms) -> Iterable[str]:
    if terms.required_checks:
        verb = "is" if len(terms.required_checks) == 1 else "are"
        yield f"when {listed(terms.required_checks)} {verb} green"


def _closed(terms: Terms) -> Iterable[str]:
    if terms.closed:
        zone = zone_of(terms.closed[0].zone)[1]
        said = [rule_in_words(rule) for rule in terms.closed]
        ends_with_time = said[-1][-1].isdigit() and len(said) == 1
        yield f"not {', nor '.join(said)} {zone if ends_with_time else f'({zone})'}"
    if terms.hours:
        yield f"not in the organization's closed hours ({listed(terms.hours)})"


def _warning(terms: Terms) -> Iterable[str]:
    webhooks = {0: [], 1: ["a Slack webhook"]}.get(terms.webhooks, [f"{terms.webhooks} Slack webhooks"])
    targets = [*terms.channels, *webhooks]
    if not targets:
        yield "without a warning in Slack"
    elif terms.merge_prior_warning:
        yield f"warns {listed(targets)} {_length(terms.merge_prior_warning)} before"
    else:
        yield f"tells {listed(targets)} just before"


def _length(seconds: int) -> str:
    return {3600: "an hour", 60: "a minute", 86400: "a day"}.get(seconds) or in_words(seconds)


# --- closed minutes -----------------------------------------------------------------------------------------------


def rule_in_words(rule: ClosedRule) -> str:
    """When it is closed: "between 01:00 and 02:59", "on Saturdays and Sundays", "at 09:30 in December".

    Where that would be long, it is left to the expression itself.
    """
    if rule.stretches or len(rule.spans) > MOST_SPANS:
        return f"in the minutes of {rule.name}"
    days = _days(rule.days)
    if days is None:
        return f"in the minutes of {rule.name}"
    spans = [] if _is_whole_day(rule.spans) else [_span(span) for span in rule.spans]
    hours = " and ".join(spans)
    return " ".join(part for part in (hours, days) if part) or "at any time"


def _is_whole_day(spans: Sequence[Span]) -> bool:
    return not spans or (spans[0].begins, spans[0].ends) == (0, _DAY)


def _span(span: Span) -> str:
    last = span.ends - 1
    if span.begins == last:
        return f"at {_time(last)}"
    if last >= _DAY:
        return f"between {_time(span.begins)} and {_time(last)} of the next day"
    return f"between {_time(span.begins)} and {_time(last)}"


def _time(minutes: int) -> str:
    return f"{minutes // 60 % 24:02}:{minutes % 60:02}"


def _days(days: Days) -> str | None:
    """The days in words; empty: all; None where there are too many to name."""
    parts = (_month_days(days.month_days), _weekdays(days.weekdays), _months(days.months))
    if None in parts or days.dates is not None:
        return None
    in_month, in_week, months = (part or "" for part in parts)
    both = f"{in_month} {'and' if days.either else 'that are also'} {in_week}" if in_month and in_week else ""
    return " ".join(part for part in (both or in_month or in_week, months) if part)


def _weekdays(numbers: frozenset[int] | None) -> str | None:
    if numbers is None or len(numbers) == 7:
        return ""
    return f"on {_run(sorted(numbers), [*_WEEKDAYS])}"


def _months(numbers: frozenset[int] | None) -> str | None:
    if numbers is None or len(numbers) == 12:
        return ""
    return f"in {_run([number - 1 for number in sorted(numbers)], [*_MONTHS])}"


def _month_days(numbers: frozenset[int] | None) -> str | None:
    if numbers is None or len(numbers) == 31:
        return ""
    names = [_ordinal(number) for number in range(1, 32)]
    chosen = [number - 1 for number in sorted(numbers)]
    if len(chosen) > MOST_NAMES and not _follows(chosen):
        return None
    return f"on the {_run(chosen, names)}"


def _run(places: list[int], names: list[str]) -> str:
    """ "Mondays to Fridays", or each of them."""
    if len(places) > 2 and _follows(places):
        return f"{names[places[0]]} to {names[places[-1]]}"
    return listed([names[place] for place in places], most=MOST_NAMES + 6)


def _follows(places: list[int]) -> bool:
    return places == list(range(places[0], places[-1] + 1))


def _ordinal(number: int) -> str:
    ending = "th" if number in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
