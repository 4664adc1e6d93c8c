"""Makes a register's memory from its settings; equal settings give equal bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec.structs import replace

from practice_register.baskets import Basket, read_journey
from practice_register.chance import chance
from practice_register.identifiers import Identifiers
from practice_register.rows import Index
from practice_register.shop.biographies import Biographer
from practice_register.shop.catalog import Catalog
from practice_register.shop.loyalty import write_accounts
from practice_register.shop.people import Registry
from practice_register.shop.personas import identified_visits, lapsed_households, plan_personas
from practice_register.shop.premises import open_premises
from practice_register.shop.till import Till
from practice_register.timeline import EARLIER_BY, Timeline, timeline

if TYPE_CHECKING:
    from datetime import date

    from practice_register.archive import BlobWriter


@dataclass(frozen=True)
class Recipe:
    """All that the data depends on."""

    households: int
    seed: int
    locations: int
    first_day: date


def build_memory(recipe: Recipe, blob: BlobWriter) -> Index:
    """Make all records of all times and write their JSON; return the index.

    Raises:
        RegisterError: if the basket data cannot be read.
    """
    calendar = timeline(recipe.first_day)
    ids = Identifiers(recipe.seed)
    premises = open_premises(ids, calendar, recipe.locations)
    journey = read_journey(recipe.households, recipe.seed)
    baskets = _in_shop_time(journey.households, calendar, recipe.seed)
    visits = {
        household: identified_visits(household, [basket.at for basket in each], recipe.seed)
        for household, each in baskets.items()
    }
    personas = plan_personas(visits, ids, calendar, recipe.seed)
    catalog = Catalog(journey.products, ids, calendar)
    till = Till(premises, catalog, ids, calendar, blob)
    for household, each in baskets.items():
        rng = chance("till", recipe.seed, household)
        till.serve(each, personas.get(household), set(visits[household]), rng)
    biographer = Biographer(premises, calendar, recipe.seed)
    lives = biographer.lives(personas, Registry(recipe.seed))
    customers, events = biographer.write(lives, blob, ids)
    takings = till.takings
    return Index(
        opens=calendar.opens,
        ends=calendar.ends,
        merchant=premises.merchant,
        main_location=premises.locations[0],
        location_ids=premises.locations,
        documents=premises.documents,
        orders=takings.orders,
        payments=takings.payments,
        refunds=takings.refunds,
        customers=customers,
        catalog=catalog.write(blob, recipe.seed),
        loyalty=write_accounts(lives, takings.spent, premises, ids, calendar, blob),
        events=events,
    )


def _in_shop_time(
    households: list[list[Basket]], calendar: Timeline, seed: int
) -> dict[int, list[Basket]]:
    """Move all baskets by whole weeks; those of lapsed households by a year less."""
    shopping = {each[0].household: each for each in households if each}
    lapsed = lapsed_households(list(shopping), seed)
    return {
        household: [
            replace(
                basket,
                at=basket.at + calendar.shift - (EARLIER_BY if household in lapsed else 0),
            )
            for basket in each
        ]
        for household, each in shopping.items()
    }
