"""The command line's rim: whatever goes wrong, the user reads one sentence, no traceback."""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import ConfigValidationError, SingerSDKError
from singer_sdk.plugin_base import SingerCommand

from tap_pos.errors import OutputClosedError, SettingsError, ShopsFailedError, TapPosError

if TYPE_CHECKING:
    import logging

_WRONG_USAGE = SettingsError.exit_code


class OneSentenceCommand(SingerCommand):
    """The SDK's command, except for how it fails."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run, and end with an exit code and a sentence on standard error."""
        try:
            return super().main(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - this is the rim: nothing is above it
            sys.exit(report(error, self.logger))


def report(error: Exception, logger: logging.Logger) -> int:
    """Tell the user what went wrong.

    Args:
        error: What was raised.
        logger: Where the user reads.

    Returns:
        The exit code.
    """
    if isinstance(error, OutputClosedError):
        # Otherwise Python tries to flush what nobody reads, and complains at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, TapPosError):
        for sentence in error.sentences if isinstance(error, ShopsFailedError) else [str(error)]:
            logger.error(sentence)
        return error.exit_code
    if isinstance(error, ConfigValidationError):
        logger.error("A setting has the wrong form: see `tap-pos --about` for all settings.")
        return _WRONG_USAGE
    if isinstance(error, ValueError) and hasattr(error, "lineno"):  # json's or simplejson's
        logger.error(
            "A file given to tap-pos (--config, --catalog or --state) is not valid JSON "
            "at line %d: correct it.",
            error.lineno,
        )
        return _WRONG_USAGE
    if isinstance(error, FileExistsError | FileNotFoundError):
        logger.error("A file given with --config does not exist: check its path.")
        return _WRONG_USAGE
    if isinstance(error, SingerSDKError):
        logger.error("%s: check stream_maps and the catalog.", str(error).partition("\n")[0])
        return _WRONG_USAGE
    return _report_defect(error, logger)


def _report_defect(error: Exception, logger: logging.Logger) -> int:
    """Tell of an error nobody foresaw, without its text, which might quote a record."""
    frames = traceback.extract_tb(error.__traceback__)
    place = next((f for f in reversed(frames) if "tap_pos" in f.filename), frames[-1])
    logger.error(
        "tap-pos stopped on an error of its own (%s at %s line %s): report it with these words; "
        "what was read so far is kept.",
        type(error).__name__,
        os.path.basename(place.filename),  # noqa: PTH119 - a name is all that is wanted
        place.lineno,
    )
    for frame in frames:
        logger.debug("  %s line %s in %s", frame.filename, frame.lineno, frame.name)
    return 1
