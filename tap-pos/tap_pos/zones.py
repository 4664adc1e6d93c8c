"""Time zones by name."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

UTC = ZoneInfo("UTC")


def zone_named(name: str | None) -> ZoneInfo | None:
    """Find a time zone, as vendors, files and settings name them.

    >>> zone_named("Europe/Berlin"), zone_named("Europe"), zone_named(None)
    (zoneinfo.ZoneInfo(key='Europe/Berlin'), None, None)

    Args:
        name: An IANA name.

    Returns:
        The zone, None if there is no such zone on this machine.
    """
    if not name:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # OSError: before Python 3.12 a folder of zones ("Europe") is opened like a zone.
        return None
