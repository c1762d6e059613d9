"""The gate of builds: exactly `[]` when nobody says no."""

import base64
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from audit.models import AuditEvent
from audit.record import Actor
from blocks.change import Wish, create_block, resolve_block
from blocks.models import DeployBlock
from projects.models import Project, Repository
from tests.worlds import organization, project, sha

pytestmark = pytest.mark.django_db


@pytest.fixture
def candela() -> Project:
    return project("candela", tags=["galleries"])


class Script:
    """What curl does with -u: HTTP Basic, no cookies, no redirects."""

    def __init__(self, user: str) -> None:
        self.client = Client(enforce_csrf_checks=True)
        self.headers = {"authorization": "Basic " + base64.b64encode(f"{user}:secret-{user}".encode()).decode()}

    def get(self, query: str) -> Any:
        return self.client.get(f"/api/deploy_blocks?{query}", headers=self.headers)

    def post(self, **data: Any) -> Any:
        return self.client.post("/api/deploy_blocks", data, content_type="application/json", headers=self.headers)

    def patch(self, block: DeployBlock | int, **data: Any) -> Any:
        pk = block if isinstance(block, int) else block.pk
        path = f"/api/deploy_blocks/{pk}"
        return self.client.patch(path, data, content_type="application/json", headers=self.headers)


@pytest.fixture
def build() -> Script:
    User.objects.create_user("build", password="secret-build")
    return Script("build")


@pytest.fixture
def staff() -> Script:
    User.objects.create_user("ana", password="secret-ana", is_staff=True)
    return Script("ana")


def blocked(of: Project, **changed: Any) -> DeployBlock:
    wish = Wish(of.organization, **{"description": "needs QA", "projects": [of]} | changed)
    return create_block(wish, actor=Actor.person("mary"), owner=None, clock=timezone.now).block


