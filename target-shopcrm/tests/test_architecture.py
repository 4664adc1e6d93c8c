"""The rooms of the house and their doors, read off the source: nobody has to remember them."""

from __future__ import annotations

import ast

import pytest
from source_code import MODULES, ROOT, functions, imports, is_import_of, tree, within

NEW_ROOMS = ("destinations/", "routes/", "delivery.py")
LONGEST_MODULE, LONGEST_FUNCTION = 350, 60


def test_every_room_is_looked_into() -> None:
    for room in ("consent/", "database/", "destinations/klaviyo/", "routes/crm/", "commands/"):
        assert within(room), room


@pytest.mark.parametrize("module", within("destinations/"))
def test_destinations_know_neither_consent_nor_routes(module: str) -> None:
    for name in imports(module):
        for room in ("consent", "routes", "delivery", "intake", "target", "commands"):
            assert not is_import_of(name, f"target_shopcrm.{room}"), f"{module} imports {name}"


def test_the_database_knows_neither_destinations_nor_routes() -> None:
    for module in within("database/"):
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


def test_certificates_are_always_checked() -> None:
    for module in MODULES:
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.keyword):
                assert node.arg != "verify", f"{module}:{node.value.lineno}"
            if isinstance(node, ast.Assign) and "verify" in {
                target.attr for target in node.targets if isinstance(target, ast.Attribute)
            }:
                value = ast.unparse(node.value)
                assert value.endswith(" or True"), f"{module}:{node.lineno} may look away: {value}"
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


def test_a_module_holds_one_idea() -> None:
    for module in MODULES:
        lines = len((ROOT / module).read_text(encoding="utf-8").splitlines())
        assert lines <= LONGEST_MODULE, module


def test_a_function_fits_a_screen() -> None:
    for module in within(*NEW_ROOMS):
        lengths = {
            each.name: (each.end_lineno or 0) - each.lineno + 1 for each in functions(module)
        }
        assert {name: n for name, n in lengths.items() if n > LONGEST_FUNCTION} == {}, module
