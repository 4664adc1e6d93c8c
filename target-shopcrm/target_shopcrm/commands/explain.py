"""``shopcrm explain``: why somebody may be written to, or not, and who was told what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from target_shopcrm.commands.explain_tables import rendered
from target_shopcrm.commands.explaining import explain as everything_about
from target_shopcrm.commands.explaining import person_at, person_of_customer
from target_shopcrm.commands.shared import (
    json_option,
    load_the_policy,
    only_shop,
    policy_option,
    prepared_database,
    refuse,
    rim,
    shop_option,
    show,
    show_json,
)
from target_shopcrm.consent.addresses import ADDRESSED_CHANNELS, PHONE_CHANNELS
from target_shopcrm.consent.events import split_source
from target_shopcrm.consent.verdicts import told

if TYPE_CHECKING:
    from target_shopcrm.commands.explaining import Explanation, Person
    from target_shopcrm.consent.events import ConsentEvent
    from target_shopcrm.consent.policy import Policy
    from target_shopcrm.database.connection import Connection


@click.command()
@click.option("--address", help="An e-mail address or phone number, as written.")
@click.option("--phone", help="A phone number, as written.")
@click.option("--person", metavar="SHOP/CUSTOMER_ID", help="A customer of the register.")
@shop_option
@policy_option
@click.option("--values", is_flag=True, help="Show addresses, field values and evidence too.")
@json_option
@rim
def explain(  # noqa: PLR0913 - one parameter per option
    *,
    address: str | None,
    phone: str | None,
    person: str | None,
    shop_id: str | None,
    policy_path: str | None,
    values: bool,
    as_json: bool,
) -> None:
    """Explain why somebody may be written to, or not.

    For each channel and purpose: the answer, the reason, and everything that was said; and what
    CRMs were told. Nothing personal is shown beside what you typed, unless you ask for it with
    --values.
    """
    named = [each for each in (address, phone, person) if each]
    if len(named) != 1:
        refuse("Say whom you mean with one of --address, --phone or --person.")
    policy = load_the_policy(policy_path)
    with prepared_database() as connection:
        if person:
            whom = _customer(connection, policy, person)
        else:
            shop = shop_id or only_shop(connection)
            channels = PHONE_CHANNELS if phone else ADDRESSED_CHANNELS
            whom = person_at(policy, shop, named[0], channels)
        found = everything_about(connection, policy, whom)
    typed = None if person else named[0]
    if as_json:
        show_json(_for_programs(found, policy.name, values=values))
    else:
        show(*rendered(found, policy.name, typed, values=values))


def _customer(connection: Connection, policy: Policy, text: str) -> Person:
    shop_id, slash, customer_id = text.partition("/")
    if not slash or not customer_id:
        refuse("A person is written SHOP/CUSTOMER_ID, such as --person corner-shop/17.")
    return person_of_customer(connection, policy, shop_id, customer_id)


def _for_programs(found: Explanation, policy: str, *, values: bool) -> dict[str, Any]:
    said = {
        "shop_id": found.person.shop_id,
        "customer_id": found.person.customer_id,
        "customers": found.customers,
        "erased_at": found.erased_at,
        "at": found.at,
        "policy": policy,
        "answers": [
            {
                "channel": answer.channel,
                "purpose": answer.purpose,
                "allowed": answer.verdict.allowed,
                "reason": str(answer.verdict.reason),
                "sentence": told(answer.verdict.reason),
                "valid_until": answer.verdict.valid_until,
                "events": [_event(event, values=values) for event in answer.events],
            }
            for answer in found.answers
        ],
        "told": [
            {**each._asdict(), "fields": each.fields if values else sorted(each.fields)}
            for each in found.told
        ],
        "told_no": [each._asdict() for each in found.told_no],
        "withheld": [
            {
                "record_class": record_class,
                **entry._asdict(),
                "reason": str(entry.reason),
                "sentence": told(entry.reason),
            }
            for record_class, entries in found.withheld.items()
            for entry in entries
        ],
    }
    return {**said, "addresses": dict(found.person.addresses)} if values else said


def _event(event: ConsentEvent, *, values: bool) -> dict[str, Any]:
    source, customer_id = split_source(event.source)
    said = {
        "event_time": event.event_time,
        "observed_at": event.observed_at,
        "source": source,
        "customer_id": customer_id,
        "state": event.state,
        "legal_basis": event.legal_basis,
        "valid_until": event.valid_until,
        "method": event.method,
        "notice": event.notice,
        "reason": event.reason,
    }
    return {**said, "evidence": dict(event.evidence)} if values else said
