"""GraphQL: GitHub's own nullability, partial answers, limits and costs."""

from datetime import UTC, datetime, timedelta

import pytest
from graphql import build_schema

from tests.servers.asking import Asking, asking
from tests.servers.github import GitHubServer, Repository
from tests.servers.github.check import differences
from tests.servers.github.graphql_root import SDL

DAY = datetime(2026, 11, 1, 9, tzinfo=UTC)
HEADS = """
query Heads($owner: String!, $name: String!, $branch: String!) {
  repository(owner: $owner, name: $name) {
    databaseId nameWithOwner isArchived isEmpty
    defaultBranchRef { name target { oid } }
    ref(qualifiedName: $branch) { target { oid ... on Commit { tree { oid } } } }
  }
  rateLimit { cost remaining limit resetAt }
}
"""


@pytest.fixture
def repo(github: GitHubServer) -> Repository:
    repo = github.add_repository("artsy/candela", branches=("staging", "release"))
    repo.commit("main", "Add maps\n\nWith tiles", author="ana", date=DAY)
    repo.push("staging", "main")
    return repo


class TestRepositories:
    def test_tell_where_a_branch_is(self, ask: Asking, repo: Repository) -> None:
        answer = ask.graphql(HEADS, owner="artsy", name="candela", branch="refs/heads/staging")
        found, sha = answer["data"]["repository"], repo.sha("main")
        assert found["ref"] == {"target": {"oid": sha, "tree": {"oid": repo.store.commit(sha).tree}}}
        assert found["defaultBranchRef"] == {"name": "main", "target": {"oid": sha}}
        assert (found["databaseId"], found["nameWithOwner"]) == (repo.id, "artsy/candela")
        assert answer["data"]["rateLimit"]["cost"] == 1

    def test_a_missing_branch_is_null_without_an_error(self, ask: Asking, repo: Repository) -> None:
        answer = ask.graphql(HEADS, owner="artsy", name="candela", branch="refs/heads/nowhere")
        assert answer["data"]["repository"]["ref"] is None
        assert "errors" not in answer

    def test_an_empty_one_has_no_default_branch(self, ask: Asking, github: GitHubServer) -> None:
        github.add_repository("artsy/empty", initial=False)
        found = ask.graphql(HEADS, owner="artsy", name="empty", branch="main")["data"]["repository"]
        assert (found["isEmpty"], found["defaultBranchRef"], found["ref"]) == (True, None, None)

    def test_a_missing_one_is_null_with_an_error_and_the_others_are_there(self, ask: Asking, repo: Repository) -> None:
        answer = ask.graphql(
            '{ a: repository(owner: "artsy", name: "candela") { name } '
            'b: repository(owner: "artsy", name: "x") { name } }'
        )
        assert answer["data"] == {"a": {"name": "candela"}, "b": None}
        (error,) = answer["errors"]
        assert (error["type"], error["path"]) == ("NOT_FOUND", ["b"])
        assert error["message"] == "Could not resolve to a Repository with the name 'artsy/x'."

    def test_a_private_one_is_not_found_by_a_stranger(self, ask: Asking, github: GitHubServer) -> None:
        github.add_repository("artsy/secret", private=True)
        github.add_user("stranger", member=False)
        github.add_token("strange", "stranger")
        ask.http.headers["Authorization"] = "bearer strange"
        assert ask.graphql('{ repository(owner: "artsy", name: "secret") { name } }')["data"]["repository"] is None

    def test_a_renamed_one_is_followed_silently_unless_asked_not_to(self, ask: Asking, repo: Repository) -> None:
        repo.rename("artsy/lantern")
        question = '{ repository(owner: "artsy", name: "candela"%s) { databaseId nameWithOwner } }'
        assert ask.graphql(question % "")["data"]["repository"] == {
            "databaseId": repo.id,
            "nameWithOwner": "artsy/lantern",
        }
        assert ask.graphql(question % ", followRenames: false")["errors"][0]["type"] == "NOT_FOUND"

    def test_part_of_an_answer_may_be_refused(self, ask: Asking, repo: Repository, github: GitHubServer) -> None:
        github.graphql_error("artsy/candela", times=1)
        answer = ask.graphql(HEADS, owner="artsy", name="candela", branch="main")
        assert answer["data"]["repository"] is None
        assert answer["data"]["rateLimit"]["limit"] == 5000
        assert answer["errors"][0]["type"] == "RESOURCE_LIMITS_EXCEEDED"
        assert "errors" not in ask.graphql(HEADS, owner="artsy", name="candela", branch="main")

    def test_nodes_are_found_by_their_ids(self, ask: Asking, repo: Repository) -> None:
        pull = repo.open_pull_request("staging", "release")
        identifier = ask.graphql('{ repository(owner: "artsy", name: "candela") { id } }')["data"]["repository"]["id"]
        answer = ask.graphql(
            "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Repository { name } ... on PullRequest { number } } }",
            ids=[identifier, pull.node_id, "R_bm9uZQ"],
        )
        assert answer["data"]["nodes"] == [{"name": "candela"}, {"number": 1}, None]
        assert answer["errors"][0]["path"] == ["nodes", 2]


