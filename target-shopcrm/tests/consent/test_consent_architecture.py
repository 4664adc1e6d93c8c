"""Consent stays pure: whoever reviews a decision has to read this folder and nothing else."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
import target_shopcrm.consent

FOLDER = Path(target_shopcrm.consent.__file__).parent
LIBRARIES = {"email_validator", "msgspec", "pendulum", "phonenumbers", "yaml"}
RIM = {"asyncio", "http", "io", "os", "shutil", "socket", "sqlite3", "subprocess", "urllib"}
"""What of the standard library reaches out of the process."""
MODULES = sorted(FOLDER.rglob("*.py"))


def imported(module: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute, so that they can be told apart"
            names.add(str(node.module))
    return names


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(FOLDER)))
def test_consent_imports_no_sql_no_http_and_no_singer(module: Path) -> None:
    for name in imported(module):
        package = name.partition(".")[0]
        is_ours = name.startswith("target_shopcrm.consent")
        is_standard = package in sys.stdlib_module_names and package not in RIM
        assert is_ours or is_standard or package in LIBRARIES, f"{module.name} imports {name}"


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(FOLDER)))
def test_only_the_policy_file_is_ever_read(module: Path) -> None:
    if module == FOLDER / "policy" / "file.py":
        return
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        name = getattr(node, "attr", getattr(node, "id", ""))
        assert name not in {"open", "read_text", "read_bytes", "write_text", "write_bytes", "print"}
