"""A wrong policy file is refused with one sentence: the file, the line, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from target_shopcrm.consent.policy import PolicyError, load_policy

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "version: 1\nname: n\n"
MINE = HEAD + "extends: strict\n"
WHOLE = """\
version: 1
name: whole
jurisdictions: [US]
channels: [email]
purposes: {service: {basis: contract}, marketing: {basis: consent}}
quiet_hours: {}
retention:
  {marketing_profile: 1 year, dead_letters: 9 days, waiting_records: 9 days,
   suppression_fingerprints: 3 years, consent_events: 6 years}
records:
"""

WRONG = {
    "empty": (
        "",
        1,
        "the policy file is empty; start it with 'version: 1', 'name: …' and 'extends: strict'",
    ),
    "only a comment": (
        "# later\n",
        1,
        "the policy file is empty; start it with 'version: 1', 'name: …' and 'extends: strict'",
    ),
    "not YAML": (
        "version: 1\nname: [a\n",
        3,
        (
            "this isn't YAML (expected ',' or ']', but got"
            " '<stream end>'); check the indentation and the brackets around this line"
        ),
    ),
    "a tab": (
        "version: 1\n\tname: n\n",
        2,
        (
            "this isn't YAML (found character '\\t' that cannot"
            " start any token); check the indentation and the brackets around this line"
        ),
    ),
    "two documents": (
        "version: 1\n---\nname: n\n",
        2,
        (
            "this isn't YAML (but found another"
            " document); check the indentation and the brackets around this line"
        ),
    ),
    "a forbidden character": (
        "version: 1\nname: \x07\n",
        2,
        "a character that YAML doesn't allow stands here; remove it",
    ),
    "a list": (
        "- version\n",
        1,
        "the policy must be a list of names with values; write 'name: value' lines",
    ),
    "no version": ("name: n\n", 1, "the policy has no 'version'; add a line 'version: …'"),
    "another version": (
        "version: 2\nname: n\n",
        1,
        "this software reads version 1 of the policy; write 'version: 1'",
    ),
    "no name": ("version: 1\n", 1, "the policy has no 'name'; add a line 'name: …'"),
    "an empty name": (
        "version: 1\nname:\nextends: strict\n",
        2,
        "'name' must be a text; write one there",
    ),
    "an unknown section": (
        HEAD + "channel: [email]\n",
        3,
        (
            "there is no section 'channel'; use"
            " version, name, extends, law, shops, jurisdictions, channels, purposes,"
            " implied_consent, soft_opt_in, quiet_hours, frequency_caps, freeze_windows,"
            " retention, records"
        ),
    ),
    "a section twice": (
        MINE + "shops: {}\nshops: {}\n",
        5,
        "'shops' stands twice in the policy; keep one of the two",
    ),
    "extends nothing known": (
        HEAD + "extends: lax\n",
        3,
        "there is no packaged policy 'lax'; write 'extends: strict'",
    ),
    "no channels": (
        HEAD + "jurisdictions: [US]\n",
        1,
        "the policy has no 'channels'; add it, or start from 'extends: strict'",
    ),
    "an unknown channel": (
        HEAD + "jurisdictions: [US]\nchannels: [email, fax]\n",
        4,
        "there is no channel 'fax'; use email, phone, sms, whatsapp",
    ),
    "a channel too many": (
        MINE + "channels:\n  - email\n  - whatsapp\n",
        6,
        "the policy this one extends has no channel 'whatsapp'; use email, sms",
    ),
    "a channel twice": (
        MINE + "channels: [email, email]\n",
        4,
        "'email' stands twice in 'channels'; keep one of the two",
    ),
    "channels as a text": (
        MINE + "channels: email\n",
        4,
        "'channels' must be a list; write [one, another]",
    ),
    "an unknown country": (
        MINE + "shops:\n  a: {country: UK}\n",
        5,
        "'UK' isn't a country; use its two ISO 3166-1 letters, such as US",
    ),
    "a shop nowhere": (
        MINE + "shops:\n  a: {}\n",
        5,
        "the shop 'a' has no country; write {country: US}",
    ),
    "a shop without a value": (
        MINE + "shops:\n  a:\n",
        5,
        "'a' must be a list of names with values; write 'name: value' lines",
    ),
    "a shop's unknown word": (
        MINE + "shops:\n  a:\n    country: US\n    state: NY\n",
        7,
        "a shop has no 'state'; use country, jurisdiction, timezone",
    ),
    "a strange jurisdiction": (
        MINE + "shops:\n  a: {country: US, jurisdiction: New York}\n",
        5,
        "'New York' isn't a jurisdiction; use an ISO 3166 code such as US or US-NY",
    ),
    "a law nobody checked": (
        MINE + "shops:\n  a: {country: BR}\n",
        5,
        (
            "this policy wasn't written"
            " for the law of 'BR'; check that law with counsel, then add it to"
            " 'jurisdictions'"
        ),
    ),
    "an unknown purpose": (
        MINE + "purposes:\n  marketting: {basis: consent}\n",
        5,
        "there is no purpose 'marketting'; use service, profiling, marketing",
    ),
    "a purpose's unknown word": (
        MINE + "purposes:\n  marketing: {validity: 1 month}\n",
        5,
        "a purpose has no 'validity'; use basis, valid_for",
    ),
    "no basis": (
        WHOLE.replace("{basis: consent}", "{}"),
        5,
        "the purpose 'marketing' has no basis; write 'basis: consent'",
    ),
    "an unknown basis": (
        MINE + "purposes: {service: {basis: hope}}\n",
        4,
        "'hope' is no basis; use consent or contract",
    ),
    "marketing by contract": (
        MINE + "purposes: {marketing: {basis: contract}}\n",
        4,
        "marketing can't rest on a contract; write 'basis: consent'",
    ),
    "a strange duration": (
        MINE + "purposes: {marketing: {valid_for: a fortnight}}\n",
        4,
        (
            "'a fortnight' is no duration; write a number of years, months or days, such as"
            " 24 months"
        ),
    ),
    "a longer duration": (
        MINE + "purposes: {marketing: {valid_for: 25 months}}\n",
        4,
        (
            "a policy"
            " that extends another can only tighten it, and 25 months is longer than"
            " there; write a shorter time"
        ),
    ),
    "a contract that expires": (
        MINE + "purposes: {service: {valid_for: 1 month}}\n",
        4,
        "only consent runs out, a contract doesn't; remove 'valid_for'",
    ),
    "an unknown record class": (
        MINE + "records:\n  costumers: {}\n",
        5,
        (
            "there is no record class"
            " 'costumers'; use locations, employees, products, customers,"
            " orders, loyalty_accounts, contacts, contact_orders, contact_events, staff_cues"
        ),
    ),
    "an unknown purpose of a field": (
        MINE + "records:\n  orders:\n    fun: [id]\n",
        6,
        (
            "'fun' is"
            " not a purpose of this policy; use service, profiling,"
            " marketing, or streams or key"
        ),
    ),
    "an unknown channel of a field": (
        MINE + "records:\n  contacts:\n    marketing by fax: [phone]\n",
        6,
        "'fax' is not a channel of this policy; use email, sms",
    ),
    "a field twice": (
        MINE + "records:\n  orders:\n    service: [shop_id, id]\n    marketing: [id]\n",
        7,
        "the field 'id' stands twice in 'orders'; keep one of the two",
    ),
    "a field and its parts": (
        WHOLE + "  orders:\n    streams: [orders]\n    key: [id]\n"
        "    service: [id, payments, payments.id]\n",
        14,
        "'payments' is already listed as a whole; list either it or its parts",
    ),
    "a field too many": (
        MINE + "records:\n  orders:\n    service: [shop_id, id, payments.card_fingerprint]\n",
        6,
        (
            "a policy that extends another can only"
            " tighten it, and there the field 'payments.card_fingerprint' isn't"
            " listed; remove it, or write a whole policy without 'extends'"
        ),
    ),
    "a field set free": (
        MINE + "records:\n  contacts:\n    marketing: [shop_id, contact_id, email]\n",
        6,
        (
            "a policy that extends another can only tighten it, and"
            " there the field 'email' is for marketing by email; remove it, or write a"
            " whole policy without 'extends'"
        ),
    ),
    "another stream": (
        MINE + "records:\n  orders:\n    streams: [customers]\n",
        6,
        "a policy that extends another keeps the 'streams' of 'orders'; remove this line",
    ),
    "a class without its key": (
        MINE + "records:\n  orders:\n    service: [id]\n",
        5,
        "the key field 'shop_id' of 'orders' has no purpose; list it under one",
    ),
    "a class without streams": (
        WHOLE + "  orders: {key: [id], service: [id]}\n",
        11,
        "the record class 'orders' has no 'streams'; add 'streams: […]'",
    ),
    "a stream in two classes": (
        WHOLE + "  orders: {streams: [all], key: [id], service: [id]}\n"
        "  products: {streams: [all], key: [id], service: [id]}\n",
        12,
        "the stream 'all' is already a stream of 'orders'; list it in one class",
    ),
}


@pytest.mark.parametrize("situation", WRONG)
def test_a_wrong_policy_is_refused_with_its_line_and_the_way_out(
    situation: str, tmp_path: Path
) -> None:
    text, line, sentence = WRONG[situation]
    path = tmp_path / "policy.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    assert str(caught.value) == f"{path}, line {line}: {sentence}."


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(PolicyError) as caught:
        load_policy(tmp_path / "none.yml")
    assert str(caught.value) == (
        f"{tmp_path / 'none.yml'}, line 1: the policy file can't be read (No such file or"
        " directory); check the path and its permissions."
    )


def test_a_file_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "policy.yml"
    path.write_bytes("version: 1\nname: Café\n".encode("latin-1"))
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    assert str(caught.value) == (
        f"{path}, line 2: this isn't UTF-8 text; save the policy file as UTF-8."
    )
