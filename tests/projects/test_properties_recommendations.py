"""What people are advised to do: all of it, not only the first."""

from dataclasses import replace

import pytest

from projects.recommendations import (
    Code,
    DeploymentType,
    Target,
    Upkeep,
    deployment_type,
    recommendations,
)
from projects.runtimes import UNKNOWN_VERSION

WELL_KEPT = Upkeep(
    deployment_type=DeploymentType.KUBERNETES,
    automatic=True,
    renovate=True,
    orbs=["artsy/hokusai"],
    runtimes={"ruby": "3.3.0", "node": "^20"},
    minimums={"ruby": "3.2", "node": "18"},
)


def sentences(upkeep: Upkeep) -> list[str]:
    return [each.sentence for each in recommendations(upkeep)]


def codes(upkeep: Upkeep) -> list[Code]:
    return [each.code for each in recommendations(upkeep)]


def test_a_well_kept_project_has_nothing_to_do() -> None:
    assert recommendations(WELL_KEPT) == []


def test_every_unknown_and_every_unsupported_version_is_named() -> None:
    upkeep = replace(
        WELL_KEPT,
        runtimes={"ruby": "3.1.4", "node": UNKNOWN_VERSION, "python": "2.7"},
        minimums={"ruby": "v3.2", "python": "3"},
    )
    assert sentences(upkeep) == [
        "Dependency Node version unknown, add a version declaration file",
        "Dependency Python uses an unsupported version. Update to v3 or higher.",
        "Dependency Ruby uses an unsupported version. Update to v3.2 or higher.",
    ]


def test_a_declaration_without_number_is_told_apart_from_a_missing_one() -> None:
    assert sentences(replace(WELL_KEPT, runtimes={"node": "lts/*"})) == [
        "Dependency Node version unknown: its declaration (lts/*) names no number"
    ]


def test_everything_that_is_wrong_is_recommended_together() -> None:
    upkeep = replace(WELL_KEPT, automatic=False, renovate=False, runtimes={"ruby": "2.7", "node": UNKNOWN_VERSION})
    assert codes(upkeep) == [
        Code.VERSION_UNKNOWN,
        Code.VERSION_UNSUPPORTED,
        Code.NOT_AUTOMATIC,
        Code.RENOVATE_MISSING,
    ]


@pytest.mark.parametrize("elsewhere", [DeploymentType.HEROKU, None])
def test_automatic_releases_and_renovate_are_asked_for_on_kubernetes_only(elsewhere: DeploymentType | None) -> None:
    assert codes(replace(WELL_KEPT, deployment_type=elsewhere, automatic=False, renovate=False)) == []


@pytest.mark.parametrize("upkeep", [replace(WELL_KEPT, renovate=None), replace(WELL_KEPT, renovate=False, orbs=[])])
def test_renovate_is_missing_only_where_orbs_are_used_and_the_files_were_read(upkeep: Upkeep) -> None:
    assert recommendations(upkeep) == []


def test_an_image_tag_means_kubernetes_whatever_the_other_stages_are() -> None:
    assert deployment_type([Target(image=False, profile="heroku"), Target(image=True)]) is DeploymentType.KUBERNETES


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (Target(image=False, profile="Heroku"), DeploymentType.HEROKU),
        (Target(image=False, host="git.heroku.com"), DeploymentType.HEROKU),
        (Target(image=False, profile="github", host="notheroku.com"), None),
        (Target(image=False), None),
    ],
)
def test_heroku_is_told_by_the_profile_or_the_host(target: Target, expected: DeploymentType | None) -> None:
    assert deployment_type([Target(image=False, host="github.com"), target]) is expected


def test_a_project_without_stages_has_no_deployment_type() -> None:
    assert deployment_type([]) is None
