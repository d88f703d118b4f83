"""Gift cards: made by one or two, redeemed whole and once, and never guessed."""

from __future__ import annotations

import re

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import TooMany, WrongState
from shop.credit import codes, correcting, limits, making, redeeming, voiding
from shop.credit.errors import (
    CodeRefused,
    CorrectionRefused,
    GiftCardMade,
    GiftCardRefused,
    SecondPersonNeeded,
)
from shop.credit.models import GiftCard, Origin
from shop.credit.states import CardStatus, CorrectionStatus
from tests.credit.builders import HERE, a_card, balance, entries_of, ledger, redeemed, with_credit
from tests.people import alice, bob, mona, sam

GIVEN = {"origin": Origin.GIVEN, "note": "Her birthday."}
# Codes that were never anybody's, one a try.
GUESSES = [codes.fresh() for _ in range(11)]


def test_a_card_is_redeemed_whole_into_the_account_of_who_has_the_code(app: Flask) -> None:
    client, made = alice(), a_card(50_00)
    assert made.code is not None
    typed = f" {made.code.lower().replace('-', ' ')} "

    entry = redeeming.redeem(typed, address=HERE, by=client, at=now())
    db.session.commit()

    assert ledger(client) == [("redeemed", 50_00, 50_00)]
    assert (made.card.status, made.card.redeemed_by_id) == (CardStatus.REDEEMED, client.id)
    assert entry.card_id == made.card.id
    assert [one.kind for one in events.of(made.card.id)] == [
        "gift_card_proposed",
        "gift_card_issued",
        "gift_card_redeemed",
    ]


def test_only_a_hash_of_the_code_is_kept(app: Flask) -> None:
    made = a_card()
    db.session.commit()

    row = db.session.execute(
        sa.select(sa.cast(sa.func.to_jsonb(sa.text("gift_cards")), sa.Text)).select_from(
            sa.text("gift_cards")
        )
    ).scalars()
    trail = db.session.scalars(sa.text("SELECT facts::text FROM events"))
    assert made.code is not None
    assert re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{4}-){4}[0-9A-HJKMNP-TV-Z]{4}", made.code)
    assert made.card.last4 == made.code[-4:]
    first_group = made.code[:9]
    assert not [text for text in [*row, *trail] if first_group in text]


def test_the_same_client_may_send_it_twice_and_gets_it_once(app: Flask) -> None:
    client, made = alice(), a_card()

    assert redeemed(made, client) is redeemed(made, client)
    db.session.commit()

    assert (balance(client), entries_of(card_id=made.card.id)) == (50_00, 1)


def test_unknown_used_and_voided_codes_get_the_same_answer(app: Flask) -> None:
    client, used, voided = bob(), a_card(), a_card(20_00, by=mona())
    redeemed(used, alice())
    voiding.void(voided.card, reason="Lost.", by=mona(), at=now())
    db.session.commit()
    told = set()

    for code in (codes.fresh(), used.code, voided.code, "", "hello", "\udcff"):
        with pytest.raises(CodeRefused) as refused:
            redeeming.redeem(code or "", address=HERE, by=client, at=now())
        told.add((refused.value.text, str(refused.value.fields), str(refused.value.facts)))
    db.session.commit()

    assert len(told) == 1
    assert ledger(client) == []


@pytest.mark.parametrize("apart", ["client", "address"])
def test_who_guesses_is_slowed_by_account_and_by_address(app: Flask, apart: str) -> None:
    """Ten wrong codes within ten minutes: then even the right one has to wait."""
    client, made = alice(), a_card()
    who = (lambda n: client) if apart == "address" else (lambda n: alice())
    where = (lambda n: HERE) if apart == "client" else (lambda n: f"198.51.100.{n}")
    for n, code in enumerate(GUESSES[:10]):
        with pytest.raises(CodeRefused):
            redeeming.redeem(code, address=where(n), by=who(n), at=now())
        db.session.commit()

    with pytest.raises(TooMany):
        redeeming.redeem(made.code or "", address=where(11), by=who(11), at=now())

    assert made.card.status is CardStatus.ISSUED


def test_a_large_card_gets_its_code_when_a_second_person_agrees(app: Flask) -> None:
    staff = sam()
    made = making.make(100_01, **GIVEN, by=staff, at=now())
    db.session.commit()
    assert (made.code, made.card.status, made.card.large) == (None, CardStatus.PROPOSED, True)

    with pytest.raises(SecondPersonNeeded):
        making.confirm(made.card, by=staff, at=now())
    with pytest.raises(SecondPersonNeeded):
        making.decline(made.card, by=staff, at=now())
    agreed = making.confirm(made.card, by=mona(), at=now())
    db.session.commit()

    assert agreed.code is not None
    assert redeemed(agreed, alice()).delta_cents == 100_01
    with pytest.raises(WrongState):
        making.confirm(made.card, by=mona(), at=now())


