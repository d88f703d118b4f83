"""Opening, confirming, employing, licences: what is done, and what is refused."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts import (
    confirming,
    employing,
    licences,
    moving,
    opening,
    passwords,
    signing_in,
    tokens,
)
from shop.accounts.confirming import Purpose
from shop.accounts.errors import (
    BadDetails,
    EmailTaken,
    LicenceEnded,
    LicencesOverlap,
    LinkNotUsable,
    NotYourself,
    NpiTaken,
    UnknownScope,
)
from shop.accounts.models import MailLink, Person, Role, SignIn, Token
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.events import Event, Kind
from tests import people

TODAY = date(2026, 6, 15)
DAY = timedelta(days=1)


def opened(**given: Any) -> Person | None:
    details: dict[str, Any] = {
        "email": "carla@example.test",
        "password": "gray plum 12",
        "name": "Carla Ruiz",
        "birth_date": date(1990, 5, 4),
        "state": "CA",
        "at": now(),
        "today": TODAY,
    }
    return opening.open_account(**(details | given))


def kinds_of(subject: Any) -> list[str]:
    return [event.kind for event in events.of(subject.id)]


def test_a_client_opens_an_account(app: Flask) -> None:
    person = opened()

    assert person is not None
    assert (person.role, person.state, person.email_confirmed_at) == (Role.CLIENT, "CA", None)
    assert passwords.matches(person.password_hash, "gray plum 12")
    assert kinds_of(person) == ["account_opened"]


DETAILS: dict[str, tuple[dict[str, Any], str | None]] = {
    "born yesterday": ({"birth_date": TODAY - DAY}, None),
    "born today": ({"birth_date": TODAY}, "birth_date"),
    "125 years old": ({"birth_date": date(1901, 1, 1)}, None),
    "older than anybody": ({"birth_date": date(1900, 12, 31)}, "birth_date"),
    "Washington, D.C.": ({"state": "DC"}, None),
    "a territory": ({"state": "PR"}, "state"),
    "a state in small letters": ({"state": "ca"}, "state"),
    "no state": ({"state": ""}, "state"),
    "a short password": ({"password": "gray plum 1"}, "password"),
    "no at sign": ({"email": "carla.example.test"}, "email"),
    "no dot": ({"email": "carla@localhost"}, "email"),
    "two at signs": ({"email": "carla@home@example.test"}, "email"),
    "a space": ({"email": "carla ruiz@example.test"}, "email"),
    "a line break": ({"email": "carla@example.test\nBcc: x@example.test"}, "email"),
    "a long address": ({"email": "c@" + "e" * 239 + ".example.test"}, None),
    "a longer address": ({"email": "c@" + "e" * 240 + ".example.test"}, "email"),
    "no name": ({"name": "  "}, "name"),
    "a name in two lines": ({"name": "Carla\nRuiz"}, "name"),
}


@pytest.mark.parametrize("case", DETAILS)
def test_details_are_checked(app: Flask, case: str) -> None:
    given, field = DETAILS[case]
    if field is None:
        assert opened(**given) is not None
        return

    with pytest.raises(BadDetails) as refused:
        opened(**given)

    assert list(refused.value.fields) == [field]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Person)) == 0


@pytest.mark.parametrize("email", ["carla@example.test", "CARLA@Example.Test"])
def test_an_address_with_an_account_gets_no_second_one(app: Flask, email: str) -> None:
    """Its owner is told by mail, at most once an hour."""
    first = opened()
    later = now() + timedelta(minutes=61)

    assert opened(email=email) is None
    assert kinds_of(first) == ["account_opened"]
    assert opened(email=email, at=later) is None
    assert kinds_of(first) == ["account_opened", "account_asked_again"]
    assert opened(email=email) is None
    assert kinds_of(first) == ["account_opened", "account_asked_again"]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Person)) == 1


def test_the_same_work_is_done_for_a_known_address(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts calls of the hash by watching it; it still does its work."""
    made: list[str] = []
    really = passwords.hash_of
    monkeypatch.setattr(passwords, "hash_of", lambda word: made.append(word) or really(word))

    opened()
    opened()

    assert len(made) == 2


def test_a_link_confirms_once(app: Flask) -> None:
    person = people.alice()
    secret = confirming.issue_link(person, now())

    assert confirming.purpose_of(secret, at=now()) is Purpose.CONFIRM
    assert confirming.redeem(secret, at=now()) == person
    assert person.email_confirmed_at is not None
    assert kinds_of(person) == ["email_confirmed"]
    with pytest.raises(LinkNotUsable):
        confirming.redeem(secret, at=now())


