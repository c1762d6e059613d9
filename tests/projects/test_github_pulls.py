"""How releases on GitHub stand, and the acts that move them, against the GitHub server."""

import json
from dataclasses import replace

import pytest

from projects import github_transport
from projects.github_pulls import (
    ActRefused,
    AnswerLost,
    Check,
    CheckState,
    GitHub,
    PullRequest,
    RefusalCode,
    ReleaseQuestion,
    ReleaseState,
)
from projects.reading import StageUnreadable, Trouble
from tests.projects.github_reading import TOKEN, allow_plain_http, assert_no_secret, profile_for
from tests.servers.github import GitHubServer
from tests.servers.github.repository import Repository

QUESTION = ReleaseQuestion("artsy", "candela", "release", "staging")


@pytest.fixture(autouse=True)
def _plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_plain_http(monkeypatch)
    monkeypatch.setattr("projects.github_client.BACK_OFF_SECONDS", 0.001)


@pytest.fixture
def repository(github: GitHubServer) -> Repository:
    """artsy/candela, whose staging has one commit that release lacks."""
    made = github.add_repository("artsy/candela", branches=("main", "staging", "release"))
    made.commit("staging", "news")
    return made


@pytest.fixture
def host(github: GitHubServer, repository: Repository) -> GitHub:
    github.add_token(TOKEN, login="horizon", scopes=("repo",))
    repository.set_role("horizon", "write")
    return GitHub(profile_for(github))


def state_of(host: GitHub, question: ReleaseQuestion = QUESTION, **more: dict[str, int]) -> ReleaseState:
    answer = host.release_states([question], **more)[question]
    assert isinstance(answer, ReleaseState), answer
    return answer


def only_pull(state: ReleaseState) -> PullRequest:
    assert len(state.pull_requests) == 1
    return state.pull_requests[0]


# --- how a release stands -------------------------------------------------------------------------------------------


def test_a_release_without_a_pull_request_tells_what_waits(host: GitHub, repository: Repository) -> None:
    state = state_of(host)
    assert (state.head_sha, state.base_sha) == (repository.sha("staging"), repository.sha("release"))
    assert state.head_tree == repository.store.commit(repository.sha("staging")).tree
    assert (state.ahead, state.behind, state.pull_requests) == (1, 0, ())
    assert (state.merge_commit_allowed, state.can_write, state.merge_queue) == (True, True, False)
    assert state.repository.host_id == repository.id


def test_branches_that_are_level_or_gone_are_told(host: GitHub, repository: Repository) -> None:
    repository.push("release", "staging")
    assert (state_of(host).ahead, state_of(host).behind) == (0, 0)
    repository.delete_branch("staging")
    gone = state_of(host)
    assert (gone.head_sha, gone.ahead, gone.base_sha) == (None, None, repository.sha("release"))


def test_the_open_pull_request_comes_with_all_that_a_decision_needs(host: GitHub, repository: Repository) -> None:
    pull = repository.open_pull_request("staging", "release", title="Deploy <b>", body="line\nline", author="ana")
    pull.assignees.append("bo")
    assert only_pull(state_of(host)).mergeable is None
    found = only_pull(state_of(host))
    assert (found.number, found.title, found.body, found.author) == (pull.number, "Deploy <b>", "line\nline", "ana")
    assert (found.base, found.head, found.head_sha) == ("release", "staging", repository.sha("staging"))
    assert (found.head_repository_id, found.is_open, found.is_draft, found.merged) == (
        repository.id,
        True,
        False,
        False,
    )
    assert (found.mergeable, found.merge_state) == (True, "clean")
    assert (found.checks_complete, found.assignees) == (True, ("bo",))


def test_pull_requests_of_forks_and_of_other_branches_are_none_of_ours(host: GitHub, repository: Repository) -> None:
    fork = repository.fork("mallory")
    fork.commit("staging", "evil")
    for _ in range(2):
        repository.open_pull_request("staging", "release", author="mallory", head_repository=fork)
        repository.close_pull_request(len(repository.pulls.all))
    repository.open_pull_request("staging", "release", author="mallory", head_repository=fork)
    repository.open_pull_request("staging", "main", author="ana")
    assert state_of(host).pull_requests == ()
    ours = repository.open_pull_request("staging", "release", author="ana")
    assert only_pull(state_of(host)).number == ours.number


