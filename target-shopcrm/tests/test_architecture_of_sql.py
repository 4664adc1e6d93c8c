"""SQL is spoken in one room, and its text never holds a value."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest
from source_code import MODULES, functions, tree, within

if TYPE_CHECKING:
    from collections.abc import Iterator

    Function = ast.FunctionDef | ast.AsyncFunctionDef

SENDERS = {"execute", "executemany", "copy", "exec_driver_sql"}
STATEMENTS = ("SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ", "CREATE ", "ALTER ", "COPY ")
KEEPS_BOOKS = {
    "destinations/jsonl.py": {"open", "_remember"},
    "destinations/shadow.py": {"settle"},
    "destinations/shopcrm.py": set[str](),
}
"""Outside of database/: what stores a destination's own books, in the run's transaction."""


def sent(module: str) -> Iterator[tuple[Function, ast.expr]]:
    """Every statement that is sent, with the function it is sent from."""
    for function in functions(module):
        for node in ast.walk(function):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in SENDERS
                and node.args
            ):
                yield function, node.args[0]


@pytest.mark.parametrize("module", within("destinations/", "routes/", "consent/", "delivery.py"))
def test_sql_stays_in_its_room(module: str) -> None:
    allowed = KEEPS_BOOKS.get(module, set())
    assert {function.name for function, _ in sent(module)} <= allowed
    if not allowed:
        texts = [
            node.value
            for node in ast.walk(tree(module))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        assert [text for text in texts if text.startswith(STATEMENTS)] == []


@pytest.mark.parametrize("module", [each for each in MODULES if any(sent(each))])
def test_a_statement_is_written_down_before_any_value_is_known(module: str) -> None:
    for function, statement in sent(module):
        shown = f"{module}:{statement.lineno}: {ast.unparse(statement)}"
        assert Written(module, function).is_fixed(statement), shown


class Written:
    """Tells whether an expression is the same text in every run.

    Args:
        module: Where it stands.
        function: In which function.
    """

    def __init__(self, module: str, function: Function) -> None:
        self._module = module
        self._function = function

    def is_fixed(self, node: ast.expr) -> bool:  # noqa: PLR0911 - a table of kinds
        """Whether it is made of literals, constants and compositions of psycopg only."""
        if isinstance(node, ast.Constant):
            return True
        if isinstance(node, ast.Name):
            return is_constant(node.id) or self._is_fixed_name(node.id)
        if isinstance(node, ast.BinOp):
            return isinstance(node.op, ast.Add) and all(map(self.is_fixed, (node.left, node.right)))
        if isinstance(node, (ast.Tuple, ast.List)):
            return all(map(self.is_fixed, node.elts))
        if isinstance(node, ast.Starred):
            return self.is_fixed(node.value)
        if isinstance(node, ast.JoinedStr):
            return all(map(self.is_fixed, node.values))
        if isinstance(node, ast.FormattedValue):
            return self.is_fixed(node.value)
        return isinstance(node, ast.Call) and self._is_fixed_call(node)

    def _is_fixed_call(self, call: ast.Call) -> bool:
        if isinstance(call.func, ast.Name):
            if call.func.id == "text":  # SQLAlchemy's
                return self.is_fixed(call.args[0])
            return any(
                function.name == call.func.id and self._returns_fixed(function)
                for function in functions(self._module)
            )
        if not isinstance(call.func, ast.Attribute):
            return False
        if ast.unparse(call.func) == "sql.SQL":
            return self.is_fixed(call.args[0])
        if call.func.attr == "join" and isinstance(call.func.value, ast.Constant):
            return self.is_fixed(call.args[0])
        # A composition quotes what is put into it, and takes nothing but other compositions.
        return call.func.attr in {"format", "join"} and self._is_composition(call.func.value)

    def _is_composition(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            values = self._assigned(node.id)
            return bool(values) and all(map(self._is_composition, values))
        return (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) == "sql.SQL"
            and self.is_fixed(node.args[0])
        )

    def _returns_fixed(self, function: Function) -> bool:
        written = Written(self._module, function)
        returned = [node.value for node in ast.walk(function) if isinstance(node, ast.Return)]
        return all(value is not None and written.is_fixed(value) for value in returned)

    def _is_fixed_name(self, name: str) -> bool:
        values = self._assigned(name) or list(self._given(name))
        return bool(values) and all(map(self.is_fixed, values))

    def _assigned(self, name: str) -> list[ast.expr]:
        """What a variable of the function may hold."""
        found: list[ast.expr] = []
        for node in ast.walk(self._function):
            targets = node.targets if isinstance(node, ast.Assign) else []
            if isinstance(node, ast.For):
                targets = [node.target]
            if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                assert isinstance(node, (ast.Assign, ast.For))
                found.append(node.value if isinstance(node, ast.Assign) else node.iter)
        return found

    def _given(self, name: str) -> Iterator[ast.expr]:
        """What callers in the same module give for a parameter of the function."""
        names = [argument.arg for argument in self._function.args.args]
        if name not in names:
            return
        for node in ast.walk(tree(self._module)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == self._function.name
            ):
                yield node.args[names.index(name)]


def is_constant(name: str) -> bool:
    """Whether a name is written as those of constants are."""
    return name.lstrip("_").isupper()


@pytest.mark.parametrize(
    ("source", "is_fine"),
    [
        ("c.execute('SELECT 1')", True),
        ("c.execute('SELECT ' + _COLUMNS)", True),
        ("c.execute(sql.SQL('SELECT {}').format(sql.Identifier(name)))", True),
        ("c.execute(f'SELECT {name}')", False),
        ("c.execute('SELECT %s' % name)", False),
        ("c.execute('SELECT {}'.format(name))", False),
        ("c.execute('SELECT ' + name)", False),
        ("c.execute(sql.SQL(name))", False),
        ("q = f'SELECT {name}'\n c.execute(q)", False),
    ],
)
def test_the_rule_itself(source: str, is_fine: bool) -> None:  # noqa: FBT001 - a table
    module = ast.parse(f"def f(c, name):\n {source}")
    (function,) = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
    (call,) = [
        n
        for n in ast.walk(module)
        if isinstance(n, ast.Call) and "c.execute" in ast.unparse(n.func)
    ]
    assert Written("routes/__init__.py", function).is_fixed(call.args[0]) is is_fine
