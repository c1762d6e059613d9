"""The kinds of contract for import-linter that the design needs beside the built-in layers (see pyproject.toml).

They speak of patterns, not of fixed lists, so that a new module is held to the rules from its first commit.
"""

import sys
from fnmatch import fnmatch
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

_Words: Any = fields.ListField  # a descriptor: instances hold lists of str
Broken = list[tuple[str, str]]  # (importer, imported)


class _Contract(Contract):
    """A contract that names each import that breaks it."""

    def broken(self, graph: ImportGraph) -> Broken:
        raise NotImplementedError

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        broken = sorted(set(self.broken(graph)))
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, imported in check.metadata["broken"]:
            output.print_error(f"{importer} may not import {imported}")


class PureContract(_Contract):
    """`modules` import the standard library and each other, nothing else: no Django, no I/O of ours."""

    modules: Any = _Words(subfield=fields.StringField())

    def broken(self, graph: ImportGraph) -> Broken:
        pure = _matching(graph, self.modules)
        return [
            (module, imported)
            for module in pure
            for imported in graph.find_modules_directly_imported_by(module)
            if imported not in pure and imported.split(".")[0] not in sys.stdlib_module_names
        ]


class BehindContract(_Contract):
    """Third-party `packages` are seen by `modules` only."""

    packages = _Words(subfield=fields.StringField())
    modules: Any = _Words(subfield=fields.StringField())

    def broken(self, graph: ImportGraph) -> Broken:
        allowed = _matching(graph, self.modules)
        return [
            (importer, package)
            for package in self.packages
            if package in graph.modules
            for importer in graph.find_modules_that_directly_import(package)
            if importer not in allowed
        ]


class OrderContract(_Contract):
    """Within each of `apps`: edges -> verbs -> queries -> models -> ground. What is in no list is a verb."""

    apps = _Words(subfield=fields.StringField())
    edges = _Words(subfield=fields.StringField())
    queries = _Words(subfield=fields.StringField())
    models = _Words(subfield=fields.StringField())
    ground = _Words(subfield=fields.StringField())

    def broken(self, graph: ImportGraph) -> Broken:
        found: Broken = []
        for module in graph.modules:
            app = module.split(".")[0]
            if app in self.apps and "." in module:
                imports = graph.find_modules_directly_imported_by(module)
                inside = [other for other in imports if other.startswith(f"{app}.")]
                found += [(module, other) for other in inside if self._height(other) > self._height(module)]
        return found

    def _height(self, module: str) -> int:
        """How far up a module of an app stands; modules of one height may import each other."""
        heights: list[tuple[Any, int]] = [(self.edges, 4), (self.queries, 2), (self.models, 1), (self.ground, 0)]
        name = module.split(".", 1)[1]
        return next((height for patterns, height in heights if _matches(name, patterns)), 3)


def _matching(graph: ImportGraph, patterns: Any) -> set[str]:
    return {module for module in graph.modules if _matches(module, patterns)}


def _matches(name: str, patterns: Any) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)