def test_a_link_is_kept_as_a_hash(app: Flask) -> None:
    secret = confirming.issue_link(people.alice(), now())
    db.session.flush()  # the row is read below

    assert len(secret) >= 43  # 256 bits in base 64
    (kept,) = db.session.scalars(sa.select(MailLink.secret_hash))
    assert secret.encode() not in kept


@pytest.mark.parametrize(
    ("age", "works"), [(DAY - timedelta(seconds=5), True), (DAY, False), (2 * DAY, False)]
)
def test_a_link_works_for_a_day(app: Flask, age: timedelta, works: bool) -> None:
    person = people.alice()
    secret = confirming.issue_link(person, now() - age)

    if works:
        confirming.redeem(secret, at=now())
    else:
        with pytest.raises(LinkNotUsable):
            confirming.redeem(secret, at=now())
    assert (person.email_confirmed_at is not None) is works


@pytest.mark.parametrize("secret", ["", "nonsense", "\udc80", "a" * 43])
def test_an_unknown_link_is_refused(app: Flask, secret: str) -> None:
    with pytest.raises(LinkNotUsable):
        confirming.redeem(secret, at=now())


def test_a_disabled_person_confirms_nothing(app: Flask) -> None:
    person = people.alice()
    secret = confirming.issue_link(person, now())
    employing.disable(person, by=people.mona(), at=now())

    with pytest.raises(LinkNotUsable):
        confirming.redeem(secret, at=now())


def test_somebody_invited_chooses_her_password(app: Flask) -> None:
    person = employing.employ(email="dr@example.test", name="Dr New", role=Role.STAFF)
    secret = confirming.issue_link(person, now())
    before = person.session_epoch

    with pytest.raises(BadDetails):
        confirming.redeem(secret, password="short", at=now())
    confirming.redeem(secret, password="gray plum 12", at=now())

    assert passwords.matches(person.password_hash, "gray plum 12")
    assert person.session_epoch == before + 1


def test_only_expired_links_are_cleared(app: Flask) -> None:
    old = confirming.issue_link(people.alice(), now() - DAY - timedelta(seconds=1))
    live = confirming.issue_link(people.bob(), now())
    db.session.flush()  # they are counted below

    assert confirming.clear_expired(at=now()) == 1
    assert confirming.purpose_of(live, at=now()) is Purpose.CONFIRM
    with pytest.raises(LinkNotUsable):
        confirming.purpose_of(old, at=now())


EMPLOYED: dict[str, tuple[dict[str, Any], str]] = {
    "a physician without an NPI": ({"role": Role.PHYSICIAN}, "npi"),
    "a wrong NPI": ({"role": Role.PHYSICIAN, "npi": "1234567890"}, "npi"),
    "a client": ({"role": Role.CLIENT}, "role"),
    "a short password": ({"password": "short"}, "password"),
    "no mail address": ({"email": "dr"}, "email"),
}


@pytest.mark.parametrize("case", EMPLOYED)
def test_employing_checks_the_details(app: Flask, case: str) -> None:
    given, field = EMPLOYED[case]
    details: dict[str, Any] = {"email": "dr@example.test", "name": "Dr New", "role": Role.STAFF}

    with pytest.raises(BadDetails) as refused:
        employing.employ(**(details | given))

    assert list(refused.value.fields) == [field]


def test_mail_address_and_npi_belong_to_one_person(app: Flask) -> None:
    chen = people.dr_chen(email="chen@example.test")

    with pytest.raises(EmailTaken):
        employing.employ(email="CHEN@example.test", name="Other", role=Role.STAFF)
    with pytest.raises(NpiTaken):
        employing.employ(email="o@example.test", name="Other", role=Role.PHYSICIAN, npi=chen.npi)


def test_disabling_ends_everything_at_once(app: Flask) -> None:
    sam, mona = people.sam(), people.mona()
    signing_in.sign_in(sam, agent="", at=now())
    tokens.issue(sam, name="till", scopes=None, at=now())
    db.session.flush()  # the rows are counted below

    employing.disable(sam, by=mona, at=now())
    employing.disable(sam, by=mona, at=now())

    db.session.expire_all()
    assert (sam.active, sam.session_epoch) == (False, 2)
    assert None not in db.session.scalars(sa.select(SignIn.revoked_at)).all()
    assert None not in db.session.scalars(sa.select(Token.revoked_at)).all()
    assert kinds_of(sam) == ["account_disabled"]


