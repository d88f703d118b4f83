"""Who stands behind a nurse practitioner or physician assistant, and signing under her."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from shop.accounts import licences
from shop.accounts.models import Licence, Person
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotAllowed
from shop.prescriptions import signatures, signing, supervising, verifying
from shop.prescriptions.errors import NotSupervised, SupervisionRefused
from shop.prescriptions.models import Prescription, Supervision
from tests.people import a_fresh_sign_in, a_licence, alice, dr_chen, mona
from tests.prescriptions.builders import a_claimed_request, the_terms

pytestmark = pytest.mark.usefixtures("app")


def today(days: int = 0) -> date:
    return now().date() + timedelta(days=days)


def a_nurse(*states: str, kind: str = "NP") -> Person:
    nurse = dr_chen(states=(), name="Nora Vale NP")
    for state in states or ("CA",):
        a_licence(nurse, state=state, kind=kind)
    return nurse


def under(nurse: Person, supervisor: Person, **given: Any) -> Supervision:
    how: dict[str, Any] = {
        "state": "CA",
        "valid_from": today(-9),
        "valid_until": today(90),
        "by": mona(),
        "at": now(),
    }
    return supervising.enter(nurse, supervisor, **(how | given))


def sign(nurse: Person, **given: Any) -> Prescription:
    request = a_claimed_request(alice(**given), by=nurse)
    proof = a_fresh_sign_in(nurse)
    return signing.sign(request, the_terms(), by=nurse, proof=proof, at=now())


def prescriptions() -> int:
    return db.session.scalar(sa.select(sa.func.count()).select_from(Prescription)) or 0


@pytest.mark.parametrize("kind", ["NP", "PA"])
def test_where_the_state_asks_nobody_signs_alone(kind: str) -> None:
    with pytest.raises(NotSupervised) as refused:
        sign(a_nurse(kind=kind))
    assert f"{kind}s prescribe under a physician in CA." in refused.value.text
    assert "Ask the manager" in refused.value.text
    assert refused.value.facts["states"] == ["CA"]
    assert prescriptions() == 0


def test_who_stands_behind_her_is_part_of_what_is_signed() -> None:
    nurse, chen = a_nurse(), dr_chen()
    entered = under(nurse, chen)

    signed = sign(nurse)
    db.session.commit()

    (covered,) = signed.states
    licence = next(one for one in chen.licences if one.state == "CA")
    assert (covered.supervision_id, covered.supervisor_id) == (entered.id, chen.id)
    assert (covered.supervisor_name, covered.supervisor_licence_number) == (
        "Dr Wei Chen",
        licence.number,
    )
    assert f"  CA: Dr Wei Chen, licence {licence.number}" in (signed.statement or "")
    (kept,) = json.loads(signatures.of(signed).document)["states"]
    assert kept["supervisor"]["name"] == "Dr Wei Chen"
    assert kept["supervisor"]["licence"]["number"] == licence.number
    assert list(verifying.verify()) == []


def test_a_physician_signs_alone() -> None:
    signed = sign(dr_chen())
    assert signed.states[0].supervision_id is None
    assert "Supervised" not in (signed.statement or "")


def test_a_nurse_signs_alone_where_the_law_lets_her() -> None:
    signed = sign(a_nurse("AZ"), state="AZ")
    db.session.commit()
    assert signed.states[0].supervision_id is None


def _ended(one: Supervision, _chen: Person) -> None:
    supervising.end(one, on=today(), by=mona(), at=now())


def _licence_of(chen: Person) -> Licence:
    return next(one for one in chen.licences if one.state == "CA")


def _her_licence_ended(_one: Supervision, chen: Person) -> None:
    licences.end(_licence_of(chen), on=today(), by=mona())


def _she_left(_one: Supervision, chen: Person) -> None:
    chen.disabled_at, chen.session_epoch = now(), chen.session_epoch + 1
    db.session.flush()


OVER: dict[str, Callable[[Supervision, Person], None]] = {
    "it ended": _ended,
    "her licence ended": _her_licence_ended,
    "she left the clinic": _she_left,
}


@pytest.mark.parametrize("case", OVER)
def test_a_supervision_that_does_not_stand_carries_nothing(case: str) -> None:
    nurse, chen = a_nurse(), dr_chen()
    OVER[case](under(nurse, chen), chen)
    with pytest.raises(NotSupervised):
        sign(nurse)
    assert prescriptions() == 0


NOT_NOW = {
    "begins tomorrow": {"valid_from": 1},
    "is over": {"valid_until": 0},
}


@pytest.mark.parametrize("case", NOT_NOW)
def test_a_supervision_counts_on_its_days_only(case: str) -> None:
    nurse = a_nurse()
    under(nurse, dr_chen(), **{name: today(days) for name, days in NOT_NOW[case].items()})
    with pytest.raises(NotSupervised):
        sign(nurse)


def test_a_supervision_counts_in_its_state_only() -> None:
    nurse = a_nurse("CA", "NV")
    under(nurse, dr_chen(), state="NV")
    with pytest.raises(NotSupervised) as refused:
        sign(nurse)
    assert refused.value.facts["states"] == ["CA"]


def test_another_who_still_stands_behind_her_will_do() -> None:
    nurse, gone, there = a_nurse(), dr_chen(), dr_chen()
    _ended(under(nurse, gone), gone)
    under(nurse, there)
    assert sign(nurse).states[0].supervisor_id == there.id


UNFIT: dict[str, tuple[dict[str, Any], str]] = {
    "a state that is none": ({"state": "XX"}, "state"),
    "a state she is not licensed in": ({"state": "TX"}, "supervisor"),
    "days that run backwards": ({"valid_until": -9}, "valid_until"),
}


@pytest.mark.parametrize("case", UNFIT)
def test_a_supervision_that_cannot_be_is_not_entered(case: str) -> None:
    given, field = UNFIT[case]
    given = {name: today(it) if name == "valid_until" else it for name, it in given.items()}
    with pytest.raises(SupervisionRefused) as refused:
        under(a_nurse(), dr_chen(), **given)
    assert list(refused.value.fields) == [field]
    assert db.session.scalars(sa.select(Supervision)).all() == []


def test_only_an_md_or_do_supervises_and_not_herself() -> None:
    nurse, chen = a_nurse(), dr_chen()
    for supervisor in (a_nurse(), mona(), nurse):
        with pytest.raises(SupervisionRefused) as refused:
            under(nurse, supervisor)
        assert list(refused.value.fields) == ["supervisor"]
    with pytest.raises(SupervisionRefused):
        under(chen, chen)
    with pytest.raises(SupervisionRefused):
        under(alice(), chen)


def test_only_the_manager_enters_and_ends() -> None:
    nurse, chen = a_nurse(), dr_chen()
    with pytest.raises(NotAllowed):
        under(nurse, chen, by=chen)
    one = under(nurse, chen)
    with pytest.raises(NotAllowed):
        supervising.end(one, on=today(), by=nurse, at=now())
    assert one.ended_on is None


def test_the_same_days_are_entered_once_and_ended_once() -> None:
    nurse, chen = a_nurse(), dr_chen()
    one = under(nurse, chen)
    with pytest.raises(SupervisionRefused, match="cannot be changed"):
        under(nurse, chen, valid_from=today(30))
    for day in (today(-1), today(91)):
        with pytest.raises(SupervisionRefused):
            supervising.end(one, on=day, by=mona(), at=now())
    supervising.end(one, on=today(), by=mona(), at=now())
    with pytest.raises(SupervisionRefused):
        supervising.end(one, on=today(), by=mona(), at=now())
    under(nurse, chen)
    db.session.commit()
    assert [event.kind for event in events.of(one.id)] == [
        "supervision_entered",
        "supervision_ended",
    ]