def test_many_forks_do_not_hide_the_release(host: GitHub, repository: Repository, github: GitHubServer) -> None:
    for number in range(33):
        fork = repository.fork(f"fork{number}")
        fork.commit("staging", f"of fork {number}")
        repository.open_pull_request("staging", "release", author=f"fork{number}", head_repository=fork)
    ours = repository.open_pull_request("staging", "release", author="ana")
    assert only_pull(state_of(host)).number == ours.number
    assert [request.operation for request in github.requests if "GRAPHQL" in request.operation] == [
        "GRAPHQL Releases",
        "GRAPHQL Pulls",
        "GRAPHQL Checks",
    ]


def test_checks_tell_their_state_and_whether_they_are_required(host: GitHub, repository: Repository) -> None:
    repository.protect("release", checks=("ci", "never reported"))
    repository.open_pull_request("staging", "release", author="ana")
    for name, conclusion in {"ci": "success", "flaky": "cancelled", "late": "timed_out", "lint": "neutral"}.items():
        repository.check_run(name, at="staging", conclusion=conclusion)
    repository.check_run("slow", at="staging", status="in_progress", conclusion=None)
    repository.status("ci/circleci", at="staging", state="error")
    found = only_pull(state_of(host))
    assert {check.name: (check.state, check.required) for check in found.checks} == {
        "ci": (CheckState.SUCCESS, True),
        "flaky": (CheckState.FAILURE, False),
        "late": (CheckState.FAILURE, False),
        "lint": (CheckState.NEUTRAL, False),
        "slow": (CheckState.PENDING, False),
        "ci/circleci": (CheckState.FAILURE, False),
    }
    assert found.checks_complete
    assert state_of(host).required_checks == ("ci", "never reported")


def test_required_checks_are_those_of_rulesets_and_classic_protection_together(
    host: GitHub, repository: Repository
) -> None:
    repository.protect("release", checks=("classic",))
    repository.add_ruleset("release", checks=("ruleset",))
    assert state_of(host).required_checks == ("classic", "ruleset")
    repository.set_role("horizon", "admin")
    assert state_of(host).required_checks == ("classic", "ruleset")


def test_required_checks_that_may_not_be_seen_are_unknown_and_not_none(host: GitHub, github: GitHubServer) -> None:
    state = state_of(host)
    assert state.required_checks == ()
    github.reset_requests()
    for path in (["r0", "base", "rules"], ["r0", "base", "refUpdateRule"]):
        github.fail(
            "GRAPHQL Releases", body=_released(state, errors=[{"type": "FORBIDDEN", "message": "", "path": path}])
        )
        assert state_of(host).required_checks is None


def _released(state: ReleaseState, *, compare: object = None, **more: object) -> str:
    """An answer of GitHub's to the question, with nothing but the branches."""
    tips = [{"target": {"oid": sha, "tree": {"oid": sha}}} for sha in (state.base_sha, state.head_sha)]
    rules = {"rules": None, "refUpdateRule": None, "branchProtectionRule": None, "compare": compare}
    repository = {
        "databaseId": state.repository.host_id,
        "nameWithOwner": "artsy/candela",
        "isArchived": False,
        "isEmpty": False,
        "defaultBranchRef": None,
        "viewerPermission": "WRITE",
        "mergeQueue": None,
        "base": tips[0] | rules,
        "head": tips[1],
        "pullRequests": {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}},
    } | dict.fromkeys(("mergeCommitAllowed", "squashMergeAllowed", "rebaseMergeAllowed", "deleteBranchOnMerge"), True)
    return json.dumps({"data": {"r0": repository}, **more})


def test_a_comparison_of_other_commits_is_not_believed(host: GitHub, github: GitHubServer) -> None:
    state = state_of(host)
    ends = {"baseTarget": {"oid": state.base_sha}, "headTarget": {"oid": "f" * 40}}
    for compare in (None, {"aheadBy": 7, "behindBy": 0} | ends):
        github.fail("GRAPHQL Releases", body=_released(state, compare=compare))
        assert state_of(host).ahead is None


