"""Compares what a file declares with what is stored: the steps from one to the other, or everything that is wrong."""

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from django.db import models
from django.db.models import Prefetch

from projects.configure import Described, described, differences, may_stop
from projects.models import Organization, Profile, Project, Stage
from projects.secrets import Secret, SecretUnreadable
from projects.validation import (
    Problem,
    normalised_tags,
    organization_problems,
    project_problems,
    stage_problems,
)
from projects.validation_profiles import (
    FIELDS_OF_SOME_KIND,
    normalised_secret,
    profile_problems,
    secret_missing_problem,
    secret_outdated,
    secret_problems,
    tidy_profile,
)
from releases.branches import asks_the_same, look_for_branches
from releases.calendar import ClosedRule
from releases.declare_matching import fill, matched, paired, profile_named, with_left_ones
from releases.declared import Declared
from releases.models import DeployStrategy
from releases.validation import (
    Targets,
    default_warning,
    removal_problems,
    rival_problem,
    rules_of_organization,
    strategy_problems,
    strategy_warnings,
)
from releases.webhook_urls import as_secret
from releases.yaml_tree import Complaint


class Verb(StrEnum):
    CREATE = "created"
    CHANGE = "changed"
    RESTORE = "restored"
    ARCHIVE = "archived"
    DELETE = "removed"


SIGNS = {Verb.CREATE: "+", Verb.CHANGE: "~", Verb.RESTORE: "~", Verb.ARCHIVE: "-", Verb.DELETE: "-"}


@dataclass(frozen=True, slots=True)
class Step:
    """One change. `before` is what is stored of the thing."""

    verb: Verb
    thing: models.Model
    before: Described = field(default_factory=dict)

    def lines(self) -> list[str]:
        """What it does, for people: `~ stage artsy/candela main` and a line for each field."""
        title = f"{SIGNS[self.verb]} {self.thing._meta.verbose_name} {self.thing}"
        if self.verb is not Verb.CHANGE:
            return [f"{title} {self.verb}"]
        old, new = differences(self.before, described(self.thing))
        return [title, *(f"    ~ {name}: {_change(old.get(name), value)}" for name, value in new.items())]

    def may_stop(self) -> set[int]:
        """The projects of which it may stop a release."""
        if self.verb in (Verb.CREATE, Verb.RESTORE):
            return set()
        if self.verb is Verb.ARCHIVE:
            return {self.thing.pk}
        return may_stop(self.thing, differences(self.before, described(self.thing))[1])


def _change(old: object, new: object) -> str:
    return "changed" if new in ("changed", "set") and old in ("set", "not set") else f"{_plain(old)} -> {_plain(new)}"


def _plain(value: object) -> str:
    if value in (None, "", []):
        return "(empty)"
    return ", ".join(str(part) for part in value) if isinstance(value, list) else str(value)


@dataclass(slots=True)
class Plan:
    """The steps in the order in which they can be taken, notes for people, and what is wrong with the file."""

    steps: list[Step] = field(default_factory=list)
    removals: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    complaints: list[Complaint] = field(default_factory=list)

    @property
    def taken(self) -> list[Step]:
        return [*self.steps, *self.removals]


def plan_of(
    organizations: Sequence[Declared], *, at: datetime, prune: bool, ask_hosts: bool = False, lock: bool = False
) -> Plan:
    """What is to be done; with `lock`, inside a transaction, the organizations that the file names stay as they are."""
    planner = _Planner(prune, at)
    known = list(Organization.objects.only("name"))
    pairs = matched(organizations, known)
    stored = {one.pk: one for one in _stored([known.pk for _, known in pairs if known is not None], lock=lock)}
    for declared, found in pairs:
        planner.organization(declared, stored[found.pk] if found else None)
    planner.look_for_rivals(list(stored))
    planner.look_for_releases()
    if ask_hosts and not planner.plan.complaints:
        planner.look_for_branches()
    return planner.plan


