"""Made-up people: repeatable, with names of many languages, and no address of a real person.

E-mail addresses are at the reserved example domains; telephone numbers are from 555-0100 to
555-0199, which are kept free for fiction in every area code, and yet count as valid numbers.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from faker import Faker

from practice_register.chance import chance

if TYPE_CHECKING:
    from random import Random

# fmt: off
_AREA_CODES = (
    "212", "646", "917", "718", "347", "929", "516", "631", "914", "845",
    "518", "315", "585", "716", "607", "332", "680", "838", "934", "201",
    "551", "609", "732", "848", "856", "862", "908", "973", "203", "475",
    "860", "215", "267", "412", "484", "570", "610", "717", "724", "814",
)
# fmt: on
_NUMBERS_A_CODE = 100
_LOCALES = ["en_US"] * 13 + ["es_MX", "fr_FR", "pl_PL", "de_DE", "vi_VN", "cs_CZ", "ja_JP"]
_LETTERS = str.maketrans({"ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ø": "o", "ß": "ss", "æ": "ae"})
_NOTES = [
    "🎂 likes a card",
    "Regular — knows everyone ☕",
    "Delivery to the back door",
    "Déjà vu 🙂",
]


@dataclass(frozen=True)
class Person:
    """A made-up person; `digits` are the ten digits of the telephone number."""

    given_name: str
    family_name: str
    email: str
    digits: str
    birthday: str | None
    address: dict[str, str] | None
    note: str | None


class Registry:
    """Makes the person of each household; the same household and seed give the same person."""

    def __init__(self, seed: int) -> None:
        """Load the languages once: that takes longer than making all the people."""
        self._seed = seed
        self._fakers = {locale: Faker(locale) for locale in sorted(set(_LOCALES))}

    def person(self, household: int) -> Person:
        """Return the person who speaks for `household`."""
        rng = chance("person", self._seed, household)
        local = self._fakers[rng.choice(_LOCALES)]
        local.seed_instance(f"{self._seed} {household}")
        given_name, family_name = local.first_name(), local.last_name()
        return Person(
            given_name=given_name,
            family_name=family_name,
            email=email_for(given_name, family_name, household, rng),
            digits=phone_digits(household),
            birthday=_birthday(rng),
            address=self._address(household) if rng.random() < 0.7 else None,  # noqa: PLR2004 - most people leave one
            note=rng.choice(_NOTES) if rng.random() < 0.05 else None,  # noqa: PLR2004 - few notes
        )

    def another_address(self, household: int, times: int) -> dict[str, str]:
        """Where the person of `household` lives after moving for the nth time."""
        return self._address(household * 10_000 + times)

    def _address(self, number: int) -> dict[str, str]:
        fake: Any = self._fakers["en_US"]
        fake.seed_instance(f"address {self._seed} {number}")
        address = {
            "address_line_1": fake.street_address(),
            "locality": fake.city(),
            "administrative_district_level_1": "NY",
            "postal_code": f"1{fake.random_int(0, 4999):04}",
            "country": "US",
        }
        if number % 9 == 0:
            address["address_line_2"] = f"Apt {number % 40 + 1}"
        return address


def email_for(given_name: str, family_name: str, household: int, rng: Random) -> str:
    """An address at one of the domains that are reserved for examples."""
    name = f"{given_name}.{family_name}".translate(_LETTERS)
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    local = "".join(letter for letter in plain if letter.isalnum() or letter == ".").strip(".")
    return f"{local or 'guest'}{household}@example.{rng.choice(['com', 'net', 'org'])}"


def phone_digits(number: int) -> str:
    """The ten digits of a telephone number kept for fiction; unique for numbers below 4000."""
    area = _AREA_CODES[number // _NUMBERS_A_CODE % len(_AREA_CODES)]
    return f"{area}55501{number % _NUMBERS_A_CODE:02}"


def written_phone(digits: str, style: int) -> str:
    """A telephone number as somebody at the register would type it."""
    area, exchange, line = digits[:3], digits[3:6], digits[6:]
    styles = (
        f"({area}) {exchange}-{line}",
        f"{area}-{exchange}-{line}",
        f"+1 {area} {exchange} {line}",
        digits,
        f"1-{area}-{exchange}-{line}",
        f"+1{digits}",
        f"{area}.{exchange}.{line}",
    )
    return styles[style % len(styles)]


def _birthday(rng: Random) -> str | None:
    day = f"{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
    draw = rng.random()
    if draw < 0.35:  # noqa: PLR2004 - a third gives no birthday
        return None
    if draw < 0.6:  # noqa: PLR2004 - a quarter keeps the year private, which Square writes as 0000
        return f"0000-{day}"
    return f"{rng.randrange(1940, 2006)}-{day}"
