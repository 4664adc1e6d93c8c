"""Where the shops of a run come from: the setting, a file, or one shop at the top level."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_pos.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})").fullmatch


def filled(given: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what says nothing: Meltano passes an unset variable as an empty text."""
    return {name: value for name, value in given.items() if value not in (None, "", [])}


def find_shops(given: Mapping[str, Any], single_shop_settings: Collection[str]) -> list[Any]:
    """Find the shops, in the only place that names any.

    Args:
        given: The settings as they came, without empty ones.
        single_shop_settings: What may be said at the top level about a single shop.

    Returns:
        One object per shop, each with an id and a vendor.

    Raises:
        SettingsError: If no place names a shop, or two do, or one is not a list of shops.
    """
    single = {name: given[name] for name in single_shop_settings if name in given}
    if "shop_id" in given:
        single = {"id": given["shop_id"], **single}
    places = [name for name in ("shops", "shops_file") if name in given]
    if len(places) + bool(single) > 1:
        top = ", ".join(sorted("shop_id" if name == "id" else name for name in single))
        named = " and in ".join([*places, *([f"the top level ({top})"] if single else [])])
        raise SettingsError(f"The settings name shops in {named}: keep one of them.")
    if not places and not single:
        raise SettingsError(
            "No shop is configured: set vendor, shop_id and the shop's credentials, "
            "or a list of shops."
        )
    if single:
        shops: Any = [single]
    elif "shops" in given:
        shops = _decoded(given["shops"])
    else:
        shops = _from_file(Path(str(given["shops_file"])).expanduser())
    if not isinstance(shops, list) or not all(isinstance(shop, dict) for shop in shops):
        raise SettingsError(f"The setting {places[0]} must hold a list with one object per shop.")
    cleaned = [filled(shop) for shop in shops]
    for position, shop in enumerate(cleaned):
        _check_named(shop, None if single else f"shops[{position}]")
    return cleaned


def _decoded(shops: Any) -> Any:
    """Read a list that came as a JSON text, which is how an environment variable holds one."""
    if not isinstance(shops, str):
        return shops
    try:
        return json.loads(shops)
    except json.JSONDecodeError:
        raise SettingsError(
            "The setting shops is a text that is not valid JSON: write it as a list, "
            'such as [{"id": "main", "vendor": "square", "access_token": "..."}].'
        ) from None


def _from_file(path: Path) -> Any:
    """Read the list from a YAML file; every JSON file is one too.

    A value that is nothing but ``$NAME`` or ``${NAME}`` stands for that environment
    variable, so that the file can be shared and the tokens can not.
    """
    import yaml  # noqa: PLC0415 - most runs have no such file, and every import costs each of them

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            f"The shops_file {path} can't be read ({error.strerror}): check its path."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}" if mark else ""
        raise SettingsError(
            f"The shops_file {path} is neither YAML nor JSON{where}: correct it."
        ) from None
    shops = content.get("shops") if isinstance(content, dict) else content
    return _expanded(shops, path)


def _expanded(value: Any, path: Path) -> Any:
    """Put environment variables in their places, however deep."""
    if isinstance(value, dict):
        return {name: _expanded(inner, path) for name, inner in value.items()}
    if isinstance(value, list):
        return [_expanded(inner, path) for inner in value]
    if isinstance(value, str) and (found := _VARIABLE(value)):
        name = found[1] or found[2]
        if name not in os.environ:
            raise SettingsError(
                f"The shops_file {path} uses ${name}, which is not set: set it in the environment."
            )
        return os.environ[name]
    return value


def _check_named(shop: dict[str, Any], where: str | None) -> None:
    """Say which of the two settings is missing that every shop needs."""
    for name in ("id", "vendor"):
        if name not in shop:
            spoken = "shop_id" if name == "id" and where is None else name
            place = f"{where} ({shop.get('id', 'no id')})" if where else "the shop"
            raise SettingsError(f"The setting {spoken} of {place} is missing: set it.")
