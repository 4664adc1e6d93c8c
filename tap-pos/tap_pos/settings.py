"""The tap's settings as typed values, checked before the first request.

Only this module reads the raw configuration; everything deeper receives these structs.
"""

from __future__ import annotations

from datetime import datetime, time
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from tap_pos.errors import SettingsError
from tap_pos.shop_list import filled, find_shops
from tap_pos.windows import parse_instant
from tap_pos.zones import zone_named

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from tap_pos.vendors.base import Vendor

Channel = Literal["email", "sms", "phone", "post", "whatsapp", "push"]
Purpose = Literal["service", "profiling", "marketing"]
Identifier = Annotated[str, Meta(min_length=1)]
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class ConsentSource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a shop writes down an opt-in that the vendor itself has no field for.

    Exactly one of `group` (membership means given) and `custom_attribute` (its value says
    which) is set.
    """

    channels: Annotated[list[Channel], Meta(min_length=1)]
    purpose: Purpose
    group: str | None = None
    custom_attribute: str | None = None
    given: list[str | bool | int] = []
    withdrawn: list[str | bool | int] = []

    def __post_init__(self) -> None:
        """Refuse a source that names no place or two places."""
        if (self.group is None) == (self.custom_attribute is None):
            raise ValueError("name either a group or a custom_attribute")
        if self.custom_attribute is not None and not self.given:
            raise ValueError("a custom_attribute needs the values that mean given")


class ShopSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One account of one vendor. Its printed form never shows a secret.

    Which of these a vendor needs and understands is said in its class; the tap's README has
    the table. An empty text stands for a setting that a vendor's `required_settings` ensure.
    """

    id: Identifier
    vendor: Identifier
    start_date: str | None = None
    business_day_starts_at: Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")] = "00:00"
    base_url: str = ""
    api_version: str | None = None
    requests_per_minute: Annotated[float, Meta(gt=0)] | None = None
    full_scan_days: Annotated[int, Meta(ge=0)] | None = None
    # Who may read
    access_token: str = ""
    client_id: str = ""
    client_secret: str = ""
    refresh_token: str = ""
    token_file: str = ""
    consumer_key: str = ""
    consumer_secret: str = ""
    username: str = ""
    # Which account
    merchant_id: str = ""
    database: str = ""
    exports_folder: str = ""
    exports_mapping: str = ""
    # How its data is to be understood
    location_ids: list[Identifier] | None = None
    consent_sources: list[ConsentSource] = []
    card_fingerprints: bool = False
    timezone: str | None = None
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$")] | None = None

    def __repr__(self) -> str:
        """Name the shop without its secret."""
        return f"ShopSettings(id={self.id!r}, vendor={self.vendor!r})"

    def start(self) -> datetime | None:
        """Give the first instant to read, if the user limits it."""
        return None if self.start_date is None else parse_instant(self.start_date)

    def day_starts_at(self) -> time:
        """Give the wall-clock time at which the shop's books turn to the next day."""
        return time.fromisoformat(self.business_day_starts_at)


COMMON_SETTINGS = frozenset({"id", "vendor", "start_date", "business_day_starts_at"})
"""Settings of a shop that every vendor understands."""

