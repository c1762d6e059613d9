"""What the files of a repository say, friendly and hostile ones."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.orbs import orbs_of
from projects.repository_files import PATHS, Properties, properties_of
from projects.runtimes import UNKNOWN_VERSION, runtimes_of

ENGINES = '{"engines": {"node": ">=8.12.x"}}'


# --- runtimes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gemfile", "version"),
    [
        ('source "https://rubygems.org"\nruby "3.2.2"\n', "3.2.2"),
        ("ruby '~> 3.2'", "~> 3.2"),
        ('ruby("3.3.0")', "3.3.0"),
        ('  ruby "3.1", "< 3.4"', "3.1, < 3.4"),
        ("ruby '2.5.7', engine: 'jruby', engine_version: '9.2'", "2.5.7"),
        ('gem "ruby-progressbar"', UNKNOWN_VERSION),
        ('# ruby "1.8"', UNKNOWN_VERSION),
        ('ruby ""', UNKNOWN_VERSION),
        ("", UNKNOWN_VERSION),
    ],
)
def test_the_ruby_version_stands_in_the_gemfile(gemfile: str, version: str) -> None:
    assert runtimes_of({"Gemfile": gemfile}) == {"ruby": version}


@pytest.mark.parametrize("line", ['ruby file: ".ruby-version"', 'ruby File.read(".ruby-version").strip', ""])
def test_a_gemfile_without_version_leads_to_the_version_files(line: str) -> None:
    files = {"Gemfile": line, ".ruby-version": "\n# comment\nruby-3.2.1\n", ".tool-versions": "ruby 3.0.0"}
    assert runtimes_of(files) == {"ruby": "ruby-3.2.1"}
    assert runtimes_of(files | {".ruby-version": None}) == {"ruby": "3.0.0"}


def test_the_gemfile_wins_over_the_version_files() -> None:
    assert runtimes_of({"Gemfile": 'ruby "3.3.0"', ".ruby-version": "3.2.1"}) == {"ruby": "3.3.0"}


def test_the_node_version_is_looked_up_in_order() -> None:
    files: dict[str, str | None] = {
        "package.json": ENGINES,
        ".nvmrc": "v18\n",
        ".node-version": "20.1.0",
        ".tool-versions": "# tools\nnodejs 22.1.0 20.0.0\n",
    }
    found = []
    for path in list(files):
        found.append(runtimes_of(files)["node"])
        files[path] = "{}" if path == "package.json" else None
    assert found == [">=8.12.x", "v18", "20.1.0", "22.1.0"]
    assert runtimes_of(files) == {"node": UNKNOWN_VERSION}


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({"pyproject.toml": '[project]\nrequires-python = ">=3.11,<4"'}, ">=3.11,<4"),
        ({"pyproject.toml": '[tool.poetry.dependencies]\npython = "^3.10"'}, "^3.10"),
        ({"pyproject.toml": '[tool.poetry.dependencies]\npython = {version = "^3.12"}'}, "^3.12"),
        ({"pyproject.toml": "", ".python-version": "3.12.1\n3.11.0"}, "3.12.1"),
        ({"runtime.txt": "python-3.11.4"}, "python-3.11.4"),
        ({"Pipfile": '[requires]\npython_version = "3.9"'}, "3.9"),
        ({"requirements.txt": "django", ".tool-versions": "python 3.13.0"}, "3.13.0"),
        ({"requirements.txt": "django"}, UNKNOWN_VERSION),
        ({"pyproject.toml": "[tool.ruff]"}, UNKNOWN_VERSION),
        ({"Pipfile": ""}, UNKNOWN_VERSION),
    ],
)
def test_the_python_version_stands_in_one_of_many_files(files: dict[str, str | None], version: str) -> None:
    assert runtimes_of(files) == {"python": version}


def test_a_runtime_text_of_another_language_says_nothing_of_python() -> None:
    assert runtimes_of({"runtime.txt": "java-17"}) == {}


def test_a_repository_with_everything_has_all_runtimes() -> None:
    files = {"Gemfile": 'ruby "3.2"', "package.json": "{}", "requirements.txt": "", ".python-version": "3.12"}
    assert runtimes_of(files) == {"ruby": "3.2", "node": UNKNOWN_VERSION, "python": "3.12"}


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[" * 100_000,
        "[]",
        "null",
        '{"engines": "18"}',
        '{"engines": {"node": 18}}',
        '{"engines":' + "9" * 9_000 + "}",
    ],
)
def test_a_package_file_that_makes_no_sense_declares_nothing(text: str) -> None:
    assert runtimes_of({"package.json": text}) == {"node": UNKNOWN_VERSION}


def test_a_key_of_thousands_of_parts_is_not_parsed() -> None:
    text = "a" + ".a" * 45_000 + ' = 1\n[project]\nrequires-python = "3.12"'
    assert runtimes_of({"pyproject.toml": text}) == {"python": UNKNOWN_VERSION}  # else: gigabytes


@pytest.mark.parametrize("text", ["= no toml", "a = " + "[" * 90_000, "project = 3", "project.requires-python = 3"])
def test_a_pyproject_that_makes_no_sense_declares_nothing(text: str) -> None:
    assert runtimes_of({"pyproject.toml": text}) == {"python": UNKNOWN_VERSION}


def test_what_strangers_wrote_is_cleaned_and_short() -> None:
    files = {".nvmrc": "\x1b[31m18\x00\ud800" + "x" * 1_000, ".python-version": "\u202e3.12"}
    found = runtimes_of(files)
    assert found["node"].startswith("18")
    assert len(found["node"]) <= 100
    assert found["python"] == "3.12"
    json.dumps(found).encode()
    assert "\x00" not in found["node"]


# --- CI provider, Renovate, orbs ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "provider"),
    [
        ({".circleci/config.yml": "", ".travis.yml": "", ".github/workflows/": "ci.yml"}, "circleci"),
        ({".travis.yml": "", ".github/workflows/": "ci.yml"}, "travis"),
        ({".github/workflows/": "README.md\nci.yaml"}, "github actions"),
        ({".github/workflows/": "README.md"}, ""),
        ({".github/workflows/": None}, ""),
        ({}, ""),
    ],
)
def test_the_ci_provider_is_told_by_its_files(files: dict[str, str | None], provider: str) -> None:
    assert properties_of(files).ci_provider == provider


@pytest.mark.parametrize(
    ("files", "renovate"),
    [
        ({"renovate.json": "{}"}, True),
        ({"renovate.json5": "// nothing"}, True),
        ({".github/renovate.json": ""}, True),
        ({".renovaterc": "{}"}, True),
        ({"package.json": '{"renovate": {"extends": ["config:base"]}}'}, True),
        ({"package.json": '{"name": "renovate"}'}, False),
        ({"renovate.json": None}, False),
        ({}, False),
    ],
)
def test_renovate_is_told_by_its_configuration(files: dict[str, str | None], renovate: bool) -> None:
    assert properties_of(files).renovate is renovate


CONFIG = """
version: 2.1
orbs:
  hokusai: artsy/hokusai@0.8.0
  node: circleci/node@volatile
  again: artsy/hokusai@1.0.0
  inline:
    jobs: {}
