"""Addresses of releases: what people say to them, and what GitHub tells."""

from django.urls import path

from releases import views, webhooks

RELEASE = "projects/<int:project_id>/releases/<int:strategy_id>/"

urlpatterns = [
    path(f"{RELEASE}now/", views.now, name="release-now"),
    path(f"{RELEASE}postpone/", views.postpone, name="release-postpone"),
    path(f"{RELEASE}skip/", views.skip, name="release-skip"),
    path(f"{RELEASE}resume/", views.resume, name="release-resume"),
    path(f"{RELEASE}heal/", views.heal, name="release-heal"),
    path("webhooks/github", webhooks.github, name="github-webhook"),
]
