"""Where the commands begin: loading takes a moment, and Ctrl-C may come before it is over."""

from __future__ import annotations

import sys


def main() -> None:
    """Run target-shopcrm."""
    try:
        from target_shopcrm.target import TargetShopCRM  # noqa: PLC0415 - the slow part
    except KeyboardInterrupt:
        sys.exit("target-shopcrm was stopped before it began: nothing was written; run it again.")
    TargetShopCRM.cli()


def shopcrm() -> None:
    """Run shopcrm."""
    try:
        from target_shopcrm.cli import main as command  # noqa: PLC0415 - the slow part
    except KeyboardInterrupt:
        sys.exit("shopcrm was stopped before it began: nothing was changed; run it again.")
    command()


if __name__ == "__main__":
    main()
