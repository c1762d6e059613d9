"""The GraphQL queries for releases: branches, rules and open pull requests."""

from collections.abc import Callable, Sequence
from typing import Final

from projects.github_heads_query import REPOSITORY
from projects.github_values import ReleaseQuestion

PULLS_OF_A_PAGE: Final = 30

# GitHub counts connections: one below each pull request of this list would cost 30 times as much as the list. So the
# assignees are asked for together with the checks, of the release's own pull request only.

PULL: Final = (
    "fragment P on PullRequest{number url title body createdAt headRefOid baseRefOid baseRefName headRefName "
    "headRepository{databaseId} isDraft state merged mergedAt mergeCommit{oid} mergedBy{login} mergeable "
    "mergeStateStatus reviewDecision author{login} locked}"
)
_PULLS: Final = (
    f"pullRequests(states:OPEN,first:{PULLS_OF_A_PAGE},after:{{cursor}},baseRefName:{{base}},headRefName:{{head}},"
    "orderBy:{{field:CREATED_AT,direction:ASC}}){{pageInfo{{hasNextPage endCursor}}nodes{{...P}}}}"
)
_FRAGMENTS: Final = (
    f"fragment R on Repository{{{REPOSITORY} mergeCommitAllowed squashMergeAllowed rebaseMergeAllowed "
    "deleteBranchOnMerge viewerPermission}"
    "fragment H on Ref{target{oid ...on Commit{committedDate tree{oid}}}}"
    "fragment B on Ref{refUpdateRule{requiredStatusCheckContexts} branchProtectionRule{requiredStatusCheckContexts} "
    "rules(first:100){pageInfo{hasNextPage}nodes{type parameters{"
    "...on RequiredStatusChecksParameters{requiredStatusChecks{context}}}}}}"
) + PULL

Names = Callable[[str, str], tuple[str, str]]
Query = tuple[str, dict[str, object]]


def releases_query(questions: Sequence[ReleaseQuestion], names: Names) -> Query:
    """All names travel as variables: nothing that a person typed is part of the query's text."""
    variables: dict[str, object] = {}
    parts = []
    for place, question in enumerate(questions):
        variables[f"o{place}"], variables[f"n{place}"] = names(question.owner, question.name)
        variables[f"b{place}"], variables[f"h{place}"] = question.base, question.head
        variables[f"p{place}"] = f"refs/heads/{question.base}"
        variables[f"q{place}"] = f"refs/heads/{question.head}"
        pulls = _PULLS.format(cursor="null", base=f"$b{place}", head=f"$h{place}")
        parts.append(
            f"r{place}:repository(owner:$o{place},name:$n{place}){{...R mergeQueue(branch:$b{place}){{id}}"
            f"base:ref(qualifiedName:$p{place}){{...H ...B compare(headRef:$h{place})"
            "{aheadBy behindBy baseTarget{oid}headTarget{oid}}}"
            f"head:ref(qualifiedName:$q{place}){{...H}}{pulls}}}"
        )
    return _query("Releases", variables, parts, _FRAGMENTS)


def more_pulls_query(questions: Sequence[ReleaseQuestion], cursors: Sequence[str], names: Names) -> Query:
    """The next page of open pull requests of each of these."""
    variables: dict[str, object] = {}
    parts = []
    for place, question in enumerate(questions):
        variables[f"o{place}"], variables[f"n{place}"] = names(question.owner, question.name)
        variables[f"b{place}"], variables[f"h{place}"] = question.base, question.head
        variables[f"c{place}"] = cursors[place]
        pulls = _PULLS.format(cursor=f"$c{place}", base=f"$b{place}", head=f"$h{place}")
        parts.append(f"r{place}:repository(owner:$o{place},name:$n{place}){{{pulls}}}")
    return _query("Pulls", variables, parts, PULL)


def pull_query(owner: str, name: str, number: int) -> Query:
    """One pull request, with what lists need not tell: its id, its place in a queue, the parents of its merge."""
    variables: dict[str, object] = {"o": owner, "n": name, "i": number}
    part = "r0:repository(owner:$o,name:$n){databaseId pullRequest(number:$i){...P id isInMergeQueue "
    part += "merge:mergeCommit{parents(first:2){totalCount}}}}"
    return _query("Pull", variables, [part], PULL)


def latest_pulls_query(owner: str, name: str, head: str) -> Query:
    """The newest pull requests of a branch, whatever became of them."""
    variables: dict[str, object] = {"o": owner, "n": name, "h": head}
    pulls = (
        f"pullRequests(states:[OPEN,CLOSED,MERGED],first:{PULLS_OF_A_PAGE},headRefName:$h,"
        "orderBy:{field:CREATED_AT,direction:DESC}){pageInfo{hasNextPage endCursor}nodes{...P}}"
    )
    return _query("LatestPulls", variables, [f"r0:repository(owner:$o,name:$n){{databaseId {pulls}}}"], PULL)


def _query(name: str, variables: dict[str, object], parts: Sequence[str], fragments: str) -> Query:
    kinds = {str: "String!", int: "Int!"}
    declared = ",".join(f"${variable}:{kinds[type(value)]}" for variable, value in variables.items())
    return f"query {name}({declared}){{{' '.join(parts)}}}{fragments}", variables
