"""Forms of closed hours: they clean what people type and say what is wrong; they change nothing."""

import re
from datetime import date, time
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from blocks.viewer import zone_named
from projects.cleaning import clean_line
from projects.models import Organization
from releases.closed_hours_ical import LARGEST_FILE, LAST_YEAR
from releases.models import ClosedHours, Holiday

DAYS = [(0, "Mon"), (1, "Tue"), (2, "Wed"), (3, "Thu"), (4, "Fri"), (5, "Sat"), (6, "Sun")]
LONGEST_NAME = 100
LONGEST_HOLIDAY = 366  # days
COPY = re.compile(r"(?:\s*\(\d+\))?\.ics$", re.IGNORECASE)  # browsers number what is saved twice


class LineField(forms.CharField):
    """One line, cleaned before it is measured; what was too long stays in the form."""

    def clean(self, value: Any) -> str:
        text = clean_line(str(value or ""), 200_000)
        if not text:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        if len(text) > LONGEST_NAME:
            raise forms.ValidationError(f"This has {len(text):,} characters; up to {LONGEST_NAME} are kept.")
        return text


class MinuteField(forms.TimeField):
    """A time of day, to the minute."""

    widget = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        if isinstance(found, time) and (found.second or found.microsecond):
            raise forms.ValidationError(f"Give full minutes, e.g. {found:%H:%M}.")
        return found


class DayField(forms.DateField):
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    default_error_messages = {"invalid": "Give a day, e.g. 2026-12-24."}


class ZonedForm(forms.Form):
    """What all have: whose calendar it is, and the zone of its times."""

    organization = forms.ModelChoiceField(
        queryset=Organization.objects.all(), empty_label="choose one", error_messages={"required": "Choose one."}
    )
    time_zone = forms.CharField(
        max_length=64,
        help_text="Of the times here, e.g. Europe/Berlin. Summer time is followed.",
        widget=forms.TextInput(attrs={"list": "zones"}),
    )

    def clean_time_zone(self) -> str:
        zone = zone_named(self.cleaned_data["time_zone"])
        if zone is None:
            raise forms.ValidationError("This is no time zone. Give its IANA name, e.g. America/New_York.")
        return str(zone)

    @property
    def remark(self) -> str:
        """What people should know of a valid form before it is saved."""
        if self.cleaned_data.get("ends_at") != time(23, 59):
            return ""
        midnight = "00:00 of the next day" if "last_day" in self.cleaned_data else "00:00"
        return f"The minute from 23:59 to midnight stays open, and releases may merge in it: let it end at {midnight}."


class HoursForm(ZonedForm):
    """Weekly closed hours."""

    name = LineField(error_messages={"required": "Give it a name, e.g. weekend."}, help_text="E.g. weekend.")
    weekdays = forms.TypedMultipleChoiceField(
        label="Begins on",
        choices=DAYS,
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one day."},
    )
    begins_at = MinuteField(label="From", error_messages={"invalid": "Give a time, e.g. 18:00."})
    ends_at = MinuteField(
        label="To",
        error_messages={"invalid": "Give a time, e.g. 09:00."},
        help_text="Not after “from”: on the next day; 00:00 is midnight. The same as “from”: 24 hours.",
    )
    field_order = ["organization", "name", "weekdays", "begins_at", "ends_at", "time_zone"]

    def row(self, stored: ClosedHours | None) -> ClosedHours:
        """What a valid form asks for, not saved yet."""
        row = stored or ClosedHours(organization=self.cleaned_data["organization"])
        for name in ("name", "begins_at", "ends_at", "time_zone"):
            setattr(row, name, self.cleaned_data[name])
        row.weekdays = sorted(self.cleaned_data["weekdays"])
        return row


class HolidayForm(ZonedForm):
    """A holiday: whole days, or from a time on the first to a time on the last day."""

    name = LineField(error_messages={"required": "Give it a name, e.g. Christmas."}, help_text="E.g. Christmas.")
    first_day = DayField()
    last_day = DayField(required=False, help_text="Included. Empty: the same day.")
    begins_at = MinuteField(label="From", required=False, help_text="On the first day. Empty: from midnight on.")
    ends_at = MinuteField(label="To", required=False, help_text="On the last day. Empty: to its end.")
    field_order = ["organization", "name", "first_day", "last_day", "begins_at", "ends_at", "time_zone"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first: date | None = cleaned.get("first_day")
        if first is None or self.errors:
            return cleaned
        last = cleaned["last_day"] = cleaned.get("last_day") or first
        if last < first:
            self.add_error("last_day", "This is before the first day. Give a later one, or leave it empty.")
        elif (last - first).days > LONGEST_HOLIDAY:
            self.add_error("last_day", "This is longer than a year. Give an earlier day.")
        elif last.year > LAST_YEAR or first.year < 2000:
            self.add_error("first_day", f"Give a year from 2000 to {LAST_YEAR}.")
        begins, ends = cleaned.get("begins_at"), cleaned.get("ends_at")
        if (begins is None) != (ends is None):
            self.add_error("begins_at" if begins is None else "ends_at", "Give both times, or none for whole days.")
        elif begins is not None and ends is not None and last == first and ends <= begins:
            self.add_error("ends_at", "It would be over before it begins. Give a later time, or a later last day.")
        return cleaned

    def row(self, stored: Holiday | None) -> Holiday:
        """What a valid form asks for, not saved yet."""
        row = stored or Holiday(organization=self.cleaned_data["organization"])
        for name in ("name", "first_day", "last_day", "begins_at", "ends_at", "time_zone"):
            setattr(row, name, self.cleaned_data[name])
        return row


class ImportForm(ZonedForm):
    """A calendar file."""

    file = forms.FileField(
        label="Calendar file",
        widget=forms.ClearableFileInput(attrs={"accept": ".ics,text/calendar"}),
        help_text="iCalendar (.ics), up to 1 MB and 1,000 events. The same calendar again replaces what came from it.",
        error_messages={"required": "Choose the file.", "empty": "This file is empty. Export the calendar again."},
    )
    field_order = ["organization", "file", "time_zone"]

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if (file.size or 0) > LARGEST_FILE:
            raise forms.ValidationError(f"This file has {file.size:,} bytes; up to {LARGEST_FILE:,} are read.")
        return file

    @property
    def file_name(self) -> str:
        return clean_line(COPY.sub("", self.cleaned_data["file"].name or ""), 200) or "calendar"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.cleaned_data["time_zone"])
