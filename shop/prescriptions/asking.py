"""Ask the gate: gather the facts in a fixed number of queries, then let it decide.

Everything is read as columns, so nothing that the session held before can be stale.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
import structlog

from shop.accounts.models import Person, Role
from shop.catalog.models import Product, Variant, law_over
from shop.core.db import db, locked
from shop.core.rules import LAW
from shop.prescriptions import acknowledging, following, gate, licensing
from shop.prescriptions.gate import Decision, Explained, Facts, Wish
from shop.prescriptions.models import (
    ApprovalRequest,
    Fill,
    Prescription,
    PrescriptionState,
    Supersession,
    TakenAway,
)
from shop.prescriptions.states import REQUEST_ARROWS, HeldFor, RequestStatus
from shop.treatments import asked
from shop.treatments import queries as treatments

log = structlog.get_logger()


class Stage(StrEnum):
    """Where on the road the question is asked."""

    BROWSE = "browse"
    CART = "cart"
    PLACE = "place"
    PAY = "pay"
    PICK = "pick"
    SHIP = "ship"


# From here on the order is a promise: a product that left the shop since is still delivered.
PROMISED = (Stage.PAY, Stage.PICK, Stage.SHIP)
TERMS = (
    Prescription.id,
    Prescription.number,
    Prescription.client_id,
    Prescription.variant_id,
    Prescription.quantity_per_fill,
    Prescription.fills_allowed,
    Prescription.interval_days,
    Prescription.valid_from,
    Prescription.valid_until,
    Prescription.status,
    Prescription.held_for,
    Prescription.client_state,
    Prescription.prescriber_id,
    Prescription.prescriber_name,
)
ACCEPTED = ApprovalRequest.status == RequestStatus.APPROVED
SIGNED = (RequestStatus.APPROVED, RequestStatus.PENDING_CLIENT)  # what nobody took is no authority
REPLACED = (
    sa.exists()
    .where(Supersession.prescription_id == Prescription.id)
    .correlate(Prescription)
    .label("replaced")
)
OPEN_REQUESTS = [status for status, after in REQUEST_ARROWS.items() if status and after]


def ask(
    client: Person,
    wishes: Sequence[Wish],
    *,
    ship_to_state: str | None,
    at: datetime,
    stage: Stage,
    lock: bool = False,
    out_of_stock: Collection[UUID] = (),
) -> list[Decision]:
    """The gate's answer to each wish, in their order; `ship_to_state` None is the client's own.

    With `lock`, the prescriptions it looked at and their prescribers' licences stay locked, in id
    order, until the transaction ends, so that the answer holds. `out_of_stock` names variants that
    the shelf cannot serve.
    """
    facts = _facts(
        client,
        wishes,
        ship_to_state=ship_to_state or client.state or "",
        at=at,
        stage=stage,
        lock=lock,
        out_of_stock=out_of_stock,
    )
    return _decided(facts, stage)


def explain(
    client: Person,
    wishes: Sequence[Wish],
    *,
    ship_to_state: str | None,
    at: datetime,
    stage: Stage,
    out_of_stock: Collection[UUID] = (),
) -> list[Explained]:
    """The same answers with what they rest on, from the same facts; nothing is locked."""
    facts = _facts(
        client,
        wishes,
        ship_to_state=ship_to_state or client.state or "",
        at=at,
        stage=stage,
        lock=False,
        out_of_stock=out_of_stock,
    )
    return gate.explain(facts, _decided(facts, stage))


def _decided(facts: Facts, stage: Stage) -> list[Decision]:
    decisions = gate.decide(facts)
    for decision in decisions:
        if any(reason.code == "not_decided" for reason in decision.reasons):
            log.error("gate_could_not_decide", sku=decision.wish.sku, stage=stage.value)
    return decisions


def _facts(
    client: Person,
    wishes: Sequence[Wish],
    *,
    ship_to_state: str,
    at: datetime,
    stage: Stage,
    lock: bool,
    out_of_stock: Collection[UUID],
) -> Facts:
    day = at.astimezone(UTC).date()
    if lock:
        _hold_the_law()
    ids = {wish.variant_id for wish in wishes}
    packs, stands = _packs(client.id, ids, state=ship_to_state, at=at, stage=stage)
    products = {pack.product_id for pack in packs.values() if pack.needs_prescription}
    return Facts(
        client=gate.Client(
            id=client.id,
            active=client.active and client.role is Role.CLIENT,
            age=client.age_on(day),
        ),
        wishes=tuple(wishes),
        packs=packs,
        prescriptions=_prescriptions(client.id, products, day=day, lock=lock),
        requests=_requests(client.id),
        leaflets=acknowledging.told(client.id, products),
        ship_to_state=ship_to_state,
        out_of_stock=frozenset(out_of_stock),
        at=at,
        day=day,
        windows=_windows(client, wishes, at) if stands.treated else {},
        report_waits=stands.report_waits,
        resting=following.resting(client, ids, at=at) if stands.report_waits else frozenset(),
    )


def _windows(
    client: Person, wishes: Sequence[Wish], at: datetime
) -> dict[UUID, tuple[gate.Window, ...]]:
    """Of what is wished for; what was placed is not asked."""
    new = {wish.variant_id for wish in wishes if not wish.placed}
    return following.windows_of(client, new, at=at) if new else {}


def _hold_the_law() -> None:
    """No rule begins or ends from here until the transaction does; see the migration `law`."""
    db.session.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(LAW)))


class _Stands(NamedTuple):
    """How a client's treatments stand: a session counts, a report waits for a physician."""

    treated: bool = False
    report_waits: bool = False


