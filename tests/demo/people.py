"""The people of the demo who sign in to Horizon, and what one of them said no to."""

from datetime import datetime

from django.contrib.auth.models import User
from django.utils import timezone

from audit.record import Actor
from blocks.change import Wish, create_block
from projects.models import Project
from tests.demo.company import PASSWORD


def invite() -> None:
    """Staff to create blocks, and somebody who only looks."""
    User.objects.create_user("ana", "ana@northlight.example", PASSWORD, is_staff=True)
    User.objects.create_user("gita", "gita@northlight.example", PASSWORD)


def block_one(until: datetime) -> None:
    """Beacon waits for somebody to look at it."""
    project = Project.objects.select_related("organization").get(name="beacon")
    wish = Wish(
        organization=project.organization,
        description="The new ranking needs QA by the search team before it goes out.",
        projects=[project],
        resolved_at=until,
    )
    create_block(wish, actor=Actor.person("ana"), owner=User.objects.get(username="ana"), clock=timezone.now)
