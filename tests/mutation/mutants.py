"""Mutants of a module's source: one comparison, operator or number changed in each."""

import ast
import copy
from collections.abc import Iterator

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
FUNCTIONS = {"max": "min", "min": "max", "any": "all", "all": "any"}


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """What was changed, with its line, and the source with that one change."""
    tree = ast.parse(source)
    spots = [node for node in ast.walk(tree) if _changed(copy.deepcopy(node))]
    for index, spot in enumerate(spots):
        mutant = copy.deepcopy(tree)
        node = [each for each in ast.walk(mutant) if _changed(copy.deepcopy(each))][index]
        words = _changed(node)
        yield (
            f"{getattr(spot, 'lineno', 0)}: {ast.unparse(spot)} -> {words}",
            ast.unparse(ast.fix_missing_locations(mutant)),
        )


def _changed(node: ast.AST) -> str:
    """Change the node where there is something to change, and say what it is now; else ""."""
    match node:
        case ast.Compare(ops=[op, *_]) if type(op) in COMPARISONS:
            node.ops[0] = COMPARISONS[type(op)]()
        case ast.BoolOp(op=ast.And()):
            node.op = ast.Or()
        case ast.BoolOp(op=ast.Or()):
            node.op = ast.And()
        case ast.UnaryOp(op=ast.Not()):
            node.op = ast.UAdd()
            node.operand = ast.Call(ast.Name("bool", ast.Load()), [node.operand], [])
        case ast.Call(func=ast.Name(id=name)) if name in FUNCTIONS:
            node.func = ast.Name(FUNCTIONS[name], ast.Load())
        case ast.Constant(value=int() as number) if not isinstance(number, bool):
            node.value = number + 1
        case _:
            return ""
    return ast.unparse(ast.fix_missing_locations(node))
