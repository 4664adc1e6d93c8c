"""The tap: settings, streams and how a run ends."""

from __future__ import annotations

import json
import signal
import sys
from typing import IO, TYPE_CHECKING, Any, ClassVar

from singer_sdk import Tap
from singer_sdk.plugin_base import _ConfigInput

from tap_pos.command import OneSentenceCommand
from tap_pos.errors import SettingsError
from tap_pos.memory import stay_small
from tap_pos.messages import WholeLineWriter
from tap_pos.records import STREAMS
from tap_pos.schemas import stream_schemas
from tap_pos.settings import Settings, read_settings
from tap_pos.settings_schema import SETTINGS_SCHEMA
from tap_pos.shops import Shops
from tap_pos.streams import CanonicalStream
from tap_pos.vendors import VENDORS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from types import FrameType

    import click
    from singer_sdk.streams import Stream

_OWN_SETTINGS = frozenset(SETTINGS_SCHEMA["properties"])
_INCREMENTAL = {"customers", "orders", "products"}


class TapPOS(Tap):
    """Every sale of an independent shop's register, in one record shape."""

    name = "tap-pos"
    package_name = "tap-pos"
    config_jsonschema: ClassVar[dict[str, Any]] = SETTINGS_SCHEMA
    message_writer_class = WholeLineWriter

    def __init__(self, **kwargs: Any) -> None:
        self._settings: Settings | None = None
        self.shops = Shops(lambda: self.settings)
        try:
            super().__init__(**kwargs)
        except ValueError:
            # The SDK reads lists and numbers of the environment, and lets the parser's error out.
            if not kwargs.get("parse_env_config"):
                raise
            raise SettingsError(
                "An environment variable TAP_POS_... holds no number or no valid JSON where "
                "one is needed: correct it."
            ) from None

    @property
    def settings(self) -> Settings:
        """The settings of this run.

        Raises:
            SettingsError: If they can't work.
        """
        if self._settings is None:
            self._settings = read_settings(
                self.config,
                vendors=VENDORS,
                builtin=self.config_jsonschema["properties"].keys() - _OWN_SETTINGS,
            )
        return self._settings

    @property
    def streams(self) -> dict[str, Stream]:
        """The streams in the order in which they are sent: what others refer to comes first."""
        streams = super().streams
        ordered = {name: streams.pop(name) for name in STREAMS if name in streams}
        streams.update(ordered)
        return streams

    def discover_streams(self) -> Sequence[Stream]:
        """Make the canonical streams that at least one shop's vendor has."""
        offered = self._offered_streams()
        return [
            CanonicalStream(self, name, schema, self.shops, incremental=name in _INCREMENTAL)
            for name, schema in stream_schemas().items()
            if name in offered
        ]

    def _offered_streams(self) -> Collection[str]:
        """Name the streams of the configured vendors; all streams where nothing is configured.

        Shops left out by `only_shops` count too, so that the catalog does not depend on it.
        """
        try:
            shops = self.settings.shops
        except SettingsError:
            # Discovery works without settings; a run has refused these before it comes here.
            return STREAMS
        return set().union(*(VENDORS[shop.vendor].streams for shop in shops))

    @classmethod
    def invoke(  # type: ignore[override]
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        state: IO[str] | None = None,
        catalog: IO[str] | None = None,
    ) -> None:
        """Run the tap as the SDK does, then report the shops that failed.

        Args:
            about: Print what the tap is and which settings it has.
            about_format: How to print that.
            config: The configuration.
            state: The state of the last run.
            catalog: Which streams and properties to send.

        Raises:
            ShopsFailedError: If a shop failed; all others are complete.
        """
        if about:
            cls.print_about(about_format)
            return
        stay_small()
        cls.print_version(print_fn=cls.logger.info)
        given = config or _ConfigInput()
        tap = cls(
            config=given.config,
            state=json.load(state) if state else None,
            catalog=json.load(catalog) if catalog else None,
            parse_env_config=given.parse_env,
        )
        tap.sync_all()
        tap.shops.raise_failures()

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """Make the command line, with the SDK's options and one sentence per failure."""
        command = super().get_singer_command()
        return OneSentenceCommand(
            name=command.name,
            callback=command.callback,
            context_settings=command.context_settings,
            params=command.params,
            help=command.help,
            logger=cls.logger,
        )

    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Check the settings: first in sentences that never show a value, then as the SDK does."""
        self.append_builtin_config(self.config_jsonschema)
        if raise_errors:
            _ = self.settings
        return super()._validate_config(raise_errors=raise_errors)

    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - signal's signature
        """End at once, between two lines of output.

        The SDK writes one more STATE here and exits with 0. Every window has already sent its
        own, and a run that was stopped has not succeeded.
        """

        def stop() -> None:
            self.logger.error(
                "Stopped by %s: the next run carries on from the last saved state.",
                signal.Signals(signum).name,
            )
            sys.exit(128 + signum)

        writer = self.message_writer
        if isinstance(writer, WholeLineWriter):
            writer.when_idle(stop)
        else:
            stop()
