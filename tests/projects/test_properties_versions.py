"""Declared versions against the minimum."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projects.versions import VersionStatus, numbers_of, status_of


@pytest.mark.parametrize(
    ("declared", "numbers"),
    [
        ("3.2.2", (3, 2)),
        ("v13", (13, None)),
        ("v18.12.1", (18, 12)),
        ("18", (18, None)),
        ("18.x", (18, None)),
        (">=8.12.x", (8, 12)),
        (">= 8.12", (8, 12)),
        ("^18", (18, None)),
        ("^16.14.0 || >=18", (16, 14)),
        ("16 - 20", (16, None)),
        ("~> 3.2", (3, 2)),
        ("~>3.2.1, < 3.4", (3, 2)),
        (">=3.11,<4", (3, 11)),
        ("<4,>=3.11", (3, 11)),
        ("!=3.9.1, >=3.8", (3, 8)),
        ("<20", (20, None)),
        ("==3.11.*", (3, 11)),
        ("ruby-3.2.2", (3, 2)),
        ("python-3.11.4", (3, 11)),
        ("3.2.2-p100", (3, 2)),
        ("3.11.4/envs/web", (3, 11)),
        ("lts/hydrogen", (18, None)),
        ("lts/Iron", (20, None)),
    ],
)
def test_the_first_number_that_is_no_upper_bound_counts(declared: str, numbers: tuple[int, int | None]) -> None:
    assert numbers_of(declared) == numbers


@pytest.mark.parametrize(
    "declared",
    ["", "*", "node", "system", "lts/*", "lts/unheardof", "unknown version", "jruby-9.4.5.0", "pypy3.9-7.3.9", "٣.٢"],
)
def test_what_names_no_number_of_the_runtime_is_unknown_and_never_out_of_date(declared: str) -> None:
    assert numbers_of(declared) is None
    assert status_of(declared, "3.2") is VersionStatus.UNKNOWN
    assert status_of(declared, None) is VersionStatus.UNKNOWN


@pytest.mark.parametrize(
    ("declared", "minimum", "status"),
    [
        ("3.1.9", "3.2", VersionStatus.OUT_OF_DATE),
        ("3.2.0", "3.2", VersionStatus.FINE),
        ("3.10", "3.2", VersionStatus.FINE),
        ("4.0", "3.2", VersionStatus.FINE),
        ("2.7", "3", VersionStatus.OUT_OF_DATE),
        ("3.0", "3", VersionStatus.FINE),
        (">=8.12.x", "8.13.0", VersionStatus.OUT_OF_DATE),
        (">=8.12.x", "v8.12", VersionStatus.FINE),
        ("v13", "14.0.0", VersionStatus.OUT_OF_DATE),
        ("v13", "13.5", VersionStatus.FINE),  # any 13 may be meant
        ("^18", "20", VersionStatus.OUT_OF_DATE),
        (">=3.11,<4", "3.12", VersionStatus.OUT_OF_DATE),
        (">=3.11,<4", "3.11", VersionStatus.FINE),
        ("1.0", None, VersionStatus.FINE),
    ],
)
def test_versions_are_compared_by_major_then_minor(declared: str, minimum: str | None, status: VersionStatus) -> None:
    assert status_of(declared, minimum) is status


@given(st.text(max_size=300), st.none() | st.from_regex(r"v?[0-9]{1,4}(\.[0-9]{1,4})?", fullmatch=True))
def test_no_declaration_breaks_the_comparison(declared: str, minimum: str | None) -> None:
    assert status_of(declared, minimum) in set(VersionStatus)


@given(*[st.integers(0, 99)] * 4)
def test_numbers_compare_as_pairs(major: int, minor: int, least_major: int, least_minor: int) -> None:
    below = (major, minor) < (least_major, least_minor)
    status = status_of(f"{major}.{minor}", f"{least_major}.{least_minor}")
    assert status is (VersionStatus.OUT_OF_DATE if below else VersionStatus.FINE)


def test_a_declaration_of_a_megabyte_costs_nothing() -> None:
    assert numbers_of(">" * 1_000_000) is None
