"""Two tabs answer one question, a client withdraws while she is asked: one of them counts."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.charts import charting
from shop.charts.facts import Allergy
from shop.charts.models import ChartEntry
from shop.core.clock import now
from shop.core.db import db
from shop.prescriptions import expiring, inquiring, queries, requesting, verifying
from shop.prescriptions.models import ApprovalRequest, Inquiry
from tests.at_once import Act
from tests.builders import a_cream
from tests.people import alice, dr_chen
from tests.prescriptions.builders import a_claimed_request, a_draft, answers_to
from tests.races.acts import either_first
from tests.races.race import FEW, Race
from tests.regime import RACE_THREADS

OTHERS = RACE_THREADS - 1
HALF = RACE_THREADS // 2
ALLERGIC = {"has_allergies": True, "allergens": ["fish"], "allergies": "Fish; hives."}


def test_of_many_answers_one_counts_and_is_charted_once(race: Race) -> None:
    def one_round() -> None:
        number, client = race.made(a_waiting_request)
        met = race.met([reply(client, number)] * RACE_THREADS)
        assert met == {"replied": 1, "wrong_state": OTHERS}
        assert charted(race, client) == 2
        assert verified(race) == []

    race.rounds("many tabs answer one question", one_round, rounds=FEW)


def test_an_answer_and_a_withdrawal_are_never_both(race: Race) -> None:
    def one_round() -> None:
        number, client = race.made(a_waiting_request)
        met = race.met(either_first(reply(client, number), withdraw(client, number)))
        # Who has answered may still withdraw; who has withdrawn does not answer.
        assert met["withdrawn"] == 1
        assert met["replied"] in (0, 1)
        assert answered(race, number) is bool(met["replied"])

    race.rounds("an answer against a withdrawal", one_round, rounds=FEW)


def test_a_question_and_a_withdrawal_are_never_half(race: Race) -> None:
    def one_round() -> None:
        number, client, chen = race.made(a_held_request)
        met = race.met(either_first(ask(chen, number), withdraw(client, number)))
        assert met["asked"] == 1
        assert met["withdrawn"] in (0, 1)
        assert answered(race, number) is False

    race.rounds("a question against a withdrawal", one_round, rounds=FEW)


def test_an_answer_and_the_end_of_its_time(race: Race) -> None:
    def one_round() -> None:
        number, client = race.made(a_waiting_request)
        met = race.met(either_first(reply(client, number), end_of_time()))
        assert met["replied"] in (0, 1)
        assert status(race, number) == ("queued" if met["replied"] else "expired")

    race.rounds("an answer against the timer", one_round, rounds=FEW)


def test_drafts_of_one_client_are_handed_in_at_once_and_charted_once(race: Race) -> None:
    """Each locks its request, then the one chart; another writes in the chart alone."""

    def one_round() -> None:
        client, drafts = race.made(several_drafts)
        acts = [submit(client, number) for number in drafts]
        met = race.met([*acts, *[says(client)] * (RACE_THREADS - len(acts))])
        assert met == {"submitted": len(acts), "said": RACE_THREADS - len(acts)}
        assert charted(race, client) == 2

    race.rounds("drafts handed in at once", one_round, rounds=FEW)


# What there is, and what they do.


def a_held_request() -> tuple[str, UUID, UUID]:
    client, chen = alice(), dr_chen()
    return a_claimed_request(client, a_cream(), by=chen).number, client.id, chen.id


def a_waiting_request() -> tuple[str, UUID]:
    number, client, chen = a_held_request()
    ask(chen, number)()
    return number, client


def several_drafts() -> tuple[UUID, list[str]]:
    client = alice()
    numbers = []
    for _ in range(HALF):
        draft = a_draft(client, a_cream())
        answers = answers_to(draft.questionnaire_version) | ALLERGIC
        requesting.answer(draft, answers, by=client, at=now())
        numbers.append(draft.number)
    return client.id, numbers


def _held(who: UUID, number: str) -> tuple[Person, ApprovalRequest]:
    person = db.session.get_one(Person, who)
    return person, queries.request_for(person, number, at=now(), lock=True)


def ask(chen: UUID, number: str) -> Act:
    def act() -> str:
        physician, request = _held(chen, number)
        inquiring.inquire(request, "Since when?", by=physician, at=now())
        return "asked"

    return act


def reply(client: UUID, number: str) -> Act:
    def act() -> str:
        her, request = _held(client, number)
        inquiring.reply(request, "Since May.", answers=ALLERGIC, by=her, at=now())
        return "replied"

    return act


def withdraw(client: UUID, number: str) -> Act:
    def act() -> str:
        her, request = _held(client, number)
        requesting.withdraw(request, by=her, at=now())
        return "withdrawn"

    return act


def submit(client: UUID, number: str) -> Act:
    def act() -> str:
        her, request = _held(client, number)
        requesting.submit(request, consent=True, by=her, at=now())
        return "submitted"

    return act


def says(client: UUID) -> Act:
    def act() -> str:
        her = db.session.get_one(Person, client)
        charting.state(her, Allergy("fish"), by=her, at=now())
        return "said"

    return act


def end_of_time() -> Act:
    def act() -> str:
        expiring.expire(at=now() + timedelta(days=15))
        return "looked"

    return act


def charted(race: Race, client: UUID) -> int:
    """How many allergies stand."""
    return race.count(
        sa.select(ChartEntry.id).where(
            ChartEntry.client_id == client,
            ChartEntry.kind == "allergy",
            ChartEntry.ended_at.is_(None),
        )
    )


def answered(race: Race, number: str) -> bool:
    """Whether the request's one question has its reply."""
    asked = sa.select(Inquiry.id).join(ApprovalRequest).where(ApprovalRequest.number == number)
    return race.count(asked.where(Inquiry.reply_sealed.is_not(None))) == 1


def status(race: Race, number: str) -> str:
    with race.app.app_context():
        query = sa.select(ApprovalRequest.status).where(ApprovalRequest.number == number)
        return str(db.session.scalars(query).one())


def verified(race: Race) -> list[str]:
    with race.app.app_context():
        return [one.why for one in verifying.verify()]
