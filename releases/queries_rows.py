"""Rows of other tables that come with a strategy, as JSON in its own row: no query for each kind of them."""

from collections.abc import Mapping
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, QuerySet
from django.db.models.functions import JSONObject
from django.utils.dateparse import parse_datetime

from releases.models import DeployStrategy


def several(rows: QuerySet[Any], names: str, most: int) -> ArraySubquery:
    """The annotation: these columns of the first `most` rows."""
    return ArraySubquery(rows[:most].values(row=JSONObject(**{name: F(name) for name in names.split()})))


def rows_of(strategy: DeployStrategy, name: str) -> list[Mapping[str, Any]]:
    """What the annotation of this name found. JSON holds moments as text."""
    return [
        {
            column: parse_datetime(value) if value and (column.endswith("_at") or column == "until") else value
            for column, value in row.items()
        }
        for row in vars(strategy)[name] or ()
    ]
