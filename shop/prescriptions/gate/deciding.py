"""Asks the questions of every wish and puts their answer into words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from shop.prescriptions.gate import covering, windows
from shop.prescriptions.gate.answers import (
    Answer,
    Decision,
    Explained,
    Objection,
    Reason,
    Step,
    day,
    step,
)
from shop.prescriptions.gate.facts import Asked, Facts, Ruling, Wish
from shop.prescriptions.gate.questions import QUESTIONS, prescription_covers_it
from shop.prescriptions.states import RequestStatus
from shop.treatments.course import LOOKED_AT

# What an open request waits for, where it waits for the client.
YOUR_TURN = {
    RequestStatus.INFO_REQUESTED: ("The physician has a question.", "Answer it in your request."),
    RequestStatus.REFERRED: ("An examination comes first.", "Read what to do in your request."),
    RequestStatus.PENDING_CLIENT: (
        "A physician prescribed something else instead.",
        "Look at your request and accept it, or take it back.",
    ),
}


def decide(facts: Facts) -> list[Decision]:
    """Answer every wish, in their order. Changes nothing, raises nothing."""
    return [_noted(facts, _decision(facts, wish)) for wish in facts.wishes]


def explain(facts: Facts, decisions: Sequence[Decision]) -> list[Explained]:
    """What `decide` has answered to these facts, with what it looked at. Decides nothing."""
    return [_explained(facts, decision) for decision in decisions]


def _explained(facts: Facts, decision: Decision) -> Explained:
    wish = decision.wish
    pack = facts.packs.get(wish.variant_id)
    looked_at = any(step.question == prescription_covers_it.__name__ for step in decision.trace)
    if pack is None or not pack.needs_prescription or not looked_at:
        return Explained(decision, pack, ())
    return Explained(decision, pack, covering.weighed(facts, wish))


def _noted(facts: Facts, decision: Decision) -> Decision:
    """With what her treatments ask of it besides. It opens and closes nothing.

    Not of what was placed: who packs it reads the answer, too.
    """
    if decision.wish.placed:
        return decision
    asked = facts.windows.get(decision.wish.variant_id, ())
    said = windows.told(asked, facts.at)
    if decision.wish.variant_id in facts.resting and decision.open:
        said = (LOOKED_AT, *said)
    return replace(decision, notes=tuple(one for one in said if decision.sentence not in one))


def _ruling(facts: Facts, wish: Wish) -> Ruling | None:
    pack = facts.packs.get(wish.variant_id)
    return None if pack is None else pack.ruling


def _decision(facts: Facts, wish: Wish) -> Decision:
    trace: list[Step] = []
    try:
        for question in QUESTIONS:
            objection = question(facts, wish)
            trace.append(step(question.__name__, objection))
            if objection is not None:
                return _refused(facts, wish, objection, trace)
        return _opened(facts, wish, trace)
    except Exception as error:  # noqa: BLE001 - whatever went wrong, the answer is no
        reason = Reason(
            code="not_decided",
            text="We cannot check this right now, so it has to wait.",
            remedy="Try again in a while, or ask us.",
            facts={"error": type(error).__name__},
        )
        return Decision(
            wish, Answer.BLOCKED, reasons=(reason,), sentence=reason.text, trace=tuple(trace)
        )


def _opened(facts: Facts, wish: Wish, trace: Sequence[Step]) -> Decision:
    if not facts.packs[wish.variant_id].needs_prescription:
        return Decision(
            wish,
            Answer.OPEN,
            sentence="Ready to order.",
            ruling=_ruling(facts, wish),
            trace=tuple(trace),
        )
    cover = covering.cover(facts, wish)
    if cover is None:
        raise LookupError("No question objected, and yet nothing covers the line.")
    return Decision(
        wish,
        Answer.OPEN,
        prescription_id=cover.id,
        prescription_number=cover.number,
        valid_until=cover.valid_until,
        fills_left=cover.fills_left,
        ruling=_ruling(facts, wish),
        sentence=f"Approved by {cover.prescriber_name} until"
        f" {day(covering.last_day(cover), facts.day)},"
        f" {cover.fills_left} of {cover.fills_allowed} fills left.",
        trace=tuple(trace),
    )


def _refused(facts: Facts, wish: Wish, objection: Objection, trace: Sequence[Step]) -> Decision:
    told = dict(objection.facts) | _law(facts, wish)
    rule = trace[-1].question
    reasons = [Reason(objection.code, objection.text, objection.remedy, rule, told)]
    asked = facts.requests.get(wish.variant_id)
    if objection.answer is Answer.NEEDS_REQUEST and asked is not None:
        reasons.insert(0, _already_asked(facts, asked))
    return Decision(
        wish,
        objection.answer,
        until=objection.until,
        reasons=tuple(reasons),
        sentence=reasons[0].text,
        ruling=_ruling(facts, wish),
        trace=tuple(trace),
    )


def _law(facts: Facts, wish: Wish) -> dict[str, object]:
    """The rule that decided, as facts of the reason; nothing where no rule did."""
    pack = facts.packs.get(wish.variant_id)
    decided = pack and pack.decided_by
    if not decided:
        return {}
    return {
        "state": facts.ship_to_state,
        "legal_class": decided.legal_class.value,
        "legal_rule": decided.number,
        "legal_rule_version": decided.version,
        "legal_rule_id": str(decided.rule_id),
    }


def _already_asked(facts: Facts, asked: Asked) -> Reason:
    looked_at = "A physician is looking at it.", "You will get a mail when it is decided."
    if asked.asked_on is None:
        text, remedy = "You have begun to ask for this.", "Finish your request."
    else:
        text, remedy = YOUR_TURN.get(asked.status, looked_at)
        text = f"{text} You asked on {day(asked.asked_on, facts.day)}."
    told = {"request": asked.number, "status": asked.status.value}
    return Reason("request_pending", text, remedy, "prescription_covers_it", told)
