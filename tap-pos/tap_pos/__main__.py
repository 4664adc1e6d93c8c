"""Where the command begins: loading takes a moment, and Ctrl-C may come before it is over."""

from __future__ import annotations

import sys


def main() -> None:
    """Run tap-pos."""
    try:
        from tap_pos.tap import TapPOS  # noqa: PLC0415 - the slow part, guarded on purpose
    except KeyboardInterrupt:
        sys.exit("tap-pos was stopped before it began: nothing was read; run it again.")
    TapPOS.cli()


if __name__ == "__main__":
    main()