def test_more_checks_than_are_read_are_never_complete(host: GitHub, repository: Repository) -> None:
    repository.open_pull_request("staging", "release", author="ana")
    for number in range(120):
        repository.check_run(f"check {number}", at="staging")
    found = only_pull(state_of(host))
    assert (len(found.checks), found.checks_complete) == (120, True)
    for number in range(120, 320):
        repository.check_run(f"check {number}", at="staging")
    found = only_pull(state_of(host))
    assert (len(found.checks), found.checks_complete) == (300, False)


def test_checks_that_could_not_be_read_are_never_complete(
    host: GitHub, repository: Repository, github: GitHubServer
) -> None:
    repository.open_pull_request("staging", "release", author="ana")
    moved: dict[str, object] = {"oid": "f" * 40, "statusCheckRollup": None, "assignees": {"nodes": []}}
    for answer in ({"data": None}, {"data": {"r0": None}}, {"data": {"r0": {"x": moved}}}):
        github.fail("GRAPHQL Checks", body=json.dumps(answer))
        assert not only_pull(state_of(host)).checks_complete
    github.fail("GRAPHQL Checks", times=3, status=502)
    assert not only_pull(state_of(host)).checks_complete


def test_a_merge_queue_is_seen(host: GitHub, repository: Repository) -> None:
    repository.add_ruleset("release", merge_queue=True)
    assert state_of(host).merge_queue is True


def test_a_reader_is_told_that_it_may_not_write(host: GitHub, repository: Repository) -> None:
    repository.set_role("horizon", "read")
    assert state_of(host).can_write is False


def test_fifty_releases_cost_two_requests_and_two_points(host: GitHub, github: GitHubServer) -> None:
    for number in range(50):
        made = github.add_repository(f"artsy/app{number}", branches=("main", "staging", "release"))
        made.commit("staging", "news")
        made.open_pull_request("staging", "release", author="ana")
    questions = [replace(QUESTION, name=f"app{number}") for number in range(50)]
    answers = host.release_states(questions)
    assert all(isinstance(answer, ReleaseState) and answer.pull_requests for answer in answers.values())
    assert len(github.requests) == 2
    assert host.budget.graphql_remaining == 4998


def test_one_release_that_cannot_be_read_is_no_trouble_for_the_others(host: GitHub) -> None:
    missing = replace(QUESTION, name="nothing")
    answers = host.release_states([QUESTION, missing])
    assert isinstance(answers[QUESTION], ReleaseState)
    trouble = answers[missing]
    assert isinstance(trouble, StageUnreadable)
    assert trouble.trouble is Trouble.NOT_FOUND


def test_a_repository_that_lost_its_name_is_followed_by_questions_and_acts(
    host: GitHub, repository: Repository, github: GitHubServer
) -> None:
    repository.rename("artsy/lantern")
    squatter = github.add_repository("artsy/candela", branches=("main", "staging", "release"))
    squatter.commit("staging", "not ours")
    state = state_of(host, known={"artsy/candela": repository.id})
    assert state.repository.host_id == repository.id
    pull = host.create_pull_request("artsy", "candela", base="release", head="staging", title="Deploy", body="")
    assert pull.head_repository_id == repository.id
    assert squatter.pulls.all == {}


# --- one pull request -----------------------------------------------------------------------------------------------


def test_a_merged_pull_request_tells_by_whom_and_what(host: GitHub, repository: Repository) -> None:
    number = repository.open_pull_request("staging", "release", author="ana").number
    sha = repository.merge_pull_request(number, by="bo")
    found = host.pull_request("artsy", "candela", number)
    assert (found.is_open, found.merged, found.merge_sha, found.merged_by) == (False, True, sha, "bo")
    assert found.merged_at is not None


def test_a_pull_request_that_is_not_there_is_gone(host: GitHub) -> None:
    with pytest.raises(StageUnreadable) as caught:
        host.pull_request("artsy", "candela", 4711)
    assert (caught.value.trouble, "4711" in caught.value.message) == (Trouble.GONE, True)


def test_the_host_tells_whose_credentials_these_are_once(host: GitHub, github: GitHubServer) -> None:
    assert [host.login(), host.login()] == ["horizon", "horizon"]
    assert GitHub(profile_for(github, token="ghp_wrong")).login() == ""
    assert github.count("GRAPHQL Viewer") == 2


# --- opening --------------------------------------------------------------------------------------------------------


def opened(host: GitHub) -> PullRequest:
    return host.create_pull_request("artsy", "candela", base="release", head="staging", title="Deploy", body="text")


