"""Pages: renewals that change nothing are read together and signed one by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response, request

from shop.accounts.access import actor, allow, fresh_proof
from shop.accounts.models import Role
from shop.charts import reading
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Refusal
from shop.prescriptions import batching, queries, schemas, signing
from shop.prescriptions.batching import Proposal, Read
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.pages.blueprint import bp, form, or_again, rendered, sign_in_afresh


@dataclass(frozen=True)
class Card:
    """One renewal with its whole statement, to be ticked, and the claim she reads it under."""

    proposal: Proposal
    fence: int
    ticked: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of one: signed under a number, or not, and why."""

    number: str
    prescription: str | None = None
    why: str = ""


@bp.get("/review/renewals")
@allow(Role.PHYSICIAN)
def renewals() -> Response:
    return _list()


@bp.post("/review/renewals")
@allow(Role.PHYSICIAN)
def take_renewals() -> Response:
    """Claim what she ticked, each for itself, and show all that would be signed; signs nothing."""

    def act() -> Response:
        ticked = form(schemas.TickedIn, number=request.form.getlist("number"))
        return _statements([_taken(number) for number in ticked["number"]])

    return or_again(act, _list)


@bp.post("/review/renewals/signatures")
@allow(Role.PHYSICIAN)
def sign_renewals() -> Response:
    """Sign each that she ticked and give back the others, each in its own transaction."""

    def act() -> Response:
        shown = _shown()
        return or_again(lambda: _decided(shown), lambda **why: _statements(_again(shown), **why))

    return or_again(act, _list)


def _decided(shown: Sequence[Read]) -> Response:
    ticked = set(request.form.getlist("read"))
    if ticked:
        sign_in_afresh()
        db.session.commit()  # it holds for each, also where an earlier one is undone
        signing.require_fresh(fresh_proof(), by=actor(), at=now())  # or none
    outcomes = [_signed(one) if one.number in ticked else _left(one) for one in shown]
    return rendered("renewals_signed.html", outcomes=outcomes, clients=_clients(shown))


def _again(shown: Sequence[Read]) -> list[Card | Outcome]:
    """The same statements as they are worded now, with her ticks, under the same claims."""
    ticked = request.form.getlist("read")
    return [_worded_again(one, ticked=one.number in ticked) for one in shown]


def _worded_again(read: Read, *, ticked: bool) -> Card | Outcome:
    try:
        at = now()
        asked = queries.request_for(actor(), read.number, at=at)
        (found,) = batching.prepare([asked], by=actor(), at=at)
        if not found.eligible:
            return Outcome(read.number, why=" ".join(each.text for each in found.reasons))
        _opened(asked)
        return Card(found, fence=read.fence or 0, ticked=ticked)
    except Refusal as refusal:
        db.session.rollback()
        return Outcome(read.number, why=refusal.text)


def _taken(number: str) -> Card | Outcome:
    """Claim one; that she opened it is written down for good before it is shown."""
    try:
        at = now()
        asked = queries.request_for(actor(), number, at=at, lock=True)
        found = batching.take(asked, by=actor(), at=at)
        _opened(asked)
        return Card(found, fence=asked.claim_count)
    except Refusal as refusal:
        db.session.rollback()
        return Outcome(number, why=refusal.text)


def _signed(read: Read) -> Outcome:
    """Sign one and commit; where it is refused, undo that, and give it back."""
    try:
        signed = batching.sign_read(read, by=actor(), proof=fresh_proof(), at=now())
        db.session.commit()
        return Outcome(read.number, prescription=signed.number)
    except Refusal as refusal:
        db.session.rollback()
        _left(read)
        return Outcome(read.number, why=refusal.text)


def _left(read: Read) -> Outcome:
    given_back = batching.give_back_read(read, by=actor(), at=now())
    db.session.commit()
    why = "You did not tick it; it waits again." if given_back else "You did not tick it."
    return Outcome(read.number, why=why)


def _list(**context: Any) -> Response:
    at = now()
    proposals = batching.prepare(batching.waiting(actor(), at=at), by=actor(), at=at)
    for one in proposals:
        _opened(one.request)
    return rendered("renewals.html", proposals=proposals, **context)


def _statements(found: Sequence[Card | Outcome], **context: Any) -> Response:
    return rendered(
        "renewal_statements.html",
        cards=[one for one in found if isinstance(one, Card)],
        outcomes=[one for one in found if isinstance(one, Outcome)],
        fresh=fresh_proof() is not None,
        **context,
    )


def _opened(asked: ApprovalRequest) -> None:
    """Its opening is written down for good before it is shown."""
    reading.open_record(
        actor(),
        asked.client,
        record=f"approval_request {asked.number}",
        purpose=reading.TREATMENT,
    )
    db.session.commit()


def _shown() -> list[Read]:
    """Each statement of the form, ticked or not."""
    fences = {
        number: request.form.get(f"claim.{number}", "") for number in request.form.getlist("number")
    }
    items = [
        {
            "number": number,
            "claim": int(fence) if fence.isdecimal() and len(fence) < 10 else fence,
            "statement_hash": request.form.get(f"statement_hash.{number}", ""),
        }
        for number, fence in fences.items()
    ]
    return schemas.items_read(form(schemas.SignaturesIn, items=items))


def _clients(shown: Sequence[Read]) -> dict[str, str]:
    """Their names, of those she may see."""
    numbers = [one.number for one in shown]
    query = queries.requests(actor(), at=now()).where(ApprovalRequest.number.in_(numbers))
    return {one.number: one.client.name for one in db.session.scalars(query)}