class TestTags:
    def test_are_ordered_by_the_date_of_their_commit_and_annotated_ones_have_a_target(
        self, ask: Asking, repo: Repository
    ) -> None:
        for number, day in enumerate((2, 9, 5), start=1):
            repo.commit("main", f"Number {number}", date=DAY + timedelta(days=day))
            repo.tag(f"v{number}", annotated=number != 3, date=DAY + timedelta(days=20 - day))
        answer = ask.graphql("""{ repository(owner: "artsy", name: "candela") {
            refs(refPrefix: "refs/tags/", first: 2, orderBy: {field: TAG_COMMIT_DATE, direction: DESC}) {
              totalCount pageInfo { hasNextPage endCursor }
              nodes { name target { oid
                ... on Tag { tagger { date } target { oid } } ... on Commit { committedDate } } }
        } } }""")
        refs = answer["data"]["repository"]["refs"]
        assert [node["name"] for node in refs["nodes"]] == ["v2", "v3"]
        assert refs["nodes"][0]["target"]["target"]["oid"] == repo.sha("v2") != refs["nodes"][0]["target"]["oid"]
        assert refs["nodes"][0]["target"]["tagger"]["date"] == "2026-11-12T09:00:00Z"
        assert refs["pageInfo"]["hasNextPage"]
        rest = ask.graphql(
            """query($after: String) { repository(owner: "artsy", name: "candela") {
            refs(refPrefix: "refs/tags/", first: 2, after: $after, query: "V",
              orderBy: {field: TAG_COMMIT_DATE, direction: DESC}) { nodes { name } } } }""",
            after=refs["pageInfo"]["endCursor"],
        )
        assert rest["data"]["repository"]["refs"]["nodes"] == [{"name": "v1"}]


class TestCommits:
    def test_have_people_parents_and_pull_requests(self, ask: Asking, repo: Repository) -> None:
        repo.open_pull_request("staging", "release")
        answer = ask.graphql("""{ repository(owner: "artsy", name: "candela") { object(expression: "staging") {
            ... on Commit { messageHeadline messageBody author { name email date user { login } }
              parents(first: 5) { nodes { oid } } associatedPullRequests(first: 5) { nodes { number } }
              statusCheckRollup { state } } } } }""")
        found = answer["data"]["repository"]["object"]
        assert (found["messageHeadline"], found["messageBody"]) == ("Add maps", "With tiles")
        person = {
            "name": "Ana Lee",
            "email": "ana@example.com",
            "date": "2026-11-01T09:00:00Z",
            "user": {"login": "ana"},
        }
        assert found["author"] == person
        assert found["parents"]["nodes"] == [{"oid": repo.sha("main~1")}]
        assert found["associatedPullRequests"]["nodes"] == [{"number": 1}]
        assert found["statusCheckRollup"] is None

    def test_are_compared_from_a_ref(self, ask: Asking, repo: Repository) -> None:
        repo.commit("release", "Hot fix")
        answer = ask.graphql(
            """query($head: String!) { repository(owner: "artsy", name: "candela") { ref(qualifiedName: "release") {
            there: compare(headRef: $head) { aheadBy behindBy status commits(first: 10) { totalCount nodes { oid } } }
            gone: compare(headRef: "nowhere") { aheadBy } } } }""",
            head=repo.sha("staging"),
        )
        found = answer["data"]["repository"]["ref"]
        assert (found["there"]["aheadBy"], found["there"]["behindBy"], found["there"]["status"]) == (1, 1, "DIVERGED")
        assert found["there"]["commits"] == {"totalCount": 1, "nodes": [{"oid": repo.sha("staging")}]}
        assert found["gone"] is None

    def test_a_file_is_read_as_text_unless_it_is_binary(self, ask: Asking, repo: Repository) -> None:
        repo.commit("main", "Files", files={".nvmrc": "22\n", "logo.png": b"\x89PNG\0"})
        answer = ask.graphql("""{ repository(owner: "artsy", name: "candela") {
            text: object(expression: "HEAD:.nvmrc") { ... on Blob { text isBinary isTruncated byteSize } }
            image: object(expression: "HEAD:logo.png") { ... on Blob { text isBinary } }
            gone: object(expression: "HEAD:Gemfile") { __typename } } }""")
        found = answer["data"]["repository"]
        assert found["text"] == {"text": "22\n", "isBinary": False, "isTruncated": False, "byteSize": 3}
        assert (found["image"], found["gone"]) == ({"text": None, "isBinary": True}, None)


