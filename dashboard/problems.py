"""Errors of the API as problem details (RFC 9457), wherever they come from."""

import sys
from http import HTTPStatus
from typing import Any

import redis
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework.response import Response
from rest_framework.views import exception_handler

PROBLEM = "application/problem+json"


def problem_details(error: Exception, context: dict[str, Any]) -> Response | None:
    """The handler of Django REST framework. Fields that are wrong are named in `errors`."""
    response = exception_handler(error, context)
    if response is None:
        return None
    response.data = _problem(response.status_code, response.data)
    response.content_type = PROBLEM
    return response


def _problem(status: int, data: Any) -> dict[str, Any]:
    problem: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if isinstance(data, dict) and set(data) == {"detail"}:
        return {**problem, "detail": str(data["detail"])}
    if isinstance(data, list):
        return {**problem, "detail": " ".join(map(str, data))}
    return {**problem, "detail": "Some of what was sent is not right.", "errors": data}


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def _answer(status: HTTPStatus, detail: str) -> HttpResponse:
    return JsonResponse({**_problem(status, {"detail": detail})}, status=status, content_type=PROBLEM)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Addresses that are none: a page for people, problem details below /api/."""
    if _is_api(request):
        return _answer(HTTPStatus.NOT_FOUND, "There is no such address in the API. /api/schema/ lists them.")
    return _leaving_no_connection(defaults.page_not_found(request, exception))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What this person may not do."""
    return _leaving_no_connection(defaults.permission_denied(request, exception))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """What makes no sense as a request."""
    return _leaving_no_connection(defaults.bad_request(request, exception))


# While PostgreSQL or Valkey is away; Django wraps what its driver says.
AWAY = (OperationalError, InterfaceError, redis.ConnectionError, redis.TimeoutError)
TRY_AGAIN_SECONDS = "10"


def server_error(request: HttpRequest) -> HttpResponse:
    """What no code expected, or that a part of Horizon is away; it is in the log."""
    if isinstance(sys.exc_info()[1], AWAY):
        return _away(request)
    if _is_api(request):
        return _answer(HTTPStatus.INTERNAL_SERVER_ERROR, "Something broke on our side. It was written to the log.")
    return _leaving_no_connection(defaults.server_error(request))


def _away(request: HttpRequest) -> HttpResponse:
    """Says so and when to try again; asks nothing of the part that is away."""
    if _is_api(request):
        words = "The database or Valkey does not answer. Nothing is lost: try again in a moment; /readyz tells which."
        response = _answer(HTTPStatus.SERVICE_UNAVAILABLE, words)
    else:
        response = _leaving_no_connection(defaults.server_error(request, template_name="503.html"))
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
    response["Retry-After"] = TRY_AGAIN_SECONDS
    return response


def _leaving_no_connection(response: HttpResponse) -> HttpResponse:
    """Django's ASGI handler makes error pages in a thread of a pool, where nobody closes the connection that a page
    used: it would be kept, and be a broken one after PostgreSQL has been restarted."""
    if not connection.in_atomic_block:
        connection.close()
    return response
