"""The settings, read once at the edge; nothing deeper looks into the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from target_shopcrm.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

SHOPCRM = "shopcrm"
JSONL = "jsonl"
DEFAULT_BATCH_SIZE = 5_000

CONFIG_JSONSCHEMA: dict[str, Any] = th.PropertiesList(
    th.Property(
        "destination",
        th.StringType(allowed_values=[SHOPCRM, JSONL]),
        default=SHOPCRM,
        description=(
            "Where permitted records go: the ShopCRM database, or the file a CRM would be sent."
        ),
    ),
    th.Property(
        "database_url",
        th.StringType,
        secret=True,
        description=(
            "PostgreSQL URL of the ShopCRM database (postgresql://user:password@host:port/name)."
            " Without it the environment variable DATABASE_URL is used."
        ),
    ),
    th.Property(
        "policy_path",
        th.StringType,
        description=(
            "The shop's own consent policy (YAML). Without it the packaged strict policy applies,"
            " which knows no shop and therefore lets nothing through."
        ),
    ),
    th.Property(
        "batch_size",
        th.IntegerType(minimum=1, maximum=100_000),
        default=DEFAULT_BATCH_SIZE,
        description="Records per transaction; a batch also ends at 8 MB of input.",
    ),
    th.Property(
        "output_path",
        th.StringType,
        description="Destination jsonl: the file to append to.",
    ),
    additional_properties=False,
).to_dict()


@dataclass(frozen=True)
class Settings:
    """What a run needs to know.

    Attributes:
        destination: A name of the registry in `target_shopcrm.destinations`.
        database_url: Setting, or None to take DATABASE_URL.
        policy_path: The shop's policy file, or None for the packaged one.
        batch_size: Records per transaction at most.
        output_path: The file of destination ``jsonl``.
    """

    destination: str = SHOPCRM
    database_url: str | None = None
    policy_path: Path | None = None
    batch_size: int = DEFAULT_BATCH_SIZE
    output_path: Path | None = None

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Settings:
        """Read the target's configuration.

        Args:
            config: Validated against `CONFIG_JSONSCHEMA`.

        Returns:
            The settings.

        Raises:
            ConfigurationError: If settings contradict each other.
        """
        destination = config.get("destination") or SHOPCRM
        output_path = config.get("output_path")
        if destination == JSONL and not output_path:
            raise ConfigurationError(
                "Destination jsonl has no file to write: set output_path, for example to"
                " output/contacts.jsonl."
            )
        policy_path = config.get("policy_path")
        return cls(
            destination=destination,
            database_url=config.get("database_url"),
            policy_path=Path(policy_path).expanduser() if policy_path else None,
            batch_size=int(config.get("batch_size") or DEFAULT_BATCH_SIZE),
            output_path=Path(output_path).expanduser() if output_path else None,
        )
