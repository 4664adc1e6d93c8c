"""Keeping the process small: two defaults that suit programs which don't stream."""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress

_ARENA_MAX = -8
_OBJECTS_BEFORE_COLLECTION = 20_000


def stay_small() -> None:
    """Set the process up for passing many pages through little memory.

    * The C library of Linux gives each thread a heap of its own, and a heap that once held a
      page keeps the space. With one heap for all threads the tap needs a fifth less memory.
    * Records hold no cycles and are gone once they are written. The collector looks for
      cycles whenever 700 objects are new, which is several times a page, and walks through
      everything that was ever imported. It may do so less often, and without the imports.
    """
    gc.freeze()
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION, 20, 20)
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library than GNU's
            ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)
