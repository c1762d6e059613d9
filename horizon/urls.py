"""Every address of the site."""

from django.contrib import admin
from django.urls import include, path

handler400 = "dashboard.problems.bad_request"
handler403 = "dashboard.problems.permission_denied"
handler404 = "dashboard.problems.page_not_found"
handler500 = "dashboard.problems.server_error"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("", include("blocks.urls")),
    path("", include("releases.urls")),
    path("", include("dashboard.urls")),
]
