"""A rule that is wrong, or looser than the law's, is refused with its line and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from target_shopcrm.consent.policy import PolicyError, load_policy

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "version: 1\nname: n\n"
US = HEAD + "extends: us\n"
UK = HEAD + "extends: uk\n"
CA = HEAD + "extends: ca\n"
TIGHTER = "a policy that extends another can only tighten it, and"
WHOLE = HEAD + "jurisdictions: [US]\nchannels: [email]\npurposes: {service: {basis: contract}}\n"

WRONG = {
    "hours of a channel there isn't": (
        US + "quiet_hours: {fax: {US: never}}\n",
        "'fax' is not a channel of this policy; use email, sms",
    ),
    "hours of a law there isn't": (
        US + "quiet_hours: {sms: {Texas: never}}\n",
        "'Texas' isn't a jurisdiction; use everywhere or an ISO 3166 code such as US or US-NY",
    ),
    "hours that are none": (
        US + "quiet_hours: {sms: {US: 9 to 5}}\n",
        "'9 to 5' are no hours of a day; write them like 08:00 to 21:00, or never",
    ),
    "hours over midnight": (
        US + "quiet_hours: {sms: {US: 20:00 to 08:00}}\n",
        "'20:00 to 08:00' are no hours of a day; write them like 08:00 to 21:00, or never",
    ),
    "hours after midnight": (
        US + "quiet_hours: {sms: {US: 08:00 to 24:30}}\n",
        "'08:00 to 24:30' are no hours of a day; write them like 08:00 to 21:00, or never",
    ),
    "days there aren't": (
        US + "quiet_hours: {sms: {US: {workdays: 09:00 to 18:00}}}\n",
        (
            "'workdays' are no days; use weekdays, weekends, monday to saturday, monday,"
            " tuesday, wednesday, thursday, friday, saturday, sunday"
        ),
    ),
    "a day twice": (
        US + "quiet_hours: {sms: {US: {weekdays: never, monday: never}}}\n",
        "monday stands twice in 'US'; keep one of the two",
    ),
    "a day left out": (
        US + "quiet_hours: {sms: {US: {monday to saturday: 09:00 to 18:00}}}\n",
        "'US' says nothing about sunday; add hours, or 'sunday: never'",
    ),
    "an hour the law closes": (
        US + "quiet_hours: {sms: {US: 08:00 to 22:00}}\n",
        f"{TIGHTER} messages may not go out at all of these hours there (US); write fewer hours",
    ),
    "an hour the state's law closes": (
        US + "quiet_hours: {sms: {US-TX: 09:00 to 20:00}}\n",
        f"{TIGHTER} messages may not go out at all of these hours there (US-TX); write fewer hours",
    ),
    "no hours at all": (
        WHOLE + "records: {}\n",
        "the policy has no 'quiet_hours'; add it, or start from 'extends: strict'",
    ),
    "a cap of a channel there isn't": (
        US + "frequency_caps: {fax: 1 in 1 day}\n",
        "'fax' is not a channel of this policy; use email, sms",
    ),
    "a cap that is none": (
        US + "frequency_caps: {sms: often}\n",
        "'often' is no cap; write it like 4 in 30 days, of 365 days at most",
    ),
    "a cap that looks back for ever": (
        US + "frequency_caps: {sms: 1 in 366 days}\n",
        "'1 in 366 days' is no cap; write it like 4 in 30 days, of 365 days at most",
    ),
    "a pause without an end": (
        US + "freeze_windows: {rest: {from: 12-24}}\n",
        "the freeze window 'rest' has no 'to'; write {from: …, to: …}",
    ),
    "a pause's unknown word": (
        US + "freeze_windows: {rest: {from: 12-24, until: 12-26}}\n",
        "a freeze window has no 'until'; use from, to",
    ),
    "a day that is none": (
        US + "freeze_windows: {rest: {from: 02-30, to: 03-01}}\n",
        "'02-30' is no day; write 2026-12-24, or 12-24 for that day of every year",
    ),
    "a pause of this year that ends in every year": (
        US + "freeze_windows: {rest: {from: 2026-12-24, to: 01-01}}\n",
        "one of the two days has a year and the other doesn't; write both alike",
    ),
    "a pause that ends before it begins": (
        US + "freeze_windows: {rest: {from: 2026-12-24, to: 2026-12-23}}\n",
        "the window ends before it begins; swap the two days",
    ),
    "a pause for ever": (
        US + "freeze_windows: {rest: {from: 01-01, to: 12-31}}\n",
        "the window never ends; leave out at least one day of the year",
    ),
    "retention of what there isn't": (
        US + "retention: {letters: 1 year}\n",
        (
            "nothing is called 'letters'; use marketing_profile, dead_letters,"
            " waiting_records, suppression_fingerprints, consent_events"
        ),
    ),
    "keeping a profile longer": (
        US + "retention: {marketing_profile: 4 years}\n",
        f"{TIGHTER} 4 years is longer than there; write a shorter time",
    ),
    "forgetting sooner who was erased": (
        US + "retention: {suppression_fingerprints: 1 year}\n",
        (
            "a policy that extends another keeps suppression fingerprints at least as long,"
            " so that nobody erased comes back; write a longer time"
        ),
    ),
    "a whole policy that leaves a time out": (
        WHOLE + "quiet_hours: {}\nrecords: {}\nretention: {dead_letters: 1 day}\n",
        "'retention' says nothing about 'marketing_profile'; add 'marketing_profile: …'",
    ),
    "a purchase where only an opt-in counts": (
        US + "implied_consent: {US: {email: {purchase: 1 month}}}\n",
        (
            f"{TIGHTER} there nothing but an own opt-in counts for email under the law of 'US';"
            " remove it"
        ),
    ),
    "a purchase that counts longer": (
        CA + "implied_consent: {CA: {email: {purchase: 25 months}}}\n",
        f"{TIGHTER} 25 months is longer than there; write a shorter time",
    ),
    "something else that implies": (
        CA + "implied_consent: {CA: {email: {visit: 1 month}}}\n",
        "nothing called 'visit' implies consent; use purchase, inquiry",
    ),
    "a soft opt-in of a channel there isn't": (
        UK + "soft_opt_in: {GB: {fax: {own_similar_products: yes}}}\n",
        "'fax' is not a channel of this policy; use email, sms",
    ),
    "a soft opt-in elsewhere": (
        UK + "soft_opt_in: {IE: {email: {own_similar_products: yes}}}\n",
        (
            f"{TIGHTER} there nothing but an own opt-in counts for email under the law of 'IE';"
            " remove it"
        ),
    ),
    "a soft opt-in's unknown word": (
        UK + "soft_opt_in: {GB: {email: {declared: yes}}}\n",
        (
            "a soft opt-in has no 'declared'; use valid_for, own_similar_products,"
            " opt_out_in_every_message, opt_out_at_the_till_since"
        ),
    ),
    "half an answer": (
        UK + "soft_opt_in: {GB: {email: {own_similar_products: mostly}}}\n",
        "'own_similar_products' must be yes or no",
    ),
    "a first day that is none": (
        UK + "soft_opt_in: {GB: {email: {opt_out_at_the_till_since: spring}}}\n",
        "'spring' is no day; write it like 2026-01-31",
    ),
    "another law": (
        UK + "law: the law of the sea\n",
        "the policy this one extends says which law it follows; remove this line",
    ),
    "a time zone there isn't": (
        US + "shops: {a: {country: US, timezone: EST}}\n",
        "'EST' isn't a time zone; use its IANA name, such as America/New_York",
    ),
    "a city that is no time zone": (
        US + "shops: {a: {country: US, timezone: America/Gotham}}\n",
        "'America/Gotham' isn't a time zone; use its IANA name, such as America/New_York",
    ),
    "records as in nothing": (
        WHOLE + "records: as in lax\n",
        "there is no packaged policy 'lax'; write 'as in strict'",
    ),
    "records of another pack than the extended one": (
        US + "records: as in strict\n",
        "'records' must be a list of record classes; a policy that extends another has its records",
    ),
}


@pytest.mark.parametrize("situation", WRONG)
def test_a_wrong_rule_is_refused_with_its_line_and_the_way_out(
    situation: str, tmp_path: Path
) -> None:
    text, sentence = WRONG[situation]
    path = tmp_path / "policy.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    lines = text.splitlines()
    line = 1 if sentence.startswith("the policy has no") else len(lines)
    assert str(caught.value) == f"{path}, line {line}: {sentence}."
