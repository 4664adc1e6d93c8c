"""``shopcrm erase`` and ``shopcrm export``: what a person may ask a shop for."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from target_shopcrm.commands.shared import (
    json_option,
    load_the_policy,
    moment,
    number,
    only_shop,
    policy_option,
    prepared_database,
    refuse,
    rim,
    shop_option,
    show,
    show_json,
    table,
)
from target_shopcrm.consent.addresses import normalise
from target_shopcrm.database.erasures import Erasures
from target_shopcrm.database.export import everything_about
from target_shopcrm.database.forgetting import Erased, erase_person, lock_out_runs
from target_shopcrm.database.people import Person, find_person
from target_shopcrm.database.suppressions import ERASED
from target_shopcrm.errors import OutputError
from target_shopcrm.settings import DESTINATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_shopcrm.consent.policy import Policy
    from target_shopcrm.database.connection import Connection
    from target_shopcrm.database.erasures import Pending

Command = TypeVar("Command", bound="Callable[..., Any]")

_OWNER_ONLY = 0o600


def who_options(command: Command) -> Command:
    """Add the ways to say who is meant."""
    for option in (
        click.option("--pos-id", help="The register's id of the customer."),
        click.option("--phone", help="A phone number of theirs, as written."),
        click.option("--email", help="An e-mail address of theirs, as written."),
    ):
        command = option(command)
    return command


@click.command()
@who_options
@shop_option
@policy_option
@click.option("--reason", default=ERASED, show_default=True, help="Why, in a word; never a name.")
@click.option("--yes", is_flag=True, help="Don't ask.")
@click.option("--status", "only_status", is_flag=True, help="Show what CRMs still have to forget.")
@json_option
@rim
def erase(  # noqa: PLR0913 - one parameter per option
    *,
    email: str | None,
    phone: str | None,
    pos_id: str | None,
    shop_id: str | None,
    policy_path: str | None,
    reason: str,
    yes: bool,
    only_status: bool,
    as_json: bool,
) -> None:
    """Erase a person for good, here and in every CRM. Orders stay as books, without the person.

    Everything that shares an address with them, or that the register merged into them, counts as
    theirs. CRMs are told first thing in their next run.
    """
    with prepared_database() as connection:
        if only_status:
            _show_pending(Erasures(connection).summary(), as_json=as_json)
            return
        policy = load_the_policy(policy_path)
        shop = shop_id or only_shop(connection)
        person = find_person(connection, _named(shop, policy, email, phone, pos_id))
        connection.rollback()
        if not yes:
            click.echo(_size(person), err=True)
            click.confirm("Erase all of it for good?", abort=True, err=True)
        lock_out_runs(connection, DESTINATIONS)
        if find_person(connection, _named(shop, policy, email, phone, pos_id)) != person:
            refuse("What is stored of the person has just changed; run this again.")
        erased = erase_person(connection, person, policy, reason)
        connection.commit()
        pending = Erasures(connection).summary()
    if as_json:
        show_json({**erased._asdict(), "pending": [each._asdict() for each in pending]})
        return
    _show_erased(erased)
    _show_pending(pending, as_json=False)


@click.command()
@who_options
@shop_option
@policy_option
@click.option("--output", type=click.Path(dir_okay=False), help="A file; only you may read it.")
@rim
def export(  # noqa: PLR0913 - one parameter per option
    *,
    email: str | None,
    phone: str | None,
    pos_id: str | None,
    shop_id: str | None,
    policy_path: str | None,
    output: str | None,
) -> None:
    """Hand out everything that is stored about a person, as JSON."""
    with prepared_database() as connection:
        policy = load_the_policy(policy_path)
        shop = shop_id or only_shop(connection)
        found = _everything(connection, _named(shop, policy, email, phone, pos_id), policy)
    if output is None:
        show_json(found)
        return
    _write(
        Path(output).expanduser(), json.dumps(found, indent=2, ensure_ascii=False, default=_told)
    )
    click.echo(f"Written to {output}.", err=True)


def _named(
    shop_id: str, policy: Policy, email: str | None, phone: str | None, pos_id: str | None
) -> Person:
    """The person as the options name them."""
    if not (email or phone or pos_id):
        refuse("Say who is meant: --email, --phone or --pos-id.")
    person = Person(shop_id)
    country = policy.country_of(shop_id)
    for channel, raw, into in (("email", email, person.emails), ("sms", phone, person.phones)):
        if raw is not None:
            address = normalise(channel, raw, country)
            if address is None:
                what = "e-mail address" if channel == "email" else "phone number"
                refuse(
                    f"That isn't a valid {what}; write it as the person does"
                    + ("." if channel == "email" else ", best with its country code (+1 …).")
                )
            into.add(address)
    if pos_id is not None:
        person.customer_ids.add(pos_id)
    return person


def _everything(connection: Connection, person: Person, policy: Policy) -> dict[str, Any]:
    connection.rollback()  # the isolation level comes before any query
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    found = everything_about(connection, find_person(connection, person), policy)
    return {"exported_at": datetime.now(timezone.utc), **found}


def _size(person: Person) -> str:
    return (
        f"Found at {person.shop_id}: {len(person.customer_ids)} customer records,"
        f" {len(person.emails)} e-mail addresses, {len(person.phones)} phone numbers,"
        f" {len(person.loyalty_ids)} loyalty accounts, {len(person.order_ids)} orders."
    )


def _show_erased(erased: Erased) -> None:
    rows = [(name, "deleted", number(count)) for name, count in erased.deleted.items() if count]
    rows += [(name, "without the person", number(n)) for name, n in erased.blanked.items() if n]
    rows.append(("consent.events", "withdrawals added", number(erased.withdrawn)))
    rows.append(("consent.suppressions", "fingerprints kept", number(erased.suppressed)))
    show(table("Erased", ("where", "what", "rows"), rows, text_columns=2))


def _show_pending(pending: list[Pending], *, as_json: bool) -> None:
    if as_json:
        show_json([each._asdict() for each in pending])
    elif pending:
        rows = [(each.destination, moment(each.oldest), number(each.erasures)) for each in pending]
        heading = "CRMs that have to forget, first thing in their next run"
        show(table(heading, ("CRM", "since", "contacts"), rows, text_columns=2))
    else:
        click.echo("No CRM has to forget anybody.")


def _write(path: Path, text: str) -> None:
    """Write a file that nobody else may read, also where it was there before."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _OWNER_ONLY)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            path.chmod(_OWNER_ONLY)
            file.write(text + "\n")
    except OSError as error:
        raise OutputError(
            f"The file {path} can't be written ({error.strerror}); choose another one."
        ) from error


def _told(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
