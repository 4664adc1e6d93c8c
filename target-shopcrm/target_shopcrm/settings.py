"""The settings, read once at the edge; nothing deeper looks into the configuration."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from target_shopcrm.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

SHOPCRM = "shopcrm"
JSONL = "jsonl"
DESTINATIONS = (SHOPCRM, JSONL, "klaviyo", "hubspot", "mailchimp", "brevo", "bottlecrm", "tryton")
DEFAULT_BATCH_SIZE = 5_000
DEFAULT_HISTORY_AFTER_HOURS = 48

CONFIG_JSONSCHEMA: dict[str, Any] = th.PropertiesList(
    th.Property(
        "destination",
        th.StringType(allowed_values=list(DESTINATIONS)),
        default=SHOPCRM,
        description=(
            "Where permitted records go: the ShopCRM database, a CRM, or the file a CRM would be"
            " sent (jsonl)."
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
    th.Property(
        "mode",
        th.StringType(allowed_values=["live", "shadow"]),
        default="live",
        description=(
            "shadow: decide and record everything, write nothing to the CRM; 'shopcrm shadow"
            " report' then shows what live would change."
        ),
    ),
    th.Property(
        "api_key",
        th.StringType,
        secret=True,
        description="The CRM's API key, private token, or password.",
    ),
    th.Property(
        "api_url",
        th.StringType,
        description="Where the CRM's API is; needed for self-hosted ones, else the vendor's own.",
    ),
    th.Property(
        "username", th.StringType, description="Tryton: the user whose password is the api_key."
    ),
    th.Property("database", th.StringType, description="Tryton: the name of its database."),
    th.Property(
        "audience_id", th.StringType, description="Mailchimp: the audience that contacts belong to."
    ),
    th.Property(
        "store_id",
        th.StringType,
        description="Mailchimp: the e-commerce store of the orders; without it none go out.",
    ),
    th.Property(
        "subscription_type_id",
        th.StringType,
        description="HubSpot: the e-mail subscription type that marketing consent is recorded for.",
    ),
    th.Property(
        "consent_explanation",
        th.StringType,
        description="HubSpot: what to record as the explanation of the legal basis.",
    ),
    th.Property(
        "lists",
        th.ObjectType(additional_properties=th.StringType),
        description=(
            'The CRM\'s list for each segment, such as {"Champions": "Xa9"}; \'*\' is the list of'
            " everybody who may be written to."
        ),
    ),
    th.Property(
        "history_after_hours",
        th.IntegerType(minimum=0),
        default=DEFAULT_HISTORY_AFTER_HOURS,
        description="Orders and events older than this are history: they must trigger nothing.",
    ),
    additional_properties=False,
).to_dict()


@dataclass(frozen=True)
class CrmSettings:
    """What a destination outside needs to know; each takes what concerns it.

    Attributes:
        api_key: The credential.
        api_url: Where the API is, or None for the vendor's own address.
        username: Tryton's user.
        database: Tryton's database.
        audience_id: Mailchimp's audience.
        store_id: Mailchimp's store.
        subscription_type_id: HubSpot's subscription type for marketing e-mails.
        consent_explanation: HubSpot's explanation of the legal basis.
        lists: The CRM's list id for each segment; ``*`` for everybody.
    """

    api_key: str = ""
    api_url: str | None = None
    username: str | None = None
    database: str | None = None
    audience_id: str | None = None
    store_id: str | None = None
    subscription_type_id: str | None = None
    consent_explanation: str | None = None
    lists: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> CrmSettings:
        """Read the settings that concern a CRM.

        Args:
            config: Validated against `CONFIG_JSONSCHEMA`.

        Returns:
            The settings.
        """
        named = {each.name: config.get(each.name) for each in fields(cls)}
        return cls(**{name: value for name, value in named.items() if value is not None})

    def require(self, destination: str, *names: str) -> None:
        """Refuse to start without what a destination can't do without.

        Args:
            destination: Its name, for the message.
            names: The settings it needs.

        Raises:
            ConfigurationError: If one of them is missing.
        """
        for name in names:
            if not getattr(self, name):
                raise ConfigurationError(
                    f"Destination {destination} needs the setting {name}; its page in docs/crms of"
                    " target-shopcrm says where to find it."
                )


@dataclass(frozen=True)
class Settings:
    """What a run needs to know.

    Attributes:
        destination: A name of the registry in `target_shopcrm.destinations`.
        database_url: Setting, or None to take DATABASE_URL.
        policy_path: The shop's policy file, or None for the packaged one.
        batch_size: Records per transaction at most.
        output_path: The file of destination ``jsonl``.
        is_shadow: Whether nothing may be written to the CRM.
        history_after_hours: Orders and events older than this are history.
        crm: What a destination outside needs.
    """

    destination: str = SHOPCRM
    database_url: str | None = None
    policy_path: Path | None = None
    batch_size: int = DEFAULT_BATCH_SIZE
    output_path: Path | None = None
    is_shadow: bool = False
    history_after_hours: int = DEFAULT_HISTORY_AFTER_HOURS
    crm: CrmSettings = field(default_factory=CrmSettings)

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
            is_shadow=config.get("mode") == "shadow",
            history_after_hours=int(config.get("history_after_hours", DEFAULT_HISTORY_AFTER_HOURS)),
            crm=CrmSettings.from_config(config),
        )
