"""The page of one project."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from audit.record import HORIZON, record
from blocks.models import DeployBlock
from projects.models import Project, ProjectProperties, StageHead
from tests import worlds
from tests.dashboard.world import blocked, comparison, current, read, shown, strategy, waiting

pytestmark = pytest.mark.django_db


def page(client: Client, project: Project) -> str:
    answer = client.get(f"/projects/{project.pk}/")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


class TestStages:
    def test_are_shown_in_order_with_their_commit(self, reader: Client) -> None:
        project = shown("candela", [], waiting(1))
        head = worlds.sha(7)
        since = timezone.now() - timedelta(hours=3)
        StageHead.objects.create(stage=project.stages.get(name="staging"), sha=head, label="v1.2", since=since)

        html = page(reader, project)

        assert html.index("<h3>main</h3>") < html.index("<h3>staging</h3>") < html.index("<h3>production</h3>")
        assert f'href="https://github.com/artsy/candela/commit/{head}"' in html
        assert "v1.2" in html
        assert "3 hours ago" in html

    def test_what_was_never_read_is_neither_up_to_date_nor_out_of_sync(self, reader: Client) -> None:
        project = shown("candela", error="There is no such repository.")
        StageHead.objects.create(stage=project.stages.get(name="main"), sha="", since=timezone.now())

        html = page(reader, project)

        assert '<span class="state unknown">Could not be read</span>' in html
        assert "Out of sync" not in html
        assert html.count("not found yet") == project.stages.count()

    def test_commits_are_grouped_by_their_pull_request(self, reader: Client) -> None:
        commits = [*waiting(2, pull_request=12), *waiting(1, message="Straight to main", hours=2)]

        html = page(reader, shown("candela", commits))

        assert html.count("Pull request #12") == 1
        assert 'href="https://github.com/artsy/candela/pull/12"' in html
        assert "Straight to main" in html

    def test_a_commit_has_author_time_subject_and_link(self, reader: Client) -> None:
        html = page(reader, shown("candela", waiting(1, message="Fix the price", author="Cy Wu", url="https://x/c/1")))

        assert 'href="https://x/c/1" rel="noreferrer">Fix the price</a>' in html
        assert "<bdi>Cy Wu</bdi>" in html
        assert ">CW</span>" in html
        assert "1 hour ago" in html

    def test_an_address_that_is_none_of_the_web_is_no_link(self, reader: Client) -> None:
        html = page(reader, shown("candela", waiting(1, url="javascript:alert(1)")))

        assert "javascript:" not in html

    def test_no_avatar_is_asked_of_a_third_party(self, reader: Client) -> None:
        html = page(reader, shown("candela", waiting(3)))

        assert "<img" not in html
        assert "gravatar" not in html

    def test_the_rest_of_many_commits_is_behind_a_word(self, reader: Client) -> None:
        project = shown("candela", waiting(250))
        row = comparison(project, "staging")
        row.count, row.at_least, row.url = 300, True, "https://github.com/artsy/candela/compare/a...b"
        row.save()

        html = page(reader, project)

        assert "Show 225 more" in html
        assert "At least 300 commits" in html
        assert "The newest 250 are listed." in html
        assert 'href="https://github.com/artsy/candela/compare/a...b"' in html

    def test_shows_drift_and_what_to_do_about_it(self, reader: Client) -> None:
        project = shown("candela", [], [])
        row = comparison(project)
        row.drift, row.drift_commits = 1, waiting(1, message="Hot fix")
        row.save()

        html = page(reader, project)

        assert "<b>1 commit</b> only on production" in html
        assert "Hot fix" in html
        assert "Merge production back into staging" in html

    @pytest.mark.parametrize("state", ["ahead-gone", "behind-gone", "empty", "unrelated", "unreadable"])
    def test_explains_a_pair_that_cannot_be_compared(self, reader: Client, state: str) -> None:
        project = shown("candela", [], [])
        row = comparison(project)
        row.state, row.explanation = state, "Because of the moon."
        row.save()
        project.snapshots.update(released=False)

        html = page(reader, project)

        assert "Because of the moon." in html
        assert html.count('class="summary ok"') == 1

    def test_a_squashed_release_is_up_to_date_and_says_so(self, reader: Client) -> None:
        project = shown("candela", [], [])
        row = comparison(project)
        row.state, row.explanation = "squashed", "Released by squashing."
        row.save()

        assert "Released by squashing." in page(reader, project)

    def test_a_project_without_stages_says_what_to_do(self, admin: Client) -> None:
        assert "Add them in order" in page(admin, worlds.project("empty", stages={}))


class TestState:
    def test_an_error_comes_with_the_age_of_what_is_below(self, reader: Client) -> None:
        project = shown("candela", [], waiting(2), error="Renew the token.")
        snapshot = current(project)
        snapshot.read_at = timezone.now() - timedelta(days=2)
        snapshot.save()

        html = page(reader, project)

        assert "Renew the token." in html
        assert "was true" in html
        assert "2 days ago" in html

    def test_old_data_is_called_old(self, reader: Client) -> None:
        project = shown("candela", [], [])
        read(project, timezone.now() - timedelta(hours=9))

        assert "polling seems to be behind" in page(reader, project)

    def test_shows_the_decision_of_each_strategy_with_its_conditions(self, reader: Client) -> None:
        project = shown("candela", [], waiting(1))
        strategy(project, automatic=False)

        html = page(reader, project)

        assert "Released by people" in html
        assert "All conditions" in html
        assert 'class="not-met"' in html

    def test_shows_blocks_with_their_reason(self, reader: Client) -> None:
        project = shown("candela", [], [])
        blocked(project, "needs QA")

        html = page(reader, project)

        assert "needs QA" in html
        assert "until somebody ends it" in html
        assert "/resolve/" not in html

    def test_leads_staff_from_a_block_to_its_end(self, reader: Client) -> None:
        project = shown("candela", [], [])
        blocked(project, "needs QA")
        User.objects.update(is_staff=True)

        end = f"/blocks/{DeployBlock.objects.get().pk}/resolve/?project={project.pk}"
        assert f'<a href="{end}">End it' in page(reader, project)

    def test_shows_every_recommendation(self, reader: Client) -> None:
        project = shown("candela", [], [])
        project.stages.filter(name="production").update(hokusai="production", branch="", git_remote="")
        runtimes = {"node": "unknown version", "ruby": "unknown version"}
        ProjectProperties.objects.create(project=project, renovate=False, orbs=["a/b"], runtimes=runtimes)

        html = page(reader, project)

        for words in ("Node version unknown", "Ruby version unknown", "not automatic", "Renovate is not set up"):
            assert words in html

    def test_shows_recent_history(self, reader: Client) -> None:
        project = shown("candela", [], [])
        data = {"pull_request": {"number": 12, "url": "https://github.com/artsy/candela/pull/12"}}
        record("release.merged", actor=HORIZON, at=timezone.now(), project=project, data=data)

        assert "merged pull request #12" in page(reader, project)

    def test_history_leaves_out_what_only_accompanies_a_release(self, reader: Client) -> None:
        project = shown("candela", [], [])
        record("release.merged", actor=HORIZON, at=timezone.now(), project=project, data={})
        for _ in range(20):
            record("notice.updated", actor=HORIZON, at=timezone.now(), project=project, data={})

        html = page(reader, project)

        assert "merged the release" in html
        assert "up to date in Slack" not in html

    def test_only_staff_is_shown_the_way_to_the_admin(self, reader: Client, admin: Client) -> None:
        project = shown("candela")

        assert f"/admin/projects/project/{project.pk}/change/" in page(admin, project)
        assert "/admin/" not in page(reader, project)

    def test_an_unknown_project_is_not_found(self, reader: Client) -> None:
        answer = reader.get("/projects/999999/")

        assert answer.status_code == 404
        assert "There is nothing here" in answer.content.decode()


@pytest.mark.parametrize("commits", [1, 200])
def test_the_number_of_queries_does_not_grow(reader: Client, commits: int, django_assert_max_num_queries: Any) -> None:
    profile = worlds.github_profile()
    project = shown("candela", waiting(commits), waiting(commits), profile=profile, tags=["team"])
    strategy(project, profile=profile)
    for number in range(commits):
        record("release.live", actor=HORIZON, at=timezone.now(), project=project, data={"number": number})
    blocked(project)

    with django_assert_max_num_queries(12):
        page(reader, project)
