"""Light or dark: remembered in a cookie, so that pages come in the right colours without any script."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

COOKIE = "theme"
YEAR = 365 * 24 * 60 * 60


def theme_of(request: HttpRequest) -> str | None:
    """The chosen theme; None when the system decides."""
    theme = request.COOKIES.get(COOKIE)
    return theme if theme in {"light", "dark"} else None


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Remember the choice and go back to where the person was."""
    following = request.POST.get("next", "/")
    safe = url_has_allowed_host_and_scheme(following, allowed_hosts=None) and following.startswith("/")
    response = redirect(following if safe else "/")
    theme = "dark" if request.POST.get("theme") == "dark" else "light"
    # Not HttpOnly: static/js/theme.js changes it in place. It holds no secret.
    response.set_cookie(COOKIE, theme, max_age=YEAR, samesite="Lax")
    return response
