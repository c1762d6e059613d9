"""Production that runs images of a registry: live, rolled back and not known, by the images' tags."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from django.contrib.auth.models import User
from django.test import Client
from moto.server import ThreadedMotoServer

from audit.models import AuditEvent
from blocks.models import DeployBlock
from projects.models import Profile
from projects.secrets import Secret
from releases.models import Release
from tests.releases.pushing import Watched
from tests.servers.github import GitHubServer

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

pytestmark = pytest.mark.django_db

REGION, KEY_ID, SECRET = "us-east-1", "AKIAEXAMPLE", "very-s3cret"


class Registry:
    """The images of one repository; `promote` gives an image the environment's tag, as hokusai does."""

    def __init__(self, client: "ECRClient") -> None:
        self.client = client
        client.create_repository(repositoryName="candela")

    def promote(self, sha: str, *more: str) -> None:
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
                "config": {"mediaType": "x", "size": 1, "digest": f"sha256:{sha:0>64}"},
                "layers": [],
            }
        )
        existing = self.client.list_images(repositoryName="candela")["imageIds"]
        if any(image.get("imageTag") == "production" for image in existing):
            self.client.batch_delete_image(repositoryName="candela", imageIds=[{"imageTag": "production"}])
        for tag in (sha, "production", *more):
            if not any(image.get("imageTag") == tag for image in existing) or tag == "production":
                self.client.put_image(repositoryName="candela", imageManifest=manifest, imageTag=tag)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    client = boto3.client(
        "ecr", region_name=REGION, aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET, endpoint_url=address
    )
    yield Registry(client)
    client.delete_repository(repositoryName="candela", force=True)
    server.stop()


@pytest.fixture
def world(github: GitHubServer, registry: Registry) -> Watched:
    """Staging is released to the branch release, whose build promotes the image that staging ran."""
    watched = Watched(github)
    registry.promote(watched.repo.sha("main"))
    aws = Profile.objects.create(
        organization=watched.project.organization, name="aws", kind=Profile.Kind.AWS, region=REGION, key_id=KEY_ID,
        secret=Secret.of(SECRET),
    )  # fmt: skip
    watched.project.stages.filter(name="production").update(hokusai="production", branch="", git_remote="", profile=aws)
    watched.set(repository="artsy/candela", profile=watched.profile)
    watched.look()
    return watched


def kinds(world: Watched) -> list[str]:
    events = AuditEvent.objects.filter(project_id=world.project.pk, kind__startswith="release.")
    return list(events.order_by("id").values_list("kind", flat=True))


def test_a_release_is_live_when_the_image_of_its_head_is_promoted(world: Watched, registry: Registry) -> None:
    sha = world.merged()
    assert world.release.live_at is None

    registry.promote(sha)
    world.wait(minutes=5)
    world.look()

    assert kinds(world) == ["release.merged", "release.live"]


def test_an_image_that_is_not_promoted_in_time_alarms(world: Watched, registry: Registry) -> None:
    world.merged()

    world.wait(minutes=31)
    world.look()

    assert kinds(world) == ["release.merged", "release.not-live"]


def test_a_registry_that_cannot_be_read_does_not(world: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    world.merged()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    world.wait(minutes=31)
    world.look()

    assert kinds(world) == ["release.merged"]


def test_an_image_that_goes_back_is_a_rollback_while_the_next_release_is_queued(
    world: Watched, registry: Registry
) -> None:
    first = world.merged("First")
    registry.promote(first)
    world.look()
    registry.promote(world.merged("Second"))
    world.look()
    world.repo.add_ruleset("release", merge_queue=True)
    third = world.commit("Third")
    world.look()
    world.wait(days=1)
    world.look()
    world.wait(seconds=30)
    world.look()

    registry.promote(first)
    for _ in range(2):
        world.wait(minutes=1)
        world.look()

    assert DeployBlock.objects.get().bad_commits
    assert Release.objects.get(head_sha=third).state == "open"


def test_an_image_tag_that_goes_back_is_a_rollback(world: Watched, registry: Registry) -> None:
    first = world.merged("First")
    registry.promote(first, "production--2026-11-24--08-05-00")
    world.wait(minutes=5)
    world.look()
    second = world.merged("Second")
    registry.promote(second)
    world.wait(minutes=5)
    world.look()

    registry.promote(first)
    world.wait(minutes=5)
    world.look()
    world.wait(minutes=5)
    world.look()

    rollback = Release.objects.get(kind="rollback")
    assert (rollback.base_sha, rollback.head_sha, rollback.live_at is not None) == (second, first, True)
    assert kinds(world).count("release.rollback") == 1
    assert DeployBlock.objects.get().bad_commits == [second]


class TestWhatTheRegistryHas:
    """The page of what ran before, also from before Horizon watched."""

    def page(self, world: Watched, client: Client) -> str:
        client.force_login(User.objects.create_user("gita"))
        return client.get(f"/projects/{world.project.pk}/back/images/").content.decode()

    def test_is_what_ran_before_with_the_commands_that_lead_back(
        self, world: Watched, registry: Registry, client: Client
    ) -> None:
        old, new = world.repo.sha("main"), world.merged()
        registry.promote(old, "production--2026-01-27--10-00-00")
        registry.promote(new, "production--2026-01-28--10-00-00")

        page = self.page(world, client)

        assert "production--2026-01-27--10-00-00" in page
        assert f"hokusai production deploy {old} --update-config" in page
        assert new not in page
        assert (
            f"/projects/{world.project.pk}/back/images/"
            in client.get(f"/projects/{world.project.pk}/back/").content.decode()
        )

    def test_names_an_image_without_a_commit_by_its_promotion(
        self, world: Watched, registry: Registry, client: Client
    ) -> None:
        registry.promote("built-by-hand", "production--2026-01-27--10-00-00")
        registry.promote("f" * 40)

        page = self.page(world, client)

        assert "hokusai production deploy production--2026-01-27--10-00-00" in page
        assert "no tag says from which commit" in page

    def test_of_a_registry_that_is_away_says_so(
        self, world: Watched, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

        assert "The registry could not be asked" in self.page(world, client)

    def test_is_there_for_registries_only(self, world: Watched, client: Client) -> None:
        world.project.stages.filter(name="production").update(
            hokusai="", branch="release", git_remote="https://github.com/artsy/candela.git", profile=None
        )

        assert "There is nothing here" in self.page(world, client)