def _packs(
    client_id: UUID, variant_ids: set[UUID], *, state: str, at: datetime, stage: Stage
) -> tuple[dict[UUID, gate.Pack], _Stands]:
    """The packs with what the law of the state makes of them, and how the client's treatments
    stand, in one statement.
    """
    day = at.astimezone(UTC).date()
    law = law_over(Variant.product_id, state, day)
    rows = db.session.execute(
        sa.select(
            Variant.id,
            Variant.product_id,
            Variant.name,
            Variant.legal_class,
            Variant.doctor_only,
            Variant.for_sale,
            Product.finished,
            Product.published_at,
            Product.marketing_ends_on,
            law.c.rule_id,
            law.c.rule_number,
            law.c.rule_version,
            law.c.jurisdiction,
            law.c.legal_class.label("ruled_class"),
            asked.any_of([client_id], at).label("treated"),
            treatments.report_waits(client_id).label("report_waits"),
        )
        .join(Product, Product.id == Variant.product_id)
        .outerjoin(law, sa.true())
        .where(Variant.id.in_(variant_ids))
    ).all()
    packs = {
        row.id: gate.Pack(
            variant_id=row.id,
            product_id=row.product_id,
            name=row.name,
            legal_class=row.legal_class,
            doctor_only=row.doctor_only,
            offered=stage in PROMISED or _offered(row, day),
            ruling=_ruling(row),
        )
        for row in rows
    }
    stands = next((_Stands(row.treated, row.report_waits) for row in rows), _Stands())
    return packs, stands


def _ruling(row: Any) -> gate.Ruling | None:
    if row.rule_id is None:
        return None
    return gate.Ruling(
        rule_id=row.rule_id,
        number=row.rule_number,
        version=row.rule_version,
        jurisdiction=row.jurisdiction,
        legal_class=row.ruled_class,
    )


def _offered(row: Any, day: date) -> bool:
    on_the_market = row.marketing_ends_on is None or day <= row.marketing_ends_on
    return bool(row.for_sale and row.finished and row.published_at is not None and on_the_market)


