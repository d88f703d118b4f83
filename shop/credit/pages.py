"""Pages: a client's store credit; at the desk, gift cards and the accounts of clients."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, flash, request

from shop.accounts.access import actor, allow, failures_counted
from shop.accounts.models import Person, Role
from shop.core.clock import now
from shop.core.db import db
from shop.core.money import dollars
from shop.credit import correcting, making, queries, redeeming, schemas, voiding
from shop.credit.errors import CodeRefused, CorrectionRefused, GiftCardRefused
from shop.credit.making import Made
from shop.credit.models import CreditCorrection, CreditEntry, GiftCard, Origin
from shop.credit.states import CorrectionStatus
from shop.web.forms import form, or_again, rendered, to
from shop.web.paging import page

bp = Blueprint("credit_pages", __name__, url_prefix="/account/credit")
desk = Blueprint("credit_desk", __name__, url_prefix="/credit")

DESK = (Role.STAFF, Role.MANAGER)
SHOWN = 50
ORIGINS = [(Origin.SOLD.value, "Sold: paid at the desk"), (Origin.GIVEN.value, "Given")]
assert len(ORIGINS) == len(Origin)


@bp.get("")
@allow(Role.CLIENT)
def show() -> Response:
    return _mine()


@bp.post("")
@allow(Role.CLIENT)
def redeem() -> Response:
    """Redeem a gift card; a wrong code is counted."""

    def act() -> Response:
        code = form(schemas.CardCodeIn, refused=CodeRefused)["code"]
        with failures_counted(CodeRefused):
            address = request.remote_addr or ""
            entry = redeeming.redeem(code, address=address, by=actor(), at=now())
        db.session.commit()
        flash(f"{dollars(entry.delta_cents)} of your gift card are in your account.")
        return to("/account/credit")

    return or_again(act, lambda **why: _mine(typed=request.form, **why))


# The desk.


@desk.get("")
@allow(*DESK)
def board() -> Response:
    return _board()


@desk.post("/cards")
@allow(*DESK)
def make() -> Response:
    """Make a gift card: the answer shows its code, once."""

    def act() -> Response:
        terms = form(schemas.GiftCardForm, refused=GiftCardRefused)
        made = making.make(
            terms["cents"],
            origin=terms["origin"],
            note=terms["note"],
            by=actor(),
            at=now(),
            card_id=terms["id"],
        )
        return _told_once(made)

    return or_again(act, lambda **why: _board(typed=request.form, **why))


@desk.get("/cards/<number>")
@allow(*DESK)
def card(number: str) -> Response:
    return _card(number)


@desk.post("/cards/<number>/confirmation")
@allow(*DESK)
def confirm_card(number: str) -> Response:
    """Be the second person: the answer shows the code, once."""

    def act() -> Response:
        found = queries.card(number, lock=True)
        return _told_once(making.confirm(found, by=actor(), at=now()))

    return or_again(act, lambda **why: _card(number, **why))


@desk.post("/cards/<number>/refusal")
@allow(*DESK)
def decline_card(number: str) -> Response:
    def act() -> Response:
        making.decline(queries.card(number, lock=True), by=actor(), at=now())
        return _done(f"/credit/cards/{number}", "It is declined.")

    return or_again(act, lambda **why: _card(number, **why))


@desk.post("/cards/<number>/void")
@allow(Role.MANAGER)
def void(number: str) -> Response:
    def act() -> Response:
        reason = form(schemas.GiftCardVoidIn, refused=GiftCardRefused)["reason"]
        voiding.void(queries.card(number, lock=True), reason=reason, by=actor(), at=now())
        return _done(f"/credit/cards/{number}", "It is worth nothing any more.")

    return or_again(act, lambda **why: _card(number, typed=request.form, **why))


@desk.post("/clients")
@allow(*DESK)
def look_up() -> Response:
    """Off to the account of the client with this mail address."""

    def act() -> Response:
        email = form(schemas.CreditClientIn, refused=GiftCardRefused)["email"]
        return to(f"/credit/clients/{queries.client_named(email.strip()).id}")

    return or_again(act, lambda **why: _board(typed=request.form, **why))


@desk.get("/clients/<uuid:client_id>")
@allow(*DESK)
def account(client_id: uuid.UUID) -> Response:
    return _account(client_id)


@desk.post("/clients/<uuid:client_id>/corrections")
@allow(*DESK)
def correct(client_id: uuid.UUID) -> Response:
    def act() -> Response:
        terms = form(schemas.CreditCorrectionForm, refused=CorrectionRefused)
        cents = terms["cents"] if terms["way"] == "give" else -terms["cents"]
        client = queries.account(client_id)
        made = correcting.propose(client, cents, note=terms["note"], by=actor(), at=now())
        booked = made.status is CorrectionStatus.BOOKED
        said = "It is booked." if booked else "Somebody else has to confirm it."
        return _done(f"/credit/clients/{client_id}", said)

    return or_again(act, lambda **why: _account(client_id, typed=request.form, **why))


@desk.post("/corrections/<number>/confirmation")
@allow(*DESK)
def confirm_correction(number: str) -> Response:
    return _decided(number, correcting.confirm, "It is booked.")


@desk.post("/corrections/<number>/refusal")
@allow(*DESK)
def decline_correction(number: str) -> Response:
    return _decided(number, correcting.decline, "It is declined.")


# What pages show.


def _mine(**context: Any) -> Response:
    return _ledger("mine.html", actor(), **context)


def _ledger(template: str, client: Person, **context: Any) -> Response:
    shown = page(
        queries.entries(client),
        (CreditEntry.seq,),
        limit=SHOWN,
        after=request.args.get("after"),
        descending=True,
    )
    return rendered(
        f"credit/{template}",
        client=client,
        balance=queries.balance(client),
        entries=schemas.told(shown["items"]),
        more=shown["next"],
        **context,
    )


def _board(**context: Any) -> Response:
    shown = page(
        queries.cards(),
        (GiftCard.proposed_at, GiftCard.id),
        limit=SHOWN,
        after=request.args.get("after"),
        descending=True,
    )
    waiting = queries.corrections(status=CorrectionStatus.PROPOSED).limit(SHOWN)
    return rendered(
        "credit/board.html",
        shown=shown,
        waiting=db.session.scalars(waiting.order_by(CreditCorrection.proposed_at)).all(),
        origins=ORIGINS,
        form_id=uuid.uuid4(),
        **context,
    )


def _card(number: str, **context: Any) -> Response:
    return rendered(
        "credit/card.html",
        one=queries.card(number),
        origins=dict(ORIGINS),
        mine=lambda person_id: person_id == actor().id,
        **context,
    )


def _account(client_id: uuid.UUID, **context: Any) -> Response:
    client = queries.account(client_id)
    recent = queries.corrections(client=client).order_by(CreditCorrection.proposed_at.desc())
    return _ledger(
        "account.html",
        client,
        corrections=db.session.scalars(recent.limit(SHOWN)).all(),
        mine=lambda person_id: person_id == actor().id,
        **context,
    )


def _told_once(made: Made) -> Response:
    """The card with its code, which no other answer shows; nothing to reload or to go back to."""
    db.session.commit()
    if made.code is None:
        flash("Somebody else has to confirm it, and is told the code then.")
        return to(f"/credit/cards/{made.card.number}")
    return rendered("credit/code.html", one=made.card, code=made.code)


def _decided(number: str, decide: Callable[..., None], said: str) -> Response:
    found = queries.correction(number)
    client_id = found.client_id

    def act() -> Response:
        decide(queries.correction(number, lock=True), by=actor(), at=now())
        return _done(f"/credit/clients/{client_id}", said)

    return or_again(act, lambda **why: _account(client_id, **why))


def _done(path: str, said: str) -> Response:
    db.session.commit()
    flash(said)
    return to(path)
