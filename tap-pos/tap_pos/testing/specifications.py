"""Where the vendors' own specifications lie on this machine, if they do."""

from __future__ import annotations

import os
from pathlib import Path


def specification(name: str) -> Path | None:
    """Find a vendor's specification file.

    They are kept outside the repository, since they belong to the vendors: in the folder
    that the environment variable SHOPCRM_SPECS names, else in `shared/specs` beside the
    repository.

    Args:
        name: Path below that folder, such as ``sumup/openapi.json``.

    Returns:
        The file, None if it is not on this machine.
    """
    beside = Path(__file__).resolve().parents[3].parent / "shared" / "specs"
    file = Path(os.environ.get("SHOPCRM_SPECS") or beside) / name
    return file if file.exists() else None
