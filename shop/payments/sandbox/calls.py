"""How one call to the API is answered: who asks, under which key, and with which fault."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from shop.payments.sandbox import balance, sessions
from shop.payments.sandbox.desk import API_VERSION, Desk, new_id
from shop.payments.sandbox.endpoints import ENDPOINTS, Endpoint
from shop.payments.sandbox.objects import Body
from shop.payments.sandbox.protocol import BadParameter, CardDeclined, Params, Refusal, nested, read
from shop.payments.sandbox.store import KeyInUse, Row, Store

KEY_LENGTH = 255
KEY_LIFE = 24 * 60 * 60

# Broken lines, errors of Stripe's own, and errors of what stands in front of it.
FAULTS = (
    "500_before",
    "500_after",
    "dropped_before",
    "dropped_after",
    "timeout_before",
    "timeout_after",
    "502_before",
    "502_after",
    "503_before",
    "503_after",
    "504_before",
    "504_after",
    "401",
    "403",
    "409",
    "429",
)

bearer = re.compile(r"Bearer\s+(\S+)", re.IGNORECASE)


@dataclass(frozen=True)
class Call:
    """A request, as the network brought it. `form` is the query of a GET, the body of a POST."""

    method: str
    path: str
    form: bytes
    headers: Mapping[str, str]

    @property
    def key(self) -> str | None:
        return self.headers.get("Idempotency-Key") if self.method == "POST" else None


@dataclass(frozen=True)
class Answer:
    """`dropped` means that the network loses it on the way back, `hangs` that it never comes."""

    status: int
    body: Body
    request_id: str
    headers: dict[str, str] = field(default_factory=dict)
    dropped: bool = False
    hangs: bool = False


def answer(call: Call, *, store: Store, secret_key: str, public_url: str) -> Answer:
    """Answer a call to the API. Everything it changes is committed, or nothing is."""
    request_id = new_id("req", 14)
    try:
        _check_caller(call, secret_key)
        endpoint, object_id = _endpoint(call)
        with store.writing() as ledger:
            fault = ledger.take_fault(call.method, call.path)
        if fault is not None and fault in EARLY:
            return _early(fault, request_id)
        params = read(nested(call.form), endpoint.accepts)
        with store.writing(call.key) as ledger:
            desk = Desk(ledger, public_url, request_id, call.key)
            overdue(desk)
            answered = _once(
                call, params, desk, fault, lambda: endpoint.act(desk, params, object_id)
            )
        return LATE[fault](answered) if fault in LATE else answered
    except KeyInUse:
        return _early("409", request_id)
    except Refusal as refusal:
        return Answer(refusal.status, refusal.body, request_id)


def overdue(desk: Desk) -> None:
    """What the clock does at Stripe by itself: sessions end, payouts are made and arrive."""
    sessions.expire_overdue(desk)
    balance.pay_out_due(desk)
    balance.arrive_due(desk)


def _check_caller(call: Call, secret_key: str) -> None:
    given = bearer.fullmatch(call.headers.get("Authorization", ""))
    if given is None:
        raise Refusal(401, "You did not provide an API key.")
    if not hmac.compare_digest(given[1].encode(), secret_key.encode()):
        raise Refusal(401, f"Invalid API Key provided: {given[1][:8]}****")
    version = call.headers.get("Stripe-Version", API_VERSION)
    if version != API_VERSION:
        raise Refusal(
            400, f"Invalid Stripe API version: {version[:40]}. The sandbox speaks {API_VERSION}."
        )
    key = call.key
    if key is not None and (not key.isprintable() or not 0 < len(key) <= KEY_LENGTH):
        raise Refusal(
            400,
            f"Idempotency keys have 1 to {KEY_LENGTH} printable characters.",
            type="idempotency_error",
        )


def _endpoint(call: Call) -> tuple[Endpoint, str]:
    for endpoint in ENDPOINTS:
        object_id = endpoint.id_in(call.path)
        if endpoint.method == call.method and object_id is not None:
            return endpoint, object_id
    raise Refusal(404, f"Unrecognized request URL ({call.method}: {call.path}).")


def _once(
    call: Call, params: Params, desk: Desk, fault: str | None, act: Callable[[], Body]
) -> Answer:
    """Under a key, the first answer is the answer, for as long as the key is remembered."""
    if call.key is None:
        return _executed(desk, fault, act)
    desk.ledger.prune_answers(older_than=desk.ledger.now() - KEY_LIFE)
    kept = desk.ledger.answer_under(call.key)
    if kept is not None:
        return _replayed(call, params, kept)
    first = _executed(desk, fault, act)
    desk.ledger.keep_answer(
        {
            "key": call.key,
            "endpoint": call.path,
            "params": params,
            "status": first.status,
            "body": first.body,
            "request_id": first.request_id,
            "created": desk.ledger.now(),
        }
    )
    return first


def _replayed(call: Call, params: Params, kept: Row) -> Answer:
    if kept["endpoint"] != call.path:
        raise Refusal(
            400,
            "Keys for idempotent requests can only be used for the same endpoint they were first"
            f" used for ('{kept['endpoint']}'). Try using a key other than '{call.key}' if you"
            " meant to execute a different request.",
            type="idempotency_error",
        )
    if kept["params"] != params:
        raise Refusal(
            400,
            "Keys for idempotent requests can only be used with the same parameters they were"
            f" first used with. Try using a key other than '{call.key}' if you meant to execute a"
            " different request.",
            type="idempotency_error",
        )
    headers = {"Idempotent-Replayed": "true", "Original-Request": kept["request_id"]}
    return Answer(kept["status"], kept["body"], kept["request_id"], headers)


def _executed(desk: Desk, fault: str | None, act: Callable[[], Body]) -> Answer:
    request_id = desk.request_id or ""
    if fault == "500_before":
        return _broken(request_id)
    try:
        with desk.ledger.connection.transaction():  # a refusal leaves nothing behind
            status, done = _acted(act)
    except BadParameter:
        raise
    except Refusal as refusal:
        return Answer(refusal.status, refusal.body, request_id)
    return _broken(request_id) if fault == "500_after" else Answer(status, done, request_id)


def _acted(act: Callable[[], Body]) -> tuple[int, Body]:
    try:
        return 200, act()
    except CardDeclined as declined:
        return declined.status, declined.body


def _broken(request_id: str) -> Answer:
    refusal = Refusal(500, "An unknown error occurred", type="api_error")
    return Answer(500, refusal.body, request_id)


def _lost(answered: Answer) -> Answer:
    return replace(answered, dropped=True)


def _hanging(answered: Answer) -> Answer:
    return replace(answered, hangs=True)


def _in_front(status: int) -> tuple[int, Refusal]:
    """What stands in front of Stripe answers in its place; whether it was done is not said."""
    return status, Refusal(status, "The request could not be completed.", type="api_error")


def _replaced(status: int) -> Callable[[Answer], Answer]:
    def answered(first: Answer) -> Answer:
        return Answer(status, _in_front(status)[1].body, first.request_id)

    return answered


def _early(fault: str, request_id: str) -> Answer:
    status, refusal = EARLY[fault]
    return Answer(
        status,
        refusal.body,
        request_id,
        dropped=fault == "dropped_before",
        hangs=fault == "timeout_before",
    )


# Answers given before a key is looked at: nothing is executed, nothing is remembered.
EARLY = {
    "429": (
        429,
        Refusal(429, "Request rate limit exceeded.", code="rate_limit"),
    ),
    "409": (
        409,
        Refusal(
            409,
            "There is currently another in-progress request using this Idempotent Key (that"
            " probably means you submitted twice, and the other request is still going through).",
            type="idempotency_error",
            code="idempotency_key_in_use",
        ),
    ),
    "dropped_before": (503, Refusal(503, "Lost before anything was done.", type="api_error")),
    "timeout_before": (503, Refusal(503, "Stuck before anything was done.", type="api_error")),
    "502_before": _in_front(502),
    "503_before": _in_front(503),
    "504_before": _in_front(504),
    "401": (401, Refusal(401, "Invalid API Key provided: sk_test_****")),
    "403": (
        403,
        Refusal(403, "The provided key does not have the required permissions for this endpoint."),
    ),
}
# What becomes of an answer after everything was done, and was remembered under the key.
LATE: dict[str | None, Callable[[Answer], Answer]] = {
    "dropped_after": _lost,
    "timeout_after": _hanging,
    "502_after": _replaced(502),
    "503_after": _replaced(503),
    "504_after": _replaced(504),
}
