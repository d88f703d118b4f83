"""Attacks on the review desk: its order, its calls for help, a rule's refusals, duties, delegations."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from shop.accounts import delegating, duties
from shop.accounts.models import Delegation, Duty, Person
from shop.core.clock import now
from shop.core.db import db
from shop.core.rules import Grade, Severity
from shop.prescriptions import declining, escalating
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.screening.judging import Hit
from tests.attacks.acts import insert, row, update
from tests.attacks.attack import APP, OWNER, WORKER, Attacks, Sql
from tests.attacks.prescriptions import screen
from tests.people import alice, dr_chen, mona, sam
from tests.prescriptions.builders import ANSWERS, a_claimed_request, a_draft, a_request

LONG_AGO = "2000-01-01"
HIT = Hit(
    rule="SC-TEST",
    version=1,
    severity=Severity.HARD_STOP,
    client_text="Not for you.",
    physician_text="Not for her.",
    source="A test",
    grade=Grade.U,
    about=(),
    fired_by=(),
    declines=True,
)


def a_declined_request(client: Person) -> ApprovalRequest:
    """One that a rule has declined."""
    request = a_draft(client)
    request.answers_hash, request.consented_at = bytes(32), now()
    declining.decline(request, HIT, hits=[HIT], at=now())
    return request


def an_escalated_request(client: Person) -> ApprovalRequest:
    """One of which the first step was taken."""
    request = a_request(client)
    assert request.due_at is not None
    taken = escalating.escalate(request.id, at=request.due_at - timedelta(hours=1))
    assert len(taken) == 1
    return request


def a_delegation(absent: Person, delegate: Person, first: int, last: int) -> Delegation:
    """From so many days from today until so many."""
    today = now().date()
    return delegating.delegate(
        absent,
        delegate,
        starts_on=today + timedelta(days=first),
        ends_on=today + timedelta(days=last),
        today=today,
    )


def scene() -> Mapping[str, Any]:
    """Three physicians, one away; duties and delegations that stand and that ended."""
    client, chen, other, third = alice(), dr_chen(), dr_chen(), dr_chen()
    manager, staff, today = mona(), sam(), now().date()
    duty, over = (
        duties.grant(chen, kind, valid_from=today, valid_until=None, by=manager)
        for kind in (Duty.MEDICAL_DIRECTOR, Duty.COUNSEL)
    )
    duties.end(over, on=today, by=manager)
    away, back = a_delegation(chen, other, 1, 9), a_delegation(third, other, 1, 9)
    a_delegation(other, third, 20, 29)
    delegating.withdraw(back, at=now())
    answered = a_draft(client)
    answered.answers = ANSWERS
    answered.answers_hash, answered.consented_at = bytes(32), now()
    facts = {
        "alice": client.id,
        "chen": chen.id,
        "other": other.id,
        "third": third.id,
        "mona": manager.id,
        "sam": staff.id,
        "duty": duty.id,
        "over": over.id,
        "away": away.id,
        "back": back.id,
        "answered": answered.id,
        "draft": a_draft(client).id,
        "queued": a_request(client).id,
        "escalated": an_escalated_request(client).id,
        "claimed": a_claimed_request(client, by=chen).id,
        "by_rule": a_declined_request(client).id,
    }
    db.session.commit()
    return facts


ATTACKS = Attacks(scene)


def _move(attacker: Sql, request: str, to: str, **also: Any) -> None:
    key = attacker.facts[request]
    seq = attacker.tell("approval_request", key, to)
    update(attacker, "approval_requests", key, status=to, state_seq=seq, **also)


def _refuse(attacker: Sql, request: str, **given: Any) -> Any:
    key = uuid.uuid4()
    values = {
        "id": key,
        "request_id": attacker.facts[request],
        "client_id": attacker.facts["alice"],
        "reason": "contraindicated",
        "rule_sealed": b"x",
        "rules_version": "2026-2",
    }
    insert(attacker, "refusals", values | given)
    return key


def _call(attacker: Sql, request: str, step: int, called: str = "other", **given: Any) -> Any:
    key = uuid.uuid4()
    values = {
        "id": key,
        "request_id": attacker.facts[request],
        "step": step,
        "called_id": attacker.facts[called],
    }
    insert(attacker, "escalations", values | given)
    return key


def _day(attacker: Sql, days: int) -> Any:
    return attacker.run("SELECT shop_now()::date + %(days)s AS day", days=days)["day"]


def _grant(attacker: Sql, person: str, duty: str, *, by: str = "mona", **given: Any) -> Any:
    key = uuid.uuid4()
    values = {
        "id": key,
        "person_id": attacker.facts[person],
        "duty": duty,
        "valid_from": _day(attacker, 3),
        "granted_by_id": attacker.facts[by],
    }
    insert(attacker, "duties", values | given)
    return key


def _stand_in(
    attacker: Sql, absent: str, delegate: str, first: int, last: int, **given: Any
) -> Any:
    key = uuid.uuid4()
    values = {
        "id": key,
        "absent_id": attacker.facts[absent],
        "delegate_id": attacker.facts[delegate],
        "starts_on": _day(attacker, first),
        "ends_on": _day(attacker, last),
    }
    insert(attacker, "delegations", values | given)
    return key


# The honest ways.


@ATTACKS.passes()
def _handed_in_weighed_and_assigned(attacker: Sql) -> None:
    _move(attacker, "answered", "queued", risk=3, assigned_to_id=attacker.facts["chen"])


@ATTACKS.passes()
def _given_back_weighed_anew(attacker: Sql) -> None:
    _move(attacker, "claimed", "queued", claimed_by_id=None, claimed_until=None, risk=2)


@ATTACKS.passes(APP, WORKER)
def _both_steps(attacker: Sql) -> None:
    _call(attacker, "queued", 1)
    _call(attacker, "queued", 2)


@ATTACKS.passes()
def _declined_by_a_rule(attacker: Sql) -> None:
    screen(attacker, attacker.facts["answered"])
    _refuse(attacker, "answered")
    _move(attacker, "answered", "declined")


@ATTACKS.passes()
def _duties_given_and_ended(attacker: Sql) -> None:
    _grant(attacker, "other", "medical_director")
    _grant(attacker, "sam", "privacy_officer")
    _grant(attacker, "chen", "counsel")  # the one before was ended
    update(
        attacker,
        "duties",
        attacker.facts["duty"],
        ended_on=_day(attacker, 1),
        ended_by_id=attacker.facts["mona"],
    )


@ATTACKS.passes()
def _delegations_made_and_withdrawn(attacker: Sql) -> None:
    _stand_in(attacker, "chen", "third", 10, 19)
    _stand_in(attacker, "other", "chen", 10, 12)  # chen is back by then
    _stand_in(attacker, "third", "other", 1, 9)  # the one before was withdrawn
    update(attacker, "delegations", attacker.facts["away"], withdrawn_at=now_in(attacker))
    _stand_in(attacker, "other", "chen", 1, 9)


def now_in(attacker: Sql) -> Any:
    return attacker.run("SELECT shop_now() AS now")["now"]


# The order of the desk.

ATTACKS.each(
    {
        "make a request heavier where it lies": (
            lambda a: update(a, "approval_requests", a.facts["queued"], risk=1),
            "request_is_weighed_on_its_way_to_the_desk",
        ),
        "weigh a draft": (
            lambda a: update(a, "approval_requests", a.facts["draft"], risk=2),
            "request_is_weighed_on_its_way_to_the_desk",
        ),
        "weigh what somebody has in hand": (
            lambda a: update(a, "approval_requests", a.facts["claimed"], risk=2),
            "request_is_weighed_on_its_way_to_the_desk",
        ),
        "draw a request to oneself": (
            lambda a: update(
                a, "approval_requests", a.facts["queued"], assigned_to_id=a.facts["other"]
            ),
            "request_is_weighed_on_its_way_to_the_desk",
        ),
        "lay a request before staff": (
            lambda a: _move(a, "answered", "queued", assigned_to_id=a.facts["sam"]),
            "request_is_assigned_to_a_physician",
        ),
        "lay a request before its own client": (
            lambda a: _move(a, "answered", "queued", assigned_to_id=a.facts["alice"]),
            "request_is_assigned_to_a_physician",
        ),
    },
    APP,
    WORKER,
)


# Calls for help.

ATTACKS.each(
    {
        "call for what is a draft": (
            lambda a: _call(a, "draft", 1),
            "only_what_waits_is_escalated",
        ),
        "call for what somebody has in hand": (
            lambda a: _call(a, "claimed", 1),
            "only_what_waits_is_escalated",
        ),
        "call for what is declined": (
            lambda a: _call(a, "by_rule", 1),
            "only_what_waits_is_escalated",
        ),
        "call the director first": (
            lambda a: _call(a, "queued", 2),
            "escalation_goes_step_by_step",
        ),
        "call again": (lambda a: _call(a, "escalated", 1), "escalations_once_per_step"),
        "call the client": (
            lambda a: _call(a, "queued", 1, "alice"),
            "nobody_is_called_to_their_own_request",
        ),
        "call staff": (lambda a: _call(a, "queued", 1, "sam"), "escalation_calls_a_physician"),
    },
    APP,
    WORKER,
)


@ATTACKS.undone("escalation_stamped", OWNER)
def _backdate_a_call(attacker: Sql) -> bool:
    made = row(attacker, "escalations", _call(attacker, "queued", 1, at=LONG_AGO))
    return bool(made["at"] >= now_in(attacker) - timedelta(minutes=1))


# Refusals by a rule.

ATTACKS.each(
    {
        "refuse by a rule what waits for a physician": (
            lambda a: _refuse(a, "queued"),
            "rule_refuses_what_is_handed_in",
        ),
        "refuse by a rule what a physician has in hand": (
            lambda a: _refuse(a, "claimed"),
            "rule_refuses_what_is_handed_in",
        ),
        "refuse by nobody": (
            lambda a: _refuse(a, "answered", rule_sealed=None, rules_version=None),
            "refused_by_a_person_or_a_rule",
        ),
        "refuse by a rule of no version": (
            lambda a: _refuse(a, "answered", rules_version=None),
            "refused_by_a_person_or_a_rule",
        ),
        "refuse by a person in a rule's name": (
            lambda a: _refuse(a, "claimed", refused_by_id=a.facts["chen"]),
            "refused_by_a_person_or_a_rule",
        ),
        "refuse a draft as a person": (
            lambda a: _refuse(
                a,
                "answered",
                refused_by_id=a.facts["chen"],
                rule_sealed=None,
                rules_version=None,
            ),
            "refused_under_a_claim",
        ),
        "refuse by a rule what is handed in all the same": (
            lambda a: (_refuse(a, "answered"), _move(a, "answered", "queued")),
            "refusal_declines_its_request",
        ),
    }
)


@ATTACKS.undone("refusal_by_rule", OWNER)
def _backdate_a_rules_refusal(attacker: Sql) -> bool:
    screen(attacker, attacker.facts["answered"])
    made = row(attacker, "refusals", _refuse(attacker, "answered", refused_at=LONG_AGO))
    _move(attacker, "answered", "declined")
    return bool(made["refused_at"] >= now_in(attacker) - timedelta(minutes=1))


# Duties.

ATTACKS.each(
    {
        "charge oneself by a colleague who is no manager": (
            lambda a: _grant(a, "other", "counsel", by="chen"),
            "duty_is_granted_by_a_manager",
        ),
        "charge staff with what is a physician's": (
            lambda a: _grant(a, "sam", "medical_director"),
            "medical_director_is_a_physician",
        ),
        "charge oneself": (
            lambda a: _grant(a, "mona", "administrator"),
            "nobody_grants_themselves_a_duty",
        ),
        "charge somebody twice": (
            lambda a: _grant(a, "chen", "medical_director"),
            "duties_do_not_overlap",
        ),
        "bring a duty back": (
            "UPDATE duties SET ended_on = NULL, ended_by_id = NULL WHERE id = %(over)s",
            "duties_are_only_ended",
        ),
        "end a duty again": (
            "UPDATE duties SET ended_on = '2090-01-01' WHERE id = %(over)s",
            "duties_are_only_ended",
        ),
    }
)
ATTACKS.each(
    {
        "hand a duty to another": (
            "UPDATE duties SET person_id = %(other)s WHERE id = %(duty)s",
            "duties_are_only_ended",
        ),
        "remove a duty": ("DELETE FROM duties WHERE id = %(duty)s", "duties_are_only_ended"),
    },
    OWNER,
)


@ATTACKS.undone("duty_granted", OWNER)
def _backdate_a_duty(attacker: Sql) -> bool:
    made = row(attacker, "duties", _grant(attacker, "sam", "counsel", granted_at=LONG_AGO))
    return bool(made["granted_at"] >= now_in(attacker) - timedelta(minutes=1))


# Delegations.

ATTACKS.each(
    {
        "have staff stand in": (
            lambda a: _stand_in(a, "third", "sam", 1, 2),
            "physicians_stand_in_for_physicians",
        ),
        "stand in for a manager": (
            lambda a: _stand_in(a, "mona", "third", 1, 2),
            "physicians_stand_in_for_physicians",
        ),
        "stand in for oneself": (
            lambda a: _stand_in(a, "third", "third", 1, 2),
            "nobody_stands_in_for_themselves",
        ),
        "stand in for each other": (
            lambda a: _stand_in(a, "other", "chen", 9, 12),
            "nobody_comes_to_stand_in_for_themselves",
        ),
        "close a circle of three": (
            lambda a: (
                _stand_in(a, "third", "chen", 5, 30),
                _stand_in(a, "other", "third", 9, 12),
            ),
            "nobody_comes_to_stand_in_for_themselves",
        ),
        "name two for one day": (
            lambda a: _stand_in(a, "chen", "third", 9, 12),
            "delegations_do_not_overlap",
        ),
        "have been away backwards": (
            lambda a: _stand_in(a, "third", "chen", 9, 8),
            "delegation_range_is_forward",
        ),
        "be away for good": (
            lambda a: _stand_in(a, "third", "chen", 40, 500),
            "delegation_lasts_a_year_at_most",
        ),
        "bring a delegation back": (
            "UPDATE delegations SET withdrawn_at = NULL WHERE id = %(back)s",
            "delegations_are_only_withdrawn",
        ),
        "withdraw it again": (
            "UPDATE delegations SET withdrawn_at = '2090-01-01' WHERE id = %(back)s",
            "delegations_are_only_withdrawn",
        ),
    }
)
ATTACKS.each(
    {
        "prolong a delegation": (
            (
                "UPDATE delegations SET ends_on = ends_on + 1, withdrawn_at = now()"
                " WHERE id = %(away)s"
            ),
            "delegations_are_only_withdrawn",
        ),
        "remove a delegation": (
            "DELETE FROM delegations WHERE id = %(away)s",
            "delegations_are_only_withdrawn",
        ),
    },
    OWNER,
)


@ATTACKS.undone("delegation_made", OWNER)
def _backdate_a_delegation(attacker: Sql) -> bool:
    given = {"created_at": LONG_AGO, "withdrawn_at": LONG_AGO}
    made = row(attacker, "delegations", _stand_in(attacker, "third", "chen", 40, 41, **given))
    fresh = made["created_at"] >= now_in(attacker) - timedelta(minutes=1)
    return bool(fresh and made["withdrawn_at"] is None)


@ATTACKS.undone("delegations_are_only_withdrawn")
def _backdate_a_withdrawal(attacker: Sql) -> bool:
    update(attacker, "delegations", attacker.facts["away"], withdrawn_at=LONG_AGO)
    made = row(attacker, "delegations", attacker.facts["away"])
    return bool(made["withdrawn_at"] >= now_in(attacker) - timedelta(minutes=1))