def _stored(numbers: list[int], *, lock: bool) -> Iterator[Organization]:
    found = Organization.objects.filter(pk__in=numbers)
    found = found.select_for_update() if lock else found
    strategies = Prefetch("strategies", DeployStrategy.objects.order_by("id"))
    stages = Prefetch("stages", Stage.objects.order_by("position").prefetch_related(strategies))
    projects = Prefetch("projects", Project.objects.prefetch_related(stages))
    for organization in found.prefetch_related("profiles", projects):
        profiles = {profile.pk: profile for profile in organization.profiles.all()}
        for project in organization.projects.all():
            for stage in project.stages.all():
                stage.profile = profiles.get(stage.profile_id) if stage.profile_id else None
                for strategy in stage.strategies.all():
                    strategy.profile = profiles.get(strategy.profile_id) if strategy.profile_id else None
                    bot_id = strategy.slack_profile_id
                    strategy.slack_profile = profiles.get(bot_id) if bot_id else None
        yield organization


class _Planner:
    def __init__(self, prune: bool, at: datetime) -> None:
        self.prune = prune
        self.at = at
        self.organization_rules: tuple[ClosedRule, ...] = ()  # of the organization that is being looked at
        self.moved: list[tuple[Declared, DeployStrategy]] = []  # those whose branches are new
        self.plan = Plan()
        self.declared: list[tuple[Declared, DeployStrategy]] = []
        self.left_alone: list[DeployStrategy] = []

    # --- what every thing needs -------------------------------------------------------------------------------------

    def complain(self, declared: Declared, thing: models.Model, problems: Iterable[Problem]) -> None:
        for problem in problems:
            line = declared.line_of(problem.field)
            title = f"{thing._meta.verbose_name} {thing}" if declared.name or not declared.shape.named else None
            self.plan.complaints.append(Complaint(line, f"{title}: {problem.message}" if title else problem.message))

    def keep(self, thing: models.Model, before: Described) -> bool:
        """Plan to save the thing, if it differs from what is stored; whether it does."""
        if not before:
            self.plan.steps.append(Step(Verb.CREATE, thing))
        elif before != described(thing):
            self.plan.steps.append(Step(Verb.CHANGE, thing, before))
        return not before or before != described(thing)

    # --- organizations, profiles ------------------------------------------------------------------------------------

    def organization(self, declared: Declared, stored: Organization | None) -> None:
        organization = stored or Organization()
        self.organization_rules = rules_of_organization(stored)
        before = described(stored) if stored else {}
        organization.name = declared.name
        self.complain(declared, organization, organization_problems(organization))
        self.keep(organization, before)
        profiles = list(stored.profiles.all()) if stored else []
        projects = list(stored.projects.all()) if stored else []
        for child, profile in matched(declared.children.get("profiles", []), profiles):
            planned = self.profile(child, organization, profile)
            if profile is None:
                profiles.append(planned)
        kept = {child.name.lower() for child in declared.children.get("projects", [])}
        for child, project in matched(declared.children.get("projects", []), projects):
            self.project(child, organization, project, profiles)
        self._leave(declared, organization, profiles, [one for one in projects if one.name.lower() not in kept])

    def profile(self, declared: Declared, organization: Organization, stored: Profile | None) -> Profile:
        profile = stored or Profile(organization=organization)
        original = copy(stored) if stored else None
        before = described(stored) if stored else {}
        fill(profile, declared, ["name", "kind", *FIELDS_OF_SOME_KIND])
        tidy_profile(profile)
        self.complain(declared, profile, profile_problems(profile))
        if profile.kind in Profile.Kind.values:
            self.complain(declared, profile, self._secret(declared, profile, original))
        self.keep(profile, before)
        return profile

    def _secret(self, declared: Declared, profile: Profile, original: Profile | None) -> Iterator[Problem]:
        """Set the secret: the one that is given, if it is another than the stored one; else the stored one is kept."""
        outdated = secret_outdated(profile, original) if original else None
        given = normalised_secret(declared.text("secret") or "", profile.kind)
        if not given:
            if "secret" in declared.values:
                return  # an unset variable: told of already
            if outdated or not profile.secret:
                yield secret_missing_problem(profile, outdated)
            return
        yield from secret_problems(given, profile.kind)
        if outdated or not _is(profile.secret, given):
            profile.secret = Secret.of(given)

    # --- projects, stages, strategies -------------------------------------------------------------------------------

    def project(
        self, declared: Declared, organization: Organization, stored: Project | None, profiles: list[Profile]
    ) -> None:
        project = stored or Project(organization=organization)
        before = described(stored) if stored else {}
        fill(project, declared, ["name", "description", "tags", "criticality"])
        project.tags = normalised_tags(project.tags)
        self.complain(declared, project, project_problems(project))
        self.keep(project, before)
        if stored is not None and stored.archived_at is not None:
            self.plan.steps.append(Step(Verb.RESTORE, project))
        old = list(stored.stages.all()) if stored else []
        befores = {stage.pk: described(stage) for stage in old}
        kept = [
            (child, self.stage(child, project, stage, profiles))
            for child, stage in matched(declared.children.get("stages", []), old)
        ]
        gone = [stage for stage in old if all(stage is not other for _, other in kept)]
        order = [stage for _, stage in kept] if self.prune else with_left_ones([one for _, one in kept], old)
        for position, stage in enumerate(order, start=1):
            stage.position = position
        for stage in gone if not self.prune else []:
            self.keep(stage, befores[stage.pk])
            self.left_alone += stage.strategies.all()
        for child, stage in kept:
            self.keep(stage, befores.get(stage.pk, {}))
            self._strategies(child, stage, organization, profiles)
        for stage in gone if self.prune else []:
            self.plan.removals.append(Step(Verb.DELETE, stage))

    def stage(self, declared: Declared, project: Project, stored: Stage | None, profiles: list[Profile]) -> Stage:
        stage = stored or Stage(project=project)
        fill(stage, declared, ["name", "git_remote", "branch", "tag_pattern", "hokusai", "registry_repository"])
        stage.profile, unknown = profile_named(declared, profiles)
        self.complain(declared, stage, unknown)
        self.complain(declared, stage, stage_problems(stage, project.organization))
        return stage

    def _strategies(self, parent: Declared, stage: Stage, organization: Organization, profiles: list[Profile]) -> None:
        old = list(stage.strategies.all()) if stage.pk else []
        befores = {strategy.pk: described(strategy) for strategy in old}
        for declared, stored in paired(parent.children.get("strategies", []), old):
            strategy = stored or DeployStrategy(stage=stage)
            original = copy(stored) if stored else None
            self._fill_strategy(strategy, declared, organization, profiles)
            if self.keep(strategy, befores.get(strategy.pk, {})):
                bots = [profile for profile in profiles if profile.kind == Profile.Kind.SLACK_BOT]
                self.note(strategy, strategy_warnings(strategy, bots))
            if not asks_the_same(strategy, original):
                self.moved.append((declared, strategy))
            self.declared.append((declared, strategy))
            old = [other for other in old if other is not strategy]
        if self.prune:
            self.plan.removals += [Step(Verb.DELETE, strategy) for strategy in old]
        else:
            self.left_alone += old

    def _fill_strategy(
        self, strategy: DeployStrategy, declared: Declared, organization: Organization, profiles: list[Profile]
    ) -> None:
        others = ("profile", "slack_profile", "slack_webhook_urls")
        names = [name for name in declared.shape.fields if name not in others]
        fill(strategy, declared, names)
        if "merge_prior_warning" not in declared.values:
            strategy.merge_prior_warning = default_warning(strategy.merge_after)
        strategy.profile, unknown = profile_named(declared, profiles)
        strategy.slack_profile, unknown_bot = profile_named(declared, profiles, "slack_profile")
        unknown += unknown_bot
        urls = declared.values.get("slack_webhook_urls")
        given = [str(url) for url in urls] if isinstance(urls, list) else None
        self.complain(declared, strategy, unknown)
        if not unknown:
            problems = strategy_problems(
                strategy,
                organization,
                given or [],
                at=self.at,
                organization_rules=self.organization_rules,
                unread=declared.unread,
            )
            self.complain(declared, strategy, problems)
        if given is not None and not _is(strategy.slack_webhook_urls, "\n".join(given)):
            strategy.slack_webhook_urls = as_secret(given)

    # --- what the file does not name --------------------------------------------------------------------------------

    def _leave(
        self, declared: Declared, organization: Organization, profiles: list[Profile], others: list[Project]
    ) -> None:
        others = [project for project in others if project.archived_at is None]
        if not self.prune:
            for project in others:
                self.left_alone += [strategy for stage in project.stages.all() for strategy in stage.strategies.all()]
            return
        self.plan.removals += [Step(Verb.ARCHIVE, project) for project in others]
        named = {child.name.lower() for child in declared.children.get("profiles", [])}
        for profile in profiles:
            if profile.pk and profile.name.lower() not in named:
                self._remove_profile(profile)

    def _remove_profile(self, profile: Profile) -> None:
        """Remove a profile that the file does not name, unless something that stays uses it."""
        gone = {step.thing.pk for step in self.plan.removals if isinstance(step.thing, Stage)}
        moved = {step.thing.pk for step in self.plan.steps if isinstance(step.thing, Stage) and step.thing.pk}
        users = [stage for stage in profile.stages.select_related("project") if stage.pk not in gone | moved]
        strategies = [*profile.strategies.all(), *profile.announcing_strategies.all()]
        released = [strategy for strategy in strategies if strategy.stage_id not in gone]
        if users or released or any(self._uses(step.thing, profile) for step in self.plan.steps):
            self.plan.notes.append(
                f"= profile {profile} kept: stages or strategies, perhaps of archived projects, use it"
            )
        else:
            self.plan.removals.append(Step(Verb.DELETE, profile))

    def _uses(self, thing: models.Model, profile: Profile) -> bool:
        if isinstance(thing, DeployStrategy) and thing.slack_profile is profile:
            return True
        return isinstance(thing, Stage | DeployStrategy) and thing.profile is profile

    def look_for_branches(self) -> None:
        """Hosts are asked whether branches exist that were not asked for before."""
        found = look_for_branches([strategy for _, strategy in self.moved], self.at)
        for (declared, strategy), answer in zip(self.moved, found, strict=True):
            self.complain(declared, strategy, answer.problems)
            self.note(strategy, [answer.warning] if answer.warning else [])

    def note(self, strategy: DeployStrategy, warnings: Iterable[str]) -> None:
        self.plan.notes += [f"! {strategy._meta.verbose_name} {strategy}: {warning}" for warning in warnings]

    def look_for_releases(self) -> None:
        """Nothing is removed or archived whose release the host is asked for at this moment."""
        gone = [step.thing for step in self.plan.removals if step.verb is Verb.DELETE]
        strategies = [thing for thing in gone if isinstance(thing, DeployStrategy)]
        for stage in gone:
            if isinstance(stage, Stage):
                strategies += stage.strategies.all()
        archived = [step.thing.pk for step in self.plan.removals if step.verb is Verb.ARCHIVE]
        if archived:
            strategies += DeployStrategy.objects.filter(stage__project__in=archived)
        for problem in removal_problems(strategies) if strategies else ():
            self.plan.complaints.append(Complaint(0, problem.message))

    # --- strategies among each other --------------------------------------------------------------------------------

    def look_for_rivals(self, organizations: list[int]) -> None:
        """No two strategies of one repository share base and head, in whatever project or organization."""
        elsewhere = DeployStrategy.objects.filter(stage__project__archived_at=None)
        elsewhere = elsewhere.exclude(stage__project__organization__in=organizations)
        others = elsewhere.select_related("stage__project__organization", "stage__profile", "profile")
        targets = Targets([*self.left_alone, *others, *(strategy for _, strategy in self.declared)])
        owners = {targets.of(strategy): strategy for strategy in [*self.left_alone, *others]}
        for declared, strategy in self.declared:
            target = targets.of(strategy)
            if target is None:
                continue
            if target in owners:
                self.complain(declared, strategy, [rival_problem(strategy, owners[target])])
            owners.setdefault(target, strategy)


def _is(stored: Secret, clear: str) -> bool:
    """Whether this is what is stored; an unreadable secret is not."""
    try:
        return stored.reveal() == clear
    except SecretUnreadable:
        return False
