"""The rules of deploy strategies, shared by the admin and by YAML files (see projects/validation.py)."""

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Lower, Now

from projects import remotes
from projects.models import Organization, Profile, Repository
from projects.validation import CONTROLS, Problem, Problems, text_problems
from releases.calendar import ClosedRule
from releases.messages import listed
from releases.models import DeployStrategy, Release
from releases.validation_times import default_warning, rules_of_organization, time_problems, time_warnings

__all__ = [
    "Targets",
    "default_warning",
    "possible_rivals",
    "removal_problems",
    "rival_problem",
    "rival_problems",
    "rules_of_organization",
    "strategy_problems",
    "strategy_warnings",
]

MOST_TARGETS = 20
LONGEST_URL = 500
ANSWERED_WITHIN = timedelta(hours=1)

# A repository on GitHub (docs.github.com, "Usernames" and "Repository names").
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
# https://docs.slack.dev/reference/objects/conversation-object/ : a name, or an id
_CHANNEL = re.compile(r"#?[^\s#,@:A-Z]{1,80}|[CGD][A-Z0-9]{6,}")


def strategy_problems(
    strategy: DeployStrategy,
    organization: Organization | None,
    webhook_urls: Iterable[str] = (),
    *,
    at: datetime,
    organization_rules: Sequence[ClosedRule] = (),
    unread: Collection[str] = (),
) -> Problems:
    """What is wrong with a strategy of a stage in this organization; `webhook_urls` are those given now, in clear,
    `organization_rules` its closed hours and holidays.

    `unread` are fields whose value made no sense, of which somebody was told: what would follow from it is not told.
    """
    for problem in _problems(strategy, organization, list(webhook_urls), at, organization_rules):
        name = problem.field or ""
        if name not in unread and not _FOLLOWS_FROM.get(name, set()) & set(unread):
            yield problem


_FOLLOWS_FROM = {
    "merge_prior_warning": {"merge_after"},
    "min_commit_age": {"merge_after"},
    "max_wait": {"merge_after", "min_commit_age"},
    "blocked_time_buckets": {"time_zone"},
}


def _problems(
    strategy: DeployStrategy,
    organization: Organization | None,
    webhook_urls: list[str],
    at: datetime,
    organization_rules: Sequence[ClosedRule],
) -> Problems:
    yield from text_problems(strategy)
    yield from _problems_of_branches(strategy)
    yield from _problems_of_profile(strategy, organization)
    yield from time_problems(strategy, organization_rules, at)
    yield from _problems_of_slack(strategy, webhook_urls)
    yield from _problems_of_bot(strategy, organization)


def strategy_warnings(strategy: DeployStrategy, bots: Iterable[Profile]) -> list[str]:
    """What may be saved, and what somebody should know of; `bots` are the Slack bots of the organization."""
    return [*time_warnings(strategy), *_warnings_of_channels(strategy, list(bots))]


def _problems_of_branches(strategy: DeployStrategy) -> Problems:
    for name, words in (("base", "that is released to"), ("head", "that is released")):
        branch = getattr(strategy, name)
        if not branch:
            yield Problem(name, f"Name the branch {words} ({name}).")
            continue
        try:
            remotes.check_branch(branch)
        except remotes.UnsafeRemote as error:
            yield Problem(name, str(error))
    if strategy.base and strategy.base == strategy.head:
        yield Problem("head", "Base and head are the same branch: nothing could ever be released. Name two branches.")
    if strategy.repository and not _REPOSITORY.fullmatch(strategy.repository):
        yield Problem(
            "repository",
            "Write the repository as owner/name, for example artsy/candela, or leave it empty: the stage's.",
        )


