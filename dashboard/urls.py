"""Pages, the API of projects and history, and health."""

from django.contrib.auth.views import LogoutView
from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from dashboard import api, health, live, metrics
from dashboard.access import MayRead
from dashboard.at_time import live_at, live_between
from dashboard.back import back, images
from dashboard.history import history
from dashboard.history_export import export
from dashboard.home import home
from dashboard.project import project
from dashboard.sign_in import SignIn
from dashboard.theme import choose_theme

urlpatterns = [
    path("", home, name="home"),
    path("projects/<int:project_id>/", project, name="project"),
    path("projects/<int:project_id>/back/", back, name="way-back"),
    path("projects/<int:project_id>/back/images/", images, name="images-before"),
    path("history/", history, name="history"),
    path("history/at/", live_at, name="live-at"),
    path("history/between/", live_between, name="live-between"),
    path("history/history.<str:form>", export, name="history-export"),
    path("live/", live.without_asgi, name="live"),
    path("theme/", choose_theme, name="theme"),
    path("sign-in/", SignIn.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(template_name="registration/signed_out.html"), name="sign-out"),
    path("api/projects/", api.ProjectList.as_view(), name="api-projects"),
    path("api/projects/<int:project_id>/", api.ProjectDetail.as_view(), name="api-project"),
    path("api/audit/", api.AuditList.as_view(), name="api-audit"),
    path("api/schema/", SpectacularAPIView.as_view(permission_classes=[MayRead]), name="api-schema"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.Metrics.as_view(), name="metrics"),
]
