"""Lightspeed Retail X-Series: tokens that rotate, scopes, rate limits and settings."""

from __future__ import annotations

import logging
from datetime import timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.errors import SettingsError
from tap_pos.testing import Answer, sync
from tap_pos.testing.fakes.lightspeed_x_life import LightspeedLife
from tap_pos.testing.fakes.lightspeed_x_rows import auckland, sale, settings_of
from tap_pos.testing.lives import Life, Read, busy_life
from tap_pos.vendors import VENDORS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_pos.testing import Request
    from tap_pos.testing.fakes.lightspeed_x import ScriptedLightspeed

Row = dict[str, Any]


@pytest.fixture
def shop() -> Iterator[ScriptedLightspeed]:
    """A shop in Auckland; its clock says 2026-03-01 noon UTC."""
    with auckland().running() as shop:
        yield shop


@pytest.fixture
def config(shop: ScriptedLightspeed) -> Row:
    return settings_of(shop)


@pytest.fixture
def oauth(config: Row, tmp_path: Path) -> Row:
    """Settings of an OAuth application."""
    ways = {"client_id": "app", "client_secret": "app-secret", "refresh_token": "refresh-0",
            "token_file": str(tmp_path / "tokens.json")}  # fmt: skip
    return {key: value for key, value in config.items() if key != "access_token"} | ways


def test_a_run_refreshes_once_and_the_next_not_at_all(
    shop: ScriptedLightspeed, oauth: Row, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        assert sync(oauth).failures == []
        assert sync(oauth).failures == []
    assert shop.refreshes == 1
    assert shop.requests[0].headers["content-type"] == "application/x-www-form-urlencoded"
    written = " ".join(caplog.messages)
    assert not any(secret in written for secret in ("refresh-0", "refresh-1", "access-1", "app-s"))


def test_an_access_token_revoked_in_mid_run_is_renewed(
    shop: ScriptedLightspeed, oauth: Row
) -> None:
    shop.write("sales", sale())
    count = 0

    def revoke(request: Request) -> Answer | None:
        nonlocal count
        count += request.path.endswith("/customers")
        if count == 1 and request.path.endswith("/customers"):
            shop.revoke_access()
        return None

    shop.script = revoke
    out = sync(oauth)
    assert out.failures == []
    assert shop.refreshes == 2
    assert len(out.sent("orders")) == 1


def test_a_shops_life_is_read_whole_while_tokens_end_all_the_time(tmp_path: Path) -> None:
    class Restless(LightspeedLife):
        def settings(self) -> Row:
            """Give the settings of an OAuth application."""
            given = super().settings() | self.oauth | {"refresh_token": "refresh-0"}
            del given["access_token"]
            return given | {"token_file": str(tmp_path / "tokens.json")}

        def answer(self, request: Request) -> Answer:
            """End every access token with every fifth answer."""
            if len(self.requests) % 5 == 0:
                self.revoke_access()
            return super().answer(request)

    with Restless().running() as fake:
        steps = busy_life(fake, rounds=1)
        Life(fake).go([*steps[:12], Read(), *steps[12:], Read(breaks=(4, "401"))]).check()
        assert fake.refreshes > 5


def test_a_refresh_token_used_elsewhere_is_told(shop: ScriptedLightspeed, oauth: Row) -> None:
    shop.refresh_token = "taken"
    (sentence,) = sync(oauth).failures
    assert "refuses the refresh token (400): authorise the application again" in sentence
    assert "refresh-0" not in sentence


def test_the_token_endpoints_own_limit_is_waited_for(shop: ScriptedLightspeed, oauth: Row) -> None:
    shop.token_limit_resets_at = shop.now + timedelta(seconds=1)

    def pass_time(request: Request) -> Answer | None:
        if len(shop.asked("/api/1.0/token")) == 2 and request.path == "/api/1.0/token":
            shop.advance(seconds=1)
        return None

    shop.script = pass_time
    assert sync(oauth).failures == []
    assert len(shop.asked("/api/1.0/token")) == 2


def test_a_limit_that_resets_too_late_is_given_up_at_once(
    shop: ScriptedLightspeed, oauth: Row
) -> None:
    shop.token_limit_resets_at = shop.now + timedelta(hours=1)
    (sentence,) = sync(oauth).failures
    assert "answered 429" in sentence
    assert len(shop.requests) == 1


def test_a_retry_date_is_read_by_the_vendors_clock(shop: ScriptedLightspeed, config: Row) -> None:
    later = format_datetime(shop.now + timedelta(seconds=1), usegmt=True)
    answers = [Answer(429, {"error": "Too Many Requests"}, {"Retry-After": later})]
    shop.script = lambda _request: answers.pop() if answers else None
    assert sync(config).failures == []
    much_later = format_datetime(shop.now + timedelta(minutes=5), usegmt=True)
    busy = Answer(429, {}, {"Retry-After": much_later})
    shop.script = lambda _request: busy
    before = len(shop.requests)
    (sentence,) = sync(config).failures
    assert "answered 429" in sentence
    assert len(shop.requests) == before + 1


def test_a_refused_personal_token_ends_the_shop(shop: ScriptedLightspeed, config: Row) -> None:
    (sentence,) = sync(config | {"access_token": "expired-secret"}).failures
    assert "refuses the access token (401)" in sentence
    assert "expired-secret" not in sentence
    assert len(shop.requests) == 1


def test_a_missing_scope_costs_only_its_stream(shop: ScriptedLightspeed, config: Row) -> None:
    shop.write("sales", sale())
    shop.scopes -= {"customers:read"}
    out = sync(config)
    assert len(out.sent("orders")) == 1
    assert all("scope customers:read" in sentence for sentence in out.failures)


def test_without_the_retailers_scope_the_outlets_say_enough(
    shop: ScriptedLightspeed, config: Row, caplog: pytest.LogCaptureFixture
) -> None:
    shop.scopes -= {"retailer:read"}
    with caplog.at_level(logging.INFO):
        shop.write("sales", sale())
        assert sync(config).table("orders")["tea", "S1"]["currency"] == "NZD"
    assert "retailer:read" in " ".join(caplog.messages)


def test_a_page_without_versions_is_refused(shop: ScriptedLightspeed, config: Row) -> None:
    def forget(request: Request) -> Answer | None:
        body = {"data": [sale()]}
        return Answer(body=body) if request.path.endswith("/sales") else None

    shop.script = forget
    (sentence,) = sync(config).failures
    assert "rows without a version to go on from" in sentence


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"access_token": ""}, "needs a way in"),
        ({"access_token": "", "client_id": "a", "token_file": "f"},
         "needs the setting client_secret and refresh_token too"),
        ({"client_id": "a"}, "keep one of the two ways"),
        ({"api_version": "2.0"}, "write it as 2026-07"),
        ({"base_url": "https://tea.retail.lightspeed.app/api/2026-07"}, "path in its base_url"),
        ({"base_url": ""}, "needs the setting base_url"),
        ({"consent_sources": [{"custom_attribute": "note", "channels": ["sms"],
                               "purpose": "marketing", "given": ["yes"]}]}, "custom_field_1"),
    ],
)  # fmt: skip
def test_settings_that_cannot_work(config: Row, changed: Row, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        sync(config | changed)


def test_no_webhook_is_taken_for_genuine() -> None:
    assert VENDORS["lightspeed_x"].verify_webhook is None
