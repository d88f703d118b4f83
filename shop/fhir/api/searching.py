"""Find, page by page, what a reader may see of a type; the same few statements for one or a
hundred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from shop.core.db import db
from shop.core.errors import NotFound
from shop.fhir.conditions import meets
from shop.fhir.errors import bad
from shop.fhir.loading import Asked, Shown
from shop.fhir.parameters import Kind, Search, uuid_of
from shop.fhir.resources import Resource
from shop.web.paging import BadCursor, page


@dataclass(frozen=True)
class Found:
    """A page. `next` is its cursor, `total` is known where everything came at once."""

    shown: Sequence[Shown]
    next: str | None
    total: int | None


def one(resource: Resource, id: str, asked: Asked) -> Shown:
    """A resource by its id. Raises NotFound, also where it is somebody else's."""
    row = uuid_of(_row(id))
    listing = resource.listing(asked.reader, asked.at)
    for shown in _loaded(resource, listing, [] if row is None else [row], asked):
        if shown.resource["id"] == id:
            return shown
    raise NotFound(f"There is no such {resource.type}.")


def search(resource: Resource, wanted: Search, asked: Asked) -> Found:
    """One page of what is wanted. Raises BadSearch."""
    listing = resource.listing(asked.reader, asked.at)
    rows = _Rows(resource, listing, wanted, asked)
    ids, after = rows.page(wanted.count)
    # A row may be several resources: the first `skip` of them stood on the page before.
    every = _among(wanted, _loaded(resource, listing, ids, asked))
    end = wanted.skip + wanted.count
    shown, left = every[wanted.skip : end], every[end:]
    following = f"0.{after}" if after else None
    if left:
        row = _row(left[0].resource["id"])
        begun = sum(1 for one in every[:end] if _row(one.resource["id"]) == row)
        following = rows.cursor_before([str(one) for one in ids].index(row), skip=begun)
    first = wanted.after is None and not wanted.skip
    return Found(shown, following, len(shown) if first and following is None else None)


@dataclass(frozen=True)
class _Rows:
    """The rows that meet a search, in its order."""

    resource: Resource
    listing: sa.Subquery
    wanted: Search
    asked: Asked

    def page(self, limit: int) -> tuple[list[UUID], str | None]:
        """So many ids, and the cursor of what follows them."""
        query = sa.select(self.listing.c.id)
        for parameter, values in self.wanted.conditions:
            query = query.where(meets(self.listing, parameter, values, self.asked.place))
        try:
            got = page(
                query,
                self._keys(),
                limit=limit,
                after=self.wanted.after,
                descending=self.wanted.descending,
            )
        except BadCursor:
            raise bad("_page", "This page does not exist. Start from the first.") from None
        return got["items"], got["next"]

    def cursor_before(self, place: int, *, skip: int) -> str:
        """The cursor of the row at `place` of this page, of which `skip` resources were shown."""
        after = self.page(place)[1] if place else self.wanted.after
        return f"{skip}.{after or ''}"

    def _keys(self) -> list[Any]:
        column = self.resource.sorts.get(self.wanted.sort, "made")
        names = [column] if column == "id" else [column, "id"]
        return [self.listing.c[name] for name in names]


def _loaded(
    resource: Resource, listing: sa.Subquery, ids: Sequence[UUID], asked: Asked
) -> list[Shown]:
    """The resources of those of `ids` that the reader may see, in their order."""
    query = sa.select(listing.c.id, listing.c.updated).where(listing.c.id.in_(ids))
    updated: dict[UUID, datetime] = {row.id: row.updated for row in db.session.execute(query)}
    seen = [row for row in ids if row in updated]
    loaded = resource.load(seen, updated, asked)
    return [shown for row in seen for shown in loaded.get(row, ())]


def _among(wanted: Search, every: Sequence[Shown]) -> list[Shown]:
    """Those that were asked for by id: a row may be several resources."""
    chosen = [
        {str(value) for value in values}
        for parameter, values in wanted.conditions
        if parameter.kind is Kind.ID
    ]
    return [one for one in every if all(one.resource["id"] in ids for ids in chosen)]


def _row(id: str) -> str:
    return id.partition(".")[0]
