"""A package as others install it: by itself, in an environment of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from street import BIN, PROJECT

if TYPE_CHECKING:
    from pathlib import Path

# What has to be looked up inside an environment: everything installed, what the package's own
# requirements lead to, and every package of others that its modules import.
LOOK_AROUND = """
import ast, json, pathlib, sys
from importlib import import_module, metadata
from pkgutil import walk_packages

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

distribution, left_out = sys.argv[1], tuple(sys.argv[2:])
package = import_module(distribution.replace("-", "_"))

reached, waiting = set(), [Requirement(distribution)]
while waiting:
    requirement = waiting.pop()
    name = canonicalize_name(requirement.name)
    extras = requirement.extras or {""}
    if (name, *sorted(extras)) in reached:
        continue
    reached.add((name, *sorted(extras)))
    for text in metadata.requires(name) or []:
        needed = Requirement(text)
        if needed.marker is None or any(needed.marker.evaluate({"extra": e}) for e in extras):
            waiting.append(needed)

imported = set()
for module in walk_packages(package.__path__, f"{package.__name__}."):
    if module.name.startswith(left_out) or module.name.endswith("__main__"):
        continue  # for developers, who have the workspace; and the command itself
    source = pathlib.Path(import_module(module.name).__file__).read_text("utf-8")
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []  # read by type checkers only
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level:
            imported.add(node.module.split(".")[0])
        elif isinstance(node, ast.Import):
            imported.update(alias.name.split(".")[0] for alias in node.names)
declared = {Requirement(text).name for text in metadata.requires(distribution)}
owners = metadata.packages_distributions()
direct = {canonicalize_name(owners[name][0]) for name in imported if name in owners}
print(json.dumps({
    "folder": package.__path__[0],
    "installed": sorted(canonicalize_name(each.name) for each in metadata.distributions()),
    "reached": sorted({each[0] for each in reached}),
    "declared": sorted(canonicalize_name(name) for name in declared),
    "direct": sorted(direct - {distribution}),
}))
"""


def environment_with(folder: Path, *what: str) -> Path:
    """Make an environment that holds only what is asked for; return where its commands are."""
    uv = str(BIN / "uv")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
    python = str(folder / "bin" / "python")
    # Away from the workspace, where uv would find its lock file and its sources.
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--python", python, *what], check=True, cwd=folder
    )
    return folder / "bin"


def copy_of(package: str, folder: Path) -> Path:
    """A copy of a package's folder, far from the workspace that it belongs to."""
    copy = folder / package
    shutil.copytree(PROJECT / package, copy, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    return copy


def files_of(folder: Path) -> set[str]:
    """Every file below a folder but bytecode, by its path in there."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)) for path in found if path.suffix != ".pyc"}


def look_around(commands: Path, distribution: str, *left_out: str) -> dict[str, Any]:
    """What is in an environment: see `LOOK_AROUND`.

    Args:
        commands: Where the environment's commands are.
        distribution: The package that it was made for.
        left_out: Modules for developers, which may import what isn't required.
    """
    told = output(commands / "python", "-I", "-c", LOOK_AROUND, distribution, *left_out)
    found: dict[str, Any] = json.loads(told)
    return found


def output(command: Path, *arguments: str) -> str:
    """What a command prints, run without anything of this checkout in its environment."""
    done = subprocess.run(
        [str(command), *arguments],
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