class TestGate:
    def test_answers_two_characters_when_nobody_says_no(self, build: Script, candela: Project) -> None:
        answer = build.get(f"project_id={candela.pk}&resolved=false")

        assert (answer.status_code, answer.content) == (200, b"[]")

    def test_answers_a_compact_array_of_what_is_in_force(self, build: Script, candela: Project) -> None:
        block = blocked(candela)

        answer = build.get(f"project_id={candela.pk}&resolved=false")

        assert answer.json() == [
            {
                "id": block.pk,
                "project_id": candela.pk,
                "description": "needs QA",
                "resolved_at": None,
                "created_at": block.created_at.isoformat().replace("+00:00", "Z"),
                "updated_at": block.updated_at.isoformat().replace("+00:00", "Z"),
            }
        ]
        assert b", " not in answer.content
        assert answer["content-type"].startswith("application/json")

    def test_refuses_strangers(self, candela: Project) -> None:
        answer = Client().get(f"/api/deploy_blocks?project_id={candela.pk}")

        assert answer.status_code == 401
        assert "Basic" in answer["www-authenticate"]

    def test_refuses_a_wrong_password(self, build: Script, candela: Project) -> None:
        build.headers = {"authorization": "Basic " + base64.b64encode(b"build:wrong").decode()}

        assert build.get(f"project_id={candela.pk}").status_code == 401

    @pytest.mark.parametrize(
        "asked",
        [
            "",
            "/",
            "candela/",
            "/candela",
            "candela",
            "999999",
            "x",
            "-1",
            "1e3",
            "9" * 30,
            "²",
            "artsy/nowhere",
            "%2F",
            "a%00b",
            "a/%00",
            "9" * 5000,
        ],
    )
    def test_knows_no_such_project(self, build: Script, candela: Project, asked: str) -> None:
        assert build.get(f"project_id={asked}&resolved=false").status_code == 404

    def test_needs_a_project(self, build: Script) -> None:
        assert build.get("resolved=false").status_code == 404

    def test_counts_an_end_in_the_future_as_unresolved(self, build: Script, candela: Project) -> None:
        blocked(candela, resolved_at=timezone.now() + timedelta(hours=1))

        assert len(build.get(f"project_id={candela.pk}&resolved=false").json()) == 1

    def test_does_not_count_what_has_ended_or_not_begun(self, build: Script, candela: Project) -> None:
        resolve_block(blocked(candela), note="", actor=Actor.person("mary"), clock=timezone.now)
        blocked(candela, begins_at=timezone.now() + timedelta(hours=1))

        assert build.get(f"project_id={candela.pk}&resolved=false").content == b"[]"
        assert len(build.get(f"project_id={candela.pk}&resolved=true").json()) == 1
        assert len(build.get(f"project_id={candela.pk}").json()) == 1

    @pytest.mark.parametrize("scope", [{"scope": "organization"}, {"scope": "tag", "tag": "galleries"}])
    def test_counts_blocks_of_the_tag_and_the_organization_for_the_project_that_was_asked(
        self, build: Script, candela: Project, scope: dict[str, str]
    ) -> None:
        blocked(candela, projects=[], **scope)

        (row,) = build.get(f"project_id={candela.pk}&resolved=false").json()
        assert row["project_id"] == candela.pk

    def test_does_not_count_a_block_that_spares_the_project(self, build: Script, candela: Project) -> None:
        spared = blocked(candela, projects=[], scope="organization", exceptions=[candela])
        other = project("force")

        assert build.get(f"project_id={candela.pk}&resolved=false").content == b"[]"
        assert build.get("project_id=artsy/candela").content == b"[]"
        assert [row["id"] for row in build.get(f"project_id={other.pk}&resolved=false").json()] == [spared.pk]

    def test_does_not_count_blocks_of_others(self, build: Script, candela: Project) -> None:
        blocked(project("force"))
        blocked(candela, projects=[], scope="tag", tag="auctions")
        other = project("pulse", organization=organization("other"))
        blocked(other, projects=[], scope="organization")

        assert build.get(f"project_id={candela.pk}&resolved=false").content == b"[]"

    def test_covers_every_project_of_a_repository(self, build: Script, candela: Project) -> None:
        twin = project("candela-two", remote="https://github.com/artsy/candela.git")
        project("other", remote="https://github.com/artsy/my-candela.git")
        blocked(twin)

        answer = build.get("project_id=Artsy/Candela&resolved=false").json()

        assert [row["project_id"] for row in answer] == [twin.pk]

    @pytest.mark.parametrize("remote", ["git@github.com:artsy/candela.git", "ssh://git@github.com/artsy/candela"])
    def test_knows_a_repository_by_every_form_of_its_remote(self, build: Script, remote: str) -> None:
        blocked(project("lantern", remote=remote))

        assert len(build.get("project_id=artsy/candela&resolved=false").json()) == 1

    @pytest.mark.parametrize("asked", ["artsy/mars", "Artsy/Candela"])
    @pytest.mark.parametrize("remote", ["https://github.com/artsy/candela.git", "git@github.com:artsy/mars"])
    def test_knows_a_renamed_repository_by_both_names(
        self, build: Script, asked: str, remote: str, django_assert_max_num_queries: Any
    ) -> None:
        for api_url, host_id in (("https://api.github.com", 7), ("https://git.example.com/api/v3", 8)):
            path = "artsy/candela" if host_id == 7 else "artsy/other"
            now_at = "Artsy/Mars" if host_id == 7 else "artsy/Another"
            Repository.objects.create(api_url=api_url, path=path, host_id=host_id, current_path=now_at)
        blocked(project("lantern", remote=remote))
        blocked(project("other", remote="https://git.example.com/artsy/other.git"))
        build.get(f"project_id={asked}&resolved=false")

        with django_assert_max_num_queries(3):
            assert len(build.get(f"project_id={asked}&resolved=false").json()) == 1

    def test_answers_at_exactly_its_path_without_a_redirect(self, build: Script, candela: Project) -> None:
        answer = build.client.get(f"/api/deploy_blocks/?project_id={candela.pk}", headers=build.headers)

        assert answer.status_code == 404

    def test_every_active_user_reads_and_nobody_else(self, build: Script, candela: Project) -> None:
        User.objects.update(is_active=False)

        assert build.get(f"project_id={candela.pk}").status_code == 401

    def test_says_what_resolved_may_be(self, build: Script, candela: Project) -> None:
        assert build.get(f"project_id={candela.pk}&resolved=maybe").status_code == 400

    @pytest.mark.parametrize("number", [1, 20])
    def test_costs_three_queries_whatever_the_number(
        self, build: Script, candela: Project, number: int, django_assert_max_num_queries: Any
    ) -> None:
        for _ in range(number):
            blocked(candela)
        build.get(f"project_id={candela.pk}&resolved=false")

        with django_assert_max_num_queries(3):
            assert len(build.get(f"project_id={candela.pk}&resolved=false").json()) == number


