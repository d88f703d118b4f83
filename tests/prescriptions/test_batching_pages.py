"""Renewals that change nothing, read together and signed one by one on the pages."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.charts.models import Access
from shop.core.db import db
from shop.prescriptions.states import RequestStatus
from tests.accounts.test_api import WORD, somebody
from tests.people import alice, dr_chen
from tests.prescriptions.builders import a_request
from tests.prescriptions.test_batching import a_renewal, as_it_is, calm_cream, signed_for
from tests.prescriptions.test_pages import Reader

LIST, SIGN = "/review/renewals", "/review/renewals/signatures"


class Batch(Reader):
    """Sends the form of statements whole; `numbers` are what it shows."""

    def read(self, numbers: list[str]) -> str:
        self.get(LIST)
        return self.send(LIST, number=numbers)

    @property
    def numbers(self) -> list[str]:
        return re.findall(r'type="hidden" name="number" value="([^"]+)"', self.text)

    def sign(self, *ticked: str, **typed: Any) -> str:
        return self.send(SIGN, number=self.numbers, read=list(ticked), **typed)


@pytest.fixture
def chen(app: Flask) -> Person:
    return somebody(dr_chen)


@pytest.fixture
def three(chen: Person) -> list[str]:
    pack = calm_cream()
    numbers = [a_renewal(pack, chen, somebody(alice)).number for _ in range(3)]
    db.session.commit()
    return numbers


def test_two_of_three_are_signed_and_the_third_goes_back(
    app: Flask, chen: Person, three: list[str]
) -> None:
    reader = Batch(app, chen)
    assert LIST in reader.get("/review")
    reader.get(LIST)
    assert reader.text.count('type="checkbox" name="number"') == 3
    assert "3 fills, each for 30 days" in reader.text
    opened = set(db.session.scalars(sa.select(Access.record)))
    assert opened == {f"approval_request {number}" for number in three}

    text = reader.send(LIST, number=three)
    assert reader.numbers == three
    assert text.count('<div class="statement">') == text.count("A pea-sized amount") == 3
    assert " checked" not in text
    assert [as_it_is(number).status for number in three] == [RequestStatus.IN_REVIEW] * 3

    text = reader.sign(three[0], three[2], password=WORD)
    assert reader.status == 200
    assert "2 of 3 signed" in text
    assert len(re.findall(r'Signed: <a href="/prescriptions/RX-', text)) == 2
    assert "You did not tick it; it waits again." in text
    assert [signed_for(number) for number in three] == [1, 0, 1]
    assert as_it_is(three[1]).status is RequestStatus.QUEUED


def test_nothing_ticked_signs_nothing(app: Flask, chen: Person, three: list[str]) -> None:
    reader = Batch(app, chen)
    reader.read([])
    assert reader.status == 422
    assert "Tick 1 to 20." in reader.text
    reader.read(three)

    assert "0 of 3 signed" in reader.sign()
    assert [signed_for(number) for number in three] == [0, 0, 0]
    assert [as_it_is(number).status for number in three] == [RequestStatus.QUEUED] * 3


@pytest.mark.parametrize(
    ("typed", "status", "said"),
    [({}, 403, "A signature needs"), ({"password": "no"}, 401, "do not belong together")],
)
def test_without_a_fresh_sign_in_none_is_signed(
    app: Flask, chen: Person, three: list[str], typed: dict[str, str], status: int, said: str
) -> None:
    reader = Batch(app, chen)
    reader.read(three)

    text = reader.sign(three[1], **typed)

    assert reader.status == status
    assert said in text
    assert [signed_for(number) for number in three] == [0, 0, 0]
    assert re.findall(r'name="read" value="([^"]+)" checked', text) == [three[1]]
    assert "1 of 3 signed" in reader.sign(three[1], password=WORD)
    assert signed_for(three[1]) == 1


def test_a_changed_statement_is_named_and_stops_no_other(
    app: Flask, chen: Person, three: list[str]
) -> None:
    reader = Batch(app, chen)
    reader.read(three)

    text = reader.sign(*three, password=WORD, **{f"statement_hash.{three[0]}": "1" * 64})

    assert "2 of 3 signed" in text
    assert "Not signed. The statement has changed since it was shown." in text
    assert f'href="/review/{three[0]}"' in text
    assert [signed_for(number) for number in three] == [0, 1, 1]
    assert as_it_is(three[0]).status is RequestStatus.QUEUED


def test_what_is_no_routine_renewal_is_named_and_not_claimed(
    app: Flask, chen: Person, three: list[str]
) -> None:
    first = a_request(alice(), calm_cream()).number
    db.session.commit()
    reader = Batch(app, chen)

    text = reader.read([three[0], first, "Q-NOBODY"])

    assert reader.numbers == [three[0]]
    assert "It renews nothing: read it by itself." in text
    assert "There is no such request." in text
    assert as_it_is(first).status is RequestStatus.QUEUED


@pytest.mark.parametrize("wrong", ["", "0", "x", "\x00", "9" * 30])
def test_forged_claims_sign_nothing(app: Flask, chen: Person, three: list[str], wrong: str) -> None:
    reader = Batch(app, chen)
    reader.read(three[:1])
    reader.sign(three[0], password=WORD, **{f"claim.{three[0]}": wrong})
    assert reader.status == 422
    assert signed_for(three[0]) == 0
