"""How the admin looks: unfold's settings (https://unfoldadmin.com/docs/configuration/settings/)."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def _item(title: str, icon: str, page: str, permission: str) -> dict[str, Any]:
    """A line of the side bar, shown to those who may look at what it leads to."""
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{page}"),
        "permission": lambda request: request.user.has_perm(permission),
    }


def landing(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the first page of the admin shows beside the lists: the next step of setting up."""
    from projects.models import Organization, Profile, Project, Stage

    context["steps"] = [
        ("Add an organization and its profiles", "admin:projects_organization_add", Organization.objects.exists()),
        ("Give it a profile: the credentials of a host", "admin:projects_profile_add", Profile.objects.exists()),
        ("Add a project with its stages", "admin:projects_project_add", Project.objects.active().exists()),
    ]
    context["figures"] = [
        ("Organizations", Organization.objects.count(), "admin:projects_organization_changelist"),
        ("Profiles", Profile.objects.count(), "admin:projects_profile_changelist"),
        ("Projects", Project.objects.active().count(), "admin:projects_project_changelist"),
        ("Stages", Stage.objects.filter(project__archived_at=None).count(), "admin:projects_project_changelist"),
    ]
    return context


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Horizon",
    "SITE_HEADER": "Horizon",
    "SITE_SUBHEADER": "What is released, from where, and how",
    "SITE_SYMBOL": "rocket_launch",
    "SITE_URL": "/",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("img/horizon.svg")},
    ],
    "STYLES": [lambda request: static("css/admin.css")],
    "LOGIN": {"form": "dashboard.sign_in.AdminSignInForm"},
    "SHOW_HISTORY": False,  # Horizon's own history has more, and is never deleted
    "DASHBOARD_CALLBACK": "horizon.admin_site.landing",
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 254.6)",
            "100": "oklch(93.2% .032 255.6)",
            "200": "oklch(88.2% .059 254.1)",
            "300": "oklch(80.9% .105 251.8)",
            "400": "oklch(70.7% .165 254.6)",
            "500": "oklch(62.3% .214 259.8)",
            "600": "oklch(54.6% .245 262.9)",
            "700": "oklch(48.8% .243 264.4)",
            "800": "oklch(42.4% .199 265.6)",
            "900": "oklch(37.9% .146 265.5)",
            "950": "oklch(28.2% .091 267.9)",
        }
    },
    "SIDEBAR": {
        "show_search": True,
        "navigation": [
            {
                "title": "Configuration",
                "items": [
                    _item(
                        "Organizations",
                        "corporate_fare",
                        "projects_organization_changelist",
                        "projects.view_organization",
                    ),
                    _item("Profiles", "key", "projects_profile_changelist", "projects.view_profile"),
                    _item("Projects", "deployed_code", "projects_project_changelist", "projects.view_project"),
                    _item(
                        "Deploy strategies",
                        "conversion_path",
                        "releases_deploystrategy_changelist",
                        "releases.view_deploystrategy",
                    ),
                ],
            },
            {
                "title": "To look up",
                "separator": True,
                "items": [
                    _item("Releases", "rocket_launch", "releases_release_changelist", "releases.view_release"),
                    _item(
                        "Interventions", "front_hand", "releases_intervention_changelist", "releases.view_intervention"
                    ),
                    _item("Repairs", "healing", "releases_repair_changelist", "releases.view_repair"),
                    _item("Notices", "campaign", "releases_notice_changelist", "releases.view_notice"),
                    _item("Closed hours", "bedtime", "releases_closedhours_changelist", "releases.view_closedhours"),
                    _item("Holidays", "event_busy", "releases_holiday_changelist", "releases.view_holiday"),
                    _item(
                        "Webhook deliveries",
                        "webhook",
                        "releases_webhookdelivery_changelist",
                        "releases.view_webhookdelivery",
                    ),
                    _item("Deploy blocks", "block", "blocks_deployblock_changelist", "blocks.view_deployblock"),
                    _item("History", "history", "audit_auditevent_changelist", "audit.view_auditevent"),
                ],
            },
            {
                "title": "People",
                "separator": True,
                "items": [
                    _item("Users", "person", "auth_user_changelist", "auth.view_user"),
                    _item("Groups", "group", "auth_group_changelist", "auth.view_group"),
                ],
            },
        ],
    },
}
