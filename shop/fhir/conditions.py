"""A search's conditions over a listing, as SQL (R4, search.html#prefix)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from shop.fhir.elements import NPI, Place
from shop.fhir.parameters import Kind, Numbered, Parameter, Span, Value, uuid_of

Condition = sa.ColumnElement[bool]
NUMBERS = ("prescription", "approval-request", "fill")  # our own systems of identifiers


def meets(
    listing: sa.Subquery, parameter: Parameter, values: Sequence[Value], place: Place
) -> Condition:
    """Any of `values`. What is not set meets nothing."""
    column = listing.c[parameter.column]
    if parameter.kind is Kind.DATE:
        return sa.or_(*(_dated(column, one) for one in values if isinstance(one, Span)))
    if parameter.kind is Kind.IDENTIFIER:
        numbers = [one for one in values if isinstance(one, Numbered)]
        return sa.or_(*(_numbered(listing, column, one, place) for one in numbers))
    if parameter.kind is Kind.ID:
        rows = [uuid_of(str(one).partition(".")[0]) for one in values]
        return column.in_([row for row in rows if row is not None])
    return column.in_([one for one in values if one is not None])


def _numbered(listing: sa.Subquery, column: Any, wanted: Numbered, place: Place) -> Condition:
    is_it: Condition = column == wanted.value
    if wanted.system is None:
        return is_it
    systems = {place.numbers(name): name for name in NUMBERS} | {NPI: "npi"}
    return sa.and_(is_it, listing.c.system == systems.get(wanted.system, ""))


def _dated(column: Any, span: Span) -> Condition:
    return PREFIXES[span.prefix](column, span)


PREFIXES: Mapping[str, Callable[[Any, Span], Condition]] = {
    "eq": lambda column, span: sa.and_(column >= span.start, column < span.end),
    "ne": lambda column, span: sa.or_(column < span.start, column >= span.end),
    "gt": lambda column, span: column >= span.end,
    "lt": lambda column, span: column < span.start,
    "ge": lambda column, span: column >= span.start,
    "le": lambda column, span: column < span.end,
}