class TestPullRequests:
    def test_show_all_that_a_release_needs(self, ask: Asking, repo: Repository) -> None:
        repo.protect("release", checks=("ci", "never"), reviews=1)
        pull = repo.open_pull_request("staging", "release", author="ana")
        repo.check_run("ci", at="staging", conclusion="failure")
        repo.status("optional", at="staging", state="pending")
        query = """{ repository(owner: "artsy", name: "candela") {
            pullRequests(first: 5, states: OPEN, baseRefName: "release", headRefName: "staging") { totalCount nodes {
              number isDraft mergeable mergeStateStatus headRefOid baseRefOid isCrossRepository reviewDecision
              author { login __typename } assignees(first: 3) { nodes { login } } headRepository { databaseId }
              statusCheckRollup { state contexts(first: 20) { nodes { __typename
                ... on CheckRun { name status conclusion isRequired(pullRequestNumber: 1) }
                ... on StatusContext { context state isRequired(pullRequestNumber: 1) } } } } } } } }"""
        first = ask.graphql(query)["data"]["repository"]["pullRequests"]["nodes"][0]
        second = ask.graphql(query)["data"]["repository"]["pullRequests"]["nodes"][0]
        assert (first["mergeable"], first["mergeStateStatus"]) == ("UNKNOWN", "UNKNOWN")
        assert (second["mergeable"], second["mergeStateStatus"]) == ("MERGEABLE", "BLOCKED")
        assert (second["headRefOid"], second["isCrossRepository"]) == (pull.head_sha, False)
        assert second["reviewDecision"] == "REVIEW_REQUIRED"
        assert second["author"] == {"login": "ana", "__typename": "User"}
        assert second["statusCheckRollup"] == {
            "state": "FAILURE",
            "contexts": {
                "nodes": [
                    {"__typename": "CheckRun", "name": "ci", "status": "COMPLETED", "conclusion": "FAILURE",
                     "isRequired": True},
                    {"__typename": "StatusContext", "context": "optional", "state": "PENDING", "isRequired": False},
                ]
            },
        }  # fmt: skip

    def test_rules_are_shown_to_administrators_or_to_the_others(self, ask: Asking, repo: Repository) -> None:
        repo.protect("release", checks=("ci",))
        query = """{ repository(owner: "artsy", name: "candela") { ref(qualifiedName: "release") {
            branchProtectionRule { requiredStatusCheckContexts } refUpdateRule { requiredStatusCheckContexts } } } }"""
        rule = {"requiredStatusCheckContexts": ["ci"]}
        seen = ask.graphql(query)["data"]["repository"]["ref"]
        assert seen == {"branchProtectionRule": None, "refUpdateRule": rule}
        repo.set_role("ana", "admin")
        seen = ask.graphql(query)["data"]["repository"]["ref"]
        assert seen == {"branchProtectionRule": rule, "refUpdateRule": None}

    def test_a_token_without_the_right_gets_null_there_and_an_error(self, ask: Asking, repo: Repository) -> None:
        repo.private = True
        ask.github.add_token("narrow", "ana", permissions={"contents": "read"})
        ask.http.headers["Authorization"] = "bearer narrow"
        answer = ask.graphql("""{ repository(owner: "artsy", name: "candela") { name
            pullRequest(number: 1) { number } ref(qualifiedName: "main") { name } } }""")
        assert answer["data"]["repository"] == {"name": "candela", "pullRequest": None, "ref": {"name": "main"}}
        assert answer["errors"][0]["type"] == "FORBIDDEN"


