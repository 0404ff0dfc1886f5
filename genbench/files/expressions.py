"""Observables of the user: expressions over columns, ``m_jj=sqrt(e**2-p**2)``, evaluated without running any code."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from genbench.errors import DataError, suggestion

if TYPE_CHECKING:
    from genbench.files.user_data import UserData
    from genbench.protocol import Array

MAX_LENGTH = 500  # characters of an expression
MAX_DEPTH = 40  # of its tree
COLUMN = "col"  # col('pt [GeV]') stands for a column whose name is no identifier
FUNCTIONS = (
    "abs", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "cbrt", "cos", "cosh", "exp",
    "expm1", "floor", "hypot", "log", "log10", "log1p", "log2", "maximum", "minimum", "sign", "sin", "sinh", "sqrt",
    "tan", "tanh", "where",
)  # fmt: skip
ALIASES = {"max": "maximum", "min": "minimum", "atan2": "arctan2"}
CONSTANTS = {"pi": 3.141592653589793, "e": 2.718281828459045}
OPERATORS: dict[type, Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Pow: operator.pow, ast.Mod: operator.mod, ast.FloorDiv: operator.floordiv, ast.USub: operator.neg,
    ast.UAdd: operator.pos, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
    ast.Eq: operator.eq, ast.NotEq: operator.ne,
}  # fmt: skip


@dataclass(frozen=True)
class Expression:
    """A named expression over columns; ``columns`` are those that it needs, in the order in which they occur."""

    name: str
    text: str
    columns: tuple[str, ...]

    def __call__(self, values: Mapping[str, Array]) -> Array:
        """Return its value (n,) float64 for columns (n,): not finite where it is not defined."""
        import numpy as np

        columns = {name: np.asarray(values[name], dtype=np.float64) for name in self.columns}
        n = len(next(iter(columns.values())))
        with np.errstate(all="ignore"):
            found = _evaluate(_parsed(self.name, self.text), columns)
            result: Array = np.broadcast_to(np.asarray(found, dtype=np.float64), (n,))
        return result


def parse_observable(text: str, known: tuple[str, ...]) -> Expression:
    """Return the expression of ``NAME=EXPRESSION`` over the ``known`` columns.

    It may have numbers, columns, ``+ - * / // % **``, comparisons, parentheses and the functions of ``FUNCTIONS``;
    ``col('pt [GeV]')`` is a column whose name is no identifier. Raises DataError for anything else.
    """
    name, equals, body = (part.strip() for part in text.partition("="))
    if not equals or not name or not body or body.startswith("="):
        raise DataError(f"--observable {text!r}: expected NAME=EXPRESSION, as m=sqrt(e**2-p**2)")
    tree = _parsed(name, body)
    columns: dict[str, None] = {}
    _check(tree, name, body, known, columns, 0)
    if not columns:
        raise DataError(f"--observable {name}: {body!r} has no column; there are: {', '.join(known)}")
    return Expression(name, body, tuple(columns))


def observables_of(texts: Sequence[str], found: UserData) -> Callable[[Array], dict[str, Array]] | None:
    """Return what computes the observables (n,) of rows (n, d) by name, None without any.

    Raises DataError for an expression that is none, a name that is taken, and where a row of the file has no value.
    """
    import numpy as np

    if not texts:
        return None
    if found.kind == "image":
        raise found.error("--observable: images have no columns")
    expressions = [parse_observable(text, found.columns) for text in texts]
    names = [each.name for each in expressions]
    if taken := [name for i, name in enumerate(names) if name in (*found.columns, *names[:i])]:
        raise found.error(f"--observable {taken[0]}: there is a column or an observable of this name; choose another")

    def observables(rows: Array) -> dict[str, Array]:
        columns = dict(zip(found.columns, rows.T, strict=True))
        return {each.name: each(columns) for each in expressions}

    for name, values in observables(found.rows).items():
        if bad := int((~np.isfinite(values)).sum()):
            row = int(np.flatnonzero(~np.isfinite(values))[0])
            raise found.error(
                f"--observable {name}: not finite in {bad} of {len(values)} rows, the first of them {row}"
            )
    return observables


def _parsed(name: str, body: str) -> ast.expr:
    if len(body) > MAX_LENGTH:
        raise DataError(f"--observable {name}: {len(body)} characters, at most {MAX_LENGTH} are allowed")
    try:
        return ast.parse(body, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise DataError(f"--observable {name}: {body!r} is not an expression, as sqrt(e**2-p**2)") from None


def _check(node: ast.AST, name: str, body: str, known: tuple[str, ...], columns: dict[str, None], depth: int) -> None:
    """Raise DataError for a node that is not allowed; add the columns that the tree names."""
    part = ast.get_source_segment(body, node) or type(node).__name__
    if depth > MAX_DEPTH:
        raise DataError(f"--observable {name}: the expression is too deeply nested")
    inner: list[ast.AST]
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        if abs(node.value) > 1e300:
            raise DataError(f"--observable {name}: the number {part[:40]} is too large")
        inner = []
    elif isinstance(node, ast.Name) and (node.id in known or node.id in CONSTANTS):
        columns |= {} if node.id not in known else {node.id: None}
        inner = []
    elif isinstance(node, ast.Name):
        hint = suggestion(node.id, known) or f"; there are: {', '.join(known)}"
        raise DataError(f"--observable {name}: no column {node.id!r}{hint}")
    elif isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        inner = [node.left, node.right]
    elif isinstance(node, ast.UnaryOp) and type(node.op) in OPERATORS:
        inner = [node.operand]
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in OPERATORS:
        inner = [node.left, *node.comparators]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        if node.func.id == COLUMN:
            columns[_column_of(node, name, known)] = None
            return
        if node.func.id not in (*FUNCTIONS, *ALIASES):
            hint = suggestion(node.func.id, FUNCTIONS) or f"; there are: {', '.join(FUNCTIONS)}"
            raise DataError(f"--observable {name}: no function {node.func.id!r}{hint}")
        inner = list(node.args)
    else:
        raise DataError(f"--observable {name}: {part[:60]!r} is not allowed in an expression")
    for each in inner:
        _check(each, name, body, known, columns, depth + 1)


def _column_of(node: ast.Call, name: str, known: tuple[str, ...]) -> str:
    """Return the column of ``col('name')``."""
    argument = node.args[0] if len(node.args) == 1 else None
    if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
        raise DataError(f"--observable {name}: expected {COLUMN}('name of a column')")
    if argument.value not in known:
        hint = suggestion(argument.value, known) or f"; there are: {', '.join(known)}"
        raise DataError(f"--observable {name}: no column {argument.value!r}{hint}")
    return argument.value


def _evaluate(node: ast.AST, columns: Mapping[str, Array]) -> Any:
    """Return the value of a tree that ``_check`` has passed."""
    import numpy as np

    if isinstance(node, ast.Constant):
        assert isinstance(node.value, int | float)
        return np.float64(node.value)  # whose powers overflow to infinity
    if isinstance(node, ast.Name):
        return columns[node.id] if node.id in columns else CONSTANTS[node.id]
    if isinstance(node, ast.BinOp):
        return OPERATORS[type(node.op)](_evaluate(node.left, columns), _evaluate(node.right, columns))
    if isinstance(node, ast.UnaryOp):
        return OPERATORS[type(node.op)](_evaluate(node.operand, columns))
    if isinstance(node, ast.Compare):
        return OPERATORS[type(node.ops[0])](_evaluate(node.left, columns), _evaluate(node.comparators[0], columns))
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Name)
    if node.func.id == COLUMN:
        return columns[node.args[0].value]  # type: ignore[attr-defined]
    function = getattr(np, ALIASES.get(node.func.id, node.func.id))
    try:
        return function(*(_evaluate(each, columns) for each in node.args))
    except TypeError:
        raise DataError(f"{node.func.id} takes another number of values than {len(node.args)}") from None