def test_a_declined_card_has_no_code(app: Flask) -> None:
    made = making.make(500_00, **GIVEN, by=sam(), at=now())
    making.decline(made.card, by=mona(), at=now())
    db.session.commit()

    assert (made.card.status, made.card.code_hash) == (CardStatus.DECLINED, None)


def test_small_steps_of_one_person_within_a_day_count_together(app: Flask) -> None:
    """$60 by a card and $40 given to an account are the limit; a dollar more takes two."""
    staff, client = sam(), alice()
    first = a_card(60_00, by=staff)
    second = correcting.propose(client, 40_00, note="Sorry.", by=staff, at=now())
    third = making.make(5_00, **GIVEN, by=staff, at=now())
    fourth = correcting.propose(client, 1, note="Sorry.", by=staff, at=now())
    other = a_card(100_00, by=sam())
    db.session.commit()

    assert [one.large for one in (first.card, second, third.card, fourth, other.card)] == [
        *(False, False, True, True, False)
    ]
    assert balance(client) == 40_00


def test_the_limit_that_pages_tell_is_the_databases(app: Flask) -> None:
    person = sam()
    asked = [
        db.session.scalar(sa.select(sa.func.credit_is_large(person.id, cents)))
        for cents in (limits.LIMIT_CENTS, limits.LIMIT_CENTS + 1)
    ]
    assert asked == [False, True]


@pytest.mark.parametrize("cents", [-1, 0, 499, 1000_01, 2**31])
def test_a_card_of_no_sane_amount_is_refused(app: Flask, cents: int) -> None:
    with pytest.raises(GiftCardRefused) as refused:
        making.make(cents, **GIVEN, by=mona(), at=now())
    assert list(refused.value.fields) == ["cents"]


@pytest.mark.parametrize("note", ["", "  ", "x" * 201])
def test_a_card_says_what_paid_for_it_or_why_it_is_given(app: Flask, note: str) -> None:
    with pytest.raises(GiftCardRefused) as refused:
        making.make(50_00, origin=Origin.SOLD, note=note, by=mona(), at=now())
    assert list(refused.value.fields) == ["note"]


def test_a_form_sent_twice_makes_one_card(app: Flask) -> None:
    made = a_card(20_00)
    with pytest.raises(GiftCardMade) as refused:
        making.make(20_00, **GIVEN, by=sam(), at=now(), card_id=made.card.id)
    assert refused.value.facts == {"number": made.card.number}


def test_what_is_redeemed_is_not_voided(app: Flask) -> None:
    made = a_card()
    redeemed(made, alice())
    with pytest.raises(WrongState):
        voiding.void(made.card, reason="Too late.", by=mona(), at=now())


def test_no_card_has_a_day_on_which_it_ends(app: Flask) -> None:
    """15 U.S.C. 1693l-1: not within five years. Ours never: there is no column to hold a day."""
    names = {column.name for column in GiftCard.__table__.columns}
    assert not [name for name in names if re.search("expir|valid|until|fee", name)]


# Corrections.


def test_credit_is_taken_back_by_two(app: Flask) -> None:
    client, staff = with_credit(30_00), sam()
    asked = correcting.propose(client, -1, note="Booked twice.", by=staff, at=now())
    db.session.commit()
    assert (asked.status, balance(client)) == (CorrectionStatus.PROPOSED, 30_00)

    with pytest.raises(SecondPersonNeeded):
        correcting.confirm(asked, by=staff, at=now())
    correcting.confirm(asked, by=mona(), at=now())
    db.session.commit()

    assert ledger(client)[-1] == ("taken_back", -1, 29_99)


def test_more_than_there_is_cannot_be_taken_back(app: Flask) -> None:
    client = with_credit(30_00)
    with pytest.raises(CorrectionRefused):
        correcting.propose(client, -30_01, note="All.", by=sam(), at=now())
    all_of_it = correcting.propose(client, -30_00, note="All.", by=sam(), at=now())
    one = correcting.propose(client, -1, note="And more.", by=sam(), at=now())
    correcting.confirm(all_of_it, by=mona(), at=now())
    db.session.commit()

    with pytest.raises(CorrectionRefused):
        correcting.confirm(one, by=mona(), at=now())
    db.session.rollback()

    assert balance(client) == 0


def test_a_declined_correction_moves_nothing(app: Flask) -> None:
    client = alice()
    asked = correcting.propose(client, 200_00, note="Much.", by=sam(), at=now())
    correcting.decline(asked, by=mona(), at=now())
    db.session.commit()

    assert (asked.status, ledger(client)) == (CorrectionStatus.DECLINED, [])
    with pytest.raises(WrongState):
        correcting.confirm(asked, by=mona(), at=now())


@pytest.mark.parametrize("cents", [0, 1000_01, -1000_01])
def test_no_sane_correction(app: Flask, cents: int) -> None:
    with pytest.raises(CorrectionRefused):
        correcting.propose(alice(), cents, note="What?", by=sam(), at=now())
