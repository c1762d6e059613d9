"""Every address of the site."""

from importlib.util import find_spec

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def alive(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


urlpatterns = [
    path("admin/", admin.site.urls),
    *([path("", include("dashboard.urls"))] if find_spec("dashboard.urls") else [path("healthz", alive)]),
]
