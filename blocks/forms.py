"""Forms of blocks: they clean what people type and say what is wrong; they change nothing."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.db.models import Q

from blocks.change import Wish
from blocks.models import DeployBlock
from blocks.options import ManyOptions, ProjectNames
from blocks.until import LONGEST_PLAN, TOO_FAR, UNTIL_WORDS, Until, end_of, moment_there
from blocks.viewer import zone_named
from projects.cleaning import clean_line
from projects.models import Organization, Project

LONGEST_REASON = 2000
Scope = DeployBlock.Scope


def clean_text(text: str) -> str:
    """Lines without control characters and marks that turn the writing; HTML stays, templates escape it."""
    return "\n".join(clean_line(line, len(line)) for line in text.strip().splitlines()).strip()


class TextField(forms.CharField):
    """Text of several lines, cleaned before it is measured; what was too long stays in the form."""

    widget = forms.Textarea

    def clean(self, value: Any) -> str:
        text = clean_text(super().clean(value))
        if self.required and not text:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        if len(text) > LONGEST_REASON:
            raise forms.ValidationError(
                f"This has {len(text):,} characters; up to {LONGEST_REASON:,} are kept. Shorten it, and link the rest."
            )
        return text


class LocalMoment(forms.CharField):
    """A wall time as the browser's date and time field sends it; the form's zone makes it a moment."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": "60"})

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            return datetime.fromisoformat(text).replace(tzinfo=None)
        except ValueError:
            raise forms.ValidationError("Give a date and time, e.g. 2026-12-24T17:00.") from None


class ProjectChoice(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]  # the stubs make it generic
    widget = ManyOptions
    iterator = ProjectNames
    default_error_messages = {
        "invalid_choice": "This project is not there any more. Choose among those that are listed.",
        "invalid_pk_value": "This project is not there any more. Choose among those that are listed.",
    }

    def clean(self, value: Any) -> Any:
        try:
            return super().clean(value)
        except forms.ValidationError:
            numbers = [each for each in value or [] if str(each).isdecimal() and len(str(each)) < 19]
            archived = Project.objects.filter(pk__in=numbers).exclude(archived_at=None).order_by("name")
            offered: Any = self.queryset
            archived = archived.exclude(pk__in=offered.values("pk"))
            if not archived:
                raise
            names = ", ".join(project.name for project in archived)
            raise forms.ValidationError(
                f"Archived, so nothing is released there: {names}. Leave it out, or bring it back first."
            ) from None


