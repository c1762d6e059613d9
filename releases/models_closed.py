"""When an organization does not release: weekly hours and dates, in wall time of an IANA zone, never an offset."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from projects.models import Organization


class ClosedHours(models.Model):
    """A weekly span. It ends on the next day where it does not end after it begins; begin included, end excluded."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="closed_hours")
    name = models.CharField(max_length=100, help_text="What people call it, e.g. weekend.")
    weekdays = ArrayField(models.PositiveSmallIntegerField(), help_text="0 is Monday: the days on which it begins.")
    begins_at = models.TimeField()
    ends_at = models.TimeField()
    time_zone = models.CharField(max_length=64, default="UTC", help_text="IANA zone, e.g. Europe/Berlin.")
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=150)

    class Meta:
        verbose_name_plural = "closed hours"
        ordering = ["organization", "name", "id"]
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="closed_hours_have_a_name"),
            models.CheckConstraint(
                condition=Q(weekdays__len__gt=0, weekdays__contained_by=[0, 1, 2, 3, 4, 5, 6]),
                name="closed_hours_have_days",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Holiday(models.Model):
    """Days without releases, the last one included. With times, from the first on the first day to the second on the
    last one. `source` and `uid` tell the calendar file that it came from."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="holidays")
    name = models.CharField(max_length=200)
    first_day = models.DateField()
    last_day = models.DateField()
    begins_at = models.TimeField(null=True, blank=True)
    ends_at = models.TimeField(null=True, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    source = models.CharField(max_length=200, blank=True)
    uid = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=150)

    class Meta:
        ordering = ["organization", "first_day", "id"]
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="holiday_has_a_name"),
            models.CheckConstraint(condition=Q(last_day__gte=F("first_day")), name="holiday_ends_after_it_begins"),
            models.CheckConstraint(
                condition=Q(begins_at=None, ends_at=None) | Q(begins_at__isnull=False, ends_at__isnull=False),
                name="holiday_has_both_times_or_none",
            ),
            models.UniqueConstraint(
                fields=["organization", "source", "uid", "first_day"],
                condition=~Q(uid=""),
                name="holiday_imported_once",
            ),
        ]

    def __str__(self) -> str:
        return self.name