def _prescriptions(
    client_id: UUID, products: set[UUID], *, day: date, lock: bool
) -> tuple[gate.Authority, ...]:
    """The client's prescriptions of any pack of these products, locked first where asked."""
    query = (
        sa.select(*TERMS, Variant.product_id, Variant.name, ACCEPTED.label("accepted"), REPLACED)
        .select_from(Prescription)
        .join(ApprovalRequest, ApprovalRequest.id == Prescription.request_id)
        .join(Variant, Variant.id == Prescription.variant_id)
        .where(
            Prescription.client_id == client_id,
            Variant.product_id.in_(products),
            ApprovalRequest.status.in_(SIGNED),
        )
        .order_by(Prescription.id)
    )
    rows = db.session.execute(locked(query, Prescription) if lock else query).all()
    ids = {row.id for row in rows}
    fills, states, taken_away = _fills(ids), _states(ids), _taken_away(ids)
    licensed = licensing.in_force({row.prescriber_id for row in rows}, day=day, lock=lock)
    return tuple(
        gate.Authority(
            id=row.id,
            number=row.number,
            client_id=row.client_id,
            variant_id=row.variant_id,
            product_id=row.product_id,
            pack_name=row.name,
            quantity=row.quantity_per_fill,
            fills_allowed=row.fills_allowed,
            interval_days=row.interval_days,
            valid_from=row.valid_from,
            valid_until=row.valid_until,
            status=row.status,
            client_state=row.client_state,
            states=frozenset(states[row.id]),
            prescriber_name=row.prescriber_name,
            licensed_in=frozenset(licensed[row.prescriber_id]),
            accepted=row.accepted,
            fills=tuple(fills[row.id]),
            taken_away_on=taken_away.get(row.id),
            replaced=row.replaced,
            to_be_looked_at=row.held_for is HeldFor.HEALTH_NEWS,
        )
        for row in rows
    )


def _fills(prescription_ids: set[UUID]) -> dict[UUID, list[gate.Taken]]:
    rows = db.session.execute(
        sa.select(
            Fill.prescription_id,
            Fill.id,
            Fill.state,
            Fill.quantity,
            Fill.status,
            sa.func.coalesce(Fill.consumed_at, Fill.reserved_at).label("taken_at"),
        )
        .where(Fill.prescription_id.in_(prescription_ids))
        .order_by(Fill.number, Fill.id)
    )
    fills: dict[UUID, list[gate.Taken]] = defaultdict(list)
    for row in rows:
        on = row.taken_at.astimezone(UTC).date()
        fills[row.prescription_id].append(
            gate.Taken(row.id, row.state, row.quantity, row.status, on)
        )
    return fills


def _states(prescription_ids: set[UUID]) -> dict[UUID, list[str]]:
    rows = db.session.execute(
        sa.select(PrescriptionState.prescription_id, PrescriptionState.state).where(
            PrescriptionState.prescription_id.in_(prescription_ids)
        )
    )
    states: dict[UUID, list[str]] = defaultdict(list)
    for row in rows:
        states[row.prescription_id].append(row.state)
    return states


def _taken_away(prescription_ids: set[UUID]) -> dict[UUID, date]:
    """On which day each of them went to another pharmacy; read after their lock."""
    rows = db.session.execute(
        sa.select(TakenAway.prescription_id, TakenAway.taken_at).where(
            TakenAway.prescription_id.in_(prescription_ids)
        )
    )
    return {row.prescription_id: row.taken_at.astimezone(UTC).date() for row in rows}


def _requests(client_id: UUID) -> dict[UUID, gate.Asked]:
    rows = db.session.execute(
        sa.select(
            ApprovalRequest.variant_id,
            ApprovalRequest.number,
            ApprovalRequest.status,
            ApprovalRequest.submitted_at,
        ).where(ApprovalRequest.client_id == client_id, ApprovalRequest.status.in_(OPEN_REQUESTS))
    )
    return {
        row.variant_id: gate.Asked(
            number=row.number,
            status=row.status,
            asked_on=row.submitted_at and row.submitted_at.astimezone(UTC).date(),
        )
        for row in rows
    }