jobs: {}
"""


def test_orbs_of_any_namespace_are_named_without_version() -> None:
    assert orbs_of(CONFIG) == ("artsy/hokusai", "circleci/node")


DOUBLED = "\n".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60))
MERGED = "\n".join(f"m{n}: &m{n}\n  <<: [*m{n - 1}, *m{n - 1}, *m{n - 1}, *m{n - 1}]" for n in range(1, 40))


@pytest.mark.parametrize(
    ("config", "orbs"),
    [
        ("", ()),
        ("- a list", ()),
        ("orbs: artsy/hokusai", ()),
        ("orbs: [artsy/hokusai@1]", ()),
        ("orbs: {x: 3, y: null, z: not an orb, w: ../../etc/passwd}", ()),
        ("orbs: {x: !!python/object/apply:os.system ['false']}", ()),
        ("orbs: &a {x: *a, y: circleci/node@5}", ("circleci/node",)),
        ("a: [", ()),
        ("\x00", ()),
        ("\ud800", ()),
        ("---\norbs: {}\n---\norbs: {}\n", ()),
        ("[" * 400_000, ()),
        ("{a: " * 100_000, ()),
        ("- " * 200_000, ()),
        ("? " * 200_000, ()),
        ("orbs: {x: circleci/node@5}\n" + "#" * 1_000_000, ()),
        ("a0: &a0 x\n" + DOUBLED + "\norbs: {x: circleci/node@5, y: *a59}", ("circleci/node",)),
        ("m0: &m0 {x: y}\n" + MERGED + "\norbs: {x: circleci/node@5}", ("circleci/node",)),
    ],
)
def test_a_hostile_configuration_has_only_the_orbs_that_are_plain(config: str, orbs: tuple[str, ...]) -> None:
    assert orbs_of(config) == orbs


def test_not_more_than_a_hundred_orbs_are_kept() -> None:
    assert len(orbs_of("orbs:\n" + "".join(f"  o{n}: many/orb{n}@1\n" for n in range(3_000)))) == 100


# --- whatever the files hold ------------------------------------------------------------------------------------------

SEEDS = st.sampled_from(
    [CONFIG, ENGINES, "[project]\nrequires-python = '", 'ruby "', "nodejs ", "orbs:\n", "&a [*a]", ""]
)
TEXTS = st.builds(lambda seed, tail: seed + tail, SEEDS, st.text(st.characters(exclude_categories=()), max_size=200))


@given(st.dictionaries(st.sampled_from(PATHS), st.none() | TEXTS))
def test_parsing_never_raises_and_gives_what_can_be_stored(files: dict[str, str | None]) -> None:
    found = properties_of(files)
    assert isinstance(found, Properties)
    for text in (*found.orbs, *found.runtimes.values()):
        assert text
        assert "\x00" not in text
        assert len(text) <= 200
        text.encode()
