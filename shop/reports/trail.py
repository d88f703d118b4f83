"""Who did what when, named for people: the events with their actors and subjects.

Named are numbers, products and who works here or has an account; of what is clinical the number
alone. Facts hold nothing medical; coded reasons of clinical decisions are left out all the same.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from shop.accounts.models import Person, Role
from shop.catalog.models import Bundle, Import, Product, Variant
from shop.core.db import db
from shop.core.events import Event, Kind
from shop.credit.models import CreditCorrection, GiftCard
from shop.discounts.models import Discount
from shop.inventory.models import Adjustment, Count, Lot, Transfer
from shop.orders.models import Order, OrderLine
from shop.payments.models import Dispute, Payment, Refund
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.privacy.models import AccountClosure, RecordExport
from shop.purchasing.models import PurchaseOrder, Supplier
from shop.recalls.models import Recall
from shop.replenishment.models import AutoRefill
from shop.reports.sentences import SENTENCES
from shop.returns.models import Return, ReturnRequest
from shop.tills.models import Drawer
from shop.treatments.models import Plan
from shop.vigilance.models import Reaction

CLINICAL = (
    "chart_",
    "plan_",
    "session_",
    "skin_",
    "request_",
    "examination_",
    "prescription_",
    "fill_",
    "reaction_",
)
WITHHELD = frozenset({"reason", "obstacle", "why"})  # of clinical events: words that tell of health


@dataclass(frozen=True)
class Named:
    """What an event is about. `path` is where a manager sees it, or nothing."""

    what: Any  # a lazy string
    name: str
    path: str = ""


@dataclass(frozen=True)
class Told:
    """One event, for people."""

    event: Event
    title: str  # the kind, in words
    sentence: Any
    who: str
    about: Named | None
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class _Table:
    """How rows of a kind are named, found by what is typed, and where they are seen."""

    what: Any
    key: Any  # the subject's id
    name: Any
    path: str = ""
    word: Any = None  # what the path is made with, where it is not the name
    joins: Sequence[Any] = ()


TABLES: tuple[_Table, ...] = (
    _Table(_("Order"), Order.id, Order.number, "/orders/{}"),
    _Table(_("Line of order"), OrderLine.id, Order.number, "/orders/{}", joins=(OrderLine.order,)),
    _Table(_("Product"), Product.id, Product.name, "/manage/products/{}", Product.slug),
    _Table(
        _("Pack"),
        Variant.id,
        Variant.sku,
        "/manage/products/{}",
        Product.slug,
        joins=(Variant.product,),
    ),
    _Table(_("Bundle"), Bundle.id, Bundle.name),
    _Table(_("Import"), Import.id, Import.name, "/manage/imports/{}", Import.id),
    _Table(_("Account of"), Person.id, Person.name, "/people/{}", Person.id),
    _Table(_("Lot"), Lot.id, Lot.number, "/stock/lots/{}"),
    _Table(
        _("Refund of order"),
        Refund.id,
        Order.number,
        "/orders/{}/refunds",
        joins=(Refund.payment, Payment.order),
    ),
    _Table(_("Payment of order"), Payment.id, Order.number, "/orders/{}", joins=(Payment.order,)),
    _Table(
        _("Dispute of order"),
        Dispute.id,
        Order.number,
        "/disputes/{}",
        Dispute.id,
        joins=(Dispute.payment, Payment.order),
    ),
    _Table(_("Request"), ApprovalRequest.id, ApprovalRequest.number),
    _Table(_("Prescription"), Prescription.id, Prescription.number),
    _Table(_("Plan"), Plan.id, Plan.number),
    _Table(_("Recall"), Recall.id, Recall.number, "/stock/recalls/{}"),
    _Table(_("Reaction"), Reaction.id, Reaction.number, "/reactions/{}"),
    _Table(_("Discount"), Discount.id, Discount.number, "/manage/discounts/{}"),
    _Table(_("Gift card"), GiftCard.id, GiftCard.number, "/credit/cards/{}"),
    _Table(_("Correction of credit"), CreditCorrection.id, CreditCorrection.number),
    _Table(_("Return"), Return.id, Return.number, "/returns/{}"),
    _Table(_("Return request"), ReturnRequest.id, ReturnRequest.number),
    _Table(_("Purchase"), PurchaseOrder.id, PurchaseOrder.number, "/purchases/{}"),
    _Table(_("Supplier"), Supplier.id, Supplier.name),
    _Table(_("Correction of stock"), Adjustment.id, Adjustment.number),
    _Table(_("Count"), Count.id, Count.number, "/stock/counts/{}"),
    _Table(_("Transfer"), Transfer.id, Transfer.number),
    _Table(_("Drawer"), Drawer.id, Drawer.number),
    _Table(_("Copy of a record"), RecordExport.id, RecordExport.number),
    _Table(_("Closing of an account"), AccountClosure.id, AccountClosure.number),
    _Table(_("Auto-refill"), AutoRefill.id, AutoRefill.number),
)


def events(
    *,
    since: datetime,
    until: datetime,
    subjects: Collection[uuid.UUID] | None = None,
    kind: Kind | None = None,
    actor: str | None = None,
) -> sa.Select[Event]:
    """What happened from `since` until, not including, `until`; of each filter None is all."""
    query = sa.select(Event).where(Event.at >= since, Event.at < until)
    if subjects is not None:
        query = query.where(Event.subject_id.in_(subjects))
    if kind is not None:
        query = query.where(Event.kind == kind)
    if actor == "system":
        query = query.where(Event.actor.startswith("system:"))
    elif actor is not None:
        query = query.where(Event.actor == actor)
    return query


def told(found: Sequence[Event]) -> list[Told]:
    """These events in sentences. A few statements, however many there are."""
    subjects = named({event.subject_id for event in found})
    people = actors({event.actor for event in found})
    return [
        Told(
            event=event,
            title=event.kind.replace("_", " ").capitalize(),
            sentence=sentence(event.kind),
            who=people[event.actor],
            about=subjects.get(event.subject_id),
            facts=facts(event),
        )
        for event in found
    ]


def sentence(kind: str) -> Any:
    """What an event of this kind says; of a kind that is no more, its name."""
    try:
        return SENTENCES[Kind(kind)]
    except (KeyError, ValueError):
        return kind.replace("_", " ").capitalize()


def facts(event: Event) -> dict[str, Any]:
    """What the event holds, without words that tell of health."""
    clinical = event.kind.startswith(CLINICAL)
    return {
        name: value
        for name, value in event.facts.items()
        if not (clinical and name in WITHHELD) and value not in (None, "", [], {})
    }


def named(subjects: Collection[uuid.UUID]) -> dict[uuid.UUID, Named]:
    """What these are, where it has a name."""
    found: dict[uuid.UUID, Named] = {}
    left = set(subjects)
    for table in TABLES:
        if not left:
            break
        word = table.name if table.word is None else table.word
        query = sa.select(table.key, table.name, word).where(table.key.in_(left))
        for join in table.joins:
            query = query.join(join)
        for key, name, written in db.session.execute(query):
            found[key] = Named(table.what, str(name), table.path.format(written))
            left.discard(key)
    return found


def actors(those: Iterable[str]) -> dict[str, str]:
    """People by name; the shop's own doings by what they are called."""
    ids: dict[str, uuid.UUID] = {}
    for actor in those:
        kind, _colon, word = actor.partition(":")
        if kind == "person":
            ids[actor] = uuid.UUID(word)
    rows = db.session.execute(sa.select(Person.id, Person.name).where(Person.id.in_(ids.values())))
    names: dict[uuid.UUID, str] = {row.id: row.name for row in rows}
    return {
        actor: names.get(ids[actor], actor)
        if actor in ids
        else actor.partition(":")[2].replace("-", " ")
        for actor in those
    }


def subjects_named(text: str) -> set[uuid.UUID]:
    """What may be meant by a number, a SKU, a name, a mail address or an id; nothing if nothing."""
    text = text.strip()
    try:
        return {uuid.UUID(text)}
    except ValueError:
        pass
    found: set[uuid.UUID] = set()
    for table in TABLES:
        query = sa.select(table.key).where(sa.func.lower(table.name) == text.lower())
        for join in table.joins:
            query = query.join(join)
        found |= set(db.session.scalars(query.limit(200)))
    mail = sa.select(Person.id).where(Person.email == text)
    return found | set(db.session.scalars(mail))


def people_who_work_here() -> list[tuple[str, str]]:
    """Actors to choose from: everybody with a role but the clients, by name."""
    query = sa.select(Person).where(Person.role != Role.CLIENT).order_by(Person.name, Person.id)
    return [(person.actor, person.name) for person in db.session.scalars(query)]
