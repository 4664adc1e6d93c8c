"""WooCommerce's lists and refusals: what stands between a site's rows and the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tap_pos.errors import SettingsError
from tap_pos.testing import Answer, Request, sync
from tap_pos.testing.fakes.woocommerce import WooCommerceLife
from tap_pos.testing.fakes.woocommerce_rows import customer, line, order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AT = "2026-02-10T15:00:00"


@pytest.fixture
def site() -> Iterator[WooCommerceLife]:
    """An empty site in New York; its clock says 2026-03-01 noon."""
    with WooCommerceLife().running() as running:
        running.page_size = 100
        yield running


def ids(site: WooCommerceLife, stream: str, **settings: Any) -> set[int]:
    out = sync({**site.settings(), **settings})
    assert out.failures == []
    return {int(row["id"]) for row in out.sent(stream)}


def many(site: WooCommerceLife, moments: list[str]) -> set[int]:
    """Sell something at each of these times."""
    for number, at in enumerate(moments, 10):
        site.put("orders", order(number, at, [line(1000 + number, 100)], net=100))
    return set(range(10, 10 + len(moments)))


@pytest.mark.parametrize("request_number", [5, 7])
@pytest.mark.parametrize("second", ["each its own", "all the same"])
def test_an_order_that_changes_while_the_list_is_read_hides_no_other(
    site: WooCommerceLife, second: str, request_number: int
) -> None:
    """It leaves its place in the list, so all after it move up, some over a page's edge.

    The first two requests are for the products, of which there are none.
    """
    site.page_size = 2
    moments = [AT if second == "all the same" else f"2026-02-10T15:00:{n:02}" for n in range(9)]
    everything = many(site, moments)

    def touch() -> None:
        site.advance(seconds=5)
        site.put("orders", {**site.newest("orders")[10], "date_modified_gmt": site.stamp()})

    meanwhile(site, {"modified_after"}, request_number, touch)
    first = sync({**site.settings(), "start_date": "2026-02-01"})
    second_run = sync(site.settings(), first.state)
    assert {int(row["id"]) for row in first.then(second_run).sent("orders")} == everything


@pytest.mark.parametrize("request_number", [3, 5])
def test_an_account_that_is_deleted_while_the_list_is_read_hides_no_other(
    site: WooCommerceLife, request_number: int
) -> None:
    site.page_size = 2
    for number in range(1, 10):
        site.put("customers", customer(number, AT))
    meanwhile(site, {"role"}, request_number, lambda: site.remove("customers", 1))
    assert ids(site, "customers") >= set(range(2, 10))


def meanwhile(
    site: WooCommerceLife, parameters: set[str], request_number: int, happens: Callable[[], None]
) -> None:
    """Let something happen right before the request of that number for a list is answered."""
    count = 0

    def script(request: Request) -> None:
        nonlocal count
        if not parameters.isdisjoint(request.query):
            count += 1
            if count == request_number:
                happens()

    site.script = script


def test_rows_without_a_time_of_change_hide_no_other(site: WooCommerceLife) -> None:
    site.page_size = 2
    everything = many(site, [AT] * 3)

    def without_time(request: Request) -> Answer | None:
        if request.path != "/wp-json/wc/v3/orders":
            return None
        answer = site.answer(request)
        for row in answer.body:
            row["date_modified_gmt"] = None
        return answer

    site.script = without_time
    assert ids(site, "orders") == everything


def test_a_site_that_ignores_the_filter_is_refused_instead_of_read_wrongly(
    site: WooCommerceLife,
) -> None:
    site.page_size = 3
    many(site, [AT] * 4)

    def without_limits(request: Request) -> Answer | None:
        if request.path != "/wp-json/wc/v3/orders":
            return None
        kept = {name: v for name, v in request.query.items() if not name.startswith("modified_")}
        return site.answer(Request("GET", request.path, kept, request.headers, b""))

    site.script = without_limits
    (sentence,) = sync({**site.settings(), "start_date": "2026-02-20"}).failures
    assert "ignores modified_after: update WooCommerce" in sentence


def test_an_hour_that_the_sites_clock_shows_twice_is_read_whole(site: WooCommerceLife) -> None:
    """Lists are sorted by local time, in which 05:10Z and 06:10Z are the same."""
    site.now = site.now.replace(month=11, day=2)
    site.page_size = 3
    every_ten_minutes = [f"2026-11-01T{h:02}:{m:02}:00" for h in (4, 5, 6, 7) for m in (0, 10, 20)]
    everything = many(site, every_ten_minutes)
    assert ids(site, "orders", start_date="2026-10-30") == everything


@pytest.mark.parametrize("minute", [0, 30, 59])
def test_an_hour_that_the_sites_clock_skips_is_not_lost(site: WooCommerceLife, minute: int) -> None:
    """PHP reads 02:30 of that night as 03:30, also where it stands for a time in UTC."""
    site.now = site.now.replace(day=8, hour=12)
    changed = many(site, [f"2026-03-08T02:{minute:02}:30"])
    start = f"2026-03-08T02:{minute:02}:00Z"
    assert ids(site, "orders", start_date=start) == changed


def failures(site: WooCommerceLife) -> str:
    (sentence,) = sync({**site.settings(), "max_retry_seconds": 0.01}).failures
    assert site.secret not in sentence
    return sentence


def refuse(site: WooCommerceLife, path: str, answer: Answer) -> None:
    site.script = lambda request: answer if request.path.startswith(path) else None


def test_a_wrong_key_ends_the_shop_with_one_sentence(site: WooCommerceLife) -> None:
    site.secret, settings = "another", site.settings()
    (sentence,) = sync({**settings, "consumer_secret": "cs_wrong"}).failures
    assert "check consumer_key and consumer_secret" in sentence


def test_a_missing_permission_is_named(site: WooCommerceLife) -> None:
    body = {"code": "woocommerce_rest_cannot_view", "message": "", "data": {"status": 403}}
    refuse(site, "/wp-json/wc/v3/customers", Answer(403, body))
    many(site, [AT])
    out = sync(site.settings())
    assert "may not read customers" in out.failures[0]
    assert out.sent("orders")


def test_a_key_that_may_not_read_the_settings_still_reads_the_rest(site: WooCommerceLife) -> None:
    body = {"code": "woocommerce_rest_cannot_view", "message": "", "data": {"status": 403}}
    refuse(site, "/wp-json/wc/v3/settings", Answer(403, body))
    many(site, [AT])
    assert ids(site, "orders") == {10}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(403, b"<html>Forbidden</html>"), "a firewall in front of"),
        (Answer(301, b"", {"Location": "https://www.example.com/x"}), "on to www.example.com"),
        (Answer(404, b"<html>Nothing</html>"), "has no WooCommerce API"),
        (Answer(200, b"<html>Are you human?</html>"), "not JSON"),
        (Answer(200, {"maintenance": True}), "JSON that is not WooCommerce's"),
        (Answer(200, []), "left out the header X-WP-TotalPages"),
    ],
    ids=["firewall", "redirect", "no shop", "challenge", "plugin", "proxy"],
)
def test_what_stands_before_a_site_is_told_apart(
    site: WooCommerceLife, answer: Answer, said: str
) -> None:
    path = "/wp-json/wc/v3/" + ("products" if said.startswith("left out") else "settings")
    refuse(site, path, answer)
    assert said in failures(site)


def test_a_plugin_that_hides_the_index_costs_only_the_name(site: WooCommerceLife) -> None:
    site.script = lambda request: Answer(401, {}) if request.path == "/wp-json/" else None
    (record,) = sync(site.settings()).sent("locations")
    assert record["name"] is None


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"base_url": "https://shop.example.com/wp-json/wc/v3"}, "leave out /wp-json"),
        ({"base_url": "http://shop.example.com"}, "must start with https://"),
        ({"consumer_key": "cs_1", "consumer_secret": "ck_1"}, "mixed up"),
        ({"consumer_secret": ""}, "needs the setting consumer_secret"),
    ],
)
def test_settings_that_can_not_work_are_refused(
    site: WooCommerceLife, setting: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingsError, match=said):
        sync({**site.settings(), **setting})