def _problems_of_profile(strategy: DeployStrategy, organization: Organization | None) -> Problems:
    given = strategy.profile
    profile = given or strategy.stage.profile
    if given is not None and organization is not None and given.organization != organization:
        yield Problem("profile", f"The profile {given} belongs to another organization: choose one of {organization}.")
    elif profile is None:
        yield Problem(
            "profile", "A GitHub pull request needs a github-token or github-app profile: give it here or to the stage."
        )
    elif profile.kind not in Profile.Kind.values:
        return  # told of the profile itself
    elif not profile.is_github:
        yield Problem(
            "profile",
            f"A GitHub pull request needs a github-token or github-app profile; {profile.name} is {profile.kind}.",
        )
    elif not strategy.repository:
        yield from _problems_of_own_repository(strategy)


def _problems_of_own_repository(strategy: DeployStrategy) -> Problems:
    if not strategy.stage.git_remote:
        yield Problem("repository", "The stage has no git remote: name the repository, for example artsy/candela.")
        return
    try:
        remote = remotes.parse_remote(strategy.stage.git_remote, insecure_hosts=settings.INSECURE_HOSTS)
    except remotes.UnsafeRemote:
        return  # told of the stage itself
    profile = strategy.profile
    if profile is None or not profile.is_github:
        return  # the stage's own profile: told of the stage itself
    try:
        fits = remotes.same_host(remote, remotes.git_host_of_api(profile.api_url))
    except remotes.UnsafeRemote:
        return  # told of the profile itself
    if not fits:
        yield Problem(
            "profile",
            f"The profile {profile.name} is for another host than the stage's git remote: choose a profile of "
            f"{remote.address}, or name the repository on the profile's host.",
        )


def _problems_of_slack(strategy: DeployStrategy, urls: list[str]) -> Problems:
    if len(urls) > MOST_TARGETS or len(strategy.slack_channels) > MOST_TARGETS:
        yield Problem("slack_channels", f"A strategy has at most {MOST_TARGETS} webhooks and {MOST_TARGETS} channels.")
    for channel in strategy.slack_channels:
        if not _CHANNEL.fullmatch(channel):
            yield Problem("slack_channels", f"“{channel[:50]}” is no Slack channel: write for example #dev.")
    for number, url in enumerate(urls, start=1):
        if problem := _problem_of_webhook_url(url):
            yield Problem("slack_webhook_urls", f"Slack webhook URL {number}: {problem}")


def _problems_of_bot(strategy: DeployStrategy, organization: Organization | None) -> Problems:
    bot = strategy.slack_profile
    if bot is None:
        return
    if organization is not None and bot.organization != organization:
        yield Problem(
            "slack_profile", f"The profile {bot} belongs to another organization: choose one of {organization}."
        )
    elif bot.kind in Profile.Kind.values and bot.kind != Profile.Kind.SLACK_BOT:
        yield Problem("slack_profile", f"Channels are written to by a slack-bot profile; {bot.name} is {bot.kind}.")


def _warnings_of_channels(strategy: DeployStrategy, bots: list[Profile]) -> list[str]:
    chosen, channels = strategy.slack_profile, strategy.slack_channels
    if chosen is not None and not channels:
        return [f"{chosen.name} writes to channels only, and none is named: give slack_channels."]
    if chosen is not None or not channels or len(bots) == 1:
        return []
    if not bots:
        remedy = "give the organization a profile of the kind slack-bot, or a webhook instead of the channel."
        return [f"Nobody can write to {listed(channels)}: {remedy}"]
    names = listed([bot.name for bot in bots])
    return [f"The organization has several Slack bots ({names}): say in slack_profile which one writes."]


def _problem_of_webhook_url(url: str) -> str | None:
    """What is wrong with it; the sentence does not repeat it, for it is a secret."""
    if len(url) > LONGEST_URL or not url.isascii() or CONTROLS.search(url) or " " in url:
        return "it holds spaces or letters that no address has, or is too long: copy it again from Slack."
    try:
        parts = urlsplit(url)
        host, _ = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return "it is no address: copy it again from Slack."
    if parts.scheme == "http" and host not in settings.INSECURE_HOSTS:
        return "it must begin with https://."
    if parts.scheme not in ("https", "http") or not host or parts.username is not None:
        return "it must look like https://hooks.slack.com/services/…"
    if host not in settings.SLACK_WEBHOOK_HOSTS:
        return (
            f"its host, {host}, is not allowed. Webhooks of Slack are at hooks.slack.com; others are named in "
            "HORIZON_SLACK_WEBHOOK_HOSTS."
        )
    return None


