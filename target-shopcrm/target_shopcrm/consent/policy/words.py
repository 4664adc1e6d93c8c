"""The words for people: what the codes of a policy are called on a page for customers."""

from __future__ import annotations

CHANNELS = {
    "email": "e-mail",
    "sms": "text message",
    "phone": "phone call",
    "whatsapp": "WhatsApp",
}
PURPOSES = {
    "service": "What you bought: receipts, repairs, returns",
    "profiling": "Looking at what you bought, to tell what you may like",
    "marketing": "Writing to you about offers and news",
}
RETENTION = {
    "marketing_profile": (
        "What we know about you for marketing",
        "At most {} after you last did something",
    ),
    "dead_letters": ("Copies of data that one system of ours could not take", "At most {}"),
    "waiting_records": ("Copies of data that wait for other data", "At most {}"),
    "suppression_fingerprints": (
        "A fingerprint of your address, so that we don't write to you again by mistake",
        "At least {} after you said no or were forgotten",
    ),
    "consent_events": ("The proof that you agreed", "{} after we last relied on it"),
}
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
PLACES = {
    "AT": "Austria",
    "AU": "Australia",
    "BE": "Belgium",
    "BG": "Bulgaria",
    "CA": "Canada",
    "CH": "Switzerland",
    "CY": "Cyprus",
    "CZ": "Czechia",
    "DE": "Germany",
    "DK": "Denmark",
    "EE": "Estonia",
    "ES": "Spain",
    "FI": "Finland",
    "FR": "France",
    "GB": "the United Kingdom",
    "GR": "Greece",
    "HR": "Croatia",
    "HU": "Hungary",
    "IE": "Ireland",
    "IS": "Iceland",
    "IT": "Italy",
    "LI": "Liechtenstein",
    "LT": "Lithuania",
    "LU": "Luxembourg",
    "LV": "Latvia",
    "MT": "Malta",
    "NL": "the Netherlands",
    "NO": "Norway",
    "NZ": "New Zealand",
    "PL": "Poland",
    "PT": "Portugal",
    "RO": "Romania",
    "SE": "Sweden",
    "SI": "Slovenia",
    "SK": "Slovakia",
    "US": "the United States",
    "US-CT": "Connecticut",
    "US-FL": "Florida",
    "US-MD": "Maryland",
    "US-MS": "Mississippi",
    "US-NJ": "New Jersey",
    "US-NY": "New York",
    "US-OK": "Oklahoma",
    "US-RI": "Rhode Island",
    "US-TX": "Texas",
}


def place(code: str) -> str:
    """The name of a country or a part of it; the code itself where we have no name."""
    return PLACES.get(code, code)


def listed(words: list[str]) -> str:
    """Words in a row: one, two and three."""
    if len(words) < len(("one", "two")):
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
