"""The rules of configuration, shared by the admin and by YAML files. Each broken one is a sentence that says what to
do.

The functions look at model instances that need not be saved yet; their relations must be set. The database's
constraints stay the last word. No sentence repeats a secret, nor a remote, which may hold one.
"""

import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from projects import remotes
from projects.models import Organization, Profile, Project, Stage
from projects.secrets import SecretField

MOST_TAGS = 50

CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
# A tag of an image: https://docs.docker.com/reference/cli/docker/image/tag/
_IMAGE_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
_REGISTRY_REPOSITORY = re.compile(r"(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*")

GIT_KINDS = (Profile.Kind.GITHUB_TOKEN, Profile.Kind.GITHUB_APP, Profile.Kind.BASIC)


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule: the field that it is about (None: the whole thing) and the sentence."""

    field: str | None
    message: str


Problems = Iterator[Problem]


# --- texts ------------------------------------------------------------------------------------------------------


def hint(word: str, known: Iterable[str]) -> str:
    """` Did you mean branch?` or nothing, to be put behind a sentence."""
    spelled = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), spelled, n=1, cutoff=0.5)
    return f" Did you mean {spelled[near[0]]}?" if near else ""


def text_problems(thing: models.Model) -> Problems:
    """Texts that are too long, hold control characters or are none of the choices."""
    for field in thing._meta.concrete_fields:
        value = getattr(thing, field.attname)
        inner = field.base_field if isinstance(field, ArrayField) else field
        if isinstance(field, SecretField) or not isinstance(inner, models.CharField | models.TextField):
            continue
        for text in value if isinstance(value, list) else [value or ""]:
            yield from _problems_of_text(text, field.name, str(field.verbose_name), inner)


def _problems_of_text(text: str, name: str, label: str, field: "models.Field[object, object]") -> Problems:
    choices = [str(value) for value, _ in field.choices or []]
    if choices and text not in choices:
        shown = f"“{text[:50]}” is no {label}" if text else f"The {label} is missing"
        yield Problem(name, f"{shown}: choose one of {', '.join(choices)}.{hint(text, choices)}")
    elif field.max_length is not None and len(text) > field.max_length:
        yield Problem(name, f"The {label} is longer than {field.max_length} characters ({len(text)}): shorten it.")
    elif CONTROLS.search(text):
        yield Problem(
            name, f"The {label} holds line breaks, control characters or marks of writing direction: type it anew."
        )


def name_problems(name: str, what: str) -> Problems:
    if not name:
        yield Problem("name", f"Give the {what} a name.")
    elif "/" in name:
        yield Problem("name", f"The name of the {what} must not hold a slash: a slash parts organization and project.")
    elif name != name.strip():
        yield Problem("name", f"The name of the {what} must not begin or end with a space.")


def normalised_tags(tags: Iterable[str]) -> list[str]:
    """Tags without space around them, without empty ones and without doubles (whatever the case), in their order."""
    kept: dict[str, str] = {}
    for tag in tags:
        plain = " ".join(unicodedata.normalize("NFC", tag).split())
        if plain:
            kept.setdefault(plain.casefold(), plain)
    return list(kept.values())


# --- organizations and projects ---------------------------------------------------------------------------------


def organization_problems(organization: Organization) -> Problems:
    yield from name_problems(organization.name, "organization")
    yield from text_problems(organization)


def project_problems(project: Project) -> Problems:
    yield from name_problems(project.name, "project")
    yield from text_problems(project)
    if project.criticality is not None and project.criticality not in Project.Criticality.values:
        known = ", ".join(f"{level.value} ({level.label.lower()})" for level in Project.Criticality)
        yield Problem("criticality", f"Criticality is one of {known}, or empty.")
    if any("," in tag for tag in project.tags):
        yield Problem("tags", "A tag must not hold a comma: write it as two tags.")
    if len(project.tags) > MOST_TAGS:
        yield Problem("tags", f"A project bears at most {MOST_TAGS} tags.")


# --- stages -----------------------------------------------------------------------------------------------------


def stage_problems(stage: Stage, organization: Organization | None) -> Problems:
    """What is wrong with a stage of a project of this organization (None: not known yet)."""
    yield from name_problems(stage.name, "stage")
    yield from text_problems(stage)
    sources = [name for name in ("branch", "tag_pattern", "hokusai") if getattr(stage, name)]
    if not sources:
        yield Problem(
            "branch", "Say where the stage's commit is found: give a branch, a tag_pattern or an image tag (hokusai)."
        )
    elif len(sources) > 1:
        yield Problem(sources[-1], f"Give one of {' and '.join(sources)}, not {len(sources)}: a stage has one source.")
    yield from _problems_of_source(stage)
    yield from profile_of_stage_problems(stage, organization)


def _problems_of_source(stage: Stage) -> Problems:
    if not stage.git_remote and not stage.hokusai:
        yield Problem("git_remote", "Give the git remote, for example https://github.com/artsy/candela.git.")
    checks = {"git_remote": _check_remote, "branch": remotes.check_branch, "tag_pattern": remotes.check_tag_pattern}
    for name, check in checks.items():
        try:
            if getattr(stage, name):
                check(getattr(stage, name))
        except remotes.UnsafeRemote as error:
            yield Problem(name, str(error))
    if stage.hokusai and not _IMAGE_TAG.fullmatch(stage.hokusai):
        yield Problem(
            "hokusai", "An image tag holds letters, digits, dots, hyphens and underscores only, for example production."
        )
    if stage.registry_repository and not stage.hokusai:
        yield Problem("registry_repository", "Only a stage with an image tag (hokusai) has a registry_repository.")
    elif stage.registry_repository and not _REGISTRY_REPOSITORY.fullmatch(stage.registry_repository):
        yield Problem("registry_repository", "That is no repository of a registry: write for example artsy/candela.")


def _check_remote(text: str) -> None:
    remotes.parse_remote(text, insecure_hosts=settings.INSECURE_HOSTS)


def profile_of_stage_problems(stage: Stage, organization: Organization | None) -> Problems:
    """Whether a stage may use its profile: the organization's own, the right kind, and for the remote's host."""
    profile = stage.profile
    if profile is None:
        return
    if organization is not None and profile.organization != organization:
        yield Problem(
            "profile", f"The profile {profile} belongs to another organization: choose one of {organization}."
        )
    elif profile.kind not in Profile.Kind.values:
        return  # told of the profile itself
    elif stage.hokusai and profile.kind != Profile.Kind.AWS:
        yield Problem("profile", f"A stage with an image tag needs an aws profile; {profile.name} is {profile.kind}.")
    elif not stage.hokusai and profile.kind not in GIT_KINDS:
        yield Problem(
            "profile",
            f"A stage in git needs a github-token, github-app or basic profile; {profile.name} is {profile.kind}.",
        )
    elif not stage.hokusai:
        yield from _problems_of_host_pair(stage, profile)


def _problems_of_host_pair(stage: Stage, profile: Profile) -> Problems:
    try:
        remote = remotes.parse_remote(stage.git_remote, insecure_hosts=settings.INSECURE_HOSTS)
        host = profile.host if profile.kind == Profile.Kind.BASIC else remotes.git_host_of_api(profile.api_url)
        same = remotes.same_host(remote, host)
    except remotes.UnsafeRemote:
        return  # told of the remote or the profile itself
    if not same:
        yield Problem(
            "profile",
            f"The profile {profile.name} is for {host}, the git remote is on {remote.address}: its secret goes to "
            "its own host only. Choose a profile of that host, or none for a public repository.",
        )
    elif profile.kind == Profile.Kind.BASIC and remote.scheme == "ssh":
        yield Problem(
            "profile", f"The profile {profile.name} holds a password, which ssh does not use: write https://."
        )
    elif profile.is_github:
        try:
            remotes.repository_of(remote)
        except remotes.UnsafeRemote as error:
            yield Problem("git_remote", str(error))
