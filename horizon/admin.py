"""People of the admin: Django's users and groups, with unfold's forms. Who may do what is configuration: each change is
an audit event."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from audit.record import Actor, record
from projects.configure import CONFIG_CHANGED

if TYPE_CHECKING:  # unfold has no types

    class ModelAdmin(admin.ModelAdmin[Any]):
        pass

    from django.contrib.auth.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
else:
    from unfold.admin import ModelAdmin
    from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

admin.site.index_title = "Configuration"
admin.site.unregister(User)
admin.site.unregister(Group)

SHOWN = ("username", "name", "email", "is_active", "is_staff", "is_superuser")


def _described(thing: Model | None) -> dict[str, object]:
    """What history tells of a user or group; of the password only that it is another."""
    if thing is None:
        return {}
    found: dict[str, object] = {name: getattr(thing, name) for name in SHOWN if hasattr(thing, name)}
    for relation in ("groups", "permissions", "user_permissions"):
        if hasattr(thing, relation):
            found[relation] = sorted(str(each) for each in getattr(thing, relation).all())
    return found


class RecordedAdmin(ModelAdmin):
    """Saves and deletes with an event."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        stored = type(obj).objects.filter(pk=obj.pk).first() if change else None
        form.before = _described(stored)
        form.new_password = stored is not None and getattr(stored, "password", "") != getattr(obj, "password", "")
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        after = _described(form.instance)
        changed = {name: value for name, value in after.items() if form.before.get(name) != value}
        if form.new_password:
            changed["password"] = "changed"  # noqa: S105  (what happened to it)
        if changed:
            before = {name: form.before[name] for name in changed if name in form.before}
            self._record(request, form.instance, "changed" if change else "created", before, changed)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with transaction.atomic():
            self._record(request, obj, "deleted", _described(obj), {})
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with transaction.atomic():
            for thing in queryset:
                self.delete_model(request, thing)

    def _record(
        self, request: HttpRequest, thing: Any, action: str, before: dict[str, object], after: dict[str, object]
    ) -> None:
        what = {"object": str(thing._meta.verbose_name), "name": str(thing), "action": action}
        actor = Actor.person(request.user.get_username())
        record(CONFIG_CHANGED, actor=actor, at=timezone.now(), data={**what, "before": before, "after": after})


@admin.register(User)
class UserAdmin(DjangoUserAdmin, RecordedAdmin):  # type: ignore[type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> Any:  # noqa: A002
        user = self.get_object(request, id)
        before = user.password if user else ""
        with transaction.atomic():
            answer = super().user_change_password(request, id, form_url)
            user = self.get_object(request, id)
            if user and user.password != before:
                self._record(request, user, "changed", {}, {"password": "changed"})
        return answer


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, RecordedAdmin):
    pass
