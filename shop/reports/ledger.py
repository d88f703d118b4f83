"""What came, went and was carried about in a time; what was lost, and by whose hand."""

from __future__ import annotations

import uuid
from collections import defaultdict
from datetime import datetime

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from shop.accounts.models import Person
from shop.core.db import db
from shop.inventory import costing
from shop.inventory.models import Adjustment, Lot, Movement, MovementKind
from shop.reports.figures import Cell, Column, Figures, Unit

# Units that are gone and brought nothing.
LOSSES = (
    MovementKind.COUNT_ADJUST,
    MovementKind.DAMAGE,
    MovementKind.EXPIRE,
    MovementKind.DESTROY,
)
WORDS = {
    MovementKind.RECEIVE: "received",
    MovementKind.SHIP: "shipped",
    MovementKind.TREATMENT_USE: "used in treatments",
    MovementKind.COUNT_ADJUST: "counted",
    MovementKind.RETURN_IN: "came back",
    MovementKind.RETURN_TO_VENDOR: "sent back to the vendor",
    MovementKind.TRANSFER: "carried elsewhere",
    MovementKind.QUARANTINE: "put in quarantine",
    MovementKind.RELEASE: "released",
    MovementKind.RECALL: "recalled",
    MovementKind.DAMAGE: "damaged",
    MovementKind.EXPIRE: "expired",
    MovementKind.DESTROY: "destroyed",
}


def movements(*, since: datetime, until: datetime) -> Figures:
    """How often and how many units moved from `since` until, not including, `until`, by kind."""
    into = Movement.units * sa.cast(Movement.delta > 0, sa.Integer())
    out = Movement.units * sa.cast(Movement.delta < 0, sa.Integer())
    rows = db.session.execute(
        sa.select(
            Movement.kind,
            sa.func.count(),
            sa.func.sum(into),
            sa.func.sum(out),
            sa.func.sum(Movement.units),
        )
        .where(Movement.at >= since, Movement.at < until)
        .group_by(Movement.kind)
    )
    found = {kind: (often, int(in_), int(out), int(all_)) for kind, often, in_, out, all_ in rows}
    told: list[tuple[Cell, ...]] = [
        (WORDS[kind], often, in_, out, all_ - in_ - out)
        for kind, (often, in_, out, all_) in sorted(found.items(), key=lambda one: -one[1][3])
    ]
    return Figures(
        columns=(
            Column("kind", _("What")),
            Column("movements", _("Movements"), Unit.COUNT),
            Column("units_in", _("Packs in"), Unit.COUNT),
            Column("units_out", _("Packs out"), Unit.COUNT),
            Column("units_within", _("Packs carried within"), Unit.COUNT),
        ),
        rows=told,
        drawn="movements",
        notes=("In and out of the house; carried within changes nothing of what is on hand.",),
    )


def shrinkage(*, since: datetime, until: datetime) -> Figures:
    """Units that were lost in that time by who said so, the most valuable loss first.

    Of a large adjustment that is who proposed it, not who confirmed it.

    Counting more than was expected makes up for less: the column may be below zero.
    """
    proposed = sa.literal("person:") + sa.cast(Adjustment.proposed_by_id, sa.Text())
    said_by = sa.func.coalesce(proposed, Movement.actor).label("actor")
    lots = sa.select(
        said_by,
        Movement.kind,
        Movement.lot_id,
        Lot.variant_id,
        sa.func.sum(-Movement.delta),
    )
    rows = db.session.execute(
        lots.join(Lot, Lot.id == Movement.lot_id)
        .outerjoin(Adjustment, Adjustment.id == Movement.reference_id)
        .where(Movement.at >= since, Movement.at < until, Movement.kind.in_(LOSSES))
        .group_by(said_by, Movement.kind, Movement.lot_id, Lot.variant_id)
    ).all()
    costs = costing.unit_costs({row.lot_id for row in rows})
    prices = costing.prices({row.variant_id for row in rows}, at=until)
    lost: dict[str, dict[MovementKind, int]] = defaultdict(dict)
    cents: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for actor, kind, lot_id, variant_id, units in rows:
        lost[actor][kind] = lost[actor].get(kind, 0) + int(units)
        known = costs.get(lot_id)
        cents[actor][0] += int(units) * (known or 0)
        cents[actor][1] += int(units) * prices.get(variant_id, 0)
        cents[actor][2] += 0 if known is not None else int(units)
    names = _names(lost)
    told: list[tuple[Cell, ...]] = [
        (
            names[actor],
            *(kinds.get(kind, 0) for kind in LOSSES),
            sum(kinds.values()),
            cents[actor][0],
            cents[actor][1],
        )
        for actor, kinds in lost.items()
    ]
    told.sort(key=lambda row: (-int(row[7] or 0), str(row[0])))
    unknown = sum(one[2] for one in cents.values())
    return Figures(
        columns=(
            Column("actor", _("Who booked it")),
            Column("counted_units", _("Counted less"), Unit.COUNT),
            Column("damaged_units", _("Damaged"), Unit.COUNT),
            Column("expired_units", _("Expired"), Unit.COUNT),
            Column("destroyed_units", _("Destroyed or lost on the way"), Unit.COUNT),
            Column("units", _("Packs lost"), Unit.COUNT),
            Column("cost_cents", _("At cost"), Unit.CENTS),
            Column("price_cents", _("At price"), Unit.CENTS),
        ),
        rows=told,
        drawn="units",
        notes=(
            "Who books a loss did not cause it. Look at what stands out together with its lots.",
            f"At cost: {unknown} packs without a known cost count 0."
            if unknown
            else "At cost: what the deliveries say.",
        ),
    )


def _names(actors: dict[str, dict[MovementKind, int]]) -> dict[str, str]:
    """Names of people; of the system its own word."""
    ids = {actor: _person(actor) for actor in actors}
    wanted = [person for person in ids.values() if person]
    rows = db.session.execute(sa.select(Person.id, Person.name).where(Person.id.in_(wanted)))
    known: dict[uuid.UUID, str] = dict(rows.all())
    return {actor: known.get(person, actor) if person else actor for actor, person in ids.items()}


def _person(actor: str) -> uuid.UUID | None:
    kind, _, word = actor.partition(":")
    try:
        return uuid.UUID(word) if kind == "person" else None
    except ValueError:
        return None
