"""The rooms of the house and their doors, read off the source: nobody has to remember them."""

from __future__ import annotations

import ast
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import target_shopcrm

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(target_shopcrm.__file__).parent
MODULES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.py"))
NEW_ROOMS = ("destinations/", "routes/", "delivery.py")
LONGEST_MODULE, LONGEST_FUNCTION = 350, 60
STATEMENTS = ("SELECT", "INSERT INTO", "UPDATE", "DELETE FROM", "CREATE", "ALTER", "DROP", "COPY")

SPEAKS_SQL = {"destinations/jsonl.py": {"open", "_remember"}, "destinations/shadow.py": {"settle"}}
"""Outside of database/: what keeps a destination's books, in the run's own transaction."""


@lru_cache(maxsize=None)
def tree(module: str) -> ast.Module:
    return ast.parse((ROOT / module).read_text(encoding="utf-8"))


def imports(module: str) -> set[str]:
    """Everything a module imports, function bodies and type checks included."""
    names: set[str] = set()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno} imports relatively"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def functions(module: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(module)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def within(*rooms: str) -> list[str]:
    return [module for module in MODULES if module.startswith(rooms)]


def is_import_of(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def test_every_room_is_looked_into() -> None:
    for room in ("consent/", "database/", "destinations/klaviyo/", "routes/crm/", "commands/"):
        assert within(room), room


@pytest.mark.parametrize("module", within("destinations/"))
def test_destinations_know_neither_consent_nor_routes(module: str) -> None:
    for name in imports(module):
        for room in ("consent", "routes", "delivery", "intake", "target", "commands"):
            assert not is_import_of(name, f"target_shopcrm.{room}"), f"{module} imports {name}"


@pytest.mark.parametrize("module", within("database/"))
def test_the_database_knows_neither_destinations_nor_routes(module: str) -> None:
    for name in imports(module):
        for room in ("destinations", "routes", "delivery", "commands"):
            assert not is_import_of(name, f"target_shopcrm.{room}"), f"{module} imports {name}"


def test_one_module_speaks_http() -> None:
    libraries = ("requests", "http.client", "urllib.request", "httpx", "aiohttp", "socket")
    found = {
        module
        for module in MODULES
        for name in imports(module)
        if any(is_import_of(name, library) for library in libraries)
    }
    assert found == {"destinations/http.py"}


@pytest.mark.parametrize("module", MODULES)
def test_certificates_are_always_checked(module: str) -> None:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.keyword) and node.arg == "verify":
            pytest.fail(f"{module}:{node.value.lineno} decides on certificates itself")
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            assert node.attr != "verify", f"{module}:{node.lineno} decides on certificates itself"
        name = getattr(node, "attr", getattr(node, "id", ""))
        assert name not in {"CERT_NONE", "_create_unverified_context"}, module


def test_only_a_run_writes_to_standard_output() -> None:
    """It is Singer's: one line from anywhere else, and the orchestrator keeps a wrong STATE."""
    found = {
        module
        for module in MODULES
        if not module.startswith("commands/")
        for node in ast.walk(tree(module))
        if (isinstance(node, ast.Attribute) and node.attr in {"stdout", "__stdout__"})
        or (isinstance(node, ast.Name) and node.id == "print")
    }
    assert found == {"delivery.py"}
    writers = [
        function.name
        for function in functions("delivery.py")
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and node.attr == "stdout"
    ]
    assert set(writers) == {"_write_state"}


# SQL


def calls_to_execute(module: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call of a cursor's ways to send a statement, with the function it stands in."""
    for function in functions(module):
        for node in ast.walk(function):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr in {"execute", "executemany", "copy", "exec_driver_sql"}:
                    yield function.name, node


def test_sql_is_spoken_by_the_database_and_by_what_keeps_a_destinations_books() -> None:
    for module in within("destinations/", "routes/", "consent/"):
        speakers = {function for function, _ in calls_to_execute(module)}
        assert speakers <= SPEAKS_SQL.get(module, set()), f"{module} speaks SQL in {speakers}"
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                is_statement = node.value.startswith(tuple(f"{verb} " for verb in STATEMENTS))
                assert not is_statement or module in SPEAKS_SQL, f"{module}:{node.lineno}"


def constants(module: str) -> dict[str, ast.expr]:
    """What a module or one of its classes calls by a name in capitals."""
    return {
        target.id: node.value
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id.lstrip("_").isupper()
    }


def is_fixed(node: ast.expr, module: str, function: ast.AST) -> bool:
    """Whether a statement's text is written in the source, whatever values a run has."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return is_fixed(node.left, module, function) and is_fixed(node.right, module, function)
    if isinstance(node, ast.IfExp):
        return is_fixed(node.body, module, function) and is_fixed(node.orelse, module, function)
    if isinstance(node, ast.Name):
        if node.id.lstrip("_").isupper():
            return True
        return is_fixed_variable(node.id, module, function)
    return is_composition(node)


def is_composition(node: ast.expr) -> bool:
    """``sql.SQL("…")``, with ``.format`` of it: psycopg quotes what is put in."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in {"format", "join"}:
            return is_composition(node.func.value)
        return ast.unparse(node.func) == "sql.SQL" and isinstance(node.args[0], ast.Constant)
    return False


def is_fixed_variable(name: str, module: str, function: ast.AST) -> bool:
    values = [
        node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id == name
    ]
    return bool(values) and all(is_fixed(value, module, function) for value in values)
