"""A pytest plugin that gives the tests one module of another source: MUTANT is "module=path"."""

import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import ModuleType

NAME, _, PATH = os.environ["MUTANT"].partition("=")


class Overlay(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return spec_from_file_location(NAME, PATH) if fullname == NAME else None


assert NAME not in sys.modules
sys.meta_path.insert(0, Overlay())
