"""Attacks on what physicians ask clients, and on the answers that were handed in before: I4, I22."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shop.core.clock import now
from shop.prescriptions import inquiring, requesting
from tests.attacks.acts import insert, later, row, update
from tests.attacks.attack import APP, OWNER, WORKER, Attacks, Sql
from tests.builders import a_cream
from tests.people import alice, dr_chen
from tests.prescriptions.builders import a_claimed_request

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
SEALED = b"\x01" + bytes(96)


def scene() -> Mapping[str, Any]:
    """Of one client: requests in review, waiting for her, answered, and withdrawn while waiting."""
    client, chen = alice(), dr_chen()
    requests = {
        name: a_claimed_request(client, a_cream(), by=chen)
        for name in ("claimed", "waiting", "answered", "withdrawn")
    }
    asked = {
        f"{name}_question": inquiring.inquire(requests[name], "Since when?", by=chen, at=now())
        for name in ("waiting", "answered", "withdrawn")
    }
    inquiring.reply(requests["answered"], "Since May.", answers={}, by=client, at=now())
    requesting.withdraw(requests["withdrawn"], by=client, at=now())
    return {
        "alice": client.id,
        "chen": chen.id,
        "other": dr_chen().id,
        **{name: one.id for name, one in (requests | asked).items()},
    }


ATTACKS = Attacks(scene)


# Acts, honest but for what is `given`.


def _put(attacker: Sql, request: str = "claimed", **given: Any) -> Any:
    """A question about a request."""
    asked = row(attacker, "approval_requests", attacker.facts[request])
    values = {
        "id": uuid.uuid4(),
        "request_id": asked["id"],
        "asked_by_id": attacker.facts["chen"],
        "question_sealed": SEALED,
        "said_sealed": SEALED,
        "answers_hash": asked["answers_hash"],
        "due_at": asked["due_at"],
    } | given
    insert(attacker, "inquiries", values)
    return values["id"]


def _move(attacker: Sql, request: str, to: str, **also: Any) -> None:
    key = attacker.facts[request]
    seq = attacker.tell("approval_request", key, to)
    update(attacker, "approval_requests", key, status=to, state_seq=seq, **also)


def _wait(attacker: Sql, request: str = "claimed") -> None:
    _move(attacker, request, "info_requested", claimed_by_id=None, claimed_until=None)


def _ask(attacker: Sql, **given: Any) -> Any:
    key = _put(attacker, **given)
    _wait(attacker)
    return key


def _answer(attacker: Sql, question: str = "waiting_question", reply: Any = SEALED) -> None:
    update(attacker, "inquiries", attacker.facts[question], reply_sealed=reply)


def _go_on(attacker: Sql, request: str = "waiting", **also: Any) -> None:
    _move(attacker, request, "queued", **also)


# The honest ways.


@ATTACKS.passes(APP, OWNER)
def _a_question(attacker: Sql) -> None:
    _ask(attacker)


@ATTACKS.passes(APP, OWNER)
def _an_answer(attacker: Sql) -> None:
    _answer(attacker)
    _go_on(attacker, answers_sealed=b"x", answered_on_sealed=b"x", answers_hash=b"x")


@ATTACKS.passes(APP, WORKER)
def _a_question_that_nobody_answered_in_time(attacker: Sql) -> None:
    attacker.run("SELECT FROM inquiries")
    attacker.move("approval_request", attacker.facts["waiting"], "expired")


@ATTACKS.passes()
def _a_second_question_after_the_first_was_answered(attacker: Sql) -> None:
    who = attacker.facts["other"]
    _move(attacker, "answered", "in_review", claimed_by_id=who)
    _put(attacker, "answered", asked_by_id=who)
    _wait(attacker, "answered")


# What is refused.


def _open_and_in_review(attacker: Sql) -> None:
    _put(attacker)


def _answered_and_still_waiting(attacker: Sql) -> None:
    _answer(attacker)


def _two_at_once(attacker: Sql) -> None:
    _put(attacker)
    _put(attacker)


def _asked_late(attacker: Sql) -> None:
    later(attacker, "1 day")
    _put(attacker)


def _answered_by_the_answer_before(attacker: Sql) -> None:
    """Go on without an answer to the open question."""
    _go_on(attacker)


def _decided_while_it_waits(attacker: Sql) -> None:
    _put(attacker)
    _move(attacker, "claimed", "queued", claimed_by_id=None, claimed_until=None)


ATTACKS.each(
    {
        "question without a claim": (
            lambda a: _put(a, "answered"),
            "asked_under_a_claim",
        ),
        "question under another's claim": (
            lambda a: _put(a, asked_by_id=a.facts["other"]),
            "asked_under_a_claim",
        ),
        "question of the client's own": (
            lambda a: _put(a, asked_by_id=a.facts["alice"]),
            "asked_under_a_claim",
        ),
        "question when the claim has run out": (_asked_late, "asked_under_a_claim"),
        "question about other answers": (
            lambda a: _put(a, answers_hash=bytes(32)),
            "inquiry_keeps_the_answers_it_is_about",
        ),
        "question that holds nothing up": (_open_and_in_review, "question_holds_up_its_request"),
        "question given back with its request": (
            _decided_while_it_waits,
            "question_holds_up_its_request",
        ),
        "question in plain words": (
            lambda a: _ask(a, question_sealed=b"Since when?"),
            "inquiry_is_sealed",
        ),
        "two questions at once": (_two_at_once, "inquiries_one_open"),
        "waiting for nothing": (_wait, "request_waits_for_an_answer"),
        "on without an answer": (
            _answered_by_the_answer_before,
            "question_holds_up_its_request",
        ),
        "on without an answer, with other answers": (
            lambda a: _go_on(a, answers_sealed=b"x", answers_hash=b"x"),
            "question_holds_up_its_request",
        ),
        "answer that moves nothing": (_answered_and_still_waiting, "request_waits_for_an_answer"),
        "answer in plain words": (
            lambda a: (_answer(a, reply=b"Since May."), _go_on(a)),
            "inquiry_is_sealed",
        ),
        "answer taken back": (
            "UPDATE inquiries SET reply_sealed = NULL WHERE id = %(waiting_question)s",
            "inquiry_is_answered_by_a_reply",
        ),
        "second answer": (
            lambda a: _answer(a, "answered_question"),
            "inquiry_is_answered_once",
        ),
        "answer to what was withdrawn": (
            lambda a: _answer(a, "withdrawn_question"),
            "inquiry_is_answered_once",
        ),
    }
)
ATTACKS.each(
    {
        f"{column} changed while it waits": (
            f"UPDATE approval_requests SET {column} = 'x' WHERE id = %(waiting)s",
            rule,
        )
        for column, rule in {
            "answers_sealed": "answers_are_frozen_once_submitted",
            "answers_hash": "answers_are_frozen_once_submitted",
            "answered_on_sealed": "answer_days_are_frozen_once_submitted",
        }.items()
    }
    | {
        f"{column} changed by {to}": (
            lambda a, to=to, column=column: _move(a, "waiting", to, **{column: b"x"}),
            rule,
        )
        for to in ("withdrawn", "expired")
        for column, rule in {
            "answers_sealed": "answers_are_frozen_once_submitted",
            "answers_hash": "answers_are_frozen_once_submitted",
            "answered_on_sealed": "answer_days_are_frozen_once_submitted",
        }.items()
    }
    | {
        f"{column} changed by a reply": (
            lambda a, column=column, value=value: (_answer(a), _go_on(a, **{column: value})),
            "answers_are_frozen_once_submitted",
        )
        for column, value in {
            "quantity": 9,
            "ship_to_state": "NV",
            "questionnaire_version": "x",
            "consented_at": LONG_AGO,
        }.items()
    },
    APP,
    OWNER,
)
ATTACKS.each(
    {
        f"another {column} of a question": (
            f"UPDATE inquiries SET {column} = {value} WHERE id = %(waiting_question)s",
            "inquiry_keeps_what_was_asked",
        )
        for column, value in {
            "id": "%(new)s",
            "request_id": "%(claimed)s",
            "asked_by_id": "%(other)s",
            "question_sealed": "said_sealed",
            "said_sealed": "question_sealed",
            "answers_hash": "'x'",
            "due_at": "now()",
            "asked_at": "now()",
        }.items()
    },
    OWNER,
)
ATTACKS.each(
    {
        "remove a question": ("DELETE FROM inquiries", "inquiries_are_kept"),
        "empty the questions": ("TRUNCATE inquiries", "inquiries_are_kept"),
    },
    OWNER,
)


# What is put right.


@ATTACKS.undone("inquiry_guard", OWNER)
def _a_question_of_another_day_that_is_answered(attacker: Sql) -> bool:
    past = {"asked_at": LONG_AGO, "answered_at": LONG_AGO, "reply_sealed": SEALED}
    made = row(attacker, "inquiries", _ask(attacker, **past))
    return made["asked_at"] > LONG_AGO and (made["answered_at"], made["reply_sealed"]) == (
        None,
        None,
    )


@ATTACKS.undone("inquiry_guard", OWNER)
def _an_answer_of_another_day(attacker: Sql) -> bool:
    key = attacker.facts["waiting_question"]
    update(attacker, "inquiries", key, reply_sealed=SEALED, answered_at=LONG_AGO)
    _go_on(attacker)
    return bool(row(attacker, "inquiries", key)["answered_at"] > LONG_AGO)
