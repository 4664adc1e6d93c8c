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


def _text(name: str, description: str, *, secret: bool = False) -> th.Property[Any]:
    return th.Property(name, th.StringType, description=description, secret=secret)


def _access_properties() -> list[th.Property[Any]]:
    """List what says where a shop's account is and who may read it."""
    return [
        _text(
            "vendor",
            "Who makes the register: square, shopify, woocommerce, lightspeed_x, clover, loyverse, "
            "odoo, sumup, or exports for a folder of files.",
        ),
        _text(
            "access_token",
            "The vendor's token, API key or password for this shop; how to get one is in the "
            "README.",
            secret=True,
        ),
        _text(
            "base_url",
            "Where the vendor's API is: the shop's own address (Shopify, WooCommerce, Lightspeed, "
            "Odoo), else a region, a sandbox or the practice register.",
        ),
        _text("merchant_id", "Which account the token is to read (Clover, SumUp)."),
        _text("database", "Name of the Odoo database."),
        _text("username", "Login of the Odoo user whose password or API key is the access_token."),
        _text("consumer_key", "Consumer key of WooCommerce's REST API.", secret=True),
        _text("consumer_secret", "Consumer secret of WooCommerce's REST API.", secret=True),
        _text("client_id", "Client id of your Lightspeed application."),
        _text("client_secret", "Client secret of your Lightspeed application.", secret=True),
        _text(
            "refresh_token",
            "The refresh token Lightspeed issued when the shop authorised your application; "
            "later ones are kept in the token_file.",
            secret=True,
        ),
        _text(
            "token_file", "File in which rotating tokens are kept; on a disk that outlives runs."
        ),
        _text("exports_folder", "Folder with the files to read (exports)."),
        _text(
            "exports_mapping",
            "What the files' columns mean (exports): square, shopify, lightspeed, or the path of a "
            "mapping file.",
        ),
        _text(
            "api_version",
            "Version of the vendor's API, where it has dated ones (the one this tap is tested "
            "with).",
        ),
        th.Property(
            "requests_per_minute",
            th.NumberType,
            description="Ask this shop's account no more often than this (the vendor's limit).",
        ),
    ]


def _meaning_properties() -> list[th.Property[Any]]:
    """List what says how a shop's data is to be understood."""
    return [
        th.Property(
            "location_ids",
            th.ArrayType(th.StringType),
            description="Read orders, payments and refunds of these locations only (all).",
        ),
        th.Property(
            "consent_sources",
            th.ArrayType(_CONSENT_SOURCE),
            description="Groups and custom attributes in which this shop records opt-ins.",
        ),
        _text(
            "business_day_starts_at",
            'Local time at which a new trading day begins, such as "04:00" ("00:00").',
        ),
        _text(
            "timezone",
            "IANA time zone of the shop, where the vendor does not tell it (the vendor's, else "
            "UTC).",
        ),
        _text(
            "currency", "ISO 4217 code of the shop's currency, where the vendor does not tell it."
        ),
        th.Property(
            "card_fingerprints",
            th.BooleanType,
            description="Keep the vendor's card fingerprint on payments (false: dropped here).",
        ),
        th.Property(
            "full_scan_days",
            th.IntegerType,
            description=(
                "Days between two complete listings of ids, by which rows are noticed that the "
                "vendor deletes without telling (7; 0 means never)."
            ),
        ),
    ]


def _shop_properties() -> list[th.Property[Any]]:
    """List what may be said about a shop, in a list or at the top level."""
    return [*_access_properties(), *_meaning_properties()]


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
            "the vendor's credentials and, where needed, the other settings of a shop below. "
            "A single shop needs no list."
        ),
    ),
    th.Property(
        "shops_file",
        th.StringType,
        description=(
            "A YAML or JSON file with that list; a value $NAME in it stands for an environment "
            "variable."
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
        "max_workers",
        th.IntegerType,
        description="How many shops are read at the same time (32).",
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
