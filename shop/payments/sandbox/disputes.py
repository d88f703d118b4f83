"""A bank takes a payment back, or warns of it, as Stripe tells of that.

Each act is given a `Desk` inside a writing transaction and changes nothing when it refuses.
"""

from __future__ import annotations

from shop.payments.sandbox import balance, objects
from shop.payments.sandbox.desk import Desk, new_id, the
from shop.payments.sandbox.objects import Body
from shop.payments.sandbox.protocol import BadParameter, Params, Refusal, no_such
from shop.payments.sandbox.store import Kept, Ledger

FEE = 1_500  # cents, for each dispute that takes money
DAYS_FOR_EVIDENCE = 9
A_DAY = 24 * 60 * 60
CONTESTED = {"needs_response", "under_review"}
REASONS = {
    "credit_not_processed",
    "duplicate",
    "fraudulent",
    "general",
    "product_not_received",
    "product_unacceptable",
    "subscription_canceled",
    "unrecognized",
}
MOVES = {
    ("needs_response", "under_review"),
    ("needs_response", "won"),
    ("needs_response", "lost"),
    ("under_review", "won"),
    ("under_review", "lost"),
    ("lost", "won"),  # rarely, when a bank thinks again
    ("warning_needs_response", "warning_under_review"),
    ("warning_needs_response", "warning_closed"),
    ("warning_needs_response", "needs_response"),
    ("warning_under_review", "warning_closed"),
    ("warning_under_review", "needs_response"),
}


def after(desk: Desk, charge: Body, card: Body) -> None:
    """What follows at once of a card that is known for it."""
    if card.get("aftermath") == "dispute":
        _open(desk, charge, amount=charge["amount"], reason="fraudulent", inquiry=False)
    elif card.get("aftermath") == "warning":
        warning = objects.fraud_warning(new_id("issfr"), created=desk.ledger.now(), charge=charge)
        desk.tell("radar.early_fraud_warning.created", desk.ledger.add(warning).body)


def dispute_intent(desk: Desk, given: Params) -> Body:
    """The switch: dispute what paid an intent. Raises Refusal."""
    intent = the(desk.ledger, "payment_intent", given.get("payment_intent", ""))
    charge = desk.ledger.find("charge", intent.body["latest_charge"] or "")
    if charge is None or not charge.body["paid"]:
        raise Refusal(400, "Nobody paid this PaymentIntent.")
    amount: int = given.get("amount") or charge.body["amount"]
    reason = given.get("reason", "fraudulent")
    if not 1 <= amount <= charge.body["amount"]:
        raise Refusal(400, "The amount is not one of this charge.")
    if reason not in REASONS:
        raise Refusal(400, f"reason must be one of {', '.join(sorted(REASONS))}.")
    if contests(desk.ledger, charge.id):
        raise Refusal(400, "A dispute of this charge is open.")
    return _open(
        desk, charge.body, amount=amount, reason=reason, inquiry=given.get("inquiry", False)
    )


def contests(ledger: Ledger, charge_id: str) -> bool:
    """Whether a bank is deciding about a charge, or has taken it back."""
    found = [one.body["status"] for one in ledger.disputes_of(charge_id)]
    return bool(set(found) & (CONTESTED | {"lost"}))


def _open(desk: Desk, charge: Body, *, amount: int, reason: str, inquiry: bool) -> Body:
    created, dispute_id = desk.ledger.now(), new_id("du")
    moved = [] if inquiry else [_moved(desk, dispute_id, -amount, FEE)]
    opened = desk.ledger.add(
        objects.dispute(
            dispute_id,
            created=created,
            charge=charge,
            amount=amount,
            reason=reason,
            status="warning_needs_response" if inquiry else "needs_response",
            due_by=created + DAYS_FOR_EVIDENCE * A_DAY,
            moved=moved,
        )
    )
    desk.ledger.change(the(desk.ledger, "charge", charge["id"]), disputed=True)
    desk.tell("charge.dispute.created", opened.body)
    if moved:
        desk.tell("charge.dispute.funds_withdrawn", opened.body)
    return opened.body


def _moved(desk: Desk, dispute_id: str, amount: int, fee: int) -> Body:
    movement = balance.book(
        desk,
        "adjustment",
        amount=amount,
        source=dispute_id,
        fee=fee,
        category="dispute" if amount < 0 else "dispute_reversal",
    )
    return the(desk.ledger, "balance_transaction", movement).body


def move(desk: Desk, dispute_id: str, status: str) -> Body:
    """Let the bank's word about a dispute arrive. Raises Refusal for one that cannot be."""
    dispute = the(desk.ledger, "dispute", dispute_id)
    before = dispute.body["status"]
    if (before, status) not in MOVES:
        raise Refusal(400, f"A dispute that is {before} cannot become {status}.")
    moved = list(dispute.body["balance_transactions"])
    told = "charge.dispute.updated" if status.endswith("under_review") else "charge.dispute.closed"
    money = None
    if status == "won":
        moved.append(_moved(desk, dispute_id, dispute.body["amount"], 0))
        money = "charge.dispute.funds_reinstated"
    elif status == "needs_response":
        moved.append(_moved(desk, dispute_id, -dispute.body["amount"], FEE))
        told, money = "charge.dispute.updated", "charge.dispute.funds_withdrawn"
    changed = desk.ledger.change(
        dispute,
        status=status,
        balance_transactions=moved,
        is_charge_refundable=status.startswith("warning_"),
    )
    desk.tell(told, changed.body)
    if money is not None:
        desk.tell(money, changed.body)
    return changed.body


def update(desk: Desk, dispute_id: str, given: Params) -> Body:
    """Stripe's endpoint: evidence, sent to the bank for good with `submit`."""
    dispute = desk.ledger.find("dispute", dispute_id)
    if dispute is None:
        raise no_such("dispute", dispute_id)
    if dispute.body["status"] not in {"needs_response", "warning_needs_response"}:
        raise Refusal(400, "This dispute is already closed or was answered.")
    if not given.get("evidence") and given.get("submit", True):
        raise BadParameter("Nothing is submitted without evidence.", param="evidence")
    return _answered(desk, dispute, given)


def _answered(desk: Desk, dispute: Kept, given: Params) -> Body:
    submit = given.get("submit", True)
    details = dispute.body["evidence_details"]
    status = dispute.body["status"]
    if submit:
        status = {"needs_response": "under_review"}.get(status, "warning_under_review")
    changed = desk.ledger.change(
        dispute,
        status=status,
        evidence={**dispute.body["evidence"], **given.get("evidence", {})},
        evidence_details={
            **details,
            "has_evidence": True,
            "submission_count": details["submission_count"] + int(submit),
            "submission_method": "manual" if submit else details["submission_method"],
        },
        metadata={**dispute.body["metadata"], **given.get("metadata", {})},
    )
    desk.tell("charge.dispute.updated", changed.body)
    return changed.body
