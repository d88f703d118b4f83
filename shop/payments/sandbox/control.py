"""Switches that Stripe does not have: hold and send webhooks, break answers, move the clock.

For tests and the demo. Every change wants a JSON body, which no foreign web page can send here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, request
from werkzeug.exceptions import BadRequest, NotFound

from shop.payments.sandbox import balance, disputes, refunding
from shop.payments.sandbox.calls import FAULTS, overdue
from shop.payments.sandbox.desk import Desk
from shop.payments.sandbox.protocol import Refusal
from shop.payments.sandbox.running import here
from shop.payments.sandbox.store import LOST, Kept, Ledger, Row
from shop.payments.sandbox.webhooks import NoSuchEvent

Json = dict[str, Any]
MOST_TIMES = 1000
FARTHEST = 400 * 24 * 60 * 60


bp = Blueprint("control", __name__, url_prefix="/_sandbox")


@bp.get("/state")
def state() -> Json:
    with here().store.reading() as ledger:
        return {
            "now": ledger.now(),
            "clock_offset": ledger.switch("clock_offset"),
            "held": bool(ledger.switch("held")),
            "faults": ledger.faults(),
            "losses": ledger.losses(),
            "payouts_by_hand": bool(ledger.switch(balance.BY_HAND)),
            "pending_events": len(ledger.deliveries(pending=True)),
        }


@bp.get("/events")
def events() -> Json:
    """All events with what became of them, oldest first; `?pending=true` for the others."""
    pending = request.args.get("pending") == "true"
    with here().store.reading() as ledger:
        return {"items": [_on_its_way(row) for row in ledger.deliveries(pending=pending)]}


@bp.post("/events/<event_id>/delivery")
def deliver(event_id: str) -> Json:
    given = _body({"signed_at": int})
    try:
        return {"answer": here().courier.deliver(event_id, signed_at=given.get("signed_at"))}
    except NoSuchEvent as error:
        raise NotFound(f"There is no event {event_id}.") from error


@bp.post("/delivery")
def delivery() -> Json:
    """`held` stops or starts the sending by itself; `due` true sends now what is due."""
    given = _body({"held": bool, "due": bool})
    if "held" in given:
        with here().store.writing() as ledger:
            ledger.set_switch("held", int(given["held"]))
    here().courier.wake()
    return {"sent": here().courier.deliver_due() if given.get("due") else 0}


@bp.post("/faults")
def break_next() -> Json:
    """Break the next answers, of every call or of those that match method and path."""
    given = _body({"mode": str, "times": int, "method": str, "path": str})
    times = given.get("times", 1)
    if given.get("mode") not in FAULTS:
        raise BadRequest(f"mode must be one of {', '.join(FAULTS)}.")
    if given.get("method", "GET") not in {"GET", "POST"}:
        raise BadRequest("method must be GET or POST.")
    if not given.get("path", "/v1/").startswith("/v1/") or not given.get("path", "").isprintable():
        raise BadRequest("path must be the beginning of an address under /v1/.")
    if not 1 <= times <= MOST_TIMES:
        raise BadRequest(f"times must be between 1 and {MOST_TIMES}.")
    with here().store.writing() as ledger:
        ledger.add_fault(
            given["mode"], method=given.get("method"), path=given.get("path"), times=times
        )
        return {"faults": ledger.faults()}


@bp.delete("/faults")
def mend() -> Json:
    with here().store.writing() as ledger:
        ledger.clear_faults()
    return {"faults": []}


@bp.post("/losses")
def lose_next() -> Json:
    """The next `times` events, of one `type` or of any, are never sent to the webhook."""
    given = _body({"type": str, "times": int})
    times = given.get("times", 1)
    if not 1 <= times <= MOST_TIMES:
        raise BadRequest(f"times must be between 1 and {MOST_TIMES}.")
    if not given.get("type", "").isprintable():
        raise BadRequest("type must be a type of event.")
    with here().store.writing() as ledger:
        ledger.add_loss(given.get("type"), times=times)
        return {"losses": ledger.losses()}


@bp.delete("/losses")
def find_again() -> Json:
    with here().store.writing() as ledger:
        ledger.clear_losses()
    return {"losses": []}


@bp.post("/events/<event_id>/loss")
def lose(event_id: str) -> Json:
    """An event that waits is never sent by itself."""
    _body({})
    with here().store.writing() as ledger:
        _the_event(ledger, event_id)
        ledger.lose(event_id)
    return {"lost": event_id}


@bp.post("/events/<event_id>/twin")
def double(event_id: str) -> Json:
    """A second event, with an id of its own, for the same change: Stripe does that, too."""
    _body({})
    with here().store.writing() as ledger:
        event = _the_event(ledger, event_id)
        Desk(ledger, here().public_url).tell(event.body["type"], event.body["data"]["object"])
    here().courier.wake()
    return {"twin_of": event_id}


def _the_event(ledger: Ledger, event_id: str) -> Kept:
    event = ledger.find("event", event_id)
    if event is None:
        raise NotFound(f"There is no event {event_id}.")
    return event


@bp.delete("/keys")
def forget_keys() -> Json:
    """Every idempotency key is forgotten, as it is after 24 hours."""
    with here().store.writing() as ledger:
        return {"forgotten": ledger.forget_answers()}


@bp.post("/payouts")
def pay_out() -> Json:
    """Pay out now what is available; `by_hand` true ends the daily payouts, false begins them."""
    given = _body({"by_hand": bool})
    with here().store.writing() as ledger:
        if "by_hand" in given:
            ledger.set_switch(balance.BY_HAND, int(given["by_hand"]))
            return {"by_hand": given["by_hand"]}
        made = balance.pay_out(Desk(ledger, here().public_url))
    here().courier.wake()
    return {"payout": made}


@bp.post("/payouts/<payout_id>")
def settle_payout(payout_id: str) -> Json:
    """Let the bank's answer to a payout arrive: `status` paid or failed."""
    status = _body({"status": str}).get("status", "")
    return _acted(lambda desk: balance.settle_payout(desk, payout_id, status))


