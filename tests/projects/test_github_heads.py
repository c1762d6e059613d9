"""Where stages on GitHub are, asked of the GitHub server."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from projects.github import GitHubReader
from projects.reading import Head, Question, Trouble, Where
from tests.projects.github_reading import (
    add_repositories,
    allow_plain_http,
    branch,
    head_of,
    is_trouble,
    profile_for,
    reader_for,
    tags,
)
from tests.servers.github import GitHubServer

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    allow_plain_http(monkeypatch)


# --- how many requests ----------------------------------------------------------------------------------------------


def test_three_stages_of_fifty_repositories_cost_one_request_and_one_point(github: GitHubServer) -> None:
    reader = reader_for(github)
    repositories = add_repositories(github, 50)
    questions = [
        branch(github, each.full_name, name) for each in repositories for name in ("main", "staging", "release")
    ]
    answers = reader.heads(questions)
    assert len(github.requests) == reader.requests == 1
    assert reader.budget.graphql_remaining == 4999
    for each in repositories:
        for name in ("main", "staging", "release"):
            head = head_of(answers[branch(github, each.full_name, name)])
            assert head.sha == each.sha(name)
            assert head.repository and (head.repository.host_id, head.repository.name) == (each.id, each.name)


def test_more_repositories_are_asked_in_batches_of_fifty(github: GitHubServer) -> None:
    reader = reader_for(github)
    questions = [branch(github, each.full_name) for each in add_repositories(github, 101)]
    answers = reader.heads(questions)
    assert github.count("GRAPHQL Heads") == 3
    assert all(isinstance(answers[each], Head) for each in questions)


def test_the_same_question_is_asked_once_and_the_case_of_a_path_makes_no_difference(github: GitHubServer) -> None:
    reader = reader_for(github)
    repository = github.add_repository("artsy/candela", branches=("main",))
    written = [branch(github, "artsy/candela"), branch(github, "Artsy/Candela"), branch(github, "artsy/candela")]
    answers = reader.heads(written)
    assert {head_of(each).sha for each in answers.values()} == {repository.sha("main")}
    assert github.requests[0].body.count("repository(owner") == 1


def test_a_repository_with_very_many_stages_is_read_whole(github: GitHubServer) -> None:
    reader = reader_for(github)
    names = tuple(f"deploy/{number}" for number in range(45))
    github.add_repository("artsy/mono", branches=("main", *names))
    answers = reader.heads([branch(github, "artsy/mono", name) for name in names])
    assert len({head_of(each).sha for each in answers.values()}) == 1
    assert len(answers) == 45


def test_heads_come_with_tree_and_default_branch(github: GitHubServer) -> None:
    reader = reader_for(github)
    repository = github.add_repository("artsy/candela", branches=("main", "staging"))
    question = branch(github, "artsy/candela", "staging")
    head = head_of(reader.heads([question])[question])
    assert head.tree == repository.store.commit(head.sha).tree
    assert head.repository and head.repository.default_branch == "main"
    assert head.repository.default_branch_sha == repository.sha("main")


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["feature/a/b", "issue#12", "50%", "grün-🚀", "--upload-pack=x", 'say"hi"', "$n0", "a{b}", "back`tick"]
)
def test_odd_names_of_branches_are_read_as_they_are(github: GitHubServer, name: str) -> None:
    reader = reader_for(github)
    repository = github.add_repository("artsy/candela", branches=("main", name))
    repository.commit(name, "only here")
    question = branch(github, "artsy/candela", name)
    assert head_of(reader.heads([question])[question]).sha == repository.sha(name)


def test_a_missing_branch_is_gone_and_its_neighbours_are_not(github: GitHubServer) -> None:
    reader = reader_for(github)
    github.add_repository("artsy/candela", branches=("main",))
    there, gone = branch(github, "artsy/candela"), branch(github, "artsy/candela", "staging")
    answers = reader.heads([there, gone])
    assert isinstance(answers[there], Head)
    assert is_trouble(answers[gone], Trouble.GONE, 'no branch "staging"', "main")


def test_an_empty_repository_says_so(github: GitHubServer) -> None:
    reader = reader_for(github)
    github.add_repository("artsy/empty", initial=False)
    questions = [branch(github, "artsy/empty"), tags(github, "artsy/empty", "v*")]
    answers = reader.heads(questions)
    assert all(is_trouble(answers[each], Trouble.EMPTY, "artsy/empty") for each in questions)


def test_what_is_not_there_and_what_may_not_be_seen_get_advice(github: GitHubServer) -> None:
    reader = reader_for(github)
    hidden = github.add_repository("artsy/hidden", private=True)
    hidden.set_role("horizon", "none")
    for path in ("artsy/hidden", "artsy/nothing"):
        question = branch(github, path)
        assert is_trouble(reader.heads([question])[question], Trouble.NOT_FOUND, path, "may read")


def test_an_archived_repository_is_read_and_marked(github: GitHubServer) -> None:
    reader = reader_for(github)
    github.add_repository("artsy/old", branches=("main",)).archive()
    question = branch(github, "artsy/old")
    head = head_of(reader.heads([question])[question])
    assert head.repository and head.repository.archived


# --- renamed repositories -------------------------------------------------------------------------------------------


def test_a_renamed_repository_is_followed_and_its_new_name_is_said(github: GitHubServer) -> None:
    reader = reader_for(github)
    repository = github.add_repository("artsy/old", branches=("main",))
    repository.rename("artsy/new")
    question = branch(github, "artsy/old")
    head = head_of(reader.heads([question], {"artsy/old": repository.id})[question])
    assert head.repository and head.repository.name == "new"
    assert len(github.requests) == 1


def test_a_name_that_another_repository_took_leads_to_the_old_one_by_its_id(github: GitHubServer) -> None:
    reader = reader_for(github)
    repository = github.add_repository("artsy/old", branches=("main",))
    repository.rename("artsy/new")
    squatter = github.add_repository("artsy/old", branches=("main",))
    squatter.commit("main", "not ours")
    question = branch(github, "artsy/old")
    head = head_of(reader.heads([question], {"artsy/old": repository.id})[question])
    assert head.sha == repository.sha("main") != squatter.sha("main")
    assert head.repository and head.repository.host_id == repository.id
    assert [request.operation for request in github.requests] == [
        "GRAPHQL Heads",
        f"GET /repositories/{repository.id}",
        "GRAPHQL Heads",
    ]
    base = repository.sha("main")
    repository.commit("main", "ours")
    found = reader.difference(question.remote, base, repository.sha("main"))
    assert [each.subject for each in found.commits] == ["ours"]


def test_a_name_that_another_repository_took_from_a_deleted_one_is_never_read(github: GitHubServer) -> None:
    reader = reader_for(github)
    repository = github.add_repository("artsy/candela", branches=("main",))
    known = {"artsy/candela": repository.id}
    repository.delete()
    github.add_repository("artsy/candela", branches=("main",))
    question = branch(github, "artsy/candela")
    assert is_trouble(reader.heads([question], known)[question], Trouble.NOT_FOUND, "another repository")


# --- tags -----------------------------------------------------------------------------------------------------------


def test_the_newest_tag_by_the_date_of_the_tag_wins(github: GitHubServer) -> None:
    reader = reader_for(github)
    repository = github.add_repository("artsy/tagged", initial=False)
    old = repository.commit("main", "old", date=NOON - timedelta(days=9))
    new = repository.commit("main", "new", date=NOON - timedelta(days=1))
    repository.tag("v1", at=new)
    repository.tag("v2", at=old, annotated=True, date=NOON)
    question = tags(github, "artsy/tagged", "v*")
    head = head_of(reader.heads([question])[question])
    assert (head.sha, head.label) == (old, "v2")
    assert head.tree == repository.store.commit(old).tree


def test_globs_match_as_those_of_git_do(github: GitHubServer) -> None:
    reader = reader_for(github)
    repository = github.add_repository("artsy/tagged", initial=False)
    for day, name in enumerate(["release/1", "release/1/hotfix", "v1.2", "vendor"]):
        repository.commit("main", name, date=NOON + timedelta(days=day))
        repository.tag(name, at="main")
    wanted = {"release/*": "release/1", "v[0-9]*": "v1.2", "release/**": "release/1/hotfix", "v?ndor": "vendor"}
    questions = {pattern: tags(github, "artsy/tagged", pattern) for pattern in wanted}
    answers = reader.heads(questions.values())
    assert {pattern: head_of(answers[question]).label for pattern, question in questions.items()} == wanted
    assert len(github.requests) == 1


def test_a_pattern_that_nothing_matches_is_gone(github: GitHubServer) -> None:
    reader = reader_for(github)
    github.add_repository("artsy/tagged", branches=("main",)).tag("v1", at="main")
    question = tags(github, "artsy/tagged", "release-*")
    assert is_trouble(reader.heads([question])[question], Trouble.GONE, '"release-*"')


def test_tags_beyond_the_first_page_are_found(github: GitHubServer) -> None:
    reader = reader_for(github)
    repository = github.add_repository("artsy/tagged", initial=False)
    repository.commit("main", "old", date=NOON - timedelta(days=900))
    repository.tag("release-1", at="main")
    repository.tag("v0", at="main", annotated=True, date=NOON)
    for day in range(130):
        repository.commit("main", f"day {day}", date=NOON - timedelta(days=800 - day))
        repository.tag(f"v1.{day}", at="main")
    questions = [tags(github, "artsy/tagged", "release-*"), tags(github, "artsy/tagged", "v*")]
    answers = reader.heads(questions)
    assert [head_of(answers[each]).label for each in questions] == ["release-1", "v0"]
    assert [request.operation for request in github.requests] == ["GRAPHQL Heads", "GRAPHQL Tags"]


# --- what is refused before anything is sent ------------------------------------------------------------------------


@pytest.mark.parametrize("remote", ["https://evil.example/artsy/candela.git", "git@evil.example:artsy/candela.git"])
def test_credentials_go_to_their_own_host_only(github: GitHubServer, remote: str) -> None:
    reader = reader_for(github)
    question = Question(remote, Where.BRANCH, "main")
    assert is_trouble(reader.heads([question])[question], Trouble.UNSAFE, "evil.example", "127.0.0.1", "no other")
    assert github.requests == []


def test_an_api_address_with_plain_http_is_refused_unless_its_host_is_named(
    github: GitHubServer, monkeypatch: pytest.MonkeyPatch, settings: object
) -> None:
    reader = reader_for(github)
    monkeypatch.setattr(settings, "INSECURE_HOSTS", frozenset())
    question = branch(github, "artsy/candela")
    assert is_trouble(reader.heads([question])[question], Trouble.UNSAFE, "HORIZON_INSECURE_HOSTS")
    assert github.requests == []


def test_an_image_of_a_registry_is_no_question_for_github(github: GitHubServer) -> None:
    question = Question("candela", Where.HOKUSAI, "production")
    answers = reader_for(github).heads([question])
    assert is_trouble(answers[question], Trouble.MISCONFIGURED, "AWS profile")


def test_ssh_remotes_of_the_host_are_read_through_its_api(github: GitHubServer) -> None:
    reader = reader_for(github)
    repository = github.add_repository("artsy/candela", branches=("main",))
    question = Question("git@127.0.0.1:artsy/candela.git", Where.BRANCH, "main")
    assert head_of(reader.heads([question])[question]).sha == repository.sha("main")


# --- answers in part, and heavy ones --------------------------------------------------------------------------------


def test_an_error_with_one_repository_leaves_the_others_alone(github: GitHubServer) -> None:
    reader = reader_for(github)
    questions = [branch(github, each.full_name) for each in add_repositories(github, 3)]
    github.graphql_error("artsy/project1", type="FORBIDDEN")
    answers = reader.heads(questions)
    assert is_trouble(answers[questions[1]], Trouble.REFUSED, "artsy/project1", "may not read")
    assert isinstance(answers[questions[0]], Head)
    assert isinstance(answers[questions[2]], Head)


def test_what_was_too_much_is_asked_again_in_halves(github: GitHubServer) -> None:
    reader = reader_for(github)
    questions = [branch(github, each.full_name) for each in add_repositories(github, 4)]
    github.graphql_error("artsy/project2", type="RESOURCE_LIMITS_EXCEEDED")
    github.graphql_error("artsy/project3", type="RESOURCE_LIMITS_EXCEEDED")
    answers = reader.heads(questions)
    assert all(isinstance(answers[each], Head) for each in questions)


def test_a_query_that_takes_too_long_is_halved_until_github_manages_it(github: GitHubServer) -> None:
    reader = reader_for(github)
    questions = [branch(github, each.full_name) for each in add_repositories(github, 60)]
    github.graphql_timeout_above = 13
    answers = reader.heads(questions)
    assert all(isinstance(answers[each], Head) for each in questions)
    sizes = [request.body.count("repository(owner") for request in github.requests]
    assert sizes[:3] == [50, 25, 13]
    assert max(sizes[2:]) <= 13
    github.reset_requests()
    reader.heads(questions)
    assert max(request.body.count("repository(owner") for request in github.requests) <= 26


def test_a_null_with_an_error_is_never_taken_for_a_deleted_branch(github: GitHubServer) -> None:
    reader = reader_for(github)
    github.add_repository("artsy/candela", branches=("main",))
    question = branch(github, "artsy/candela")
    facts = {"databaseId": 1003, "nameWithOwner": "artsy/candela", "isArchived": False, "isEmpty": False}
    for path in (["r0", "b0"], ["r0", "b0", "target"], ["r0"], None):
        error = {"message": "Something went wrong", "type": "INTERNAL"} | ({"path": path} if path else {})
        answer = {"data": {"r0": facts | {"defaultBranchRef": None, "b0": None}}, "errors": [error]}
        github.fail("GRAPHQL Heads", body=json.dumps(answer))
        assert is_trouble(reader.heads([question])[question], Trouble.BROKEN_ANSWER, "artsy/candela")


@pytest.mark.parametrize(
    "answer",
    [
        {"data": {}},
        {"data": {"r0": 5}},
        {"data": {"r0": {}}},
        {"data": {"r0": {"databaseId": "x", "nameWithOwner": "artsy/candela"}}},
        {"data": {"r0": {"databaseId": 1, "nameWithOwner": "artsy/candela"}}},
        {"data": {"r0": {"databaseId": 1, "nameWithOwner": "artsy/candela", "b0": {"target": None}}}},
        {"data": {"r0": {"databaseId": 1, "nameWithOwner": "artsy/candela", "b0": {"target": {"oid": "<b>"}}}}},
        {"data": None},
        {"data": [], "errors": "none"},
        [],
        "text",
    ],
)
def test_answers_of_another_form_are_broken_answers(github: GitHubServer, answer: object) -> None:
    reader = reader_for(github)
    question = branch(github, "artsy/candela")
    github.fail("GRAPHQL Heads", body=json.dumps(answer))
    assert is_trouble(reader.heads([question])[question], Trouble.BROKEN_ANSWER)


def test_no_question_costs_no_request(github: GitHubServer) -> None:
    assert reader_for(github).heads([]) == {}
    assert github.requests == []


def test_a_reader_asks_as_whom_its_profile_says(github: GitHubServer) -> None:
    github.add_repository("artsy/candela", branches=("main",))
    github.add_token("ghp_other", login="other")
    question = branch(github, "artsy/candela")
    GitHubReader(profile_for(github, token="ghp_other")).heads([question])
    assert [request.token for request in github.requests] == ["ghp_other"]


def test_readers_in_several_threads_never_get_each_others_answers(github: GitHubServer) -> None:
    repositories = {}
    for number in range(4):
        github.add_token(f"ghp_reader{number}", login=f"reader{number}")
        made = github.add_repository(f"artsy/own{number}", branches=("main",), private=True)
        for other in range(4):
            made.set_role(f"reader{other}", "read" if other == number else "none")
        made.commit("main", f"only for {number}")
        repositories[number] = made

    def read(number: int) -> set[str]:
        profile, question = profile_for(github, token=f"ghp_reader{number}"), branch(github, f"artsy/own{number}")
        return {head_of(GitHubReader(profile).heads([question])[question]).sha for _ in range(25)}

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(read, repositories))
    assert found == [{made.sha("main")} for made in repositories.values()]
