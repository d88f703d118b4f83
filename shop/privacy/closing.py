"""A client asks that her account ends, thinks better of it, or it is ended after seven days."""

from __future__ import annotations

import uuid
from datetime import date, datetime

import sqlalchemy as sa

from shop.accounts.models import (
    FORMER,
    Passkey,
    PasskeyChallenge,
    Person,
    Role,
    SignIn,
    Token,
)
from shop.core import events, numbers
from shop.core.db import db, locked
from shop.core.errors import NotAllowed
from shop.core.events import Kind
from shop.orders.models import Cart, CartLine
from shop.payments import queries as payments
from shop.payments import removing
from shop.prescriptions import requesting
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.states import RequestStatus
from shop.privacy import exporting, keeping, obstacles, queries
from shop.privacy.errors import ClosureOver, ClosureUnderWay, ClosureWaits, TooSoonToClose
from shop.privacy.models import AccountClosure
from shop.privacy.states import ClosureStatus, ExportStatus
from shop.replenishment import choosing, stopping
from shop.replenishment import queries as refills
from shop.replenishment.states import RefillStatus
from shop.treatments import subscribing

REMOVED = "Removed"  # the name of a passkey that went with its account


def ask(client: Person, *, by: Person, at: datetime) -> AccountClosure:
    """Ask that it ends in seven days. Raises NotAllowed, ClosureUnderWay, ClosureWaits."""
    if by.id != client.id or client.role is not Role.CLIENT:
        raise NotAllowed("A client closes her own account.")
    queries.lock_person(client)
    before = queries.closure_of(client)
    if before is not None:
        raise ClosureUnderWay("You asked for this already.", number=before.number)
    refuse_what_is_open(client)
    closure = AccountClosure(
        id=uuid.uuid4(),
        number=numbers.fresh("C"),
        client_id=client.id,
        status=ClosureStatus.ASKED,
    )
    db.session.add(closure)
    events.record(Kind.CLOSURE_ASKED, closure)
    db.session.flush()
    db.session.refresh(closure)
    return closure


def withdraw(closure: AccountClosure, *, by: Person, at: datetime) -> None:
    """Keep the account after all. The closure is locked. Raises NotAllowed, ClosureOver."""
    if by.id != closure.client_id:
        raise NotAllowed("Only its client takes it back.")
    if closure.status is not ClosureStatus.ASKED:
        raise ClosureOver("This is over.", status=closure.status.value)
    closure.status = ClosureStatus.WITHDRAWN
    events.record(Kind.CLOSURE_WITHDRAWN, closure)
    db.session.flush()


def close(closure: AccountClosure, *, today: date, at: datetime) -> None:
    """Carry out a (locked) closure: what may go goes, the rest is named in it; all or nothing.

    Raises ClosureOver, TooSoonToClose, ClosureWaits.
    """
    if closure.status is not ClosureStatus.ASKED:
        raise ClosureOver("This is over.", status=closure.status.value)
    if at < closure.runs_from:
        raise TooSoonToClose("Its seven days are not over.", runs_from=closure.runs_from)
    client = closure.client
    _end_what_runs_by_itself(client, at)  # carts, requests and refills are locked before her row
    person = db.session.scalars(locked(sa.select(Person).where(Person.id == client.id))).one()
    refuse_what_is_open(person)
    kept = keeping.of(person, today=today)
    closure.status, closure.kept = ClosureStatus.DONE, dict(keeping.told(kept))
    events.record(Kind.ACCOUNT_CLOSED, closure)
    db.session.flush()
    _erase(person, at)


def refuse_what_is_open(client: Person) -> None:
    """Raises ClosureWaits, naming what is open."""
    waiting = obstacles.of(client)
    if waiting:
        raise ClosureWaits(
            "Something of yours is still open. Your account can be closed when it is done.",
            fields={one.kind.value: [WHAT_TO_DO[one.kind]] for one in waiting},
            numbers={one.kind.value: list(one.numbers) for one in waiting},
        )


WHAT_TO_DO = {
    obstacles.Open.ORDERS: "Cancel it, or wait until it has arrived.",
    obstacles.Open.REFUNDS: "Wait until the money is with you.",
    obstacles.Open.DISPUTES: "Wait until your bank has decided.",
    obstacles.Open.RETURNS: "Take the return back, or wait until it is settled.",
    obstacles.Open.PLANS: "Ask the clinic to end the plan.",
    obstacles.Open.REQUESTS: "Withdraw the request, or wait for the answer.",
    obstacles.Open.CREDIT: "Spend your credit, or ask the clinic to pay it out.",
}


def _end_what_runs_by_itself(client: Person, at: datetime) -> None:
    cart = db.session.scalars(locked(sa.select(Cart).where(Cart.client_id == client.id)))
    for one in cart:
        db.session.execute(sa.delete(CartLine).where(CartLine.cart_id == one.id))
        db.session.execute(sa.delete(Cart).where(Cart.id == one.id))
    drafts = sa.select(ApprovalRequest).where(
        ApprovalRequest.client_id == client.id, ApprovalRequest.status == RequestStatus.DRAFT
    )
    for draft in db.session.scalars(locked(drafts, ApprovalRequest)):
        requesting.withdraw(draft, by=client, at=at)
    for refill in refills.auto_refills(client):
        if refill.status is not RefillStatus.CANCELLED:
            held = refills.locked_refill(refill.id)
            assert held is not None
            stopping.cancel(held, by=client, at=at)
    choosing.choose(client, wanted=False, at=at)
    subscribing.end(client, at=at)
    for card in payments.cards_of(client):
        removing.remove(card, by=client, at=at)


def _erase(person: Person, at: datetime) -> None:
    """Take her out of the account: who signed in, with what, how she is called and reached."""
    person.disabled_at = at
    person.session_epoch += 1
    person.email = f"erased-{person.id}@erased.invalid"
    person.name, person.password_hash = FORMER, "-"
    person.erased_at = at
    events.record(Kind.ACCOUNT_ERASED, person)
    db.session.flush()
    hers = sa.select(SignIn.id).where(SignIn.person_id == person.id)
    db.session.execute(sa.delete(PasskeyChallenge).where(PasskeyChallenge.sign_in_id.in_(hers)))
    for kind in (SignIn, Token):
        db.session.execute(sa.delete(kind).where(kind.person_id == person.id))
    live = sa.update(Passkey).where(Passkey.person_id == person.id, Passkey.removed_at.is_(None))
    db.session.execute(live.values(removed_at=at))
    named = sa.update(Passkey).where(Passkey.person_id == person.id)
    db.session.execute(named.values(name=REMOVED))
    export = queries.open_export(person)
    if export is None:
        return
    held = queries.locked_export(export.id)
    if held.status is ExportStatus.READY:
        exporting.lapse(held, at=at)
    elif held.status is ExportStatus.ASKED:
        exporting.fail(held, at=at)
