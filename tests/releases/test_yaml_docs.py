"""docs/yaml.md is the reference of what `apply` reads."""

import re
from pathlib import Path

import pytest

from releases.declared import ORGANIZATION, PROFILE, PROJECT, STAGE, STRATEGY, Shape
from tests.releases.test_declare_apply import run

DOCS = (Path(__file__).parents[2] / "docs" / "yaml.md").read_text()


@pytest.mark.parametrize("shape", [ORGANIZATION, PROFILE, PROJECT, STAGE, STRATEGY], ids=lambda shape: shape.what)
def test_every_key_is_in_the_table_of_its_thing_and_no_other(shape: Shape) -> None:
    section = DOCS.split(f"### {shape.what}\n")[1].split("\n### ")[0]
    first_cells = re.findall(r"^\| (`[^|]+) \|", section, flags=re.MULTILINE)

    assert {key for cell in first_cells for key in re.findall(r"`([^`]+)`", cell)} == set(shape.keys)


@pytest.mark.django_db
def test_the_example_can_be_applied() -> None:
    example = re.findall(r"```yaml\n(.*?)```", DOCS, flags=re.DOTALL)[0]
    environment = {"GITHUB_TOKEN": "ghp_1", "SLACK_WEBHOOK": "https://hooks.slack.com/services/T/B/X"}

    assert len(run(example, environment=environment)) == 7
