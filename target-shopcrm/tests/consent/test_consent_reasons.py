"""Every reason has a sentence for the owner of the shop."""

from __future__ import annotations

import pytest
from target_shopcrm.consent.verdicts import Reason, told


@pytest.mark.parametrize("reason", list(Reason), ids=str)
def test_every_reason_is_told_in_plain_words(reason: Reason) -> None:
    sentence = told(reason)
    assert sentence.endswith((".", "now."))
    assert sentence[0].isupper()
    for jargon in ("_", "ledger", "verdict", "jurisdiction", "null", "opt-in"):
        assert jargon not in sentence, f"{jargon} is our word, not the shop's"


def test_no_two_reasons_are_told_alike() -> None:
    assert len({told(reason) for reason in Reason}) == len(Reason)
