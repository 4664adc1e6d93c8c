"""Keys and people: in the CRM's requests, and nowhere a person without business there would look.

By design some tables hold what a CRM was told, may not be told, or would be told; `shopcrm
erase` knows them. Everything else in schema sync is about runs, not about people.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from crm_fakes import NAMES, fake_crm, settings_for
from crm_fakes.fake import Fault
from crm_fakes.pilot import Pilot
from tap_pos.testing.fake import Answer
from target_shopcrm.errors import ShopCRMError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Shop, Singer
    from crm_fakes.fake import Request

KEY = "SECRET-0123456789abcdef0123456789ab-us19"
ADA = {"email": "zelda.quux@example.com", "phone": "+12125550187"}
CID = {"email": "wilbur.quux@example.com", "phone": "+12125550188"}
NAME = "Zeldabeth"
PRIVATE = [NAME, *ADA.values(), *CID.values(), "zelda", "wilbur", "2125550187", "2125550188"]
WITH_PEOPLE = {
    "deliveries": "what a CRM was told",
    "changes": "what it was told before",
    "waiting": "records that may leave later",
    "shadow": "what it would be told",
    "withdrawals": "addresses that it must not use",
    "erasures": "addresses that it must forget",
}


@pytest.fixture(params=sorted(NAMES))
def crm(request: pytest.FixtureRequest, shop: Shop, singer: Singer) -> Iterator[Pilot]:
    """Every CRM, opened with a key that can be recognised."""
    fake = fake_crm(request.param)
    fake.api_key = KEY  # type: ignore[attr-defined]  # every fake has one
    with fake.running():
        yield Pilot(shop, singer, fake, request.param, settings_for(request.param, fake))


def records(crm: Pilot) -> list[str]:
    """One of everything for Ada; Cid said no; one record is bad."""
    return [
        crm.contact("k1", given_name=NAME, visits=3, segment="loyal", **ADA),
        crm.contact("k2", given_name=NAME, **CID),
        crm.contact("k3", given_name=NAME, visits=NAME, **ADA),
        crm.order("o1", "k1", lines=[{"name": NAME}], **ADA),
        crm.order("o2", "k9", **ADA),
        crm.cue("q1", "k1", text=f"Say hello to {NAME}.", **ADA),
    ]


def check_text(text: str) -> None:
    """No key and no person, however a URL may have written them."""
    assert KEY not in text
    found = [each for each in PRIVATE if each in text or quote(each, safe="") in text]
    assert found == []


def tables(shop: Shop, *schemas: str) -> list[str]:
    rows = shop.ask(
        "SELECT table_schema || '.' || table_name FROM information_schema.tables"
        " WHERE table_schema = ANY (%s) AND table_type = 'BASE TABLE'",
        list(schemas),
    )
    return [name for (name,) in rows]


def rows_of(shop: Shop, table: str) -> str:
    return str(shop.ask(f"SELECT (to_jsonb(each) - 'record')::text FROM {table} AS each"))  # noqa: S608 - from the catalogue


def check_books(shop: Shop) -> None:
    """The key is nowhere; people are only where they have to be."""
    for table in tables(shop, "sync", "pos", "consent"):
        whole = str(shop.ask(f"SELECT each::text FROM {table} AS each"))  # noqa: S608 - from the catalogue
        assert KEY not in whole, table
        assert KEY.encode().hex() not in whole, table
    for table in tables(shop, "sync"):
        if table.removeprefix("sync.") not in WITH_PEOPLE:
            check_text(rows_of(shop, table))


def test_a_talkative_run_gives_nobody_away(crm: Pilot, caplog: pytest.LogCaptureFixture) -> None:
    crm.customers(crm.agrees("c1", **ADA), crm.refuses("c2", **CID))
    with caplog.at_level(logging.DEBUG):
        crm.tell(*records(crm))
        assert crm.fake.known() & {*ADA.values()}, "the CRM did hear of Ada"
        crm.customers(crm.refuses("c1", **ADA))
        crm.tell()
    check_text(caplog.text)
    check_books(crm.shop)


def echo(request: Request) -> Fault:
    """A CRM that quotes the whole request in its complaint, credentials included."""
    said = {"message": f"{request.headers} {request.path} {request.body!r}", "code": "invalid"}
    return Fault("before", Answer(400, said))


@pytest.mark.long
def test_a_crm_that_quotes_requests_in_its_errors_gives_nobody_away(
    crm: Pilot, caplog: pytest.LogCaptureFixture
) -> None:
    crm.customers(crm.agrees("c1", **ADA), crm.refuses("c2", **CID))
    opening = len(crm.fake.requests)
    crm.tell()
    opening = len(crm.fake.requests) - opening
    begun = len(crm.fake.requests)
    crm.fake.faults = lambda request: (
        echo(request) if len(crm.fake.requests) - begun >= opening else None
    )
    said = run_to_its_end(crm, caplog)
    check_text(said)
    check_books(crm.shop)


@pytest.mark.long
def test_a_refused_key_is_not_named(crm: Pilot, caplog: pytest.LogCaptureFixture) -> None:
    crm.fake.api_key = "another"  # type: ignore[attr-defined]  # every fake has one
    crm.customers(crm.agrees("c1", **ADA))
    said = run_to_its_end(crm, caplog)
    assert "api_key" in said
    check_text(said)
    check_books(crm.shop)


def run_to_its_end(crm: Pilot, caplog: pytest.LogCaptureFixture) -> str:
    """Everything that a run lets be heard: its log, and the error that ended it."""
    told: Any = ""
    with caplog.at_level(logging.DEBUG):
        try:
            crm.tell(*records(crm))
        except ShopCRMError as error:
            told = f"{error!r} {error.__cause__!r} {error.__context__!r}"
    return f"{caplog.text} {told}"
