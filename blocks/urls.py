"""Addresses of blocks: pages, and the gate that builds ask."""

from django.urls import path

from blocks import views

urlpatterns = [
    path("blocks/", views.index, name="blocks"),
    path("blocks/new/", views.new, name="block-new"),
    path("blocks/<int:block_id>/", views.edit, name="block-edit"),
    path("blocks/<int:block_id>/resolve/", views.resolve, name="block-resolve"),
]
