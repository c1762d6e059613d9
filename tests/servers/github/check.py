"""`make check-github`: is our subset of GitHub's GraphQL schema still GitHub's?

Installs the newest npm package `@octokit/graphql-schema` into a temporary folder and compares each type, field,
argument, default, nullability, enum value, interface and union member. Ours may leave things out, but not in enums,
input objects' required fields and required arguments. Exit status 1 for any difference, 2 when the package could not be
had.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    is_required_argument,
    is_required_input_field,
    print_ast,
)

PACKAGE = "@octokit/graphql-schema"
OURS = Path(__file__).with_name("schema.graphql")
MINUTES = 5


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="check-github-") as folder:
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", folder, PACKAGE]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60 * MINUTES, check=False)
        except FileNotFoundError:
            print("check-github needs npm (it comes with Node.js).", file=sys.stderr)
            return 2
        except subprocess.TimeoutExpired:
            print(f"npm did not install {PACKAGE} within {MINUTES} minutes.", file=sys.stderr)
            return 2
        file = Path(folder) / "node_modules" / PACKAGE / "schema.graphql"
        if done.returncode or not file.exists():
            print(f"npm could not install {PACKAGE}:\n{done.stderr}", file=sys.stderr)
            return 2
        official = build_schema(file.read_text(), assume_valid=True)
    found = list(differences(build_schema(OURS.read_text()), official))
    for line in found:
        print(line, file=sys.stderr)
    count = sum(not name.startswith("__") for name in build_schema(OURS.read_text()).type_map)
    print(f"{count} types compared with {PACKAGE}: {len(found) or 'no'} difference{'' if len(found) == 1 else 's'}.")
    return 1 if found else 0


def differences(ours: GraphQLSchema, official: GraphQLSchema) -> Iterator[str]:
    """One line for each thing that GitHub has otherwise."""
    for name, kind in ours.type_map.items():
        if name.startswith("__"):
            continue
        theirs = official.type_map.get(name)
        if theirs is None:
            yield f"{name}: GitHub has no such type"
        elif type(theirs) is not type(kind):
            yield f"{name}: is a {type(theirs).__name__} at GitHub, here a {type(kind).__name__}"
        else:
            yield from type_differences(kind, theirs)


def type_differences(ours: GraphQLNamedType, theirs: GraphQLNamedType) -> Iterator[str]:
    name = ours.name
    if isinstance(ours, GraphQLEnumType) and isinstance(theirs, GraphQLEnumType):
        for value in sorted(ours.values.keys() ^ theirs.values.keys()):
            yield f"{name}.{value}: only {'here' if value in ours.values else 'at GitHub'}"
    elif isinstance(ours, GraphQLUnionType) and isinstance(theirs, GraphQLUnionType):
        members = {one.name for one in theirs.types}
        yield from (f"{name}: {one.name} is no member at GitHub" for one in ours.types if one.name not in members)
    elif isinstance(ours, GraphQLInputObjectType) and isinstance(theirs, GraphQLInputObjectType):
        yield from input_differences(name, ours.fields, theirs.fields)
    elif isinstance(ours, GraphQLObjectType | GraphQLInterfaceType) and isinstance(
        theirs, GraphQLObjectType | GraphQLInterfaceType
    ):
        known = {one.name for one in theirs.interfaces}
        yield from (f"{name}: does not implement {one.name}" for one in ours.interfaces if one.name not in known)
        for field, mine in ours.fields.items():
            yield from field_differences(f"{name}.{field}", mine, theirs.fields.get(field))


def field_differences(path: str, ours: GraphQLField, theirs: GraphQLField | None) -> Iterator[str]:
    if theirs is None:
        yield f"{path}: GitHub has no such field"
        return
    if str(ours.type) != str(theirs.type):
        yield f"{path}: {theirs.type} at GitHub, {ours.type} here"
    yield from input_differences(path, ours.args, theirs.args)


def input_differences(
    path: str,
    ours: dict[str, GraphQLArgument] | dict[str, GraphQLInputField],
    theirs: dict[str, GraphQLArgument] | dict[str, GraphQLInputField],
) -> Iterator[str]:
    """Arguments of a field or fields of an input object."""
    for name, mine in ours.items():
        other = theirs.get(name)
        if other is None:
            yield f"{path}({name}): GitHub has no such argument"
        elif (str(mine.type), default(mine)) != (str(other.type), default(other)):
            yield f"{path}({name}): {other.type}{default(other)} at GitHub, {mine.type}{default(mine)} here"
    for name, other in theirs.items():
        if name not in ours and is_demanded(other):
            yield f"{path}({name}): required at GitHub, missing here"


def default(one: GraphQLArgument | GraphQLInputField) -> str:
    value = one.ast_node.default_value if one.ast_node else None
    return f" = {print_ast(value)}" if value else ""


def is_demanded(one: GraphQLArgument | GraphQLInputField) -> bool:
    return is_required_argument(one) if isinstance(one, GraphQLArgument) else is_required_input_field(one)


if __name__ == "__main__":
    sys.exit(main())