class TestWriting:
    def test_is_for_staff(self, build: Script, candela: Project) -> None:
        assert build.post(project_id=candela.pk, description="no").status_code == 403
        assert build.patch(blocked(candela), resolved=True).status_code == 403

    def test_makes_a_block(self, staff: Script, candela: Project) -> None:
        answer = staff.post(project_id=candela.pk, description="incident 12")

        assert answer.status_code == 201
        block = DeployBlock.objects.get()
        assert (answer.json()["id"], block.description, block.created_by) == (block.pk, "incident 12", "ana")
        event = AuditEvent.objects.get()
        assert (event.kind, event.actor, event.actor_kind) == ("block.created", "ana", "api")

    @pytest.mark.parametrize(
        "wrong",
        [
            {"description": ""},
            {"description": "\u202e"},
            {"description": "x" * 2001},
            {"resolved_at": "2020-01-01T00:00:00Z"},
            {"resolved_at": "soon"},
            {"project_id": "x"},
            {"project_id": True},
            {"project_id": [1]},
            {"project_id": 1.5},
            {"project_id": None},
            {"description": ["no"]},
            {"description": None},
            {"description": True},
            {"resolved_at": "2999-01-01T10:00:00"},
            {"resolved_at": "2026-12-24"},
            {"resolved_at": 1e300},
            {"resolved_at": ["2999-01-01T00:00:00Z"]},
            {"resolved_at": "9999-12-31T23:59:59-14:00"},
            {"begins_at": "2999-01-01T00:00:00Z"},
        ],
    )
    def test_names_the_field_that_is_wrong(self, staff: Script, candela: Project, wrong: dict[str, Any]) -> None:
        answer = staff.post(**{"project_id": candela.pk, "description": "no", **wrong})

        assert answer.status_code == 400
        assert next(iter(wrong)) in answer.content.decode()
        assert not DeployBlock.objects.exists()

    def test_blocks_every_project_of_a_repository(self, staff: Script, candela: Project) -> None:
        twin = project("candela-two", remote="https://github.com/artsy/candela.git")

        answer = staff.post(project_id="artsy/candela", description="incident 12")

        assert (answer.status_code, answer.json()["project_id"]) == (201, candela.pk)
        assert set(DeployBlock.objects.get().projects.all()) == {candela, twin}

    def test_does_not_guess_between_organizations(self, staff: Script, candela: Project) -> None:
        remote = "https://github.com/artsy/candela.git"
        project("candela", organization=organization("other"), remote=remote)

        answer = staff.post(project_id="artsy/candela", description="incident 12")

        assert answer.status_code == 400
        assert "Several organizations" in answer.content.decode()

    def test_knows_no_such_project_or_block(self, staff: Script) -> None:
        for unknown in (999, 10**30, "artsy/\ud800", "artsy/\0"):
            assert staff.post(project_id=unknown, description="no").status_code == 404
        assert staff.patch(10**30, resolved=True).status_code == 404
        assert staff.patch(999, resolved=True).status_code == 404

    def test_changes_reason_and_end(self, staff: Script, candela: Project) -> None:
        block = blocked(candela)
        end = (timezone.now() + timedelta(hours=1)).replace(microsecond=0)

        answer = staff.patch(block, description="still", resolved_at=end.isoformat())

        assert answer.status_code == 200
        block.refresh_from_db()
        assert (block.description, block.resolved_at) == ("still", end)
        assert answer.json()["project_id"] == candela.pk

    def test_ends_a_block_with_a_note(self, staff: Script, candela: Project) -> None:
        block = blocked(candela)

        assert staff.patch(block, resolved=True, note="fixed").status_code == 200
        assert staff.patch(block, resolved=True, note="again").status_code == 200

        block.refresh_from_db()
        assert (block.resolution, block.unresolved(timezone.now())) == ("fixed", False)

    def test_of_an_archived_project_would_block_nothing(self, staff: Script, candela: Project) -> None:
        Project.objects.update(archived_at=timezone.now())

        answer = staff.post(project_id=candela.pk, description="incident 12")

        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["project_id"])
        assert not DeployBlock.objects.exists()

    def test_needs_a_note_where_bad_commits_are_kept_back(self, staff: Script, candela: Project) -> None:
        block = blocked(candela, bad_commits=[sha(7)])

        refused = staff.patch(block, resolved=True)

        assert (refused.status_code, list(refused.json()["errors"])) == (400, ["note"])
        assert staff.patch(block, resolved=True, note="it was the cache").status_code == 200
        assert AuditEvent.objects.filter(kind="block.resolved").count() == 1

    def test_tells_the_second_of_two_who_end_it_that_their_note_is_lost(self, staff: Script, candela: Project) -> None:
        block = blocked(candela)
        resolve_block(block, note="fixed", actor=Actor.person("mary"), clock=timezone.now)

        answer = staff.patch(block, resolved=True, note="again").json()

        assert answer["ended_before"].startswith("mary had ended this block before at ")
        assert answer["ended_before"].endswith(" UTC: needs QA. Your note was not saved: again")

    @pytest.mark.parametrize(
        ("wrong", "sentence"),
        [
            ({"description": " "}, "Give a reason: whoever waits will read it."),
            ({"description": "x" * 2001}, "Up to 2,000 characters are kept."),
            ({"resolved_at": "soon"}, "Give a time such as 2026-12-24T17:00:00Z, or null for no end."),
            ({"resolved_at": "9999-12-31T23:59:59-14:00"}, "There is no such time."),
            ({"resolved_at": "2026-12-24T17:00:00"}, "Say in which zone"),
        ],
    )
    def test_says_what_to_send_instead(
        self, staff: Script, candela: Project, wrong: dict[str, Any], sentence: str
    ) -> None:
        assert sentence in staff.post(**{"project_id": candela.pk, "description": "no", **wrong}).content.decode()

    def test_takes_objects_only(self, staff: Script, candela: Project) -> None:
        for body in ("[]", "null", '"no"', "1", "{", "1" * 5000, '{"project_id": 1e999}'):
            answer = staff.client.post("/api/deploy_blocks", body, "application/json", headers=staff.headers)
            assert answer.status_code == 400

    def test_does_not_bring_an_ended_block_back(self, staff: Script, candela: Project) -> None:
        block = blocked(candela)
        staff.patch(block, resolved=True)

        assert staff.patch(block, resolved_at=None).status_code == 400

    def test_ends_a_block_and_mends_its_reason_at_the_same_time(self, staff: Script, candela: Project) -> None:
        block = blocked(candela)

        assert staff.patch(block, description="needed QA", resolved=True, note="done").status_code == 200

        block.refresh_from_db()
        assert (block.description, block.resolution) == ("needed QA", "done")

    @pytest.mark.parametrize(
        ("sent", "field"),
        [
            ({"note": "why"}, "note"),
            ({"resolved": True, "resolved_at": "2999-01-01T00:00:00Z"}, "resolved_at"),
            ({"resolved": "maybe"}, "resolved"),
            ({"description": ""}, "description"),
            ({"note": "x" * 2001, "resolved": True}, "note"),
            ({}, "non_field_errors"),
            ({"resolve": True}, "resolve"),
            ({"resolved": None}, "resolved"),
            ({"resolved": [True]}, "resolved"),
            ({"a\u202e\0": 1}, "a"),
        ],
    )
    def test_loses_nothing_that_was_sent(
        self, staff: Script, candela: Project, sent: dict[str, Any], field: str
    ) -> None:
        answer = staff.patch(blocked(candela), **sent)

        assert answer.status_code == 400
        assert list(answer.json()["errors"]) == [field]

    def test_ends_no_planned_block_before_it_begins(self, staff: Script, candela: Project) -> None:
        now = timezone.now()
        block = blocked(candela, begins_at=now + timedelta(days=5))

        answer = staff.patch(block, resolved_at=(now + timedelta(days=1)).isoformat())

        assert answer.status_code == 400
        assert answer.json()["errors"] == {"resolved_at": ["A block must end after it begins."]}

    def test_says_that_an_ended_block_stays_ended(self, staff: Script, candela: Project) -> None:
        block = blocked(candela)
        assert staff.patch(block, resolved=False).status_code == 200
        staff.patch(block, resolved=True)

        assert staff.patch(block, resolved=False).status_code == 400
