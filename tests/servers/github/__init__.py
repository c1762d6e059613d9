"""A GitHub of our own over real git repositories, on 127.0.0.1: REST, GraphQL and git over http.

It stands for GitHub Enterprise (`api_url` ends in /api/v3, GraphQL at /api/graphql); the same REST routes answer at the
root of the server and GraphQL at /graphql, as on api.github.com. In tests take the pytest fixture `github`; elsewhere:

    with GitHubServer() as github:              # threads of its own; port=0 and a temporary folder unless given; tls=
        github.url                              # http://127.0.0.1:PORT: web pages and git
        github.api_url, github.graphql_url      # the REST root for a profile's api_url; GraphQL
        github.remote("artsy/candela")          # {url}/artsy/candela.git

People and credentials (a token that was not added is "Bad credentials"):

    github.add_user("ana", name="Ana Lee", email="ana@example.com", kind="User" | "Bot", member=True)
    github.add_organization("artsy")            # owners, authors and token holders that are missing are made
    github.add_token("secret", login="ana", scopes=("repo",), permissions=None, repositories=None, expires=None)
        # classic by scopes (repo and workflow by default); fine-grained when permissions={"contents": "write", ...} is
        # given. `repositories` (names) limits what it sees; None: what its person may see. Members (member=True) write
        # in every organization's repositories, owners administer theirs, unless repo.set_role says otherwise.
    github.revoke_token("secret")
    app = github.add_app(17)                    # app.private_key is the PEM
    installation = github.add_installation(17, "artsy", repositories=None, permissions={...})   # installation.id
    github.suspend_installation(installation.id); github.installation_token_seconds = 3600

Repositories (dates are aware; the default is the server's own clock):

    repo = github.add_repository("artsy/candela", private=False, default_branch="main", branches=("staging",),
                                 initial=True)
    repo = github.repository("artsy/candela")   # also finds it by a former name
    repo.id, repo.full_name, repo.remote, repo.path     # path: the bare repository on disk, written when asked for
    sha = repo.commit("main", "Subject\\n\\nBody", author="ana" | ("Ana", "ana@x"), date=None,
                      files={"a.txt": "text", "gone.txt": None}, committer=None, parents=None)
                                                # without files: one new file; the message may be bytes
    repo.commits("main", 300, author="ana")     # many, quickly; returns their shas, oldest first
    repo.branch("staging", at="main"); repo.delete_branch("staging"); repo.force_push("main", "main~2")
    repo.push("release", "staging")             # a fast-forward, else ValueError
    repo.merge("release", "staging", author="ana", message=None, date=None)     # in git, no pull request; Conflict
    repo.squash("release", "staging", ...); repo.rebase("release", "staging", ...)
    repo.tag("v1", at="main"); repo.tag("v2", at="main", annotated=True, date=None, tagger="ana"); repo.delete_tag("v1")
    repo.sha("main" | "v1" | "main~3" | "main^2" | sha); repo.head("main"); repo.branches(); repo.log("release..main")
    repo.rename("artsy/new"); repo.archive(); repo.unarchive(); repo.delete(); repo.fork("someone")
    repo.set_default_branch("trunk"); repo.private = True
    repo.set(allow_merge_commit=..., allow_squash_merge=..., allow_rebase_merge=..., delete_branch_on_merge=..., ...)
    repo.set_role("ana", "none" | "read" | "triage" | "write" | "maintain" | "admin")
    repo.protect("release", checks=("ci",), reviews=0, strict=False, admins=False)      # classic branch protection
    repo.add_ruleset("release", checks=("ci",), reviews=0, merge_queue=False, methods=None, bypass=("login",))
    repo.unprotect("release"); repo.process_merge_queue("release"); repo.fail_in_merge_queue(number, e2e="failure")

Pull requests (what people do; what Horizon does goes through the API):

    pull = repo.open_pull_request("staging", "release", title="Deploy", body="", author="ana", draft=False,
                                  created_at=None, head_repository=None)
    pull.number, pull.state, pull.merged, pull.assignees, pull.comments, pull.head_sha, pull.queue_entry ...
    repo.pull(12); repo.close_pull_request(12, by="ana"); repo.reopen_pull_request(12)
    repo.merge_pull_request(12, by="ana", method="merge" | "squash" | "rebase")         # rules passed over
    repo.edit_pull_request(12, title=..., body=..., draft=..., base=..., locked=...)
    repo.approve(12, by="bo", state="APPROVED" | "CHANGES_REQUESTED")
    repo.check_run("ci", at="staging", status="completed", conclusion="success", app="github-actions")
    repo.status("ci/circleci", at="staging", state="success", description="", creator="octocat")
    repo.digesting = False; repo.digest()       # pushes that pull requests do not see yet; then they do
    repo.mergeable_after = 1                    # so many readings of a head and base answer `mergeable: null` first

Faults and limits; the pattern is a regular expression over "GET /repos/artsy/candela/pulls", "GRAPHQL <operation>" or
"GIT /artsy/candela.git/info/refs"; `containing="text of the body"` narrows it, `times` is 1 unless given:

    fault = github.fail("POST /repos/.*/pulls", times=1, status=502, body="", headers=None)     # without the effect
    github.fail("PUT .*/merge", status=504, after_effect=True)
    github.refuse("PUT .*/merge", 405, "Base branch was modified. Review and try the merge again.", times=1)
    github.fail("PUT .*/merge", drop="before" | "after")        # closes the connection before or after the effect
    github.fail("GRAPHQL", slow=1.5); github.fail("GET .*", truncate=True); ... garbage=True; ... endless=True
    github.fail("GET .*", redirect="http://localhost:9/elsewhere")
    fault.happened; github.clear_faults()       # limits, too
    github.graphql_error("artsy/candela", type="RESOURCE_LIMITS_EXCEEDED", times=1)     # null there, with errors[]
    github.graphql_timeout_above = 25           # more repositories than that in one query: 502, points deducted
    github.limit("secret" | installation, remaining=0, limit=5000, reset_in=600, resource="core" | "graphql",
                 status=403 | 429)
    github.secondary_limit(times=1, retry_after=30, status=403, matching="")
    github.latency = 0.1                        # seconds before each answer
    github.advance(hours=24); github.freeze(datetime | None); github.now()      # the server's clock: Date header,
    github.clock_offset = timedelta(hours=1)                                    # expiry, resets, created_at

What happened:

    github.requests                             # list of Request(method, path, query, operation, token, status, ...)
    github.reset_requests(); github.count("GRAPHQL"); github.sent("POST .*/pulls") -> list[Request]
    github.acts                                 # list of Act(kind, repository, actor, data, at): changes by the API,
        # in the order of their effect; kinds pull-request.opened, .edited, .merged, .enqueued, .dequeued, .assigned,
        # .commented, .closed, .reopened; status.created; branch.created, .updated, .deleted
    github.listeners.append(function)           # called with an Event for all that a webhook would tell
    hook = github.webhooks.add(url, secret=None, repository=None, events=None, app_id=None); hook.losing = 2
    github.webhooks.join(); github.webhooks.deliveries; github.webhooks.redeliver(delivery)     # .id, .event, .status

A failure of the server itself answers 500 and is raised when it stops. As a process of its own (bench): `GitHubProcess`
in tests.servers.github.process starts `python -m tests.servers.github` and calls the same methods over a control port.
"""

from tests.servers.github.faults import Fault
from tests.servers.github.model import Act, Refused, Request
from tests.servers.github.pull_request import PullRequest
from tests.servers.github.repository import Repository
from tests.servers.github.server import GitHubServer
from tests.servers.github.store import Conflict
from tests.servers.github.world import Event, GitHub

__all__ = [
    "Act",
    "Conflict",
    "Event",
    "Fault",
    "GitHub",
    "GitHubServer",
    "PullRequest",
    "Refused",
    "Repository",
    "Request",
]
