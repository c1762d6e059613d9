"""`apply`: what a file declares becomes the configuration, and every mistake in it is told with its line."""

from typing import Any

import pytest

from audit.models import AuditEvent
from audit.record import Actor
from projects.models import Organization, Profile, Project, Repository, Stage
from releases.declare import Refused, apply
from releases.models import DeployStrategy
from tests import worlds

pytestmark = pytest.mark.django_db
ANA = Actor.command("ana")
TOKEN = "ghp_canary0123456789"
WEBHOOK = "https://hooks.slack.com/services/T/B/canary"

DESIGN = """\
organizations:
  - name: artsy
    profiles:
      - {name: github, kind: github-token, secret: "${GITHUB_TOKEN}", api_url: "https://api.github.com"}
    projects:
      - name: candela
        description: send analytics data
        tags: [galleries, auctions]
        criticality: 2
        stages:
          - {name: main, git_remote: "https://github.com/artsy/candela.git", branch: main, profile: github}
          - {name: staging, git_remote: "https://github.com/artsy/candela.git", branch: staging, profile: github}
          - name: production
            git_remote: "https://github.com/artsy/candela.git"
            branch: release
            profile: github
            strategies:
              - provider: github pull request
                profile: github
                automatic: true
                base: release
                head: staging
                merge_after: 86400
                merge_prior_warning: 3600
                slack_webhook_urls: ["https://hooks.slack.com/services/T/B/canary"]
                slack_channels: ["#dev"]
                blocked_time_buckets: ["* 1-2 * * *"]
                time_zone: America/New_York
                required_checks: []
                merge_method: merge
"""


def run(text: str | bytes, **options: Any) -> list[str]:
    said: list[str] = []
    content = text.encode() if isinstance(text, str) else text
    environment = options.pop("environment", {"GITHUB_TOKEN": TOKEN})
    apply(content, environment=environment, actor=ANA, at=worlds.NOW, say=said.append, **options)
    return said


def refusals(text: str | bytes, **options: Any) -> list[tuple[int, str]]:
    with pytest.raises(Refused) as refused:
        run(text, **options)
    return [(complaint.line, complaint.message) for complaint in refused.value.complaints]


def only_refusal(text: str | bytes, **options: Any) -> tuple[int, str]:
    (refusal,) = refusals(text, **options)
    return refusal


class TestTheFileOfTheDesign:
    def test_becomes_rows(self) -> None:
        run(DESIGN)

        project = Project.objects.get()
        assert (str(project), project.tags, project.criticality) == ("artsy/candela", ["galleries", "auctions"], 2)
        assert [(stage.position, stage.name, stage.branch) for stage in project.stages.all()] == [
            (1, "main", "main"),
            (2, "staging", "staging"),
            (3, "production", "release"),
        ]
        assert Profile.objects.get().secret.reveal() == TOKEN
        strategy = DeployStrategy.objects.get()
        assert strategy.slack_webhook_urls.reveal() == WEBHOOK
        assert (strategy.base, strategy.head, strategy.merge_after) == ("release", "staging", 86400)

    def test_says_what_it_creates(self) -> None:
        assert run(DESIGN) == [
            "+ organization artsy created",
            "+ profile artsy/github created",
            "+ project artsy/candela created",
            "+ stage artsy/candela main created",
            "+ stage artsy/candela staging created",
            "+ stage artsy/candela production created",
            "+ deploy strategy artsy/candela production: staging -> release created",
            (
                "! deploy strategy artsy/candela production: staging -> release: Nobody can write to #dev: give the "
                "organization a profile of the kind slack-bot, or a webhook instead of the channel."
            ),
        ]

    def test_applied_twice_changes_nothing_the_second_time(self) -> None:
        run(DESIGN)
        events = AuditEvent.objects.count()

        assert run(DESIGN) == []
        assert AuditEvent.objects.count() == events

    def test_writes_an_event_for_each_change_by_the_user_of_the_shell(self) -> None:
        run(DESIGN)

        events = AuditEvent.objects.filter(kind="config.changed")
        assert events.count() == 7
        assert {(event.actor, event.actor_kind) for event in events} == {("ana", "command")}
        assert TOKEN not in str(list(events.values()))
        assert WEBHOOK not in str(list(events.values()))

    def test_a_dry_run_says_the_same_and_changes_nothing(self) -> None:
        assert run(DESIGN, dry_run=True)[0] == "+ organization artsy created"
        assert not Organization.objects.exists()
        assert not AuditEvent.objects.exists()

    def test_asks_for_a_poll_once_it_is_committed(self, django_capture_on_commit_callbacks: Any) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            run(DESIGN)

        assert Project.objects.get().poll.asked_at == worlds.NOW