# --- strategies among each other --------------------------------------------------------------------------------


Place = tuple[str, str]  # the address of an API, and owner/name in lower case


def place_of(strategy: DeployStrategy) -> Place | None:
    """Where the repository of a strategy is, as it is written; None where that cannot be told."""
    repository = strategy.repository
    profile = strategy.profile or strategy.stage.profile
    try:
        if not repository:
            remote = remotes.parse_remote(strategy.stage.git_remote, insecure_hosts=settings.INSECURE_HOSTS)
            repository = "/".join(remotes.repository_of(remote))
    except remotes.UnsafeRemote:
        return None
    return profile.api_url if profile and profile.is_github else "", repository.lower()


class Targets:
    """What these strategies promote. A repository is known by its host's id, whichever of its names is written."""

    def __init__(self, strategies: Iterable[DeployStrategy]) -> None:
        """One query."""
        places = {place for strategy in strategies if (place := place_of(strategy))}
        names = [path for _, path in places]
        now_called = Lower("current_path")
        rows = Repository.objects.annotate(now_called=now_called).filter(Q(path__in=names) | Q(now_called__in=names))
        found = list(rows.values_list("api_url", "path", "now_called", "host_id"))
        self._ids: dict[Place, int] = {(api_url, called): number for api_url, _, called, number in found}
        self._ids |= {(api_url, path): number for api_url, path, _, number in found}

    def of(self, strategy: DeployStrategy) -> tuple[str, str | int, str, str] | None:
        """The host, repository, base and head that a strategy promotes; None where they cannot be told."""
        place = place_of(strategy)
        if place is None:
            return None
        api_url, path = place
        host = remotes.git_host_of_api(api_url) if api_url else ""
        return host, self._ids.get(place, path), strategy.base, strategy.head


def rival_problems(strategy: DeployStrategy, others: Iterable[DeployStrategy]) -> Problems:
    """No two strategies of one repository share base and head: each would open and merge the other's pull request."""
    others = [other for other in others if other is not strategy and not (other.pk and other.pk == strategy.pk)]
    targets = Targets([strategy, *others])
    target = targets.of(strategy)
    rival = next((other for other in others if target and targets.of(other) == target), None)
    if rival is not None:
        yield rival_problem(strategy, rival)


def rival_problem(strategy: DeployStrategy, rival: DeployStrategy) -> Problem:
    repository = (place_of(strategy) or ("", ""))[1]
    return Problem(
        "head",
        f"{rival.stage} releases {repository} from {strategy.head} to {strategy.base} already: two strategies would "
        "merge the same pull request. Take one of them away, or name other branches.",
    )


def removal_problems(strategies: Iterable[DeployStrategy]) -> Problems:
    """Why a strategy cannot be removed at this moment: its history would lose what is being done at the host.

    Where the host did not tell for an hour what became of it (the repository is gone), it never will.
    """
    in_flight = Release.objects.filter(
        strategy__in=list(strategies), attempts__finished_at=None, attempts__begun_at__gt=Now() - ANSWERED_WITHIN
    )
    for release in in_flight.select_related("strategy__stage__project__organization").distinct():
        yield Problem(
            None,
            f"{release.strategy} is being released at this moment: try again in a minute, when the host has answered.",
        )


def possible_rivals(strategy: DeployStrategy) -> Iterable[DeployStrategy]:
    """The stored strategies of active projects with the same branches."""
    found = DeployStrategy.objects.filter(base=strategy.base, head=strategy.head, stage__project__archived_at=None)
    return found.exclude(pk=strategy.pk).select_related("stage__project__organization", "stage__profile", "profile")
