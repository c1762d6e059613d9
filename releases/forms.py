"""Forms of what people say to one release: they clean what was typed and say what is wrong; they change nothing."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from blocks.forms import LocalMoment, TextField
from blocks.until import Until, end_of, moment_there
from blocks.viewer import zone_named
from releases.calendar import ClosedRule
from releases.interventions import LONGEST_POSTPONEMENT
from releases.situation import Block

POSTPONE_WORDS = [
    (Until.TWO_HOURS.value, "for 2 hours"),
    (Until.TOMORROW.value, "until tomorrow at 9:00"),
    (Until.MONDAY.value, "until Monday at 9:00"),
    (Until.CUSTOM.value, "until another time"),
]


class ReasonForm(forms.Form):
    """A reason, for the commit that the person saw."""

    sha = forms.RegexField(
        r"^[0-9a-f]{40}$", widget=forms.HiddenInput, error_messages={"required": "Open this page again."}
    )
    reason = TextField(
        label="Reason",
        error_messages={"required": "Give a reason: it is shown on the project and on the pull request."},
        help_text="Shown in the history and on the pull request, with your name.",
        widget=forms.Textarea(attrs={"rows": 3, "autofocus": True}),
    )


class NowForm(ReasonForm):
    """Release now; people who may name what they pass over."""

    blocks = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "invalid_choice": "A block that you named is over, was changed, or covers this no more. Look again."
        },
    )
    closed = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": "Closed hours that you named are over, or were changed. Look again."},
    )

    def __init__(
        self,
        *args: Any,
        named: tuple[Block, ...] = (),
        closed: tuple[ClosedRule, ...] = (),
        may_spite: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        # What is chosen is what was seen, so that nobody passes over what somebody changed meanwhile.
        self._choose("blocks", [(block.seen, f"the block by {block.by}: {block.reason}") for block in named])
        self._choose("closed", [(rule.seen, f"closed hours: {rule.name}") for rule in closed])
        if not (may_spite and named):
            del self.fields["blocks"]
        if not (may_spite and closed):
            del self.fields["closed"]

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field: Any = self.fields[name]
        field.choices = choices


class PostponeForm(ReasonForm):
    """Not before a moment, on the clock of a zone."""

    until = forms.ChoiceField(
        label="Postpone it", choices=POSTPONE_WORDS, widget=forms.RadioSelect, initial=Until.TOMORROW.value
    )
    until_at = LocalMoment(label="Other time", required=False)
    zone = forms.CharField(label="Time zone", max_length=64, help_text="Of the times above, e.g. Europe/Berlin.")

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now

    def clean_zone(self) -> ZoneInfo:
        zone = zone_named(self.cleaned_data["zone"].strip())
        if zone is None:
            raise forms.ValidationError("This is no time zone. Give its IANA name, e.g. America/New_York.")
        return zone

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        zone = cleaned.get("zone")
        if not isinstance(zone, ZoneInfo) or "until" not in cleaned or "until_at" in self.errors:
            return cleaned
        moment = self._moment(cleaned, zone)
        if moment is None:
            return cleaned
        if moment <= self.now:
            self.add_error("until_at", "This is past. Choose a later time.")
        elif moment > self.now + LONGEST_POSTPONEMENT - timedelta(minutes=1):
            self.add_error("until_at", "A release can be postponed for a year at most. For longer, make a block.")
        cleaned["moment"] = moment
        return cleaned

    def _moment(self, cleaned: dict[str, Any], zone: ZoneInfo) -> datetime | None:
        if cleaned["until"] != Until.CUSTOM:
            return end_of(Until(cleaned["until"]), self.now, zone)
        wall: datetime | None = cleaned.get("until_at")
        if wall is None:
            self.add_error("until_at", "Say until when, or choose one of the others.")
            return None
        try:
            return moment_there(wall, zone)
        except (ValueError, OverflowError) as error:
            self.add_error("until_at", str(error))
            return None