class BlockForm(forms.Form):
    """A block as a person wishes it. `now` is the moment that "from now" and the presets mean."""

    description = TextField(
        label="Reason",
        widget=forms.Textarea(attrs={"autofocus": True}),
        error_messages={"required": "Give a reason: whoever waits will read it."},
        help_text="Shown wherever the release is shown, with your name.",
    )
    scope = forms.ChoiceField(label="What is blocked", choices=Scope.choices, widget=forms.RadioSelect)
    projects = ProjectChoice(
        label="Projects",
        queryset=Project.objects.none(),
        required=False,
        help_text="Hold Ctrl or ⌘ to choose several.",
    )
    tag = forms.ChoiceField(label="Tag", required=False)
    organization = forms.ModelChoiceField(
        label="Organization", queryset=Organization.objects.all(), required=False, empty_label="choose one"
    )
    exceptions = ProjectChoice(
        label="But not these projects",
        queryset=Project.objects.none(),
        required=False,
        help_text="They go on being released. Hold Ctrl or ⌘ to choose several, or to choose none again.",
    )
    begins = forms.ChoiceField(
        label="From", choices=[("now", "now"), ("planned", "a planned time")], widget=forms.RadioSelect, initial="now"
    )
    begins_at = LocalMoment(label="Planned begin", required=False)
    until = forms.ChoiceField(label="Until", choices=list(UNTIL_WORDS.items()), widget=forms.RadioSelect)
    resolved_at = LocalMoment(label="Other end", required=False)
    zone = forms.CharField(label="Time zone", max_length=64, help_text="Of all times here, e.g. Europe/Berlin.")
    zone.widget.attrs["list"] = "zones"

    def __init__(self, *args: Any, now: datetime, block: DeployBlock | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now
        self.block = block
        self._field("projects").queryset = _choices(block.projects.values("pk") if block else ())
        self._field("exceptions").queryset = _choices(block.exceptions.values("pk") if block else ())
        self._field("tag").choices = [("", "choose one"), *_tags()]
        if block is not None and block.has_begun(now):
            del self.fields["begins"], self.fields["begins_at"]

    @property
    def seen(self) -> str:
        """Which version of the block the form shows; sent with it."""
        return seen(self.block) if self.block is not None else ""

    def _field(self, name: str) -> Any:
        return self.fields[name]

    def clean_zone(self) -> ZoneInfo:
        zone = zone_named(self.cleaned_data["zone"])
        if zone is None:
            raise forms.ValidationError("This is no time zone. Give its IANA name, e.g. America/New_York.")
        return zone

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        self._clean_scope(cleaned)
        self._clean_exceptions(cleaned)
        if isinstance(cleaned.get("zone"), ZoneInfo):
            self._clean_times(cleaned)
        return cleaned

    def _clean_scope(self, cleaned: dict[str, Any]) -> None:
        match cleaned.get("scope"):
            case Scope.PROJECTS if "projects" not in self.errors:
                organizations = {project.organization for project in cleaned.get("projects", [])}
                if not organizations:
                    self.add_error("projects", "Choose at least one project.")
                elif len(organizations) > 1:
                    self.add_error("projects", "These are of several organizations: make one block for each of them.")
                else:
                    cleaned["owner"] = organizations.pop()
            case Scope.TAG if "tag" not in self.errors:
                organization_id, _, tag = (cleaned.get("tag") or "").partition(":")
                cleaned["owner"] = Organization.objects.filter(pk=int(organization_id or 0)).first()
                cleaned["tag_name"] = tag
                if cleaned["owner"] is None:
                    self.add_error("tag", "Choose the tag.")
            case Scope.ORGANIZATION if "organization" not in self.errors:
                cleaned["owner"] = cleaned.get("organization")
                if cleaned["owner"] is None:
                    self.add_error("organization", "Choose the organization.")

    def _clean_exceptions(self, cleaned: dict[str, Any]) -> None:
        owner, scope = cleaned.get("owner"), cleaned.get("scope")
        if owner is None or scope == Scope.PROJECTS or "exceptions" in self.errors:
            return
        exceptions = list(cleaned.get("exceptions", []))
        foreign = [project.name for project in exceptions if project.organization_id != owner.pk]
        if foreign:
            self.add_error("exceptions", f"Not of {owner}, so not blocked anyway: {', '.join(foreign)}. Leave it out.")
            return
        covered = Project.objects.active().filter(organization=owner)
        if scope == Scope.TAG:
            covered = covered.tagged(cleaned["tag_name"])
        names = set(covered.values_list("pk", flat=True))
        if not names:
            self.add_error(scope, "No project is left there, so nothing would be blocked. Choose another.")
        elif names <= {project.pk for project in exceptions}:
            self.add_error("exceptions", "These exceptions leave no project to block. Leave out at least one.")

    def _clean_times(self, cleaned: dict[str, Any]) -> None:
        zone: ZoneInfo = cleaned["zone"]
        begins_at = self._begin(cleaned, zone)
        until = cleaned.get("until")
        if begins_at is None or until is None:
            return
        if until == Until.CUSTOM:
            wall: datetime | None = cleaned.get("resolved_at")
            if wall is None:
                if "resolved_at" not in self.errors:
                    self.add_error("resolved_at", "Say when the block ends, or choose another end.")
                return
            ends_at = self._moment("resolved_at", wall, zone)
            if ends_at is None:
                return
        else:
            ends_at = end_of(Until(until), max(begins_at, self.now), zone)
        if ends_at is not None and ends_at <= max(begins_at, self.now):
            self.add_error("resolved_at", "The block would be over before it begins. Choose a later end.")
        elif ends_at is not None and ends_at > self.now + LONGEST_PLAN:
            self.add_error("resolved_at", f"{TOO_FAR} Choose an earlier end, or none.")
        cleaned["begin"], cleaned["end"] = begins_at, ends_at

    def _begin(self, cleaned: dict[str, Any], zone: ZoneInfo) -> datetime | None:
        if self.block is not None and "begins" not in self.fields:
            return self.block.begins_at
        if cleaned.get("begins") != "planned":
            return self.now
        wall: datetime | None = cleaned.get("begins_at")
        if wall is None:
            if "begins_at" not in self.errors:
                self.add_error("begins_at", "Say when the block begins, or let it begin now.")
            return None
        begin = self._moment("begins_at", wall, zone)
        if begin is not None and begin < self.now:
            self.add_error("begins_at", "This is past. Choose a later time, or let the block begin now.")
        elif begin is not None and begin > self.now + LONGEST_PLAN:
            self.add_error("begins_at", f"{TOO_FAR} Choose an earlier time.")
            return None
        return begin

    def _moment(self, name: str, wall: datetime, zone: ZoneInfo) -> datetime | None:
        stored: datetime | None = getattr(self.block, name, None)
        if stored is not None and _wall(stored, zone) == wall.isoformat(timespec="minutes"):
            return stored  # untouched: it may have seconds, or be the second of a repeated hour
        try:
            return moment_there(wall, zone)
        except (ValueError, OverflowError) as error:
            self.add_error(name, f"{TOO_FAR} Choose an earlier time." if wall.year > 9000 else str(error))
            return None

    def take(self, wrong: forms.ValidationError) -> None:
        """What was found to be wrong when it was to be saved, because that took a while."""
        for name, words in wrong.message_dict.items():
            self.add_error(name if name in self.fields else None, words)

    def wish(self) -> Wish:
        """What a valid form asks for. "Now" stays open, so that it means the moment of saving."""
        cleaned = self.cleaned_data
        planned = cleaned.get("begins") == "planned"
        return Wish(
            organization=cleaned["owner"],
            description=cleaned["description"],
            scope=cleaned["scope"],
            tag=cleaned.get("tag_name", ""),
            projects=list(cleaned["projects"]) if cleaned["scope"] == Scope.PROJECTS else [],
            exceptions=[] if cleaned["scope"] == Scope.PROJECTS else list(cleaned["exceptions"]),
            begins_at=cleaned["begin"] if planned else None,
            resolved_at=cleaned["end"],
        )


def seen(block: DeployBlock) -> str:
    return block.updated_at.isoformat()


class ResolveForm(forms.Form):
    note = TextField(label="Note", required=False, help_text="What has changed, for the history.")


def initial_of(block: DeployBlock, zone: ZoneInfo, now: datetime) -> dict[str, Any]:
    """The form's values for a stored block, its times on the clock of this zone."""
    return {
        "description": block.description,
        "scope": block.scope,
        "projects": list(block.projects.all()) if block.scope == Scope.PROJECTS else [],
        "exceptions": list(block.exceptions.all()),
        "tag": f"{block.organization_id}:{block.tag}" if block.tag else "",
        "organization": block.organization_id,
        "begins": "now" if block.has_begun(now) else "planned",
        "begins_at": _wall(block.begins_at, zone),
        "until": Until.CUSTOM if block.resolved_at else Until.OPEN,
        "resolved_at": _wall(block.resolved_at, zone) if block.resolved_at else "",
        "zone": str(zone),
    }


def _choices(stored: Any) -> Any:
    """The active projects, and those that the block names already: one that is archived stays in it, for when it is
    restored, unless somebody takes it out."""
    chosen = Project.objects.filter(Q(archived_at=None) | Q(pk__in=stored)).select_related("organization")
    return chosen.order_by("organization__name", "name")


def _wall(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%dT%H:%M}"


def _tags() -> list[tuple[str, str]]:
    """Every tag of an active project, as organization's id and tag."""
    rows = Project.objects.active().values_list("organization_id", "organization__name", "tags")
    pairs = {(organization_id, name, tag) for organization_id, name, tags in rows for tag in tags}
    return [
        (f"{organization_id}:{tag}", f"{tag} ({name})")
        for organization_id, name, tag in sorted(pairs, key=lambda pair: (pair[2], pair[1]))
    ]
