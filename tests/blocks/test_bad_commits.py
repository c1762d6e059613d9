"""A block that keeps bad commits back ends with a reason, on its pages as everywhere."""

import pytest
from django.test import Client
from django.utils import timezone

from audit.record import Actor
from blocks.change import Wish, create_block
from blocks.models import DeployBlock
from tests.worlds import project, sha

pytestmark = pytest.mark.django_db


@pytest.fixture
def block() -> DeployBlock:
    candela = project("candela")
    wish = Wish(candela.organization, "went back", projects=[candela], bad_commits=[sha(7)])
    return create_block(wish, actor=Actor.person("Horizon"), owner=None, clock=timezone.now).block


def test_is_not_ended_by_one_click(staff: Client, block: DeployBlock) -> None:
    answer = staff.post(f"/blocks/{block.pk}/resolve/", {"note": " "})

    assert answer.status_code == 422
    assert "Say in a note why they may be released" in answer.content.decode()
    block.refresh_from_db()
    assert block.unresolved(timezone.now())


def test_is_ended_with_a_reason_which_is_kept(staff: Client, block: DeployBlock) -> None:
    staff.post(f"/blocks/{block.pk}/resolve/", {"note": "it was the cache"})

    block.refresh_from_db()
    assert (block.unresolved(timezone.now()), block.resolution) == (False, "it was the cache")


def test_says_so_in_the_list(staff: Client, block: DeployBlock) -> None:
    assert 'placeholder="Why they may be released" required>' in staff.get("/blocks/").content.decode()
