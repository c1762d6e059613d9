"""Addresses of releases: what GitHub tells."""

from django.urls import path

from releases import webhooks

urlpatterns = [
    path("webhooks/github", webhooks.github, name="github-webhook"),
]
