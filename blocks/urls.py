"""Addresses of blocks: pages, and the gate that builds ask."""

from django.urls import path

from blocks import api, views

urlpatterns = [
    path("blocks/", views.index, name="blocks"),
    path("blocks/new/", views.new, name="block-new"),
    path("blocks/<int:block_id>/", views.edit, name="block-edit"),
    path("blocks/<int:block_id>/resolve/", views.resolve, name="block-resolve"),
    path("api/deploy_blocks", api.DeployBlocks.as_view(), name="deploy-blocks"),
    path("api/deploy_blocks/<int:block_id>", api.DeployBlockDetail.as_view(), name="deploy-block"),
]