@bp.post("/adjustments")
def adjust() -> Json:
    """Stripe corrects the account by `amount` cents, or takes a fee of its own."""
    given = _body({"amount": int, "type": str, "description": str})

    def act(desk: Desk) -> Json:
        amount, kind, description = balance.adjusted(given)
        return balance.adjust(desk, amount, type=kind, description=description)

    return _acted(act)


@bp.post("/clock")
def clock() -> Json:
    """`advance` moves the clock by seconds, `offset` sets it so far from the machine's."""
    given = _body({"advance": int, "offset": int})
    with here().store.writing() as ledger:
        offset = given.get("offset", ledger.switch("clock_offset")) + given.get("advance", 0)
        if abs(offset) > FARTHEST:
            raise BadRequest(f"The clock moves by at most {FARTHEST} seconds.")
        ledger.set_switch("clock_offset", offset)
        overdue(Desk(ledger, here().public_url))
        moved = {"now": ledger.now(), "clock_offset": offset}
    here().courier.wake()
    return moved


@bp.post("/refunds/<refund_id>")
def settle(refund_id: str) -> Json:
    """Let the bank's later answer to a refund arrive: `status` succeeded or failed."""
    status = _body({"status": str}).get("status", "")
    return _acted(lambda desk: refunding.settle_refund(desk, refund_id, status))


@bp.post("/disputes")
def dispute() -> Json:
    """Let the bank of whoever paid an intent dispute it: `payment_intent`, `amount`?, `reason`?.

    `inquiry` true only asks, and takes no money.
    """
    given = _body({"payment_intent": str, "amount": int, "reason": str, "inquiry": bool})
    return _acted(lambda desk: disputes.dispute_intent(desk, given))


@bp.post("/disputes/<dispute_id>")
def move_dispute(dispute_id: str) -> Json:
    """Let a dispute go on: `status` under_review, won, lost (warning_closed for an inquiry)."""
    status = _body({"status": str}).get("status", "")
    return _acted(lambda desk: disputes.move(desk, dispute_id, status))


def _acted(act: Callable[[Desk], Json]) -> Json:
    try:
        with here().store.writing() as ledger:
            body = act(Desk(ledger, here().public_url))
    except Refusal as refusal:
        raise (NotFound if refusal.status == NotFound.code else BadRequest)(
            str(refusal)
        ) from refusal
    here().courier.wake()
    return body


def _body(fields: dict[str, type]) -> Json:
    given = request.get_json()
    if not isinstance(given, dict):
        raise BadRequest("The body must be a JSON object.")
    for name, value in given.items():
        if name not in fields or type(value) is not fields[name]:
            known = ", ".join(f"{known} ({kind.__name__})" for known, kind in fields.items())
            raise BadRequest(f"{name}: unknown, or of the wrong kind. Known are: {known}.")
    return given


def _on_its_way(row: Row) -> Json:
    about = row["body"]["data"]["object"]
    return {
        "id": row["event_id"],
        "type": row["body"]["type"],
        "object": about["object"],
        "object_id": about.get("id"),
        "order_ref": (about.get("metadata") or {}).get("order_ref"),
        "created": row["body"]["created"],
        "attempts": row["attempts"],
        "next_at": row["next_at"],
        "delivered_at": row["delivered_at"],
        "last_answer": row["last_answer"],
        "lost": row["last_answer"] == LOST,
    }
