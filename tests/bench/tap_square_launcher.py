"""Run tap-square against a register on this machine.

tap-square has no setting for an address: its SDK knows Square's production and sandbox only.
So the sandbox's address is replaced before the tap starts; all else is the tap as published.
Usage: SQUARE_URL=http://127.0.0.1:… python tap_square_launcher.py --config … --catalog …
"""

from __future__ import annotations

import os

import tap_square  # type: ignore[import-not-found]
from square.configuration import Configuration  # type: ignore[import-not-found]

Configuration.environments["sandbox"]["default"] = os.environ["SQUARE_URL"]
tap_square.main()
