"""A physician starts a plan and signs what was asked for with it: one act, or nothing at all.

Each prescription keeps its own displayed text, claim, screening, signature and document, as if it
were signed alone. What is shared is the fresh sign-in and the transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shop.accounts.models import AuthEvent, Person
from shop.charts.queries import locked_as_of
from shop.core.db import db
from shop.core.errors import Refusal
from shop.prescriptions import queries, reviewing, signing, superseding
from shop.prescriptions.errors import NotInThisPlan
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.prescriptions.signing import Draft
from shop.prescriptions.statements import Terms
from shop.treatments import starting
from shop.treatments.models import Plan

MOST = 20  # at once: nobody reads more in the five minutes of a sign-in


@dataclass(frozen=True)
class Ticked:
    """A request that she signs on these terms; `shown` is the hash of the statement she read."""

    number: str
    terms: Terms
    shown: bytes | None = None


@dataclass(frozen=True)
class Worded:
    """A request with the statement that would be signed, or why it would not be."""

    request: ApprovalRequest
    draft: Draft | None
    refusal: Refusal | None


def prepare(plan: Plan, terms: Mapping[str, Terms], *, by: Person, at: datetime) -> list[Worded]:
    """Word each of these requests of the plan, by number, on its terms. Changes nothing.

    In the order in which they are to be signed: each is screened beside those before it, as it will
    be then. Raises NotInThisPlan.
    """
    found = {
        one.number: one for one in db.session.scalars(queries.of_plan(by, plan, at=at)).unique()
    }
    _refuse_strangers(plan, terms, found)
    worded: list[Worded] = []
    for number, one in terms.items():
        before = frozenset(each.draft.variant.product_id for each in worded if each.draft)
        worded.append(_worded(found[number], one, before, by=by, at=at))
    return worded


def start(
    plan: Plan,
    ticked: Sequence[Ticked],
    *,
    version: int,
    by: Person,
    proof: AuthEvent | None,
    at: datetime,
) -> list[Prescription]:
    """Start the (locked) plan and sign these of its requests, all or nothing.

    What is not ticked stays where it is. A refusal of one names it: in its text, in its fields and
    as the fact `request`. Raises NotInThisPlan, what `starting.start` raises, and of each request
    what `reviewing.claim` and `signing.sign` raise.
    """
    numbers = [one.number for one in ticked]
    asked = queries.locked_of_plan(by, plan, numbers, at=at)
    _refuse_strangers(plan, numbers, asked)
    for request in asked.values():
        with naming(request):
            reviewing.refuse_decided(request)  # before the chart: news waits for no decided one
    if asked:
        at = locked_as_of(plan.client, at=at)  # all requests first, then the chart, then the law
    starting.start(plan, version=version, by=by, proof=proof, at=at)
    if asked:
        superseding.hold_all(plan.client_id)
    return [_signed(asked[one.number], one, by=by, proof=proof, at=at) for one in ticked]


@contextmanager
def naming(request: ApprovalRequest) -> Iterator[None]:
    """A refusal says of which request it is."""
    try:
        yield
    except Refusal as refusal:
        refusal.text = f"{request.variant.product.name} ({request.number}): {refusal.text}"
        refusal.args = (refusal.text,)
        refusal.facts |= {"request": request.number}
        refusal.fields = {
            f"{request.number}.{name}": wrong for name, wrong in refusal.fields.items()
        }
        raise


def _signed(
    request: ApprovalRequest,
    one: Ticked,
    *,
    by: Person,
    proof: AuthEvent | None,
    at: datetime,
) -> Prescription:
    with naming(request):
        reviewing.claim(request, by=by, at=at)
        return signing.sign(
            request,
            one.terms,
            by=by,
            proof=proof,
            at=at,
            fence=request.claim_count,
            shown=one.shown,
        )


def _worded(
    request: ApprovalRequest, terms: Terms, before: frozenset[UUID], *, by: Person, at: datetime
) -> Worded:
    try:
        with naming(request):
            reviewing.refuse_decided(request)
            return Worded(request, signing.draft(request, terms, by=by, at=at, beside=before), None)
    except Refusal as refusal:
        return Worded(request, None, refusal)


def _refuse_strangers(
    plan: Plan, numbers: Iterable[str], found: Mapping[str, ApprovalRequest]
) -> None:
    for number in numbers:
        if number not in found:
            raise NotInThisPlan(
                f"{number[:40]} is no request of {plan.number} that you may decide.",
                request=number[:40],
                plan=plan.number,
            )