class TestLimits:
    def test_points_are_a_hundredth_of_the_connections(self, ask: Asking, repo: Repository) -> None:
        answer = ask.graphql("""{ rateLimit { cost nodeCount } repository(owner: "artsy", name: "candela") {
            pullRequests(first: 100) { nodes { commits(first: 100) { nodes { commit { parents(first: 5) {
            totalCount } } } } } } } }""")
        assert answer["data"]["rateLimit"] == {"cost": 101, "nodeCount": 100 + 100 * 100 + 10000 * 5}

    @pytest.mark.parametrize(
        ("arguments", "kind"),
        [("", "MISSING_PAGINATION_BOUNDARIES"), ("first: 101", "EXCESSIVE_PAGINATION")],
    )
    def test_connections_are_paged(self, ask: Asking, repo: Repository, arguments: str, kind: str) -> None:
        inner = f'refs(refPrefix: "refs/heads/" {arguments}) {{ totalCount }}'
        answer = ask.graphql(f'{{ repository(owner: "artsy", name: "candela") {{ {inner} }} }}')
        assert answer["errors"][0]["type"] == kind

    def test_a_spent_budget_is_an_error_in_an_answer_200(self, ask: Asking, github: GitHubServer) -> None:
        github.limit("a-token-of-tests", remaining=0, resource="graphql")
        answer = ask.graphql("{ viewer { login } }")
        assert (answer["errors"][0]["type"], "data" in answer) == ("RATE_LIMITED", False)
        assert "API rate limit exceeded" in answer["errors"][0]["message"]
        assert ask.get("/user").status_code == 200

    def test_too_many_repositories_time_out_and_cost_more(self, ask: Asking, github: GitHubServer) -> None:
        github.graphql_timeout_above = 1
        two = '{ a: repository(owner: "x", name: "y") { id } b: repository(owner: "x", name: "y") { id } }'
        answer = ask.http.post(github.graphql_url, json={"query": two})
        assert answer.status_code == 502
        assert answer.json()["data"] is None
        assert int(answer.headers["x-ratelimit-used"]) > 1

    def test_nobody_may_ask_anything(self, github: GitHubServer) -> None:
        with asking(github, None) as nobody:
            answer = nobody.http.post(github.graphql_url, json={"query": "{ viewer { login } }"})
        assert answer.status_code == 401

    @pytest.mark.parametrize("query", ["{ viewer { shoeSize } }", "{ viewer {", "{ repository { id } }"])
    def test_a_wrong_query_is_an_answer_with_errors_only(self, ask: Asking, query: str) -> None:
        assert set(ask.graphql(query)) == {"errors"}


class TestSchemaCheck:
    """`make check-github` compares with the newest package; here with changed copies of our own."""

    @pytest.mark.parametrize(
        ("ours", "theirs", "line"),
        [
            (
                "defaultBranchRef: Ref\n",
                "defaultBranchRef: Ref!\n",
                "Repository.defaultBranchRef: Ref! at GitHub, Ref here",
            ),
            ("  MERGED\n", "", "PullRequestState.MERGED: only here"),
            ("followRenames: Boolean = true", "followRenames: Boolean", "Query.repository(followRenames): Boolean at"),
            ("  nameWithOwner: String!\n", "", "Repository.nameWithOwner: GitHub has no such field"),
            ("ref(qualifiedName: String!)", "ref(qualifiedName: String!, at: Int!)", "Repository.ref(at): required"),
            ("pullRequestId: ID!\n", "pullRequestId: ID!\n  why: String!\n", "(why): required at GitHub, missing here"),
            ("union StatusCheckRollupContext = CheckRun |", "union StatusCheckRollupContext =", "no member at GitHub"),
            ("type Tag implements GitObject & Node", "type Tag implements Node", "Tag: does not implement GitObject"),
        ],
    )
    def test_finds_what_differs(self, ours: str, theirs: str, line: str) -> None:
        text = SDL.read_text()
        assert ours in text
        official = build_schema(text.replace(ours, theirs), assume_valid=True)
        found = list(differences(build_schema(text), official))
        assert any(line in one for one in found), found

    def test_finds_nothing_where_nothing_differs(self) -> None:
        schema = build_schema(SDL.read_text())
        assert list(differences(schema, schema)) == []