SINGLE_SHOP_SETTINGS = tuple(
    name for name in ShopSettings.__struct_fields__ if name not in {"id", "start_date"}
)
"""Settings of a shop that may stand at the top level; `shop_id` stands for its `id`."""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything the user can say."""

    shops: Annotated[list[ShopSettings], Meta(min_length=1)]
    only_shops: list[Identifier] | None = None
    max_workers: Annotated[int, Meta(ge=1)] = 32
    start_date: str | None = None
    lookback_seconds: Annotated[int, Meta(ge=0)] | None = None
    window_days: Annotated[int, Meta(ge=1)] = 30
    max_bad_records: Annotated[int, Meta(ge=0)] = 0
    max_retry_seconds: Annotated[float, Meta(ge=0)] = 60
    request_timeout_seconds: Annotated[float, Meta(gt=0)] = 60

    def start(self) -> datetime | None:
        """Give the first instant to read, if the user limits it."""
        return None if self.start_date is None else parse_instant(self.start_date)

    def selected_shops(self) -> list[ShopSettings]:
        """Give the shops of this run, in the order of the settings."""
        if self.only_shops is None:
            return self.shops
        return [shop for shop in self.shops if shop.id in self.only_shops]


def read_settings(
    config: Mapping[str, Any], *, vendors: Mapping[str, Vendor], builtin: Collection[str]
) -> Settings:
    """Turn the raw configuration into settings that can work.

    Args:
        config: What the user, Meltano or the environment gave.
        vendors: The vendors this tap knows, by name.
        builtin: Settings that the Singer SDK itself understands.

    Returns:
        The settings.

    Raises:
        SettingsError: If anything is missing, unknown or contradictory.
    """
    given = filled({name: value for name, value in config.items() if name not in builtin})
    if isinstance(given.get("only_shops"), str):
        given["only_shops"] = [part.strip() for part in given["only_shops"].split(",")]
    given["shops"] = find_shops(given, SINGLE_SHOP_SETTINGS)
    for name in (*SINGLE_SHOP_SETTINGS, "shop_id", "shops_file"):
        given.pop(name, None)
    try:
        settings = msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(_sentence(error, given["shops"])) from None
    _check_shops(settings, vendors)
    return settings


def _check_shops(settings: Settings, vendors: Mapping[str, Vendor]) -> None:
    """Refuse what types can't express."""
    seen: set[str] = set()
    for shop in settings.shops:
        if shop.id in seen:
            raise SettingsError(f"Shop '{shop.id}' is listed twice: give every shop its own id.")
        seen.add(shop.id)
        if shop.vendor not in vendors:
            raise SettingsError(
                f"Shop '{shop.id}' names the vendor '{shop.vendor}', which this tap does not know: "
                f"use one of {', '.join(sorted(vendors))}."
            )
        _check_vendor_settings(shop, vendors[shop.vendor])
        _check_base_url(shop)
        _check_timezone(shop)
        _check_date(shop.start_date, f"start_date of shop '{shop.id}'")
    _check_date(settings.start_date, "start_date")
    for shop_id in settings.only_shops or ():
        if shop_id not in seen:
            raise SettingsError(
                f"only_shops names '{shop_id}', which is not among the shops: "
                f"use some of {', '.join(sorted(seen))}."
            )


def _check_vendor_settings(shop: ShopSettings, vendor: Vendor) -> None:
    """Refuse a shop that lacks what its vendor needs, or has what the vendor can't use."""
    given = set(_given(shop))
    missing = sorted(vendor.required_settings - given)
    if missing:
        raise SettingsError(
            f"Shop '{shop.id}' ({vendor.name}) needs the setting {' and '.join(missing)}: set it."
        )
    unused = sorted(given - COMMON_SETTINGS - vendor.required_settings - vendor.optional_settings)
    if unused:
        raise SettingsError(
            f"Shop '{shop.id}' has the setting {' and '.join(unused)}, which {vendor.name} "
            "has no use for: remove it."
        )
    vendor.check(shop)


def _given(shop: ShopSettings) -> Iterator[str]:
    """Name the settings of a shop that say anything but their default."""
    for field in msgspec.structs.fields(shop):
        default = [] if field.default is msgspec.NODEFAULT else field.default
        if getattr(shop, field.name) != default:
            yield field.name


def _check_timezone(shop: ShopSettings) -> None:
    """Refuse a time zone nobody knows."""
    if zone_named(shop.timezone or "UTC") is None:
        raise SettingsError(
            f"The timezone of shop '{shop.id}' is unknown: use an IANA name such as Europe/Berlin."
        )


def _check_base_url(shop: ShopSettings) -> None:
    """Let no token travel unencrypted to another machine."""
    if not shop.base_url:
        return
    parts = urlsplit(shop.base_url)
    local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not parts.hostname or not (parts.scheme == "https" or local):
        raise SettingsError(
            f"The base_url of shop '{shop.id}' must start with https:// "
            "(http:// is accepted for this machine only): correct it."
        )


def _check_date(text: str | None, name: str) -> None:
    """Refuse a date that can't be read."""
    if text is None:
        return
    try:
        parse_instant(text)
    except ValueError:
        raise SettingsError(
            f"The setting {name} is not a date: write it as 2026-01-31 or 2026-01-31T00:00:00Z."
        ) from None


def _sentence(error: msgspec.ValidationError, shops: list[dict[str, Any]]) -> str:
    """Say in the user's terms which setting is wrong; never with its value."""
    what, _, path = str(error).partition(" - at `$")
    place = path.rstrip("`").lstrip(".")
    if len(shops) == 1 and place.startswith("shops[0]"):
        place = place.removeprefix("shops[0]").lstrip(".")
    if what.startswith("Object contains unknown field"):
        name = what.split("`")[1]
        where = f" in {place}" if place else ""
        return f"The setting '{name}'{where} is unknown: see `tap-pos --about` for all settings."
    if what.startswith("Invalid enum value"):
        what = "is not one of the allowed words"
    return f"The setting {place or 'list'} is wrong ({what}): see `tap-pos --about`."
