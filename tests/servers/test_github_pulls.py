"""Pull requests: opening, merging, refusing, as GitHub does it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from githubkit_schemas.latest import models
from pydantic import TypeAdapter

from tests.servers.asking import TOKEN, Asking, asking
from tests.servers.github import GitHubServer, Repository

PATH = "/repos/artsy/candela"
Merge = Callable[..., httpx.Response]


@pytest.fixture
def repo(github: GitHubServer) -> Repository:
    repo = github.add_repository("artsy/candela", branches=("staging", "release"))
    repo.commits("main", 3, author="ana")
    repo.push("staging", "main")
    return repo


@pytest.fixture
def pull(repo: Repository) -> int:
    return repo.open_pull_request("staging", "release", author="ana").number


@pytest.fixture
def merge(ask: Asking) -> Merge:
    def put(**body: Any) -> httpx.Response:
        return ask("PUT", f"{PATH}/pulls/1/merge", body)

    return put


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["message"]


class TestOpening:
    def test_is_noted_as_an_act(self, ask: Asking, repo: Repository) -> None:
        answer = ask("POST", f"{PATH}/pulls", {"title": "Deploy", "head": "staging", "base": "release", "body": "All"})
        assert answer.status_code == 201
        (act,) = ask.github.acts
        assert (act.kind, act.repository, act.actor) == ("pull-request.opened", "artsy/candela", "ana")
        assert act.data == {"number": 1, "head": "staging", "base": "release", "sha": repo.sha("staging")}

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ({"head": "staging", "base": "nowhere"}, '"field":"base"'),
            ({"head": "nowhere", "base": "release"}, '"field":"head"'),
            ({"head": "staging", "base": ""}, "missing_field"),
            ({"head": "release", "base": "release"}, "No commits between release and release"),
            ({"head": "release", "base": "staging"}, "No commits between staging and release"),
            ({"head": "island", "base": "release"}, "no history in common"),
            ({"head": "staging", "base": "release", "body": "x" * 65537}, "body is too long"),
        ],
    )
    def test_is_refused_with_422_and_the_reason(
        self, ask: Asking, repo: Repository, body: dict[str, str], words: str
    ) -> None:
        repo.commit("island", "Another beginning")
        answer = ask("POST", f"{PATH}/pulls", {"title": "Deploy", **body})
        assert (answer.status_code, answer.json()["message"]) == (422, "Validation Failed")
        assert words in answer.text
        assert ask.github.acts == []

    def test_is_refused_while_one_is_open_for_the_same_branches(self, ask: Asking, pull: int) -> None:
        answer = ask("POST", f"{PATH}/pulls", {"title": "Deploy", "head": "artsy:staging", "base": "release"})
        assert answer.json()["errors"][0]["message"] == "A pull request already exists for artsy:staging."

    def test_works_from_a_fork(self, ask: Asking, repo: Repository) -> None:
        fork = repo.fork("bo")
        fork.commit("staging", "From outside", author="bo")
        answer = ask("POST", f"{PATH}/pulls", {"title": "Deploy", "head": "bo:staging", "base": "release"})
        assert answer.json()["head"]["label"] == "bo:staging"
        assert answer.json()["head"]["repo"]["id"] == fork.id != answer.json()["base"]["repo"]["id"]


class TestListing:
    def test_a_head_without_an_owner_filters_nothing(self, ask: Asking, repo: Repository, pull: int) -> None:
        repo.commit("other", "Something else", parents=[repo.sha("release")])
        repo.open_pull_request("other", "release")
        assert len(ask.json(f"{PATH}/pulls?head=staging")) == 2
        (found,) = ask.json(f"{PATH}/pulls?head=artsy:staging&base=release")
        assert found["number"] == pull
        assert "mergeable" not in found

    def test_closed_ones_are_listed_when_asked_for(self, ask: Asking, repo: Repository, pull: int) -> None:
        repo.close_pull_request(pull, by="bo")
        assert ask.json(f"{PATH}/pulls") == []
        (found,) = ask.json(f"{PATH}/pulls?state=closed")
        assert (found["state"], found["merged_at"]) == ("closed", None)


class TestMergeability:
    def test_is_null_until_the_background_job_has_run(self, ask: Asking, repo: Repository, pull: int) -> None:
        def seen() -> tuple[bool | None, str]:
            answer = ask.json(f"{PATH}/pulls/{pull}")
            return answer["mergeable"], answer["mergeable_state"]

        assert [seen(), seen()] == [(None, "unknown"), (True, "clean")]
        repo.commit("staging", "Late")
        assert [seen(), seen()] == [(None, "unknown"), (True, "clean")]

    @pytest.mark.parametrize("state", ["dirty", "draft", "blocked", "behind", "unstable", "clean"])
    def test_has_githubs_states(self, ask: Asking, repo: Repository, pull: int, state: str) -> None:
        repo.mergeable_after = 0
        if state == "dirty":
            repo.commit("staging", "One side", files={"README.md": "one\n"})
            repo.commit("release", "Other side", files={"README.md": "other\n"})
        elif state == "draft":
            repo.edit_pull_request(pull, draft=True)
        elif state == "blocked":
            repo.protect("release", checks=("ci",), admins=True)
        elif state == "behind":
            repo.protect("release", strict=True, admins=True)
            repo.commit("release", "Hot fix")
        elif state == "unstable":
            repo.check_run("optional", at="staging", conclusion="failure")
        assert ask.json(f"{PATH}/pulls/{pull}")["mergeable_state"] == state


class TestMerging:
    def test_makes_a_merge_commit_of_exactly_that_head(
        self, ask: Asking, repo: Repository, pull: int, merge: Merge
    ) -> None:
        before, head = repo.sha("release"), repo.sha("staging")
        answer = merge(sha=head, commit_title="Deploy", commit_message="By Horizon")
        assert answer.json() == {
            "sha": repo.sha("release"),
            "merged": True,
            "message": "Pull Request successfully merged",
        }
        merged = repo.log("release")[0]
        assert (merged.parents, merged.message) == ((before, head), "Deploy\n\nBy Horizon")
        assert (merged.author.name, merged.committer.name) == ("Ana Lee", "GitHub")
        assert ask.json(f"{PATH}/pulls/1")["merged_by"]["login"] == "ana"
        assert ask.get(f"{PATH}/pulls/1/merge").status_code == 204
        assert [act.data["head"] for act in ask.github.acts] == [head]

    def test_squash_has_one_parent_and_the_same_tree(self, repo: Repository, pull: int, merge: Merge) -> None:
        before = repo.sha("release")
        assert merge(merge_method="squash").status_code == 200
        (squashed,) = repo.log(f"{before}..release")
        assert squashed.parents == (before,)
        assert squashed.tree == repo.store.commit(repo.sha("staging")).tree

    def test_rebase_writes_each_commit_anew(self, repo: Repository, pull: int, merge: Merge) -> None:
        repo.commit("release", "Hot fix")
        before = repo.sha("release")
        assert merge(merge_method="rebase").status_code == 200
        assert [commit.message for commit in repo.log(f"{before}..release")] == ["Change 3", "Change 2", "Change 1"]
        assert repo.sha("release") not in {commit.sha for commit in repo.log("staging")}

    def test_files_changed_on_both_sides_are_merged_line_by_line(
        self, repo: Repository, pull: int, merge: Merge
    ) -> None:
        lines = [f"line {number}\n" for number in range(20)]
        base = repo.commit("release", "List", files={"list.txt": "".join(lines)})
        repo.merge("staging", "release")
        repo.commit("staging", "Top", files={"list.txt": "".join(["new top\n", *lines])})
        repo.commit("release", "Bottom", files={"list.txt": "".join([*lines, "new bottom\n"])})
        assert merge().status_code == 200
        tree = repo.store.commit(repo.sha("release")).tree
        entry = repo.store.entry(tree, "list.txt")
        assert entry
        assert repo.store.body(entry[1]).decode() == "".join(["new top\n", *lines, "new bottom\n"])
        assert base in repo.store.ancestors(repo.sha("release"))

    def test_a_moved_head_is_409(self, repo: Repository, pull: int, merge: Merge) -> None:
        old = repo.sha("staging")
        repo.commit("staging", "Late")
        assert refusal(merge(sha=old)) == (409, "Head branch was modified. Review and try the merge again.")
        assert repo.sha("release") == repo.sha("release~0")

    @pytest.mark.parametrize("why", ["conflict", "closed", "merged", "no-base"])
    def test_what_cannot_be_merged_is_405(self, repo: Repository, pull: int, merge: Merge, why: str) -> None:
        if why == "conflict":
            repo.commit("staging", "One side", files={"README.md": "one\n"})
            repo.commit("release", "Other side", files={"README.md": "other\n"})
        elif why == "closed":
            repo.close_pull_request(pull)
        elif why == "merged":
            repo.merge_pull_request(pull, by="bo")
        else:
            repo.delete_branch("release")
        assert refusal(merge()) == (405, "Pull Request is not mergeable")

    @pytest.mark.parametrize(
        ("settings", "method", "words"),
        [
            ({"allow_merge_commit": False}, "merge", "Merge commits are not allowed on this repository."),
            ({"allow_squash_merge": False}, "squash", "Squash merges are not allowed on this repository."),
            ({"allow_rebase_merge": False}, "rebase", "Rebase merges are not allowed on this repository."),
        ],
    )
    def test_a_forbidden_method_is_405(
        self, repo: Repository, pull: int, merge: Merge, settings: dict[str, bool], method: str, words: str
    ) -> None:
        repo.set(**settings)
        assert refusal(merge(merge_method=method)) == (405, words)

    def test_a_draft_is_405(self, repo: Repository, pull: int, merge: Merge) -> None:
        repo.edit_pull_request(pull, draft=True)
        assert refusal(merge()) == (405, "Pull Request is still a draft")

    def test_required_checks_and_reviews_are_named(self, repo: Repository, pull: int, merge: Merge) -> None:
        repo.protect("release", checks=("ci",), reviews=1, admins=True)
        review = "At least 1 approving review is required by reviewers with write access."
        assert refusal(merge()) == (405, f'Required status check "ci" is expected. {review}')
        repo.status("CI", at="staging", state="failure")
        assert refusal(merge()) == (405, f'Required status check "ci" is failing. {review}')
        repo.check_run("ci", at="staging", status="in_progress")
        repo.checks.statuses.clear()
        assert refusal(merge()) == (405, f'Required status check "ci" is in progress. {review}')
        repo.check_run("ci", at="staging", conclusion="skipped")
        assert refusal(merge()) == (405, review)
        repo.approve(pull, by="bo")
        assert merge().status_code == 200

    def test_classic_protection_may_let_administrators_pass(self, repo: Repository, pull: int, merge: Merge) -> None:
        repo.protect("release", checks=("ci",), admins=False)
        assert merge().status_code == 405
        repo.set_role("ana", "admin")
        assert merge().status_code == 200

    def test_a_fork_that_moved_moves_the_pull_request(self, ask: Asking, repo: Repository) -> None:
        fork = repo.fork("bo")
        fork.commit("staging", "From outside", author="bo")
        pull = repo.open_pull_request("staging", "release", head_repository=fork)
        late = fork.commit("staging", "Once more", author="bo")
        assert ask.json(f"{PATH}/pulls/{pull.number}")["head"]["sha"] == late
        fork.delete()
        assert ask.json(f"{PATH}/pulls/{pull.number}")["head"]["repo"] is None


class TestWhatFollows:
    def test_the_head_branch_is_deleted_where_the_repository_wants_it(
        self, repo: Repository, pull: int, merge: Merge
    ) -> None:
        repo.set(delete_branch_on_merge=True)
        merge()
        assert set(repo.branches()) == {"main", "release"}

    def test_a_pull_request_is_closed_with_its_branch_and_may_be_reopened_with_it(
        self, ask: Asking, repo: Repository, pull: int
    ) -> None:
        sha = repo.sha("staging")
        repo.delete_branch("staging")
        assert ask.json(f"{PATH}/pulls/{pull}")["state"] == "closed"
        assert ask("PATCH", f"{PATH}/pulls/{pull}", {"state": "open"}).status_code == 422
        repo.branch("staging", at=sha)
        assert ask("PATCH", f"{PATH}/pulls/{pull}", {"state": "open"}).json()["state"] == "open"

    def test_a_pull_request_whose_commits_are_pushed_to_its_base_is_merged(
        self, ask: Asking, repo: Repository, pull: int
    ) -> None:
        repo.merge("release", "staging", author="bo")
        answer = ask.json(f"{PATH}/pulls/{pull}")
        assert (answer["merged"], answer["merged_by"]["login"]) == (True, "bo")
        assert ask.github.acts == []

    def test_it_can_be_retargeted_and_commented(self, ask: Asking, repo: Repository, pull: int) -> None:
        assert ask("PATCH", f"{PATH}/pulls/{pull}", {"base": "nowhere"}).status_code == 422
        repo.branch("hotfix", at="release")
        assert ask("PATCH", f"{PATH}/pulls/{pull}", {"base": "hotfix"}).json()["base"]["ref"] == "hotfix"
        ask("POST", f"{PATH}/issues/{pull}/comments", {"body": "Held: <b>QA</b>"})
        assert [one["body"] for one in ask.json(f"{PATH}/issues/{pull}/comments")] == ["Held: <b>QA</b>"]

    def test_one_of_many_simultaneous_merges_wins(self, ask: Asking, repo: Repository, pull: int) -> None:
        def put(number: int) -> int:
            with asking(ask.github) as client:
                return client("PUT", f"{PATH}/pulls/{pull}/merge", {"sha": repo.pull(pull).head_sha}).status_code

        with ThreadPoolExecutor(8) as many:
            statuses = sorted(many.map(put, range(24)))
        assert statuses == [200] + [405] * 23
        assert len(ask.github.acts) == 1
        assert len(repo.log("release")[0].parents) == 2

    def test_a_push_may_reach_its_pull_request_later(
        self, ask: Asking, repo: Repository, pull: int, merge: Merge
    ) -> None:
        repo.digesting = False
        late = repo.commit("staging", "Late")
        assert ask.json(f"{PATH}/pulls/{pull}")["head"]["sha"] != late
        assert merge(sha=late).status_code == 409
        repo.digest()
        assert ask.json(f"{PATH}/pulls/{pull}")["head"]["sha"] == late
        assert merge(sha=late).status_code == 200


class TestMergeQueue:
    @pytest.fixture
    def queued(self, repo: Repository, pull: int) -> Repository:
        repo.add_ruleset("release", merge_queue=True)
        return repo

    def asynchronously(self, ask: Asking, **body: Any) -> httpx.Response:
        answer = ask("PUT", f"{PATH}/pulls/1/merge-async", body)
        if answer.status_code != 409:
            TypeAdapter(models.PullRequestMergeAsyncResult).validate_python(answer.json())
        return answer

    def poll(self, ask: Asking, uuid: str) -> dict[str, Any]:
        while True:
            answer: dict[str, Any] = ask.json(f"{PATH}/pulls/1/merge-async/{uuid}")
            TypeAdapter(models.PullRequestMergeAsyncResult).validate_python(answer)
            if answer["status"] != "pending":
                return answer

    def test_refuses_a_direct_merge(self, queued: Repository, merge: Merge) -> None:
        words = "Repository rule violations found\n\nChanges must be made through the merge queue\n\n"
        assert refusal(merge()) == (405, words)

    def test_lets_a_token_with_the_right_to_bypass_go_round_it(self, repo: Repository, pull: int, merge: Merge) -> None:
        repo.add_ruleset("release", merge_queue=True, bypass=("ana",))
        assert merge().status_code == 200

    def test_does_not_block_what_is_ready_for_it(self, ask: Asking, queued: Repository) -> None:
        queued.mergeable_after = 0
        assert ask.json(f"{PATH}/pulls/1")["mergeable_state"] == "clean"

    def test_takes_a_pull_request_by_merge_async_and_merges_it_later(self, ask: Asking, queued: Repository) -> None:
        answer = self.asynchronously(ask, sha=queued.sha("staging"))
        assert answer.status_code == 202
        assert self.asynchronously(ask).status_code == 409
        assert self.poll(ask, answer.json()["details"]["uuid"])["status"] == "enqueued"
        assert self.asynchronously(ask).json()["status"] == "enqueued"
        assert not queued.pull(1).merged
        assert queued.process_merge_queue("release") == [1]
        assert queued.pull(1).merged
        assert [act.kind for act in ask.github.acts] == ["pull-request.enqueued"]

    def test_without_a_queue_merge_async_merges(self, ask: Asking, repo: Repository, pull: int) -> None:
        uuid = self.asynchronously(ask, merge_method="merge").json()["details"]["uuid"]
        result = self.poll(ask, uuid)
        assert (result["status"], result["details"]["sha"]) == ("merged", repo.sha("release"))
        assert self.asynchronously(ask).json()["status"] == "merged"
        ask.github.advance(hours=25)
        assert ask.get(f"{PATH}/pulls/1/merge-async/{uuid}").status_code == 404

    def test_rules_are_looked_at_when_merge_async_runs(self, ask: Asking, repo: Repository, pull: int) -> None:
        repo.protect("release", checks=("ci",), admins=True)
        uuid = self.asynchronously(ask).json()["details"]["uuid"]
        result = self.poll(ask, uuid)
        assert (result["status"], result["details"]["message"]) == ("failed", 'Required status check "ci" is expected.')

    def test_a_draft_fails_at_once_and_another_head_is_409(self, ask: Asking, repo: Repository, pull: int) -> None:
        assert self.asynchronously(ask, sha="0" * 40).status_code == 409
        repo.edit_pull_request(pull, draft=True)
        answer = self.asynchronously(ask)
        assert (answer.status_code, answer.json()["status"]) == (400, "failed")

    def test_a_push_takes_it_out_again_and_so_does_dequeueing(self, ask: Asking, queued: Repository) -> None:
        self.poll(ask, self.asynchronously(ask).json()["details"]["uuid"])
        queued.commit("staging", "Late")
        assert queued.pull(1).queue_entry is None
        self.poll(ask, self.asynchronously(ask).json()["details"]["uuid"])
        answer = ask.graphql(
            "mutation Out($id: ID!) { dequeuePullRequest(input: {id: $id}) { clientMutationId } }",
            id=queued.pull(1).node_id,
        )
        assert "errors" not in answer
        assert queued.process_merge_queue("release") == []

    def test_the_timeline_tells_why_it_left_the_queue_and_what_was_tested_there(
        self, ask: Asking, queued: Repository
    ) -> None:
        for _ in range(2):
            self.poll(ask, self.asynchronously(ask).json()["details"]["uuid"])
            queued.fail_in_merge_queue(1, e2e="failure")
        answer = ask.graphql(
            """query T($owner: String!, $name: String!) {repository(owner: $owner, name: $name) {
            pullRequest(number: 1) {timelineItems(
              last: 2, itemTypes: [ADDED_TO_MERGE_QUEUE_EVENT, REMOVED_FROM_MERGE_QUEUE_EVENT]) {
              totalCount nodes {__typename ...on RemovedFromMergeQueueEvent {reason actor {login} createdAt
                beforeCommit {oid parents(first: 2) {totalCount} statusCheckRollup {state}}}}}}}}""",
            owner="artsy", name="candela",
        )  # fmt: skip
        found = answer["data"]["repository"]["pullRequest"]["timelineItems"]
        assert found["totalCount"] == 4
        added, removed = found["nodes"]
        assert added == {"__typename": "AddedToMergeQueueEvent"}
        assert (removed["reason"], removed["actor"]["login"]) == ("failed_checks", "github-merge-queue[bot]")
        tested = removed["beforeCommit"]
        assert tested["oid"] not in (queued.sha("staging"), queued.sha("release"))
        assert (tested["parents"]["totalCount"], tested["statusCheckRollup"]["state"]) == (2, "FAILURE")

    def test_the_timeline_tells_of_a_merge_by_the_queue_as_well(self, ask: Asking, queued: Repository) -> None:
        self.poll(ask, self.asynchronously(ask).json()["details"]["uuid"])
        queued.process_merge_queue("release")
        assert [move.reason for move in queued.pull(1).queue_moves] == [None, "merged"]


class TestRights:
    def test_a_token_that_only_reads_is_told_so(self, ask: Asking, repo: Repository, pull: int) -> None:
        github = ask.github
        github.add_token("reads", "ana", permissions={"contents": "read", "pull_requests": "read"})
        ask.http.headers["Authorization"] = "token reads"
        answer = ask("PUT", f"{PATH}/pulls/1/merge")
        assert refusal(answer) == (403, "Resource not accessible by personal access token")
        assert answer.headers["x-accepted-github-permissions"] == "contents=write"
        assert ask("POST", f"{PATH}/pulls", {}).status_code == 403

    def test_workflow_files_need_a_right_of_their_own(self, ask: Asking, repo: Repository, pull: int) -> None:
        repo.commit("staging", "Build", files={".github/workflows/ci.yml": "on: push\n"})
        ask.github.add_token("narrow", "ana", scopes=("repo",))
        ask.http.headers["Authorization"] = "token narrow"
        status, words = refusal(ask("PUT", f"{PATH}/pulls/1/merge"))
        assert (status, "without `workflow` scope" in words) == (403, True)
        ask.http.headers["Authorization"] = f"token {TOKEN}"
        assert ask("PUT", f"{PATH}/pulls/1/merge").status_code == 200
