"""The sink of streams that no policy names: it counts, and nothing gets past it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.sinks import RecordSink

if TYPE_CHECKING:
    from singer_sdk.helpers.conform import DatetimeErrorTreatmentEnum

    from target_shopcrm.target import TargetShopCRM


class WithheldSink(RecordSink):
    """Counts records as ``not_in_policy``.

    Their keys are checked as the Singer specification demands. Their values aren't: they go
    nowhere, and the SDK's messages about values would show them in the log.
    """

    def __init__(self, target: TargetShopCRM, *arguments: Any, **named: Any) -> None:
        """Remember whose run counts.

        Args:
            target: The target.
            arguments: The SDK's own.
            named: The SDK's own.
        """
        super().__init__(target, *arguments, **named)
        self._target = target

    def get_validator(self) -> None:
        """Check the schema itself; records need no validator."""
        super().get_validator()

    def _parse_timestamps_in_record(
        self,
        record: dict[str, Any],
        schema: dict[str, Any],
        treatment: DatetimeErrorTreatmentEnum,
    ) -> None:
        """Leave the values alone."""

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:  # noqa: ARG002 - the SDK's signature
        """Count the record.

        Args:
            record: Not looked at.
            context: Not used.
        """
        self._target.withhold(self.stream_name)