def test_nobody_disables_herself(app: Flask) -> None:
    mona = people.mona()

    with pytest.raises(NotYourself):
        employing.disable(mona, by=mona, at=now())

    assert mona.active


def recorded(person: Person, **given: Any) -> Any:
    terms: dict[str, Any] = {
        "kind": "MD",
        "state": "CA",
        "number": "A123456",
        "valid_from": TODAY,
        "valid_until": TODAY + 365 * DAY,
        "verified_on": None,
    }
    return licences.record(person, **(terms | given))


def test_a_licence_is_recorded(app: Flask) -> None:
    chen = people.dr_chen(states=())

    licence = recorded(chen)

    assert (licence.in_force(TODAY), licence.in_force(TODAY - DAY)) == (True, False)
    assert (licence.in_force(TODAY + 364 * DAY), licence.in_force(TODAY + 365 * DAY)) == (
        True,
        False,
    )
    assert kinds_of(licence) == ["licence_recorded"]


LICENCES: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown kind": ({"kind": "RN"}, "kind"),
    "an unknown state": ({"state": "ZZ"}, "state"),
    "no number": ({"number": " "}, "number"),
    "a number of 41 characters": ({"number": "A" * 41}, "number"),
    "no day at all": ({"valid_until": TODAY}, "valid_until"),
}


@pytest.mark.parametrize("case", LICENCES)
def test_a_licence_is_checked(app: Flask, case: str) -> None:
    given, field = LICENCES[case]
    chen = people.dr_chen(states=())

    with pytest.raises(BadDetails) as refused:
        recorded(chen, **given)

    assert list(refused.value.fields) == [field]


def test_staff_hold_no_licence_here(app: Flask) -> None:
    with pytest.raises(BadDetails):
        recorded(people.sam())


OVERLAPS = {
    "ends the day the other begins": (-10, 0, True),
    "ends a day later": (-10, 1, False),
    "begins on the other's last day": (364, 700, False),
    "begins the day after": (365, 700, True),
    "lies within": (10, 20, False),
}


@pytest.mark.parametrize("case", OVERLAPS)
def test_licences_of_one_state_do_not_overlap(app: Flask, case: str) -> None:
    begin, end, good = OVERLAPS[case]
    chen = people.dr_chen(states=())
    recorded(chen)
    span = {"valid_from": TODAY + begin * DAY, "valid_until": TODAY + end * DAY}

    recorded(chen, state="NV", **span)
    if good:
        recorded(chen, **span)
    else:
        with pytest.raises(LicencesOverlap):
            recorded(chen, **span)


def test_a_licence_ends_once(app: Flask) -> None:
    chen, mona = people.dr_chen(states=()), people.mona()
    licence = recorded(chen)

    licences.end(licence, on=TODAY + 10 * DAY, by=mona)

    assert (licence.in_force(TODAY + 9 * DAY), licence.in_force(TODAY + 10 * DAY)) == (True, False)
    assert kinds_of(licence) == ["licence_recorded", "licence_ended"]
    with pytest.raises(LicenceEnded):
        licences.end(licence, on=TODAY, by=mona)
    recorded(chen)  # its days are free again


def test_a_licence_does_not_end_after_its_end(app: Flask) -> None:
    licence = recorded(people.dr_chen(states=()))

    with pytest.raises(BadDetails):
        licences.end(licence, on=TODAY + 366 * DAY, by=people.mona())


def test_a_token_knows_its_scopes(app: Flask) -> None:
    alice = people.alice()

    token, secret = tokens.issue(alice, name="till", scopes=["read", "read"], at=now())

    assert token.scopes == ["read"]
    assert secret.encode() not in token.secret_hash
    with pytest.raises(UnknownScope):
        tokens.issue(alice, name="till", scopes=["read", "everything"], at=now())


def test_a_client_moves_once_however_often_she_says_it(app: Flask) -> None:
    person = people.alice()
    for _turn in range(2):
        moving.move(person, "TX")
    db.session.commit()

    told = db.session.scalars(
        sa.select(Event).where(Event.subject_id == person.id, Event.kind == Kind.CLIENT_MOVED.value)
    ).all()
    assert [one.facts for one in told] == [{"left": "CA", "state": "TX"}]


def test_nobody_moves_to_a_state_that_there_is_not(app: Flask) -> None:
    person = people.alice()
    with pytest.raises(BadDetails) as refused:
        moving.move(person, "ZZ")
    assert list(refused.value.fields) == ["state"]
    assert person.state == "CA"
