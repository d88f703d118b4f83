"""What each planned call is at the provider: doing it, and looking whether it was done.

Neither changes anything here; both are called outside of any transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shop.payments import following
from shop.payments.following import Fact
from shop.payments.gateway import CheckoutSession, Evidence, Gateway, SessionState
from shop.payments.planning import LEASE, Lease, Operation
from shop.payments.states import CallStatus


@dataclass(frozen=True)
class Outcome:
    """What became of a call, to be recorded. A pause means that it stays to be sent again.

    `kept`: under its key the provider gives this answer again.
    """

    status: CallStatus
    code: str = ""
    facts: tuple[Fact, ...] = ()
    pause: timedelta | None = None
    kept: bool = False


def perform(lease: Lease, gateway: Gateway) -> Sequence[Fact]:
    """The call itself; an answer kept under the key may be old, so the object is read again."""
    return PERFORMED[lease.operation](lease, gateway)


def look(lease: Lease, gateway: Gateway) -> Outcome:
    """Whether the thing was done after all. A new key is a person's decision.

    What nobody wants any more and nobody finds is given up: money that comes of it goes back.
    """
    facts = LOOKED_FOR[lease.operation](lease, gateway)
    if not facts and lease.over is not None:
        return Outcome(CallStatus.REJECTED, lease.over)
    if not facts:
        return Outcome(CallStatus.HUMAN, "not_found")
    if lease.operation is Operation.EXPIRE_SESSION and _still_open(facts):
        # It closes by itself within the hour; money that comes before goes back.
        return Outcome(CallStatus.REJECTED, "page_still_open", tuple(facts))
    return Outcome(CallStatus.DONE, "found", tuple(facts))


def _still_open(facts: Sequence[Fact]) -> bool:
    return any(isinstance(one, CheckoutSession) and one.state is SessionState.OPEN for one in facts)


def _open_session(lease: Lease, gateway: Gateway) -> Sequence[Fact]:
    terms = lease.parameters
    page = gateway.open_session(
        order_ref=terms["order_ref"],
        amount_cents=terms["amount_cents"],
        success_url=terms["success_url"],
        cancel_url=terms["cancel_url"],
        expires_at=datetime.fromisoformat(terms["expires_at"]),
        key=lease.key,
        setup_ref=terms.get("setup_ref"),
    )
    return following.read_session(page.id, gateway) if lease.again else [page]


def _find_session(lease: Lease, gateway: Gateway) -> Sequence[Fact]:
    terms = lease.parameters
    ends = datetime.fromisoformat(terms["expires_at"])
    facts: list[Fact] = []
    for page in gateway.sessions_since(lease.first_sent_at - LEASE):
        if page.order_ref == terms["order_ref"] and page.expires_at == ends:
            facts = following.read_session(page.id, gateway)
    return facts


def _expire_session(lease: Lease, gateway: Gateway) -> Sequence[Fact]:
    gateway.expire_session(lease.parameters["session_id"], key=lease.key)
    return following.read_session(lease.parameters["session_id"], gateway)


def _find_expired(lease: Lease, gateway: Gateway) -> Sequence[Fact]:
    return following.read_session(lease.parameters["session_id"], gateway)


def _refund(lease: Lease, gateway: Gateway) -> Sequence[Fact]:
    terms = lease.parameters
    refund = gateway.refund(
        intent_id=terms["intent_id"],
        amount_cents=terms["amount_cents"],
        order_ref=terms["order_ref"],
        key=lease.key,
        refund_ref=terms.get("refund_ref"),
    )
    return [gateway.refund_state(refund.id) if lease.again else refund]


def _find_refund(lease: Lease, gateway: Gateway) -> Sequence[Fact]:
    """By its own name; one planned before refunds had names, by its amount."""
    found, mine = gateway.refunds_of(lease.parameters["intent_id"]), lease.parameters
    if "refund_ref" in mine:
        return [one for one in found if one.refund_ref == mine["refund_ref"]][:1]
    return [one for one in found if one.amount_cents == mine["amount_cents"]][:1]


def _charge_card(lease: Lease, gateway: Gateway) -> Sequence[Fact]:
    terms = lease.parameters
    intent = gateway.charge_card(
        order_ref=terms["order_ref"],
        payment_ref=terms["payment_ref"],
        amount_cents=terms["amount_cents"],
        customer_id=terms["customer_id"],
        method_id=terms["method_id"],
        key=lease.key,
    )
    return [gateway.intent(intent.id) if lease.again else intent]


def _find_charge(lease: Lease, gateway: Gateway) -> Sequence[Fact]:
    mine = lease.parameters["payment_ref"]
    found = gateway.intents_since(lease.first_sent_at - LEASE)
    return [intent for intent in found if intent.payment_ref == mine][:1]


def _open_setup(lease: Lease, gateway: Gateway) -> Sequence[Fact]:
    terms = lease.parameters
    page = gateway.open_setup(
        setup_ref=terms["setup_ref"],
        success_url=terms["success_url"],
        cancel_url=terms["cancel_url"],
        expires_at=datetime.fromisoformat(terms["expires_at"]),
        key=lease.key,
    )
    return following.read_setup(page.id, gateway) if lease.again else [page]


def _find_setup(lease: Lease, gateway: Gateway) -> Sequence[Fact]:
    for page in gateway.setups_since(lease.first_sent_at - LEASE):
        if page.setup_ref == lease.parameters["setup_ref"]:
            return following.read_setup(page.id, gateway)
    return []


def _detach_card(lease: Lease, gateway: Gateway) -> Sequence[Fact]:
    return [gateway.detach(lease.parameters["method_id"], key=lease.key)]


def _find_detached(lease: Lease, gateway: Gateway) -> Sequence[Fact]:
    card = gateway.card(lease.parameters["method_id"])
    return [card] if card.customer_id is None else []


def _submit_evidence(lease: Lease, gateway: Gateway) -> Sequence[Fact]:
    terms = lease.parameters
    told = gateway.submit_evidence(
        terms["dispute_id"], Evidence(**terms["evidence"]), key=lease.key
    )
    return [gateway.dispute(told.id) if lease.again else told]


def _find_evidence(lease: Lease, gateway: Gateway) -> Sequence[Fact]:
    told = gateway.dispute(lease.parameters["dispute_id"])
    return [told] if told.evidence_sent else []


Act = Callable[[Lease, Gateway], Sequence[Fact]]

PERFORMED: dict[Operation, Act] = {
    Operation.OPEN_SESSION: _open_session,
    Operation.EXPIRE_SESSION: _expire_session,
    Operation.REFUND: _refund,
    Operation.CHARGE_CARD: _charge_card,
    Operation.OPEN_SETUP: _open_setup,
    Operation.DETACH_CARD: _detach_card,
    Operation.SUBMIT_EVIDENCE: _submit_evidence,
}
LOOKED_FOR: dict[Operation, Act] = {
    Operation.OPEN_SESSION: _find_session,
    Operation.EXPIRE_SESSION: _find_expired,
    Operation.REFUND: _find_refund,
    Operation.CHARGE_CARD: _find_charge,
    Operation.OPEN_SETUP: _find_setup,
    Operation.DETACH_CARD: _find_detached,
    Operation.SUBMIT_EVIDENCE: _find_evidence,
}
