"""The settings as JSON schema, for `--about`, for Meltano and for the SDK's own checks."""

from __future__ import annotations

from typing import Any

from singer_sdk import typing as th

_CONSENT_SOURCE = th.ObjectType(
    th.Property(
        "channels",
        th.ArrayType(th.StringType),
        required=True,
        description="email, sms, phone, post, whatsapp, push",
    ),
    th.Property(
        "purpose", th.StringType, required=True, description="marketing, profiling or service"
    ),
    th.Property(
        "group",
        th.StringType,
        description="customer group whose members have opted in; everybody else is unknown",
    ),
    th.Property(
        "custom_attribute", th.StringType, description="key of the attribute that holds the answer"
    ),
    th.Property("given", th.ArrayType(th.AnyType()), description="values that mean yes"),
    th.Property("withdrawn", th.ArrayType(th.AnyType()), description="values that mean no"),
)


def _shop_properties() -> list[th.Property[Any]]:
    """List what may be said about a shop, in a list or at the top level."""
    return [
        th.Property("vendor", th.StringType, description="Who makes the register: square."),
        th.Property(
            "access_token",
            th.StringType,
            secret=True,
            description="The vendor's token for this shop; how to get one is in the README.",
        ),
        th.Property(
            "base_url",
            th.StringType,
            description="Where the vendor's API is, for a sandbox or the practice register.",
        ),
        th.Property(
            "location_ids",
            th.ArrayType(th.StringType),
            description="Read orders, payments and refunds of these locations only (all).",
        ),
        th.Property(
            "api_version",
            th.StringType,
            description="Square-Version header (2025-08-20, the version this tap is tested with).",
        ),
        th.Property(
            "consent_sources",
            th.ArrayType(_CONSENT_SOURCE),
            description="Groups and custom attributes in which this shop records opt-ins.",
        ),
        th.Property(
            "business_day_starts_at",
            th.StringType,
            description='Local time at which a new trading day begins, such as "04:00" ("00:00").',
        ),
        th.Property(
            "card_fingerprints",
            th.BooleanType,
            description="Keep the vendor's card fingerprint on payments (false: dropped here).",
        ),
    ]


_SHOP = th.ObjectType(
    th.Property("id", th.StringType, required=True, description="Your own short name for the shop"),
    *_shop_properties(),
    th.Property("start_date", th.StringType, description="Overrides start_date for this shop."),
)

SETTINGS_SCHEMA: dict[str, Any] = th.PropertiesList(
    th.Property(
        "shops",
        th.CustomType({"type": ["array", "string", "null"], "items": _SHOP.to_dict()}),
        secret=True,
        description=(
            "The shops to read: a list (or that list as a JSON text) of objects with id, vendor, "
            "access_token and, where needed, the other settings of a shop below. "
            "A single shop needs no list."
        ),
    ),
    th.Property(
        "shop_id",
        th.StringType,
        description="Your own short name for the single shop; part of every record's key.",
    ),
    *_shop_properties(),
    th.Property(
        "only_shops",
        th.ArrayType(th.StringType),
        description="Ids of the shops to read in this run (all).",
    ),
    th.Property(
        "start_date",
        th.StringType,
        description="Read changes since this date or RFC 3339 time (everything).",
    ),
    th.Property(
        "lookback_seconds",
        th.IntegerType,
        description=(
            "How far before the end of the last run the next one starts, because vendors show "
            "changes late (the vendor's own default per stream; Square: customers 180, others 60)."
        ),
    ),
    th.Property(
        "window_days",
        th.IntegerType,
        description="Days read at once; state is saved after each such window (30).",
    ),
    th.Property(
        "max_bad_records",
        th.IntegerType,
        description=(
            "How many records of a stream may be unreadable before the shop counts as failed (0)."
        ),
    ),
    th.Property(
        "max_retry_seconds",
        th.NumberType,
        description=(
            "Longest total wait between retries of one request (60; at most 10 of them "
            "while the register can't be reached at all)."
        ),
    ),
    th.Property(
        "request_timeout_seconds",
        th.NumberType,
        description="How long one request may stay silent (60).",
    ),
).to_dict()
