"""Every query against Shopify's own schema, and the scopes the tap tells people to grant."""

from __future__ import annotations

from typing import Any

import pytest
from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLUnionType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    graphql_sync,
    validate,
    visit,
)
from tap_pos.testing.fakes import shopify_schema
from tap_pos.vendors.shopify import queries
from tap_pos.vendors.shopify.queries import SCOPES, Query

QUERIES = {name: value for name, value in vars(queries).items() if isinstance(value, Query)}
ABOUT_SCOPES = {"read_all_orders"}
"""Opens no type: it widens what read_orders shows."""


@pytest.fixture(autouse=True)
def _shopifys_own_schema(request: pytest.FixtureRequest) -> None:
    if "subset" not in request.node.name and shopify_schema.true_schema() is None:
        pytest.skip(f"{shopify_schema.SPECIFICATION} is not on this machine")


def selected_types(query: Query) -> set[str]:
    """Name every type a query looks into."""
    found: set[str] = set()
    info = TypeInfo(shopify_schema.schema())

    class Notes(Visitor):
        def enter_selection_set(self, *_: Any) -> None:
            if (parent := info.get_parent_type()) is not None:
                found.add(parent.name)

    visit(shopify_schema.document(query.text), TypeInfoVisitor(info, Notes()))
    return found


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_every_query_is_valid(name: str) -> None:
    assert shopify_schema.mistakes(QUERIES[name].text) == ()


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_every_query_is_valid_for_the_subset_too(name: str) -> None:
    text = shopify_schema.document(QUERIES[name].text)
    assert validate(shopify_schema.subset_schema(), text) == []


def test_no_query_may_cost_more_than_one_query_may() -> None:
    sizes = {"ORDERS": 5, "ORDERS_WITH_STAFF": 5, "ORDERS_BY_ID": 5, "ORDERS_BY_ID_WITH_STAFF": 5,
             "PRODUCTS": 25, "VARIANTS": 100, "CUSTOMERS": 100, "TENDERS": 100}  # fmt: skip
    for name, query in QUERIES.items():
        size = sizes.get(name, 250)
        cost = shopify_schema.cost_of(query.text, {"first": size, "ids": ["x"] * size})
        assert cost <= 1000, name


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_the_declared_scopes_open_every_type_a_query_looks_into(name: str) -> None:
    needed = shopify_schema.scopes_by_type()
    for looked_into in selected_types(QUERIES[name]):
        assert not needed.get(looked_into) or needed[looked_into] & set(SCOPES), looked_into


def test_every_declared_scope_is_needed() -> None:
    needed = shopify_schema.scopes_by_type()
    types = {name for query in QUERIES.values() for name in selected_types(query)}
    used = {scope for name in types for scope in needed.get(name, ())}
    assert set(SCOPES) - used == ABOUT_SCOPES


def test_staff_is_asked_for_only_where_the_scope_is_there() -> None:
    looking = {name for name, query in QUERIES.items() if "StaffMember" in selected_types(query)}
    assert looking == {"STAFF_MEMBERS", "ORDERS_WITH_STAFF", "ORDERS_BY_ID_WITH_STAFF"}


def test_the_subset_is_a_part_of_shopifys_schema() -> None:
    """So that a run without the file says the same as one with it."""
    if (true := shopify_schema.true_schema()) is None:
        pytest.skip("nothing to compare it with")
    for name, mine in shopify_schema.subset_schema().type_map.items():
        if name.startswith("__"):
            continue
        theirs = true.type_map[name]
        if isinstance(mine, GraphQLObjectType | GraphQLInterfaceType):
            assert isinstance(theirs, type(mine))
            for field, definition in mine.fields.items():
                assert str(definition.type) == str(theirs.fields[field].type), (name, field)
                assert definition.args.keys() <= theirs.fields[field].args.keys()
        elif isinstance(mine, GraphQLUnionType):
            assert isinstance(theirs, GraphQLUnionType)
            assert {t.name for t in mine.types} == {t.name for t in theirs.types}
        elif hasattr(mine, "values"):
            assert mine.values.keys() <= theirs.values.keys()  # type: ignore[attr-defined]


def test_a_field_that_does_not_exist_would_be_noticed() -> None:
    assert shopify_schema.mistakes("query shop { shop { shoeSize } }") != ()
    assert get_named_type(shopify_schema.schema().query_type) is not None
    answer = graphql_sync(shopify_schema.schema(), "{ shop { id } }", {"shop": {"id": None}})
    assert answer.errors
