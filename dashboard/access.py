"""Who may read what. With HORIZON_PUBLIC_DASHBOARD everybody reads projects; history, which is about people, needs a
sign-in all the same."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase, HttpResponseForbidden
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def may_read(request: HttpRequest) -> bool:
    """Whether this person sees the dashboard and the projects."""
    user = getattr(request, "user", None)
    return settings.PUBLIC_DASHBOARD or bool(user and user.is_authenticated)


def for_readers(view: View[P]) -> View[P]:
    """Everybody where the dashboard is public, else people who are signed in."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if may_read(request):
            return view(request, *args, **kwargs)
        if "HX-Request" in request.headers:  # an open page asks; a sign-in page would land inside of it
            return HttpResponseForbidden("Sign in again.")
        return redirect_to_login(request.get_full_path())

    return guarded


class MayRead(BasePermission):
    """The same rule for the API: reading only. What a view does not know at all is its own to refuse, with 405."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        refused = request.method not in SAFE_METHODS and request.method in view.allowed_methods
        return may_read(request) and not refused