class TestAChange:
    def test_is_said_field_by_field(self) -> None:
        run(DESIGN)
        changed = DESIGN.replace("criticality: 2", "criticality: 3").replace("send analytics data", "")

        assert run(changed) == [
            "~ project artsy/candela",
            "    ~ description: send analytics data -> (empty)",
            "    ~ criticality: 2 -> 3",
        ]
        event = AuditEvent.objects.first()
        assert event is not None
        assert event.data["before"] == {"description": "send analytics data", "criticality": 2}
        assert event.data["after"] == {"description": "", "criticality": 3}

    def test_of_a_secret_is_said_without_it(self) -> None:
        run(DESIGN)

        assert run(DESIGN, environment={"GITHUB_TOKEN": "ghp_another"}) == [
            "~ profile artsy/github",
            "    ~ secret: changed",
        ]
        assert Profile.objects.get().secret.reveal() == "ghp_another"

    def test_without_the_secret_keeps_the_stored_ones(self) -> None:
        run(DESIGN)
        silent = DESIGN.replace('secret: "${GITHUB_TOKEN}", ', "")
        silent = "\n".join(line for line in silent.splitlines() if "slack_webhook_urls" not in line)

        assert run(silent) == []
        assert Profile.objects.get().secret.reveal() == TOKEN
        assert DeployStrategy.objects.get().slack_webhook_urls.reveal() == WEBHOOK

    def test_of_the_host_asks_for_the_secret_again(self) -> None:
        run(DESIGN)
        moved = DESIGN.replace('secret: "${GITHUB_TOKEN}", ', "").replace("https://api.github.com", "https://evil.test")

        assert _found(refusals(moved), "again") == (4, "give the token (secret) again")
        assert Profile.objects.get().api_url == "https://api.github.com"

    def test_of_a_strategys_branches_edits_the_strategy_that_is_there(self) -> None:
        run(DESIGN)
        before = DeployStrategy.objects.get()

        run(DESIGN.replace("base: release", "base: live"))

        assert DeployStrategy.objects.get().base == "live"
        assert DeployStrategy.objects.get().pk == before.pk

    def test_of_the_order_moves_stages_and_keeps_them(self) -> None:
        run(DESIGN)
        before = dict(Stage.objects.values_list("name", "pk"))
        lines = DESIGN.splitlines()
        lines[10], lines[11] = lines[11], lines[10]

        run("\n".join(lines))

        order = list(Stage.objects.order_by("position").values_list("name", flat=True))
        assert order == ["staging", "main", "production"]
        assert dict(Stage.objects.values_list("name", "pk")) == before

    def test_a_stage_that_the_file_does_not_name_stays_behind_its_predecessor(self) -> None:
        run(DESIGN)
        without = "\n".join(line for line in DESIGN.splitlines() if "{name: staging" not in line)

        assert run(without) == []
        order = list(Stage.objects.order_by("position").values_list("name", flat=True))
        assert order == ["main", "staging", "production"]


class TestPrune:
    SHORT = "organizations: [{name: artsy, projects: [{name: other}]}]"

    def test_archives_projects_and_removes_the_rest_and_says_what_goes_first(self) -> None:
        run(DESIGN)

        said = run(self.SHORT, prune=True)

        assert said[0] == "- project artsy/candela archived"
        assert Project.objects.get(name="candela").archived_at == worlds.NOW

    def test_keeps_a_profile_that_an_archived_project_uses(self) -> None:
        run(DESIGN)

        assert "= profile artsy/github kept" in run(self.SHORT, prune=True)[-1]
        assert Profile.objects.exists()

    def test_removes_stages_strategies_and_unused_profiles(self) -> None:
        run(DESIGN)

        said = run("organizations: [{name: artsy, projects: [{name: candela}]}]", prune=True)

        assert "- stage artsy/candela main removed" in said
        assert "- profile artsy/github removed" in said
        assert not Stage.objects.exists()
        assert not Profile.objects.exists()
        assert not DeployStrategy.objects.exists()

    def test_touches_no_other_organization(self) -> None:
        run(DESIGN)

        run("organizations: [{name: elsewhere}]", prune=True)

        assert Project.objects.active().count() == 1

    def test_a_project_that_comes_back_is_restored(self) -> None:
        run(DESIGN)
        run(self.SHORT, prune=True)

        assert "~ project artsy/candela restored" in run(DESIGN)
        assert Project.objects.get(name="candela").archived_at is None
        assert run(DESIGN) == []

    def test_a_renamed_project_takes_over_its_strategy(self) -> None:
        run(DESIGN)

        run(DESIGN.replace("- name: candela", "- name: candle"), prune=True)

        assert list(Project.objects.active().values_list("name", flat=True)) == ["candle"]


