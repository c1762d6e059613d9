"""The text of a release's pull request, made of its rows: nothing is asked of anybody."""

from collections.abc import Collection, Mapping
from datetime import datetime
from hashlib import sha256

from django.conf import settings

from releases.messages import Announcement, Waiting, body, title
from releases.models import DeployStrategy, Release

VERSION = 2  # of the text: another one has it written anew


def text_of(
    strategy: DeployStrategy,
    release: Release,
    *,
    merge_at: datetime | None,
    now: datetime,
    late: Collection[str] = (),
) -> tuple[str, str]:
    """Title and body. `merge_at` is the moment to be told, if there is one; `late` the commits since the notice."""
    return title(strategy.base, strategy.head), body(
        Announcement(
            key=str(release.key),
            base=strategy.base,
            head=strategy.head,
            commits=[_waiting(commit) for commit in release.commits],
            count=max(release.commit_count, len(release.commits)),
            automatic=strategy.automatic,
            merge_after=strategy.merge_after,
            merge_at=merge_at,
            now=now,
            zone=strategy.time_zone,
            project_url=f"{settings.PUBLIC_URL}{strategy.stage.project.get_absolute_url()}",
            block_url=f"{settings.PUBLIC_URL}/blocks/new/?project={strategy.stage.project_id}",
            warned_before=strategy.merge_prior_warning if _warns(strategy) else None,
            late=frozenset(late),
            titles=_titles(release),
            pull_url=_pull_url(release),
        )
    )


def digest_of(strategy: DeployStrategy, release: Release, merge_at: datetime | None, warned_sha: str) -> str:
    """What the text depends on, short: another digest means that the text is no longer true."""
    said = (
        VERSION,
        release.head_sha,
        release.commit_count,
        [commit.get("sha") for commit in release.commits],
        strategy.base,
        strategy.head,
        strategy.automatic,
        strategy.merge_after,
        strategy.merge_prior_warning if _warns(strategy) else None,
        strategy.time_zone,
        f"{merge_at:%Y-%m-%dT%H:%M%z}" if merge_at else None,
        warned_sha if warned_sha != release.head_sha else "",
    )
    return sha256(repr(said).encode()).hexdigest()


def _warns(strategy: DeployStrategy) -> bool:
    return bool(strategy.slack_channels) or bool(strategy.slack_webhook_urls)


def _waiting(commit: Mapping[str, object]) -> Waiting:
    number, url, login = commit.get("pull_request"), commit.get("url"), commit.get("login")
    return Waiting(
        sha=str(commit.get("sha") or ""),
        subject=str(commit.get("message") or "(no message)"),
        author=str(commit.get("author") or login or "somebody"),
        login=str(login) if login else None,
        url=str(url) if url else None,
        pull_request=number if isinstance(number, int) else None,
    )


def _titles(release: Release) -> dict[int, str]:
    titles = {commit.get("pull_request"): commit.get("pull_request_title") for commit in release.commits}
    return {number: title for number, title in titles.items() if number and title}


def _pull_url(release: Release) -> str:
    """Where pull requests of the repository are, by the addresses of its commits: the same before and after opening."""
    urls = [str(commit.get("url") or "") for commit in release.commits]
    page = next((before for url in urls for before, found, _ in [url.rpartition("/commit/")] if found), "")
    return f"{page.replace('{', '%7B').replace('}', '%7D')}/pull/{{number}}" if page else ""
