"""An administrator at the admin's pages: opens one, fills its form in as a browser would, and reads what comes back."""

from html.parser import HTMLParser
from typing import Any

from django.contrib.auth.models import User
from django.test import Client


class Form(HTMLParser):
    """The fields of a page's largest form, with the values that a browser would send."""

    def __init__(self, html: str, action: str) -> None:
        super().__init__()
        self.action = action
        self.forms: list[dict[str, str]] = [{}]
        self.select: str | None = None
        self.area: str | None = None
        self.feed(html)
        self.values = max(self.forms, key=len)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        name = values.get("name") or ""
        if tag == "form":
            self.forms.append({})
        elif tag == "input" and name:
            self._take_input(name, values)
        elif tag == "select":
            self.select = name
            if "multiple" not in values:
                self.forms[-1][name] = ""
        elif tag == "option" and self.select and "selected" in values:
            self.forms[-1][self.select] = values.get("value") or ""
        elif tag == "textarea":
            self.area = name
            self.forms[-1][name] = ""

    def _take_input(self, name: str, values: dict[str, str | None]) -> None:
        kind = values.get("type") or "text"
        if kind == "checkbox":
            if "checked" in values:
                self.forms[-1][name] = values.get("value") or "on"
        elif kind not in ("submit", "button", "radio"):
            self.forms[-1][name] = values.get("value") or ""

    def handle_data(self, data: str) -> None:
        if self.area:
            self.forms[-1][self.area] += data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self.select = None
        elif tag == "textarea":
            self.area = None


class AdminSite:
    """A browser in which an administrator has signed in."""

    def __init__(self, client: Client, *, permissions: list[Any] | None = None) -> None:
        self.user = User.objects.create_user("ana", is_staff=True, is_superuser=permissions is None)
        self.user.user_permissions.set(permissions or [])
        self.client = client
        client.force_login(self.user)

    def text(self, address: str) -> str:
        answer = self.client.get(f"/admin/{address}")
        assert answer.status_code == 200, (address, answer.status_code)
        return answer.content.decode()

    def form(self, address: str) -> Form:
        return Form(self.text(address), address)

    def send(self, form: Form, **changed: str | None) -> str:
        """The page that follows. None takes a field away, as an unchecked box is."""
        values = {**form.values, **{name.replace("__", "-"): value for name, value in changed.items()}}
        data = {name: value for name, value in values.items() if value is not None}
        answer = self.client.post(f"/admin/{form.action}", data, follow=True)
        assert answer.status_code == 200, answer.status_code
        return answer.content.decode()

    def press(self, address: str, back: str = "/admin/") -> str:
        """Press a button that posts to an address."""
        answer = self.client.post(f"/admin/{address}", {"next": back}, follow=True)
        assert answer.status_code == 200, answer.status_code
        return answer.content.decode()