class TestMistakes:
    def test_all_are_told_at_once_and_nothing_is_changed(self) -> None:
        wrong = (
            DESIGN.replace("kind: github-token", "kind: github-tokn")
            .replace("criticality: 2", "criticality: 7")
            .replace("head: staging", "head: release")
            .replace("America/New_York", "America/NewYork")
        )

        told = refusals(wrong)

        assert [line for line, _ in told] == [4, 9, 22, 28]
        assert "Did you mean github-token?" in told[0][1]
        assert "Did you mean America/New_York?" in told[3][1]
        assert not Organization.objects.exists()

    def test_an_unknown_key_is_told_with_the_nearest_known_one(self) -> None:
        line, message = only_refusal(DESIGN.replace("branch: staging", "branche: staging, branch: staging"))
        assert line == 12
        assert message == "“branche” is no key of a stage. Did you mean branch?"

    def test_a_variable_that_is_not_set_is_named(self) -> None:
        line, message = only_refusal(DESIGN, environment={})
        assert line == 4
        assert "GITHUB_TOKEN, which is not set" in message

    @pytest.mark.parametrize(
        ("old", "new", "line", "words"),
        [
            ("branch: main", "branch: main, tag_pattern: v*", 11, "one of branch and tag_pattern"),
            ("branch: main, ", "", 11, "give a branch, a tag_pattern or an image tag"),
            ("branch: main", "tag_pattern: 'v[1'", 11, "brackets that do not fit"),
            ("branch: main", "branch: '--upload-pack=x'", 11, "must not begin with a hyphen"),
            ("{name: main, git_remote: \"https://github", "{name: main, git_remote: \"ext::sh", 11, "git remote"),
            ("{name: main, ", "{name: ma/in, ", 11, "must not hold a slash"),
            ("- name: candela", "- name: can/dela", 6, "must not hold a slash"),
            ("name: staging", "name: main", 12, "“main” is here twice; the first is in line 11"),
            ("branch: release\n            profile: github", "branch: release\n            profile: gitub", 16,
             "no profile “gitub”. Did you mean github?"),
            ("merge_prior_warning: 3600", "merge_prior_warning: 86400", 24, "must be shorter than merge_after"),
            ("merge_after: 86400", "merge_after: 9999999999", 23, "whole number"),
            ("merge_after: 86400", "merge_after: 999999999", 23, "365 days"),
            ("https://hooks.slack.com/", "http://hooks.slack.com/", 25, "must begin with https://"),
            ("https://hooks.slack.com/", "https://evil.test/", 25, "HORIZON_SLACK_WEBHOOK_HOSTS"),
            ("* 1-2 * * *", "* 1-2 * *", 27, "five fields"),
            ("* 1-2 * * *", "0 0 31 2 *", 27, "never matches"),
            ("* 1-2 * * *", "* * * * *", 27, "closes every minute"),
            ("* 1-2 * * *", "h h * * *", 27, "closed hours do not know"),
            ("merge_method: merge", "merge_method: merg", 30, "Did you mean merge?"),
            ("provider: github pull request", "provider: gitlab", 18, "choose one of github pull request"),
            ("automatic: true", "automatic: perhaps", 20, "neither true nor false"),
            ("tags: [galleries, auctions]", "tags: {a: b}", 8, "must be a list of texts"),
            ("https://api.github.com", "https://github.com", 4, "https://api.github.com"),
            ("send analytics data", '"send \\e[31m red"', 7, "control characters"),
        ],
    )  # fmt: skip
    def test_each_has_its_line_and_a_sentence(self, old: str, new: str, line: int, words: str) -> None:
        told = refusals(DESIGN.replace(old, new, 1))
        assert any(line == at and words in message for at, message in told), told
        assert TOKEN not in str(told)
        assert "canary" not in str(told)

    def test_a_remote_on_another_host_than_the_profiles_is_refused(self) -> None:
        told = refusals(
            DESIGN.replace("https://github.com/artsy/candela.git", "https://gitlab.com/artsy/candela.git", 1)
        )
        assert told[0][0] == 11
        assert "its secret goes to its own host only" in told[0][1]

    def test_two_strategies_of_one_repository_must_not_share_base_and_head(self) -> None:
        second = DESIGN.split("    projects:\n")[1].replace("name: candela", "name: rival")
        (line, message), *rest = refusals(DESIGN + second)
        assert not rest
        assert line == 22 + 25
        assert "artsy/candela production releases artsy/candela from staging to release already" in message

    def test_a_strategy_of_another_organization_counts_as_well(self) -> None:
        run(DESIGN)
        assert "already" in only_refusal(DESIGN.replace("name: artsy", "name: other"))[1]

    def test_a_repository_that_was_renamed_counts_by_both_names(self) -> None:
        run(DESIGN)
        names = {"path": "artsy/candela", "current_path": "artsy/mars"}
        Repository.objects.create(api_url="https://api.github.com", host_id=7, **names)
        other = DESIGN.replace("name: artsy", "name: other").replace("artsy/candela", "artsy/mars")
        assert "releases artsy/mars from staging to release already" in only_refusal(other)[1]

    def test_an_app_key_that_is_no_key_is_refused_without_repeating_it(self) -> None:
        text = (
            "organizations: [{name: a, profiles: [{name: app, kind: github-app, app_id: 1, installation_id: 2, "
            "secret: canary-no-key}]}]"
        )
        line, message = only_refusal(text)
        assert line == 1
        assert "no private key" in message
        assert "canary" not in message


