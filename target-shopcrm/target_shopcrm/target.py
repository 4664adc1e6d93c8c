"""The Singer target: settings in, one run per process, one sentence when something fails."""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar

from singer_sdk import Target
from singer_sdk.exceptions import (
    ConfigValidationError,
    MissingKeyPropertiesError,
    RecordsWithoutSchemaException,
)
from singer_sdk.helpers.capabilities import PluginCapabilities
from singer_sdk.singerlib.exceptions import InvalidInputLine

from target_shopcrm.delivery import Delivery
from target_shopcrm.errors import ConfigurationError, InputError, Interrupted, ShopCRMError
from target_shopcrm.reader import CanonicalReader
from target_shopcrm.records import STREAMS, key_fields
from target_shopcrm.settings import CONFIG_JSONSCHEMA, Settings
from target_shopcrm.withheld_sink import WithheldSink

if TYPE_CHECKING:
    from types import FrameType

    from singer_sdk.helpers.capabilities import CapabilitiesEnum
    from singer_sdk.plugin_base import _ConfigInput

_PACKAGE = Path(__file__).parent


class TargetShopCRM(Target):
    """Delivers the canonical shop streams to a CRM, as far as consent permits."""

    name = "target-shopcrm"
    package_name = "target-shopcrm"
    config_jsonschema: ClassVar[dict[str, Any]] = CONFIG_JSONSCHEMA
    default_sink_class = WithheldSink
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    def __init__(self, **arguments: Any) -> None:
        """Read the settings; nothing is opened before the input is.

        Args:
            arguments: The SDK's own.
        """
        super().__init__(**arguments)
        self._settings = Settings.from_config(self.config)
        self._delivery: Delivery | None = None
        self._is_stopping = False
        self.canonical_streams: set[str] = set()
        self.message_reader = CanonicalReader(self)

    # What the reader calls

    def begin(self) -> Delivery:
        """Open the run, unless it is open already.

        Returns:
            The run.
        """
        if self._delivery is None:
            self._delivery = Delivery(self._settings, self.logger)
        return self._delivery

    def withhold(self, stream: str) -> None:
        """Count a record that goes nowhere.

        Args:
            stream: Its stream.
        """
        self._run.withhold(stream)

    def abort(self, error: BaseException) -> None:
        """Give the run up.

        Args:
            error: Why.
        """
        self._is_stopping = True
        if self._delivery is not None:
            self._delivery.abort(error)
            self._delivery = None

    @property
    def _run(self) -> Delivery:
        if self._delivery is None:
            raise InputError("The run has ended; start the target again.")
        return self._delivery

    # What the SDK calls

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add none of the SDK's settings: validation and mapping are this target's own.

        Args:
            config_jsonschema: Left as it is.
        """

    def process_endofpipe(self) -> None:
        """Commit what is left and end the run."""
        if self._delivery is not None:
            delivery, self._delivery = self._delivery, None
            delivery.finish()
        super().process_endofpipe()

    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        stream = message_dict.get("stream")
        if isinstance(stream, str) and self._run.intake.accepts(stream):
            if is_canonical(stream, message_dict):
                self.canonical_streams.add(stream)
                return
            self.canonical_streams.discard(stream)
            self.logger.warning(
                "The stream '%s' has the name of a canonical stream but not its key or fields; it"
                " is withheld.",
                stream,
            )
        elif isinstance(stream, str) and stream not in self.mapper.stream_maps:
            self.logger.warning(
                "The stream '%s' is not in the policy for destination %s; its records are withheld"
                " (not_in_policy).",
                stream,
                self._settings.destination,
            )
        super()._process_schema_message(message_dict)

    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        self._assert_line_requires(message_dict, requires={"value"})
        self._run.state(json.dumps(message_dict["value"]).encode())

    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:
        """Ignore versions: canonical records are keyed, and nothing else is stored."""

    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:
        raise InputError(
            f"The tap sends stream '{message_dict.get('stream')}' as batch files, which this target"
            " doesn't read; switch the tap's batch_config off."
        )

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the SDK's signature
        if not self._is_stopping:
            self._is_stopping = True
            raise Interrupted(signum)

    @classmethod
    def invoke(  # type: ignore[override]  # as the SDK's own targets do
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        file_input: IO[str] | None = None,
    ) -> None:
        """Run the target; whatever fails becomes one sentence and an exit code.

        Args:
            about: Print settings and capabilities, nothing else.
            about_format: How to print them.
            config: The configuration.
            file_input: Read from here instead of standard input.
        """
        try:
            super().invoke(
                about=about, about_format=about_format, config=config, file_input=file_input
            )
        except Interrupted as stop:
            cls.logger.warning("Stopped; what was committed stays, the next run carries on.")
            sys.exit(stop.exit_code)
        except ConfigValidationError as error:
            cls.logger.error("%s", _about_settings(error))  # noqa: TRY400 - a sentence, no traceback
            sys.exit(ConfigurationError.exit_code)
        except ShopCRMError as error:
            cls.logger.error("%s", error)  # noqa: TRY400 - same
            sys.exit(error.exit_code)
        except Exception as error:  # noqa: BLE001 - the rim: an exception's own text may quote data
            cls.logger.error("%s", _about_unexpected(error))  # noqa: TRY400 - same
            sys.exit(1)


def is_canonical(stream: str, message: dict[str, Any]) -> bool:
    """Tell whether a SCHEMA message announces the canonical stream of its name.

    Other taps have streams called ``orders`` too.

    Args:
        stream: One of `STREAMS`.
        message: The SCHEMA message.

    Returns:
        True if the key is the canonical one and every field is announced.
    """
    schema = message.get("schema")
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return (
        isinstance(properties, dict)
        and list(message.get("key_properties") or []) == list(key_fields(stream))
        and set(STREAMS[stream].__struct_fields__) <= properties.keys()
    )


def _about_settings(error: ConfigValidationError) -> str:
    problems = "; ".join(error.errors)
    return (
        f"The settings of target-shopcrm can't be used: {problems}. Correct them, then run again."
    )


def _about_unexpected(error: Exception) -> str:
    if isinstance(error, (RecordsWithoutSchemaException, MissingKeyPropertiesError)):
        return " ".join(str(error).split())
    if isinstance(error, InvalidInputLine):
        return "A line of the input lacks what its type requires; look at the tap's output."
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(_PACKAGE)]
    where = f" at {Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    return (
        f"target-shopcrm has a fault ({type(error).__name__}{where}); nothing of the last batch was"
        " written: please report it."
    )
