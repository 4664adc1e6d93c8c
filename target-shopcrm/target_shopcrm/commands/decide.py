"""``shopcrm decide``: ask the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from target_shopcrm.commands.shared import (
    INSTANT,
    in_utc,
    json_option,
    load_the_policy,
    only_shop,
    policy_option,
    prepared_database,
    rim,
    shop_option,
    show_json,
    spoken,
)
from target_shopcrm.consent.gate import Gate
from target_shopcrm.database.ledger import Ledger, clock

if TYPE_CHECKING:
    from datetime import datetime


@click.command()
@click.option("--address", required=True, help="E-mail address or phone number, as written.")
@click.option("--channel", required=True, help="email, sms, …")
@click.option("--purpose", required=True, help="service, profiling or marketing.")
@shop_option
@click.option(
    "--at",
    type=INSTANT,
    help="The instant to decide for (UTC unless it says otherwise); now by default.",
)
@policy_option
@json_option
@rim
def decide(  # noqa: PLR0913 - one parameter per option
    *,
    address: str,
    channel: str,
    purpose: str,
    shop_id: str | None,
    at: datetime | None,
    policy_path: str | None,
    as_json: bool,
) -> None:
    """Ask the gate whether an address may be used, and why (not)."""
    policy = load_the_policy(policy_path)
    with prepared_database() as connection:
        shop = shop_id or only_shop(connection)
        ledger = Ledger(connection)
        instant = in_utc(at) if at else clock(ledger.newest_observation())
        verdict = Gate(policy, ledger.events_for, instant).decide(shop, address, channel, purpose)
    if as_json:
        answer = {
            "allowed": verdict.allowed,
            "reason": str(verdict.reason),
            "valid_until": verdict.valid_until,
            "shop_id": shop,
            "channel": channel,
            "purpose": purpose,
            "at": instant,
            "policy": policy.name,
        }
        show_json(answer)
        return
    click.echo(spoken(verdict))
