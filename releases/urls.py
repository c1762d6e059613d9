"""Addresses of releases: what people say to them, and what GitHub tells."""

from django.urls import path

from releases import closed_hours_views, views, webhooks

RELEASE = "projects/<int:project_id>/releases/<int:strategy_id>/"

urlpatterns = [
    path(f"{RELEASE}now/", views.now, name="release-now"),
    path(f"{RELEASE}postpone/", views.postpone, name="release-postpone"),
    path(f"{RELEASE}skip/", views.skip, name="release-skip"),
    path(f"{RELEASE}resume/", views.resume, name="release-resume"),
    path(f"{RELEASE}heal/", views.heal, name="release-heal"),
    path("webhooks/github", webhooks.github, name="github-webhook"),
    path("closed-hours/", closed_hours_views.index, name="closed-hours"),
    path("closed-hours/calendar/", closed_hours_views.calendar, name="closed-hours-calendar"),
    path("closed-hours/import/", closed_hours_views.take_in, name="closed-hours-import"),
    *(
        path(f"closed-hours/{kind}/{where}", view, {"kind": kind}, name=f"closed-{kind}-{name}")
        for kind in closed_hours_views.KINDS
        for where, view, name in (
            ("new/", closed_hours_views.edit, "new"),
            ("<int:row_id>/", closed_hours_views.edit, "edit"),
            ("<int:row_id>/remove/", closed_hours_views.remove, "remove"),
        )
    ),
]
