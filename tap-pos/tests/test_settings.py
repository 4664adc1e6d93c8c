"""Settings that can't work are told in one sentence before any request."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.errors import SettingsError
from tap_pos.settings import SINGLE_SHOP_SETTINGS, Settings, ShopSettings
from tap_pos.settings_schema import SETTINGS_SCHEMA
from tap_pos.tap import TapPOS
from tap_pos.testing import ScriptedSquare, sync

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

SHOP = {"id": "a", "vendor": "square", "access_token": "hush-hush"}


def refusal(config: dict[str, Any]) -> str:
    with pytest.raises(SettingsError) as caught:
        TapPOS(config=config)
    sentence = str(caught.value)
    assert "hush-hush" not in sentence
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    ("config", "words"),
    [
        pytest.param({}, ["No shop is configured"], id="nothing"),
        pytest.param({"shops": []}, ["No shop is configured"], id="empty list"),
        pytest.param(
            {"vendor": "square", "access_token": "hush-hush"}, ["shop_id", "missing"], id="no id"
        ),
        pytest.param(
            {"shop_id": "a", "vendor": "square"}, ["'a'", "needs", "access_token"], id="no token"
        ),
        pytest.param(
            {"shops": [{"id": "a", "vendor": "square", "access_token": ""}]},
            ["'a'", "needs", "access_token"],
            id="empty token",
        ),
        pytest.param(
            {"shops": [SHOP | {"vendor": "squire"}]},
            ["'a'", "'squire'", "use one of clover, ", " square, "],
            id="unknown vendor",
        ),
        pytest.param({"shops": [SHOP, SHOP]}, ["'a'", "listed twice"], id="listed twice"),
        pytest.param({"shops": [SHOP], "colour": "red"}, ["'colour'", "unknown"], id="unknown"),
        pytest.param(
            {"shops": [SHOP, SHOP | {"id": "b", "acess_token": "hush-hush"}]},
            ["'acess_token'", "shops[1]", "unknown"],
            id="misspelt in a shop",
        ),
        pytest.param(
            {"shops": [SHOP | {"merchant_id": "m"}]},
            ["'a'", "merchant_id", "square", "no use"],
            id="a setting of another vendor",
        ),
        pytest.param(
            {"shops": [SHOP | {"timezone": "Berlin"}]},
            ["timezone", "no use"],
            id="a time zone where the vendor knows it",
        ),
        pytest.param(
            {"shops_file": "/nowhere/shops.yml"},
            ["shops_file", "check its path"],
            id="no such file",
        ),
        pytest.param(
            {"shops": [SHOP], "vendor": "square"},
            ["shops and in the top level (vendor)", "keep one"],
            id="both",
        ),
        pytest.param({"shops": '[{"id": '}, ["not valid JSON"], id="broken text"),
        pytest.param(
            {"shops": [SHOP], "only_shops": ["z"]}, ["'z'", "not among"], id="no such shop"
        ),
        pytest.param({"shops": [SHOP], "start_date": "soon"}, ["start_date", "date"], id="start"),
        pytest.param({"shops": [SHOP], "window_days": 0}, ["window_days"], id="no window"),
        pytest.param(
            {"shops": [SHOP | {"base_url": "http://example.com"}]},
            ["base_url", "https://"],
            id="token in the clear",
        ),
        pytest.param(
            {"shops": [SHOP | {"business_day_starts_at": "4am"}]},
            ["business_day_starts_at"],
            id="day start",
        ),
        pytest.param(
            {"shops": [SHOP | {"access_token": 12345}]}, ["access_token"], id="token is a number"
        ),
        pytest.param(
            {
                "shops": [
                    SHOP | {"consent_sources": [{"channels": ["fax"], "purpose": "marketing"}]}
                ]
            },
            ["consent_sources"],
            id="no such channel",
        ),
        pytest.param(
            {
                "shops": [
                    SHOP | {"consent_sources": [{"channels": ["sms"], "purpose": "marketing"}]}
                ]
            },
            ["name either a group or a custom_attribute"],
            id="consent from nowhere",
        ),
    ],
)
def test_settings_that_cannot_work_are_refused(config: dict[str, Any], words: list[str]) -> None:
    sentence = refusal(config)
    assert all(word in sentence for word in words), sentence


def ids_of(tap: TapPOS) -> Iterable[str]:
    return tap.shops.ids


def test_a_single_shop_needs_no_list() -> None:
    tap = TapPOS(config={"shop_id": "a", "vendor": "square", "access_token": "hush-hush"})
    assert ids_of(tap) == ["a"]


def test_shops_may_come_as_a_json_text() -> None:
    tap = TapPOS(config={"shops": json.dumps([SHOP, SHOP | {"id": "b"}])})
    assert ids_of(tap) == ["a", "b"]


def test_shops_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAP_POS_SHOPS", json.dumps([SHOP]))
    monkeypatch.setenv("TAP_POS_WINDOW_DAYS", "7")
    tap = TapPOS(config={}, parse_env_config=True)
    assert ids_of(tap) == ["a"]
    assert tap.settings.window_days == 7


def test_a_broken_list_in_the_environment_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAP_POS_SHOPS", "[hush-hush")
    with pytest.raises(SettingsError, match="no valid JSON") as caught:
        TapPOS(config={}, parse_env_config=True)
    assert "hush-hush" not in str(caught.value)


def test_shops_may_come_from_a_file_that_holds_no_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARBOUR_TOKEN", "hush-hush")
    file = tmp_path / "shops.yml"
    file.write_text(
        "- {id: main, vendor: square, access_token: plain}\n"
        "- {id: harbour, vendor: square, access_token: $HARBOUR_TOKEN}\n"
    )
    tap = TapPOS(config={"shops_file": str(file)})
    assert [shop.access_token for shop in tap.settings.shops] == ["plain", "hush-hush"]


def test_a_file_of_shops_may_be_json_under_the_name_shops(tmp_path: Path) -> None:
    file = tmp_path / "shops.json"
    file.write_text(json.dumps({"shops": [SHOP, SHOP | {"id": "b"}]}))
    assert ids_of(TapPOS(config={"shops_file": str(file)})) == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param("- {id: a", ["line 1", "neither YAML nor JSON"], id="broken"),
        pytest.param("a", ["shops_file", "list"], id="no list"),
        pytest.param(
            "[{id: a, vendor: square, access_token: $NO_SUCH_VARIABLE}]",
            ["$NO_SUCH_VARIABLE", "not set"],
            id="unset variable",
        ),
    ],
)
def test_a_file_of_shops_that_cannot_work_is_told(
    tmp_path: Path, content: str, words: list[str]
) -> None:
    file = tmp_path / "shops.yml"
    file.write_text(content)
    sentence = refusal({"shops_file": str(file)})
    assert all(word in sentence for word in words), sentence


def test_every_setting_is_described_and_understood() -> None:
    """The schema for `--about` and the structs that read the settings are the same list."""
    described = SETTINGS_SCHEMA["properties"]
    of_a_shop = set(described["shops"]["items"]["properties"])
    assert of_a_shop == set(ShopSettings.__struct_fields__)
    single = {*SINGLE_SHOP_SETTINGS, "shop_id"}
    builtin: dict[str, Any] = {"properties": {}}
    TapPOS.append_builtin_config(builtin)
    own = described.keys() - builtin["properties"].keys()
    assert own == set(Settings.__struct_fields__) | single | {"shops_file"}
    assert all(entry.get("description") for entry in described.values())


def test_only_the_wanted_shops_are_read(square: ScriptedSquare) -> None:
    shops = [SHOP | {"id": name, "access_token": "token", "base_url": square.url} for name in "abc"]
    out = sync({"shops": shops, "only_shops": ["c", "a"]})
    assert {shop_id for shop_id, _ in out.table("orders")} == {"a", "c"}


def test_what_is_left_empty_is_not_set() -> None:
    """Meltano passes a variable that is not set as an empty text."""
    empty: dict[str, Any] = {"shops": "", "only_shops": [], "base_url": "", "start_date": None}
    single = {"shop_id": "a", "vendor": "square", "access_token": "hush-hush"}
    assert ids_of(TapPOS(config=single | empty)) == ["a"]


def test_the_printed_form_of_a_shop_hides_its_token() -> None:
    shop = ShopSettings(id="a", vendor="square", access_token="hush-hush")
    assert "hush-hush" not in repr(shop)
    assert "hush-hush" not in str([shop])


def test_nothing_is_asked_of_the_register_before_the_settings_are_right(
    square: ScriptedSquare, config: dict[str, Any]
) -> None:
    refusal(config | {"colour": "red"})
    assert square.requests == []


def test_only_the_vendors_that_are_used_are_imported() -> None:
    """Starting takes time in every scheduled run."""
    program = (
        "import sys; from tap_pos.tap import TapPOS;"
        "TapPOS(config={'shop_id': 'a', 'vendor': 'square', 'access_token': 't'});"
        "print(*(name for name in sys.modules if name.startswith('tap_pos.vendors.shopify')"
        " or name.startswith('tap_pos.vendors.exports')))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert said.stdout.strip() == b""
