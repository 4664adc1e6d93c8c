"""Makes a register's data: ``python -m practice_register.shop FOLDER HOUSEHOLDS SEED ...``."""

from __future__ import annotations

import gc
import sys
from datetime import date
from pathlib import Path

from practice_register.archive import build_atomically
from practice_register.errors import RegisterError
from practice_register.shop.build import Recipe, build_memory


def main(arguments: list[str]) -> int:
    """Make the data and return the exit code."""
    folder, households, seed, locations, first_day = arguments
    # The process ends with the data made; looking for garbage before would only take time.
    gc.disable()
    recipe = Recipe(int(households), int(seed), int(locations), date.fromisoformat(first_day))
    try:
        build_atomically(Path(folder), lambda blob: build_memory(recipe, blob))
    except RegisterError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the parent process reads it
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
