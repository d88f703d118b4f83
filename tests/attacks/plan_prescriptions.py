"""Attacks on what belongs to a plan: requests that name one, and what is signed for them."""

from __future__ import annotations

from typing import Any

from shop.core.clock import now
from shop.core.db import db
from shop.treatments import completing, revoking
from tests.attacks import prescriptions as signing
from tests.attacks.acts import row
from tests.attacks.attack import APP, OWNER, Attacks, Sql
from tests.builders import a_cream
from tests.people import a_fresh_sign_in, alice, dr_chen
from tests.prescriptions.builders import (
    a_claimed_request,
    a_prescription,
    a_request,
    an_examination,
)
from tests.treatments.builders import (
    a_draft,
    a_performed_session,
    a_proposal,
    an_active_plan,
    licensed_eva,
)


def scene() -> dict[str, Any]:
    """Of one client: plans at every turn; `claimed` names `plan`, `ended_asked` what has `ended`.

    `begun` is a plan that goes on and that nothing names.
    """
    client, chen, eva = alice(), dr_chen(state="CA"), licensed_eva()
    seen = an_examination(client, by=chen)
    plan, ended, begun = (a_proposal(client, by=eva) for _ in range(3))
    claimed = a_claimed_request(client, a_cream(), by=chen, plan=plan)
    ended_asked = a_claimed_request(client, a_cream(), by=chen, plan=ended)
    revoking.revoke(ended, reason="No.", by=eva, at=now())
    completed = an_active_plan(client, by=eva, chen=chen)
    a_performed_session(completed)
    completing.complete(completed, by=chen, at=now())
    facts = {
        "alice": client.id,
        "chen": chen.id,
        "eva": eva.id,
        "seen": seen.id,
        "licence": next(one.id for one in chen.licences if one.state == "CA"),
        "fresh": a_fresh_sign_in(chen).id,
        "signed": a_prescription(client, by=chen).id,
        "queued": a_request(client).id,
        "another_cream": a_cream().id,
        "claimed": claimed.id,
        "ended_asked": ended_asked.id,
        "plan": plan.id,
        "ended": ended.id,
        "begun": begun.id,
        "draft": a_draft(client, by=eva).id,
        "completed": completed.id,
        "strangers": a_proposal(alice(), by=eva).id,
    }
    db.session.commit()
    return facts


ATTACKS = Attacks(scene)


def _ask(attacker: Sql, plan: str, **given: Any) -> Any:
    return signing._ask(attacker, plan_id=attacker.facts[plan], **given)


@ATTACKS.passes(APP, OWNER)
def _asked_for_with_a_plan(attacker: Sql) -> None:
    _ask(attacker, "begun")


@ATTACKS.passes(APP, OWNER)
def _signed_for_a_plan(attacker: Sql) -> None:
    made = signing._prescribe(attacker)
    assert row(attacker, "prescriptions", made)["plan_id"] == attacker.facts["plan"]


ATTACKS.each(
    {
        **{
            f"request for a plan that is {plan}": (
                lambda a, plan=plan: _ask(a, plan),
                "request_is_for_a_plan_that_goes_on",
            )
            for plan in ("draft", "ended", "completed")
        },
        "request for another client's plan": (
            lambda a: _ask(a, "strangers"),
            "request_is_for_a_plan_of_its_client",
        ),
    }
)
ATTACKS.each(
    {
        "request that is of another plan afterwards": (
            "UPDATE approval_requests SET plan_id = %(begun)s WHERE id = %(claimed)s",
            "request_keeps_its_plan",
        ),
        "request that is of no plan any more": (
            "UPDATE approval_requests SET plan_id = NULL WHERE id = %(claimed)s",
            "request_keeps_its_plan",
        ),
        "request that is of a plan afterwards": (
            "UPDATE approval_requests SET plan_id = %(begun)s WHERE id = %(queued)s",
            "request_keeps_its_plan",
        ),
        "prescription that is of another plan afterwards": (
            "UPDATE prescriptions SET plan_id = %(begun)s WHERE id = %(signed)s",
            "what_was_signed_never_changes",
        ),
    },
    OWNER,
)


@ATTACKS.undone("prescription_of_a_plan", OWNER)
def _signed_for_another_plan_than_was_asked(attacker: Sql) -> bool:
    made = signing._prescribe(attacker, plan_id=attacker.facts["begun"])
    return bool(row(attacker, "prescriptions", made)["plan_id"] == attacker.facts["plan"])


@ATTACKS.undone("prescription_of_a_plan", OWNER)
def _signed_for_a_plan_that_has_ended(attacker: Sql) -> bool:
    made = signing._sign(attacker, "ended_asked", plan_id=attacker.facts["ended"])
    signing._cover(attacker, made)
    signing._decide(attacker, "approved", "ended_asked")
    return row(attacker, "prescriptions", made)["plan_id"] is None
