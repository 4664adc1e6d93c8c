"""``shopcrm consent``: tell the ledger what a customer said."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_args

import click

from target_shopcrm.commands.recording import Recorded, Statement, record
from target_shopcrm.commands.shared import (
    INSTANT,
    in_utc,
    json_option,
    load_the_policy,
    only_shop,
    policy_option,
    prepared_database,
    refuse,
    rim,
    shop_option,
    show_json,
    spoken,
)
from target_shopcrm.consent.addresses import ADDRESSED_CHANNELS
from target_shopcrm.consent.events import LegalBasis
from target_shopcrm.consent.policy import PURPOSES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from target_shopcrm.consent.events import State

_WORD = re.compile(r"[a-z][a-z0-9_]*")
_STATES = ("given", "withdrawn", "pending")


@click.group()
def consent() -> None:
    """Tell the ledger what a customer said elsewhere."""


@consent.command("record")
@click.option("--address", required=True, help="E-mail address or phone number, as written.")
@click.option("--channel", required=True, type=click.Choice(sorted(ADDRESSED_CHANNELS)))
@click.option("--purpose", required=True, type=click.Choice(PURPOSES))
@click.option(
    "--state",
    required=True,
    type=click.Choice(_STATES),
    help="A yes, a no, or a yes that still has to be confirmed.",
)
@click.option("--at", type=INSTANT, help="When they said it; a yes needs it.")
@click.option("--source", required=True, help="Who says so, such as till:main-street.")
@click.option("--method", help="How it was said: pos_till, web_form, letter, …")
@click.option(
    "--basis",
    type=click.Choice(get_args(LegalBasis)),
    default="consent_express",
    show_default=True,
    help="What a yes rests on.",
)
@click.option(
    "--evidence",
    multiple=True,
    metavar="NAME=VALUE",
    help="What proves it, such as form=2026-11/17 or order_id=4711; a yes needs it.",
)
@click.option("--notice", help="The version of the privacy notice they were shown.")
@shop_option
@policy_option
@json_option
@rim
def record_statement(  # noqa: PLR0913 - one parameter per option
    *,
    address: str,
    channel: str,
    purpose: str,
    state: State,
    at: datetime | None,
    source: str,
    method: str | None,
    basis: LegalBasis,
    evidence: tuple[str, ...],
    notice: str | None,
    shop_id: str | None,
    policy_path: str | None,
    as_json: bool,
) -> None:
    """Record one yes or no of a customer, with what proves it.

    It counts at once: here, and for every CRM from the beginning of its next run.
    """
    proof = _proof(evidence)
    if state == "given" and not (at and proof):
        refuse(
            "A yes counts only if it can be proved: say when it was given (--at) and what proves"
            " it (--evidence form=2026-11/17); nothing was recorded."
        )
    if any("@" in text for text in (source, *proof.values())):
        refuse(
            "Source and evidence are kept for good, so they must not hold an address: refer to a"
            " document or an order instead; nothing was recorded."
        )
    policy = load_the_policy(policy_path)
    with prepared_database() as connection:
        statement = Statement(
            shop_id=shop_id or only_shop(connection),
            channel=channel,
            address=address,
            purpose=purpose,
            state=state,
            said_at=in_utc(at) if at else None,
            source=source,
            legal_basis=basis,
            method=method,
            notice=notice,
            evidence=proof,
        )
        connection.rollback()
        recorded = record(connection, policy, statement)
        connection.commit()
    if as_json:
        show_json(_for_programs(statement, recorded))
    else:
        done = "Recorded" if recorded.is_news else "The ledger knew that already"
        click.echo(f"{done}. {channel} for {purpose} is now {spoken(recorded.verdict)}.")


def _proof(evidence: Sequence[str]) -> dict[str, str]:
    proof: dict[str, str] = {}
    for text in evidence:
        name, _, value = text.partition("=")
        if not _WORD.fullmatch(name) or not value.strip() or name in proof:
            refuse(
                "Evidence is written NAME=VALUE, each name once, in small letters, digits and _:"
                " --evidence order_id=4711; nothing was recorded."
            )
        proof[name] = value.strip()
    return proof


def _for_programs(statement: Statement, recorded: Recorded) -> dict[str, object]:
    return {
        "recorded": recorded.is_news,
        "allowed": recorded.verdict.allowed,
        "reason": str(recorded.verdict.reason),
        "valid_until": recorded.verdict.valid_until,
        "shop_id": statement.shop_id,
        "channel": statement.channel,
        "purpose": statement.purpose,
        "state": statement.state,
        "event_time": statement.said_at,
        "observed_at": recorded.observed_at,
    }
