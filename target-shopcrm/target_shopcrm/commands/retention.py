"""``shopcrm retention``: let go of what the policy says is kept no longer."""

from __future__ import annotations

import click

from target_shopcrm.commands.shared import (
    json_option,
    load_the_policy,
    number,
    policy_option,
    prepared_database,
    rim,
    show,
    show_json,
    table,
)
from target_shopcrm.database.forgetting import lock_out_runs
from target_shopcrm.database.retention import Retention
from target_shopcrm.settings import DESTINATIONS


@click.command()
@click.option(
    "--apply/--dry-run", "is_applied", help="Do it, or only say what would go (the default)."
)
@policy_option
@json_option
@rim
def retention(*, is_applied: bool, policy_path: str | None, as_json: bool) -> None:
    """Let go of what is past its time. Orders and consent events always stay."""
    policy = load_the_policy(policy_path)
    with prepared_database() as connection:
        kept = Retention(connection, policy)
        if is_applied:
            lock_out_runs(connection, DESTINATIONS)
        found = kept.apply() if is_applied else kept.look()
        connection.commit()
    if as_json:
        show_json([each._asdict() for each in found])
        return
    title = "Retention" if is_applied else "Retention: what --apply would do"
    rows = [(each.what, each.kept, each.action, number(each.rows)) for each in found]
    show(table(title, ("what", "kept", "then", "rows"), rows, text_columns=3))