def refusal(act: object, *arguments: object, **named: object) -> ActRefused:
    with pytest.raises(ActRefused) as caught:
        act(*arguments, **named)  # type: ignore[operator]
    assert_no_secret(caught.value)
    return caught.value


def test_opening_gives_the_pull_request(host: GitHub, repository: Repository, github: GitHubServer) -> None:
    pull = opened(host)
    assert (pull.number, pull.base, pull.head, pull.author) == (1, "release", "staging", "horizon")
    assert pull.head_sha == repository.sha("staging")
    assert [act.kind for act in github.acts] == ["pull-request.opened"]


def test_opening_twice_is_refused_in_a_way_that_a_program_understands(host: GitHub) -> None:
    opened(host)
    refused = refusal(opened, host)
    assert (refused.status, refused.code, refused.transient) == (422, RefusalCode.ALREADY_EXISTS, True)
    assert "already exists" in refused.message


def test_opening_with_nothing_to_release_is_refused(host: GitHub, repository: Repository) -> None:
    repository.push("release", "staging")
    refused = refusal(opened, host)
    assert (refused.code, refused.transient) == (RefusalCode.NO_COMMITS, False)


def test_opening_without_the_right_is_refused_with_advice(host: GitHub, repository: Repository) -> None:
    repository.github.add_repository("artsy/candela2", private=True)
    refused = refusal(host.create_pull_request, "artsy", "nothing", base="a", head="b", title="t", body="")
    assert (refused.code, refused.transient) == (RefusalCode.NOT_FOUND, False)
    assert "lack the right" in refused.message


def test_an_archived_repository_refuses(host: GitHub, repository: Repository) -> None:
    repository.archive()
    assert refusal(opened, host).code is RefusalCode.NOT_ALLOWED


@pytest.mark.parametrize(
    "fault",
    [{"drop": "after"}, {"drop": "before"}, {"status": 502}, {"status": 500}, {"garbage": True}, {"truncate": True}],
)
def test_an_answer_that_got_lost_is_said_to_be_lost_and_the_act_is_not_repeated(
    host: GitHub, github: GitHubServer, fault: dict[str, object]
) -> None:
    github.fail("POST .*/pulls", **fault)  # type: ignore[arg-type]
    with pytest.raises(AnswerLost) as caught:
        opened(host)
    assert_no_secret(caught.value)
    assert len(github.sent("POST .*/pulls")) == 1


@pytest.mark.parametrize("answer", ["{}", "[]", '{"number": null}', '{"number": 1, "head": {"ref": "other"}}'])
def test_an_answer_without_a_pull_request_counts_as_lost(host: GitHub, github: GitHubServer, answer: str) -> None:
    github.fail("POST .*/pulls", status=201, body=answer)
    with pytest.raises(AnswerLost):
        opened(host)


@pytest.mark.parametrize("status", [301, 307, 308])
def test_an_act_is_never_redirected(host: GitHub, github: GitHubServer, status: int) -> None:
    github.fail("POST .*/pulls", status=status, redirect=f"{github.api_url}/repositories/1/pulls")
    refused = refusal(opened, host)
    assert (refused.code, refused.transient) == (RefusalCode.MOVED, True)
    assert github.acts == []


def test_an_act_waits_for_a_limit(host: GitHub, github: GitHubServer) -> None:
    github.secondary_limit(times=1, retry_after=30, matching="POST .*")
    refused = refusal(opened, host)
    assert (refused.code, refused.transient) == (RefusalCode.LIMITED, True)
    assert refused.retry_at is not None
    again = refusal(opened, host)
    assert (again.code, again.status) == (RefusalCode.LIMITED, 0)
    assert len(github.sent("POST .*/pulls")) == 1


def test_a_wrong_token_refuses_the_act(github: GitHubServer, repository: Repository) -> None:
    refused = refusal(opened, GitHub(profile_for(github)))
    assert (refused.status, refused.code, refused.transient) == (401, RefusalCode.NOT_ALLOWED, False)


def test_an_act_that_did_not_leave_this_machine_is_refused_and_may_be_tried_again(github: GitHubServer) -> None:
    refused = refusal(opened, GitHub(profile_for(github, api_url="http://127.0.0.1:9/api/v3")))
    assert (refused.status, refused.transient) == (0, True)


