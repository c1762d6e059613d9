"""The orbs that a CircleCI configuration uses. No I/O.

The file was written by strangers. It is composed into nodes and never constructed into objects: aliases stay references
and merge keys are not followed, so anchors that multiply cost nothing, and no tag can do anything.
"""

import re

import yaml

LARGEST_CONFIG = 500_000  # characters
MOST_ORBS = 100

# `namespace/name@version` (circleci.com/docs/orbs); orbs that are written inline have no name of that form.
_ORB = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]{0,90}/[A-Za-z0-9][\w.-]{0,90})(?:@.*)?", re.ASCII)


def orbs_of(config: str | None) -> tuple[str, ...]:
    """The orbs as `namespace/name`, without versions, each once, by name; none where the text is no such YAML."""
    if config is None or len(config) > LARGEST_CONFIG:
        return ()
    try:
        root = yaml.compose(config, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return ()
    names = {name for value in _values(_value(root, "orbs")) if (name := _name_of(value))}
    return tuple(sorted(names)[:MOST_ORBS])


def _value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    found = (value for name, value in node.value if isinstance(name, yaml.ScalarNode) and name.value == key)
    return next(found, None)


def _values(node: yaml.Node | None) -> list[yaml.Node]:
    return [value for _, value in node.value] if isinstance(node, yaml.MappingNode) else []


def _name_of(node: yaml.Node) -> str | None:
    match = _ORB.fullmatch(node.value.strip()) if isinstance(node, yaml.ScalarNode) else None
    return match["name"] if match else None
