"""Logs are read by people who have no business knowing the customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Shop

PRIVATE = ("ada", "baker", "cy@", "0143", "1984-02-29", "sq-1-card", "springfield")


def test_no_person_appears_in_the_log_of_any_run(shop: Shop, data: Path) -> None:
    output = {"destination": "jsonl", "output_path": str(shop.folder / "contacts.jsonl")}
    log = ""
    for name, config in (
        ("a_day_at_the_shop", {}),
        ("contacts_for_the_crm", output),
        ("the_customer_has_withdrawn", {}),
        ("contacts_for_the_crm", output),
        ("records_wrong_in_one_way_each", {}),
    ):
        lines = (data / f"{name}.singer").read_bytes().splitlines()
        outcome = shop.run_apart(lines, environment={"LOGLEVEL": "DEBUG"}, **config)
        assert outcome.exit_code == 0
        log += outcome.log.lower()
    secret = shop.url.split("@")[0].split(":")[-1]
    for private in (*PRIVATE, secret):
        assert private not in log.replace(str(shop.folder).lower(), "")