def test_names_that_are_no_repository_are_not_sent(host: GitHub, github: GitHubServer) -> None:
    refused = refusal(host.create_pull_request, "artsy", "../user", base="a", head="b", title="t", body="")
    assert (refused.status, refused.transient) == (0, False)
    assert github.requests == []


# --- merging --------------------------------------------------------------------------------------------------------


def merge(host: GitHub, sha: str) -> str:
    return host.merge_pull_request("artsy", "candela", 1, sha=sha)


@pytest.fixture
def pull(repository: Repository) -> str:
    """An open release pull request; its head."""
    return repository.open_pull_request("staging", "release", author="ana").head_sha


def test_merging_gives_the_merge(host: GitHub, repository: Repository, pull: str, github: GitHubServer) -> None:
    assert merge(host, pull) == repository.sha("release")
    sent = json.loads(github.sent("PUT .*/merge")[0].body)
    assert sent == {"sha": pull, "merge_method": "merge"}


def test_a_title_and_a_message_are_sent_along(host: GitHub, repository: Repository, pull: str) -> None:
    host.merge_pull_request("artsy", "candela", 1, sha=pull, method="squash", title="Release", message="why")
    assert repository.store.commit(repository.sha("release")).message.startswith("Release\n\nwhy")


def test_a_head_that_moved_is_refused_and_may_be_tried_again(host: GitHub, repository: Repository, pull: str) -> None:
    repository.commit("staging", "more")
    refused = refusal(merge, host, pull)
    assert (refused.status, refused.code, refused.transient) == (409, RefusalCode.HEAD_MOVED, True)


@pytest.mark.parametrize(
    ("words", "transient"),
    [
        ("Base branch was modified. Review and try the merge again.", True),
        ("Squash merges are not allowed on this repository.", False),
        ("Pull Request is not mergeable", False),
        ("Changes must be made through the merge queue", False),
        ('Required status check "ci" is expected.', False),
    ],
)
def test_only_a_moved_base_is_a_passing_refusal(
    host: GitHub, github: GitHubServer, pull: str, words: str, transient: bool
) -> None:
    github.fail("PUT .*/merge", status=405, body=json.dumps({"message": words}))
    refused = refusal(merge, host, pull)
    assert (refused.status, refused.transient) == (405, transient)
    assert refused.message.startswith(words.rstrip("."))


def test_a_required_check_that_is_missing_is_githubs_to_say(host: GitHub, repository: Repository, pull: str) -> None:
    repository.protect("release", checks=("ci",))
    refused = refusal(merge, host, pull)
    assert (refused.code, refused.transient) == (RefusalCode.NOT_MERGEABLE, False)
    assert '"ci" is expected' in refused.message


@pytest.mark.parametrize(
    "fault", [{"drop": "after"}, {"drop": "before"}, {"status": 502}, {"garbage": True}, {"truncate": True}]
)
def test_a_merge_whose_answer_got_lost_is_sent_once(
    host: GitHub, github: GitHubServer, pull: str, fault: dict[str, object]
) -> None:
    github.fail("PUT .*/merge", **fault)  # type: ignore[arg-type]
    with pytest.raises(AnswerLost):
        merge(host, pull)
    assert len(github.sent("PUT .*/merge")) == 1


def test_a_merge_that_takes_too_long_is_lost(
    host: GitHub, github: GitHubServer, pull: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(github_transport, "READ_SECONDS", 0.2)
    github.fail("PUT .*/merge", slow=3)
    with pytest.raises(AnswerLost):
        merge(host, pull)


@pytest.mark.parametrize("answer", ["{}", '{"merged": false}', '{"merged": true}', '{"merged": true, "sha": "x"}'])
def test_merged_is_believed_only_when_it_is_said(host: GitHub, github: GitHubServer, pull: str, answer: str) -> None:
    github.fail("PUT .*/merge", body=answer)
    with pytest.raises(AnswerLost):
        merge(host, pull)


def test_checks_of_the_head_are_told_before_there_is_a_pull_request(host: GitHub, repository: Repository) -> None:
    repository.check_run("ci", at="staging")
    state = state_of(host)
    assert state.checks == (Check("ci", CheckState.SUCCESS, required=False, url=state.checks[0].url),)
    assert state.checks_complete
