"""The page a manager hands to a customer says what the gate does, in the customer's words.

The pages in `pages/` are read by people when the policy changes; a page that doesn't fit any
more is made anew by writing what the failed comparison shows into its file.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from consent_situations import policy_of
from target_shopcrm.consent.policy import load_policy
from target_shopcrm.consent.policy.prose import policy_markdown

PAGES = Path(__file__).parent / "pages"
HEAD = "version: 1\nname: n\n"
SITUATIONS = {
    "strict, and no shop in particular": (None, HEAD + "extends: strict\n"),
    "eu, a bakery in Berlin that rests over Christmas": (
        "bakery",
        HEAD + "extends: eu\nshops: {bakery: {country: DE, timezone: Europe/Berlin}}\n"
        "freeze_windows: {Christmas: {from: 12-24, to: 12-26},"
        " Moving house: {from: 2027-02-01, to: 2027-02-01}}\n"
        "quiet_hours: {sms: {everywhere:"
        " {monday: never, tuesday: 10:00 to 18:00, wednesday: 10:00 to 18:00,"
        " thursday: 10:00 to 18:00, friday: 10:00 to 18:00, weekends: never}}}\n",
    ),
    "uk, a bookshop that has declared its soft opt-in": (
        "bookshop",
        HEAD + "extends: uk\nshops: {bookshop: {country: GB, timezone: Europe/London}}\n"
        "soft_opt_in: {GB: {email: {own_similar_products: yes,"
        " opt_out_in_every_message: yes, opt_out_at_the_till_since: 2026-01-15}}}\n",
    ),
    "ca, a bicycle shop in Toronto": (
        "bicycles",
        HEAD + "extends: ca\nshops: {bicycles: {country: CA, jurisdiction: CA-ON}}\n",
    ),
    "us, a corner shop in Rhode Island": (
        "corner-shop",
        HEAD + "extends: us\nshops: {corner-shop: {country: US, jurisdiction: US-RI}}\n",
    ),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_page_of(situation: str) -> None:
    shop_id, text = SITUATIONS[situation]
    page = PAGES / f"{situation.replace(', ', ' ').replace(' ', '_').lower()}.md"
    assert policy_markdown(policy_of(text), shop_id) == page.read_text(encoding="utf-8")


def test_a_shop_that_is_nowhere_says_so() -> None:
    page = policy_markdown(load_policy(None), "elsewhere")
    assert "**elsewhere** isn't in this policy" in page


def test_a_soft_opt_in_that_is_not_declared_is_not_promised() -> None:
    text = HEAD + "extends: uk\nshops: {bookshop: {country: GB}}\n"
    assert "without having asked" not in policy_markdown(policy_of(text), "bookshop")


def test_no_page_speaks_in_codes() -> None:
    for shop_id, text in SITUATIONS.values():
        page = policy_markdown(policy_of(text), shop_id)
        for jargon in ("sms", "_", "basis", "double opt-in", "US-", "None"):
            assert jargon not in page.replace("corner-shop", ""), jargon
