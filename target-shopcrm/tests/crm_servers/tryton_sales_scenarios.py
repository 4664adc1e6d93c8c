"""What Tryton and its fake both have to go through: orders, cues, and what is set up wrongly."""

# ruff: noqa: D102 - a test's name is its sentence

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from target_shopcrm.destinations.items import OrderLine
from target_shopcrm.errors import CredentialsError, CrmSetupError

from crm_servers.people import ADA, BOB, contact, cue, order, states
from crm_servers.tryton_scenarios import opened


class SalesScenarios:
    """Orders, cues, and what is set up wrongly."""

    def test_an_order_becomes_a_draft_that_adds_up(self, crm: Any) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA)])
        orders = [
            order("ada", "coffee", 750, OrderLine(name="Coffee", quantity="3", net=750)),
            order("ada", "thirds", 100, OrderLine(name="Tea", quantity="3", net=100)),
            order("ada", "back", -250, OrderLine(name="Mug", quantity="-1", net=-250)),
            order("ada", "weighed", 333, OrderLine(product_id="sku", quantity="0.333", net=333)),
            order("ada", "bulk", 12345, OrderLine(name="Nail", quantity="1000", net=12345)),
            order("ada", "rebate", 900, OrderLine(name="Pot", net=1000)),
            order("ada", "bare", 120),
        ]
        assert states(destination.send_orders(orders)) == ["done"] * 7
        assert crm.sales() == {
            f"corner:{each.order_id}": ("draft", Decimal(each.net) / 100) for each in orders
        }
        assert crm.triggered() == []

    def test_an_order_is_sent_once_and_changed_in_place(self, crm: Any) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA)])
        coffee = OrderLine(name="Coffee", quantity="3", net=750)
        first = order("ada", "o1", 750, coffee)
        destination.send_orders([first])
        before = destination.calls
        assert states(destination.send_orders([first])) == ["done"]
        assert destination.calls - before == 4  # it only looked
        destination.send_orders([order("ada", "o1", 1000, coffee, OrderLine(name="Tea", net=250))])
        assert crm.sales() == {"corner:o1": ("draft", Decimal(10))}

    def test_an_order_without_its_customer_or_currency_is_refused_alone(self, crm: Any) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA)])
        sent = [order("bob", "b", 1), order("ada", "x", 1, currency="XTS"), order("ada", "a", 1)]
        outcomes = destination.send_orders(sent)
        assert states(outcomes) == ["refused", "refused", "done"]
        assert outcomes[1].field == "currency"

    def test_a_sale_that_staff_has_gone_on_with_is_left_alone(self, crm: Any) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA)])
        destination.send_orders([order("ada", "o1", 100)])
        crm.staff_confirms("corner:o1")
        assert states(destination.send_orders([order("ada", "o1", 999)])) == ["skipped"]
        assert crm.sales()["corner:o1"][1] == Decimal(1)

    def test_a_cue_becomes_one_note_however_often_it_is_sent(self, crm: Any) -> None:
        destination = opened(crm)
        destination.upsert([contact("ada", ADA)])
        hints = [cue("ada", ADA, "Ask about the coffee\nand the tea"), cue("bob", BOB)]
        assert states(destination.send_cues(hints)) == ["done", "refused"]
        destination.send_cues(hints, again=True)
        (note,) = crm.notes()
        assert note == "Ask about the coffee\nand the tea\nDue on 2030-12-01\n[corner:c1]"

    def test_starting_costs_two_calls(self, crm: Any) -> None:
        assert opened(crm).calls == 2

    def test_an_ended_session_is_renewed_in_between(self, crm: Any) -> None:
        destination = opened(crm)
        crm.expire_session()
        assert states(destination.upsert([contact("ada", ADA)])) == ["done"]

    def test_a_wrong_password_is_said_so_and_never_shown(self, crm: Any) -> None:
        with pytest.raises(CredentialsError, match="correct username and api_key") as caught:
            opened(crm, api_key="not-the-password")
        assert "not-the-password" not in str(caught.value)

    def test_a_wrong_list_is_said_so(self, crm: Any) -> None:
        with pytest.raises(CrmSetupError, match="no active mailing list"):
            opened(crm, lists={"*": "999999"})
        with pytest.raises(CrmSetupError, match="have numbers for ids"):
            opened(crm, lists={"*": "everybody"})

    def test_a_customer_list_longer_than_an_answer_that_fits_uncompressed(self, crm: Any) -> None:
        destination = opened(crm)
        people = [contact(str(i), f"n{i}@s.example", given_name="N") for i in range(30)]
        assert states(destination.upsert(people)) == ["done"] * 30
        assert all(destination.look_up([each.who for each in people]))
