"""The content security policy of the admin's pages."""

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

Answer = Callable[[HttpRequest], HttpResponseBase]
AsyncAnswer = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


class AdminPolicyMiddleware:
    """Unfold's pages under /admin/ need the looser ADMIN_POLICY; all others keep the strict one."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Answer | AsyncAnswer) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        answer = self.get_response(request)
        if isinstance(answer, HttpResponseBase):
            return _loosen(request, answer)
        return self._later(request, answer)

    async def _later(self, request: HttpRequest, answer: Awaitable[HttpResponseBase]) -> HttpResponseBase:
        return _loosen(request, await answer)


def _loosen(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    if request.path.startswith("/admin/"):
        response._csp_replace = settings.ADMIN_POLICY  # type: ignore[attr-defined]  # what csp_replace() sets
    return response
