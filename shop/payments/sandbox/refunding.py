"""Sending money back, never more than came in.

Each act is given a `Desk` inside a writing transaction and changes nothing when it refuses.
"""

from __future__ import annotations

from shop.payments.sandbox import balance, disputes, objects
from shop.payments.sandbox.desk import Desk, new_id, the
from shop.payments.sandbox.objects import Body
from shop.payments.sandbox.protocol import BadParameter, Params, Refusal, no_such
from shop.payments.sandbox.store import Kept, Ledger


def create_refund(desk: Desk, given: Params) -> Body:
    charge = _charge_to_refund(desk.ledger, given)
    if disputes.contests(desk.ledger, charge.id):
        raise Refusal(
            400,
            f"Charge {charge.id} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    left = charge.body["amount"] - refunded(desk.ledger, charge.id)
    amount = given.get("amount", left)
    if left == 0:
        raise Refusal(
            400,
            f"Charge {charge.id} has already been refunded.",
            code="charge_already_refunded",
        )
    if amount > left:
        raise Refusal(
            400,
            f"Refund amount (${amount / 100:.2f}) is greater than unrefunded amount on charge"
            f" (${left / 100:.2f})",
            param="amount",
        )
    refund = desk.ledger.add(
        objects.refund(
            new_id("re"),
            created=desk.ledger.now(),
            charge=charge.body,
            amount=amount,
            status=charge.hidden["refund_status"],
            given=given,
        )
    )
    refund = balance.sent_back(desk, refund)
    desk.tell("refund.created", refund.body)
    desk.tell("charge.refunded", _count_refunds(desk.ledger, charge))
    return refund.body


def _charge_to_refund(ledger: Ledger, given: Params) -> Kept:
    if "payment_intent" not in given and "charge" not in given:
        raise BadParameter(
            "One of the following params should be provided for this request: payment_intent or"
            " charge.",
            param=None,
            code="parameter_missing",
        )
    charge_id = given.get("charge")
    if "payment_intent" in given:
        intent = ledger.find("payment_intent", given["payment_intent"])
        if intent is None:
            raise no_such("payment_intent", given["payment_intent"], param="payment_intent")
        charge_id = intent.body["latest_charge"]
    charge = ledger.find("charge", charge_id) if charge_id else None
    if charge is None and "charge" in given:
        raise no_such("charge", given["charge"], param="charge")
    if charge is None or not charge.body["paid"]:
        raise Refusal(
            400,
            "This PaymentIntent does not have a successful charge to refund.",
            code="charge_not_refundable",
        )
    return charge


def refunded(ledger: Ledger, charge_id: str) -> int:
    """Cents that are back or on their way; a refund that failed gives its cents free again."""
    return sum(
        refund.body["amount"]
        for refund in ledger.refunds_of(charge_id)
        if refund.body["status"] not in {"failed", "canceled"}
    )


def settle_refund(desk: Desk, refund_id: str, status: str) -> Body:
    """Let the bank's later answer to a refund arrive. Raises Refusal for a final one."""
    refund = the(desk.ledger, "refund", refund_id)
    if (refund.body["status"], status) not in {
        ("pending", "succeeded"),
        ("pending", "failed"),
        ("succeeded", "failed"),
        ("pending", "requires_action"),
        ("requires_action", "canceled"),
    }:
        raise Refusal(400, f"A refund that is {refund.body['status']} cannot become {status}.")
    settled = {name: value for name, value in refund.body.items() if name != "pending_reason"}
    if status == "failed":
        settled["failure_reason"] = "lost_or_stolen_card"
    changed = desk.ledger.replace(refund, {**settled, "status": status})
    if status in {"failed", "canceled"}:
        changed = balance.came_back(desk, changed)
    _count_refunds(desk.ledger, the(desk.ledger, "charge", changed.body["charge"]))
    desk.tell("refund.updated", changed.body)
    if status == "failed":
        desk.tell("refund.failed", changed.body)
    return changed.body


def _count_refunds(ledger: Ledger, charge: Kept) -> Body:
    total = refunded(ledger, charge.id)
    return ledger.change(
        charge, amount_refunded=total, refunded=total == charge.body["amount"]
    ).body
