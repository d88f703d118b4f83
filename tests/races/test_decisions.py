"""Twenty physicians claim a request and one holds it; a request is decided once; leases end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from shop.accounts.models import AuthEvent, Person
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import db
from shop.prescriptions import queries, requesting, reviewing, signing
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.prescriptions.models import Refusal as Refused
from shop.prescriptions.reviewing import RefusalReason
from shop.prescriptions.states import RequestStatus
from tests.at_once import Act
from tests.builders import a_cream
from tests.people import a_fresh_sign_in, alice, dr_chen
from tests.prescriptions.builders import a_claimed_request, a_request, the_terms
from tests.races.race import FEW, SOME, Race, Row
from tests.regime import RACE_THREADS

OTHERS = RACE_THREADS - 1
HALF = RACE_THREADS // 2
WRITES_DOWN = "INSERT INTO (prescriptions|refusals)"
# All that keeps a second signature away, but for the lock.
ONE_SIGNATURE = (
    "DROP TRIGGER prescription_signed ON prescriptions",
    "DROP TRIGGER state_signed ON prescription_states",
    "ALTER TABLE prescriptions DROP CONSTRAINT prescriptions_one_per_request",
    "DROP TRIGGER prescription_takes_its_place ON prescriptions",
    "DROP TRIGGER screening_guard ON screenings",
    "ALTER TABLE screenings DROP CONSTRAINT screenings_one_per_request",
    "DROP TRIGGER signature_guard ON signatures",
    "ALTER TABLE signatures DROP CONSTRAINT signature_is_of_its_prescription",
)


# Claims.


def test_of_twenty_physicians_one_holds_the_request(race: Race) -> None:
    """F18."""
    physicians, cream = a_house_of(race)

    def one_round() -> None:
        request = race.made(lambda: a_request(alice(), fresh(Variant, cream)))
        met = race.met([claim(who, request.number) for who in physicians])
        assert met == {"claimed": 1, "already_claimed": OTHERS}
        assert race.row(ApprovalRequest, request.id).claim_count == 1

    race.rounds("twenty physicians claim", one_round, rounds=SOME)


def test_without_the_lock_the_database_lets_one_claim(race: Race) -> None:
    physicians, cream = a_house_of(race)
    request = race.made(lambda: a_request(alice(), fresh(Variant, cream)))

    met = race.carelessly(
        [claim(who, request.number) for who in physicians], before="UPDATE approval_requests"
    )

    assert met == {"claimed": 1, "claim_is_not_taken_over": OTHERS}


def test_without_lock_and_trigger_all_claim(unguarded: Callable[..., Race]) -> None:
    race = unguarded()
    physicians, cream = a_house_of(race)
    request = race.made(lambda: a_request(alice(), fresh(Variant, cream)))
    race.ddl(
        "DROP TRIGGER request_guard ON approval_requests",
        "ALTER TABLE approval_requests DROP CONSTRAINT in_review_by_someone",  # it sets the lease
    )

    met = race.carelessly(
        [claim(who, request.number) for who in physicians], before="UPDATE approval_requests"
    )

    assert met == {"claimed": RACE_THREADS}


# Decisions.


def test_a_request_is_decided_once(race: Race) -> None:
    """I4: ten tabs sign, ten refuse."""
    (chen, *_), cream = a_house_of(race, physicians=1)

    def one_round() -> None:
        request, proof = race.made(lambda: held(chen, cream))
        met = race.met(decide(chen, request, proof))
        assert met["already_decided"] == OTHERS
        assert met["signed"] + met["refused"] == 1
        assert decisions(race, request) == (met["signed"], met["refused"])

    race.rounds("a request is decided once", one_round, rounds=SOME)


def test_without_the_lock_the_database_decides_once(race: Race) -> None:
    (chen, *_), cream = a_house_of(race, physicians=1)
    request, proof = race.made(lambda: held(chen, cream))

    met = race.carelessly(decide(chen, request, proof), before=WRITES_DOWN)

    assert met["signed"] + met["refused"] == 1
    assert met["signed_under_a_claim"] + met["refused_under_a_claim"] == OTHERS
    assert decisions(race, request) == (met["signed"], met["refused"])


def test_without_lock_and_belts_a_request_has_twenty_signatures(
    unguarded: Callable[..., Race],
) -> None:
    race = unguarded(*ONE_SIGNATURE)
    (chen, *_), cream = a_house_of(race, physicians=1)
    request, proof = race.made(lambda: held(chen, cream))

    met = race.carelessly([sign(chen, request, proof)] * RACE_THREADS, before=WRITES_DOWN)

    assert met == {"signed": RACE_THREADS}
    assert [wrong.split(":")[0] for wrong in race.wrongs()] == [
        "I4 one decision for one request",
        "I6 of one client and pack the latest prescription alone gives fills",
    ]


# Leases.


def test_who_was_frozen_past_the_lease_decides_nothing(race: Race) -> None:
    """F20: ten tabs of a physician who read the clock before her lease ended, and ten others."""
    (zombie, *others), cream = a_house_of(race, physicians=HALF + 1)

    def one_round() -> None:
        request, proof = race.made(lambda: held(zombie, cream))
        then = race.made(now)
        travel(race)
        tabs = decide(zombie, request, proof, at=then, fence=1)[:: RACE_THREADS // HALF]

        met = race.met(
            [*tabs, *(claim(who, request.number) for who in others)],
            refused_by=("signed_under_a_claim", "refused_under_a_claim"),
        )

        assert (met["claimed"], met["already_claimed"]) == (1, HALF - 1)
        refused = met["claim_lost"] + met["signed_under_a_claim"] + met["refused_under_a_claim"]
        assert refused == HALF
        assert decisions(race, request) == (0, 0)
        assert race.row(ApprovalRequest, request.id).claim_count == 2

    race.rounds("claim against the lease's end", one_round, rounds=FEW)


def test_without_the_lock_the_database_refuses_the_frozen(race: Race) -> None:
    (zombie, other), cream = a_house_of(race, physicians=2)
    request, proof = race.made(lambda: held(zombie, cream))
    then = race.made(now)
    travel(race)

    met = race.carelessly(
        [sign(zombie, request, proof, at=then, fence=1)],
        before=WRITES_DOWN,
        overtaken_by=claim(other, request.number),
    )

    assert met == {"signed_under_a_claim": 1}
    assert decisions(race, request) == (0, 0)


def test_without_lock_and_triggers_the_frozen_sign(unguarded: Callable[..., Race]) -> None:
    """What another physician has just begun to read."""
    race = unguarded(*ONE_SIGNATURE, *AN_OLD_SIGN_IN)
    (zombie, other), cream = a_house_of(race, physicians=2)
    request, proof = race.made(lambda: held(zombie, cream))
    then = race.made(now)
    travel(race)

    met = race.carelessly(
        [sign(zombie, request, proof, at=then, fence=1)],
        before=WRITES_DOWN,
        overtaken_by=claim(other, request.number),
    )

    assert met == {"signed": 1}
    assert race.row(ApprovalRequest, request.id).status is RequestStatus.APPROVED


AN_OLD_SIGN_IN = ("ALTER TABLE prescriptions DROP CONSTRAINT sign_in_was_fresh_when_signed",)


# One request.


def test_a_double_click_begins_one_request(race: Race) -> None:
    cream = race.made(lambda: a_cream().id)

    def one_round() -> None:
        client = race.made(lambda: alice().id)
        met = race.met([begin(client, cream)] * RACE_THREADS)
        assert met == {"begun": 1, "already_asked": OTHERS}
        assert requests(race, client) == 1

    race.rounds("one request is begun", one_round, rounds=FEW)


def test_without_the_index_a_double_click_begins_twenty(unguarded: Callable[..., Race]) -> None:
    race = unguarded("DROP INDEX approval_requests_one_live")
    client, cream = race.made(lambda: (alice().id, a_cream().id))

    met = race.carelessly(
        [begin(client, cream)] * RACE_THREADS, before="INSERT INTO approval_requests"
    )

    assert met == {"begun": RACE_THREADS}
    assert requests(race, client) == RACE_THREADS


def a_house_of(race: Race, *, physicians: int = RACE_THREADS) -> tuple[list[UUID], UUID]:
    """Physicians, and the cream that clients ask them for."""
    return race.made(lambda: ([dr_chen().id for _ in range(physicians)], a_cream().id))


def held(physician: UUID, cream: UUID) -> tuple[ApprovalRequest, UUID]:
    """A request in review with her, and her fresh sign-in."""
    who = fresh(Person, physician)
    request = a_claimed_request(alice(), fresh(Variant, cream), by=who)
    return request, a_fresh_sign_in(who).id


def fresh(kind: type[Row], key: UUID) -> Row:
    return db.session.get_one(kind, key)


def travel(race: Race) -> None:
    """Beyond the end of every lease."""
    race.ddl("UPDATE shop_clock SET time_offset = time_offset + interval '16 minutes'")


def claim(who: UUID, number: str) -> Act:
    def act() -> str:
        physician = fresh(Person, who)
        request = queries.request_for(physician, number, at=now(), lock=True)
        reviewing.claim(request, by=physician, at=now())
        return "claimed"

    return act


def sign(
    who: UUID,
    request: ApprovalRequest,
    proof: UUID,
    *,
    at: datetime | None = None,
    fence: int | None = None,
) -> Act:
    def act() -> str:
        physician = fresh(Person, who)
        asked = queries.request_for(physician, request.number, at=now(), lock=True)
        shown = db.session.get(AuthEvent, proof)
        signing.sign(asked, the_terms(), by=physician, proof=shown, at=at or now(), fence=fence)
        return "signed"

    return act


def refuse(
    who: UUID, request: ApprovalRequest, *, at: datetime | None = None, fence: int | None = None
) -> Act:
    def act() -> str:
        physician = fresh(Person, who)
        asked = queries.request_for(physician, request.number, at=now(), lock=True)
        reviewing.refuse(
            asked,
            reason=RefusalReason.EXAM_REQUIRED,
            message="Come and see us.",
            by=physician,
            at=at or now(),
            fence=fence,
        )
        return "refused"

    return act


def decide(
    who: UUID,
    request: ApprovalRequest,
    proof: UUID,
    *,
    at: datetime | None = None,
    fence: int | None = None,
) -> list[Act]:
    """Half of the tabs sign, half refuse, in turn."""
    yes = sign(who, request, proof, at=at, fence=fence)
    no = refuse(who, request, at=at, fence=fence)
    return [yes, yes, no, no] * (RACE_THREADS // 4)


def begin(client_id: UUID, variant_id: UUID) -> Act:
    def act() -> str:
        client, variant = fresh(Person, client_id), fresh(Variant, variant_id)
        requesting.start(client, variant, quantity=1, ship_to_state="CA", by=client, at=now())
        return "begun"

    return act


def decisions(race: Race, request: ApprovalRequest) -> tuple[int, int]:
    """Signatures and refusals."""
    return (
        race.count(sa.select(Prescription).where(Prescription.request_id == request.id)),
        race.count(sa.select(Refused).where(Refused.request_id == request.id)),
    )


def requests(race: Race, client: UUID) -> int:
    return race.count(sa.select(ApprovalRequest).where(ApprovalRequest.client_id == client))