class TestFilesThatAreNone:
    @pytest.mark.parametrize(
        ("content", "line", "words"),
        [
            (b"organizations: [", 2, "This is no YAML"),
            (b"a: b: c", 1, "This is no YAML"),
            (b"\torganizations: []", 1, "This is no YAML"),
            (b"\xff\xfe", 1, "UTF-8"),
            (b"organizations: \x00", 1, "control character"),
            (b"", 1, "empty"),
            (b"- artsy", 1, "Here must stand the file"),
            (b"organizations: artsy", 1, "must be a list"),
            (b"organizations: [artsy]", 1, "Here must stand an organization"),
            (b"organizations: [{}]", 1, "has no name"),
            (b"organizations: []\norganizations: []", 2, "is here twice; the first is in line 1"),
            (b"organizations: [{name: a}, {name: A}]", 1, "is here twice"),
            (b"organizations: !!python/object/apply:os.system [ls]", 1, "is not allowed"),
            (b"organizations: &a [*a]", 1, "would never end"),
            (b"organizations: *a", 1, "names nothing"),
            (b"[" * 50, 1, "nested more than"),
            (b"---\na: b\n---\n", 3, "second document"),
        ],
    )  # fmt: skip
    def test_get_a_clear_message(self, content: bytes, line: int, words: str) -> None:
        assert any(at == line and words in message for at, message in refusals(content)), refusals(content)

    def test_ten_megabytes_are_refused_by_their_size(self) -> None:
        assert "10,000,000 bytes" in only_refusal(b"#" * 10_000_000)[1]

    def test_a_bomb_of_anchors_is_refused_before_it_goes_off(self) -> None:
        bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
            f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 12)
        )
        assert "aliases" in only_refusal(bomb)[1]

    def test_anchors_and_merge_keys_are_understood(self) -> None:
        run(
            """\
            organizations:
              - name: artsy
                projects:
                  - name: candela
                    stages:
                      - &first {name: main, git_remote: "https://example.com/a/b.git", branch: main}
                      - {<<: *first, name: staging, branch: staging}
            """
        )
        assert list(Stage.objects.values_list("git_remote", flat=True)) == ["https://example.com/a/b.git"] * 2

    def test_words_that_yaml_takes_for_something_else_stay_words(self) -> None:
        run(
            "organizations: [{name: 2026, projects: [{name: 'yes', stages: [{name: on, branch: no, "
            "git_remote: 'https://example.com/a/b'}]}]}]"
        )
        assert str(Stage.objects.get()) == "2026/yes on"
        assert Stage.objects.get().branch == "no"


def _found(told: list[tuple[int, str]], word: str) -> tuple[int, str]:
    line, message = next((line, message) for line, message in told if word in message)
    return line, next(part for part in message.split(": ") if word in part).split(". ")[0]
