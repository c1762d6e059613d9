"""`apply` asks hosts whether the branches of strategies exist; and what is new in a strategy's keys."""

import pytest

from projects.models import Profile
from releases.declare import export
from releases.models import DeployStrategy
from tests.releases.test_declare_apply import only_refusal, run
from tests.servers.github import GitHubServer

pytestmark = pytest.mark.django_db
STRATEGY = """\
              - base: release
                head: staging
                automatic: true
"""


@pytest.fixture
def host(github: GitHubServer) -> GitHubServer:
    github.add_token("ghp_1", login="horizon-bot")
    for name in ("candela", "dogma"):
        github.add_repository(f"artsy/{name}", branches=("main", "staging", "release"))
    return github


def declared(github: GitHubServer, strategy: str = STRATEGY, *names: str, profiles: str = "") -> str:
    """One project on the server, or some, each with this strategy."""
    projects = "".join(
        f"""\
      - name: {name}
        stages:
          - name: production
            git_remote: "{github.remote(f"artsy/{name}")}"
            branch: release
            profile: github
            strategies:
{strategy}"""
        for name in names or ("candela",)
    )
    return f"""\
organizations:
  - name: artsy
    profiles:
      - {{name: github, kind: github-token, secret: ghp_1, api_url: "{github.api_url}"}}
{profiles}    projects:
{projects}"""


class TestBranches:
    def test_of_all_projects_are_asked_with_one_request(self, host: GitHubServer) -> None:
        run(declared(host, STRATEGY, "candela", "dogma"), ask_hosts=True)
        assert len(host.requests) == 1
        assert DeployStrategy.objects.count() == 2

    def test_that_are_missing_are_an_error_with_line_and_near_names(self, host: GitHubServer) -> None:
        line, told = only_refusal(declared(host, STRATEGY.replace("staging", "stagin")), ask_hosts=True)
        assert line == 14
        assert "artsy/candela has no branch “stagin”: push it first, or name another. It has staging" in told
        assert not DeployStrategy.objects.exists()

    def test_are_not_asked_again_when_nothing_changed(self, host: GitHubServer) -> None:
        text = declared(host)
        run(text, ask_hosts=True)
        host.requests.clear()

        assert run(text, ask_hosts=True) == []
        assert host.requests == []

    def test_of_a_host_that_is_away_are_believed_and_that_is_said(self, host: GitHubServer) -> None:
        text = declared(host)
        host.stop()

        said = run(text, ask_hosts=True)

        assert "Whether staging and release exist could not be asked" in said[-1]
        assert DeployStrategy.objects.exists()


class TestNewKeys:
    LONG = STRATEGY + (
        "                merge_after: 24 hours\n"
        "                min_commit_age: 7200\n"
        "                max_wait: 3 days\n"
        "                live_within: 1 hour\n"
        "                commit_status: true\n"
        '                slack_channels: ["#dev"]\n'
        "                slack_profile: bot\n"
    )
    BOT = "      - {name: bot, kind: slack-bot, secret: xoxb-1}\n"

    def test_become_columns_and_come_back_from_export(self, host: GitHubServer) -> None:
        run(declared(host, self.LONG, profiles=self.BOT))

        strategy = DeployStrategy.objects.get()
        assert (strategy.merge_after, strategy.min_commit_age, strategy.max_wait) == (86400, 7200, 259200)
        assert (strategy.live_within, strategy.commit_status) == (3600, True)
        assert strategy.slack_profile == Profile.objects.get(name="bot")
        assert run(export()) == []

    def test_left_out_have_their_defaults(self, host: GitHubServer) -> None:
        run(declared(host, self.LONG, profiles=self.BOT))
        run(declared(host, profiles=self.BOT))

        strategy = DeployStrategy.objects.get()
        assert (strategy.min_commit_age, strategy.max_wait, strategy.slack_profile) == (None, None, None)
        assert (strategy.live_within, strategy.commit_status) == (1800, False)

    @pytest.mark.parametrize(
        ("old", "new", "told"),
        [
            ("max_wait: 3 days", "max_wait: 1 hour", "must not be shorter than merge_after"),
            ("merge_after: 24 hours", "merge_after: soon", "merge_after: “soon” is no length of time"),
            ("merge_after: 24 hours", "merge_after: 200 years", "longer than anybody waits"),
            ("slack_profile: bot", "slack_profile: bat", "no profile “bat”. Did you mean bot?"),
            ("slack_profile: bot", "slack_profile: github", "Channels are written to by a slack-bot profile"),
        ],
    )
    def test_that_are_wrong_are_told(self, host: GitHubServer, old: str, new: str, told: str) -> None:
        assert told in only_refusal(declared(host, self.LONG.replace(old, new), profiles=self.BOT))[1]

    def test_a_bot_that_writes_is_not_pruned(self, host: GitHubServer) -> None:
        run(declared(host, self.LONG, profiles=self.BOT))
        kept = self.LONG.replace("                slack_profile: bot\n", "")
        run(declared(host, kept, "dogma", profiles=self.BOT))

        said = run(declared(host, STRATEGY, "dogma"), prune=True)

        assert any("profile artsy/bot kept" in line for line in said)
