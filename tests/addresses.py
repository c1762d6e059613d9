"""Every address of the site, from the URL resolver: so that tests of all of them cover a new one by themselves.

A parameter of a new name needs a line in `VALUES`.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.urls import URLPattern, URLResolver, get_resolver

from blocks.models import DeployBlock
from projects.models import Project, Stage
from releases.models import ClosedHours, DeployStrategy, Holiday

VALUES: dict[str, type[Any]] = {"project_id": Project, "block_id": DeployBlock, "strategy_id": DeployStrategy}
# Parameters of the admin's own addresses, and the one that leads anywhere.
ADMIN_PARAMETERS = {"object_id", "pk", "id"}
LEFT_OUT = ("admin/r/", "admin/(?P<url>", "admin/^(?P<app_label>", "static/")


def addresses() -> Iterable[str]:
    """All addresses of the site with the parameters of rows that are there."""
    for route in sorted(set(_routes(get_resolver().url_patterns))):
        if not route.startswith(LEFT_OUT):
            yield from _filled_in(route)
    for model in apps.get_app_configs():
        if model.label in ("auth", "audit", "projects", "blocks", "releases"):
            yield f"/admin/{model.label}/"


def _routes(patterns: Iterable[Any], before: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route


def _filled_in(route: str) -> Iterator[str]:
    parameters = re.findall(r"<(?:\w+:)?(\w+)>", route)
    if not parameters:
        yield f"/{route}"
        return
    if parameters == ["form"]:
        yield from (f"/{route.replace('<str:form>', form)}" for form in ("csv", "jsonl"))
        return
    if parameters == ["project_id", "strategy_id"]:
        for project_id, pk in DeployStrategy.objects.values_list("stage__project", "pk"):
            yield "/" + route.replace("<int:project_id>", str(project_id)).replace("<int:strategy_id>", str(pk))
        return
    assert len(parameters) == 1, f"{route}: write down how a route with several parameters is to be filled in"
    for key in _model_of(route, parameters[0])._default_manager.values_list("pk", flat=True)[:5]:
        yield "/" + re.sub(r"<[^>]+>", str(key), route)


def _model_of(route: str, parameter: str) -> Any:
    if "/stage/" in route:
        return Stage
    if route.startswith("closed-hours/"):
        return Holiday if "/holidays/" in route else ClosedHours
    admin_page = re.match(r"admin/(\w+)/(\w+)/", route)
    if admin_page and parameter in ADMIN_PARAMETERS:
        return apps.get_model(admin_page[1], admin_page[2])
    assert parameter in VALUES, f"{route}: add the parameter {parameter} to VALUES, so that its pages are searched"
    return VALUES[parameter]
