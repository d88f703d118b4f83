"""How often rules fired and were overridden: counts over what decisions kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.core.clock import now
from shop.core.db import db
from shop.core.sealed import NotOpened
from shop.prescriptions import overriding, reviewing, signing
from shop.prescriptions.models import ApprovalRequest, Screening
from shop.prescriptions.overriding import RuleCount
from shop.prescriptions.screening import rules
from tests.accounts.test_api import Browser, somebody
from tests.people import a_fresh_sign_in, alice, dr_chen, mona, sam
from tests.prescriptions.builders import the_terms
from tests.prescriptions.test_checking import REASON, a_formula, claimed, tretinoin
from tests.prescriptions.test_pages import Reader

RULE = "SC-RETINOID-PREGNANCY"
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def _app(app: Flask) -> None:
    """Every test here speaks with the database."""


def asked(chen: Person, pregnancy: str = "trying") -> ApprovalRequest:
    return claimed(alice(), a_formula(tretinoin()), chen, pregnancy=pregnancy)


def signed(chen: Person, pregnancy: str = "trying") -> None:
    request = asked(chen, pregnancy)
    terms = the_terms(overrides={RULE: REASON} if pregnancy == "trying" else {})
    signing.sign(request, terms, by=chen, proof=a_fresh_sign_in(chen), at=now())
    db.session.commit()


def refused(chen: Person, pregnancy: str = "trying") -> None:
    reviewing.refuse(
        asked(chen, pregnancy),
        reason=reviewing.RefusalReason.CONTRAINDICATED,
        message="Not now.",
        by=chen,
        at=now(),
    )
    db.session.commit()


def report(since: datetime | None = None, until: datetime | None = None) -> dict[str, RuleCount]:
    made = overriding.overrides(since or now() - DAY, until or now() + DAY)
    return {one.rule: one for one in made.rules}


def test_each_rule_is_counted_once_for_a_request_by_how_that_ended() -> None:
    chen = dr_chen()
    signed(chen)
    signed(chen)
    refused(chen)
    signed(chen, pregnancy="none")

    found = report()

    assert found[RULE] == RuleCount(
        rule=RULE, severity="soft_stop", fired=3, overridden=2, refused=1
    )
    assert found[RULE].override_rate == pytest.approx(2 / 3)
    sunscreen = found["SC-RETINOID-SUNSCREEN"]  # only told: signed without a reason
    assert (sunscreen.fired, sunscreen.overridden, sunscreen.signed, sunscreen.refused) == (
        *(4, 0, 3, 1),
    )
    assert overriding.overrides(now() - DAY, now() + DAY).decided == 4


def test_the_most_overridden_comes_first_and_what_never_fired_is_in_it() -> None:
    signed(dr_chen())

    made = overriding.overrides(now() - DAY, now() + DAY).rules

    assert made[0].rule == RULE
    assert {one.rule for one in made} == {rule.number for rule in rules.rules()}
    assert made[-1].override_rate is None


def test_only_what_was_decided_in_that_time_counts() -> None:
    signed(dr_chen())
    at = db.session.scalars(sa.select(Screening.screened_at)).one()

    assert report(at, at + timedelta(microseconds=1))[RULE].fired == 1
    assert report(at - DAY, at)[RULE].fired == 0
    assert report(at + timedelta(microseconds=1), at + DAY)[RULE].fired == 0


def test_a_request_that_waits_counts_nowhere() -> None:
    asked(dr_chen())
    db.session.commit()

    assert overriding.overrides(now() - DAY, now() + DAY).decided == 0


def test_a_record_that_cannot_be_opened_is_not_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    signed(dr_chen())
    monkeypatch.setattr("shop.core.sealed.keyring.keys", {9: bytes(32)})

    with pytest.raises(NotOpened):
        report()


def test_it_takes_one_statement_whatever_there_is() -> None:
    chen = dr_chen()
    for _ in range(3):
        signed(chen)
    db.session.expire_all()
    since, until = now() - DAY, now() + DAY
    said: list[str] = []

    def note(*told: Any) -> None:
        said.append(told[2])

    sa.event.listen(db.engine, "before_cursor_execute", note)
    try:
        made = overriding.overrides(since, until)
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)

    assert made.decided == 3
    assert len([one for one in said if "\nFROM " in one]) == 1


def test_physicians_and_managers_read_it_and_it_names_nobody(app: Flask) -> None:
    chen = somebody(dr_chen)
    signed(chen)
    for reader in (chen, somebody(mona)):
        answer = Browser(app, reader).get("/reports/overrides")
        assert answer.status_code == 200
        first = answer.json["rules"][0]
        assert first == {
            "rule": RULE,
            "severity": "soft_stop",
            "fired": 1,
            "overridden": 1,
            "signed": 0,
            "refused": 0,
            "override_rate": 1.0,
        }
        assert "Alice" not in answer.text
    for other in (somebody(alice), somebody(sam)):
        assert Browser(app, other).get("/reports/overrides").status_code == 403


BAD: dict[str, str] = {
    "since=tomorrow": "since",
    "until=2026-02-30": "until",
    "since=2026-02-02&until=2026-02-01": "until",
    "since=2001-01-01&until=2026-02-01": "until",
    "until=0001-01-01": "until",
    "since=9999-12-31": "since",
    "days=3": "days",
}


@pytest.mark.parametrize("asked_for", BAD)
def test_a_time_that_is_none_is_named(app: Flask, asked_for: str) -> None:
    manager = Browser(app, somebody(mona))
    answer = manager.get(f"/reports/overrides?{asked_for}")
    assert answer.status_code == 422
    assert BAD[asked_for] in answer.text


def test_a_day_is_a_whole_day(app: Flask) -> None:
    signed(dr_chen())
    manager = Browser(app, somebody(mona))
    today = now().date()

    def fired(first: Any, last: Any) -> int:
        answer = manager.get(f"/reports/overrides?since={first}&until={last}").json
        return int(answer["decided"])

    assert fired(today, today) == 1
    assert fired(today - DAY, today - DAY) == 0
    assert fired(today + DAY, today + DAY) == 0


def test_the_page_shows_the_table(app: Flask) -> None:
    chen = somebody(dr_chen)
    signed(chen)
    page = Reader(app, chen)

    shown = page.get("/review/overrides")

    assert page.status == 200
    assert RULE in shown
    assert "100 %" in shown
    assert "Alice" not in shown
    page.get("/review/overrides?since=nonsense")
    assert page.status == 422


def test_by_physician_and_by_month() -> None:
    chen, ruiz = dr_chen(), dr_chen(name="Dr Ana Ruiz")
    signed(chen)
    signed(chen)
    refused(ruiz)
    made = overriding.overrides(now() - DAY, now() + DAY)
    told = {one.physician: (one.decided, one.overridden, one.refused) for one in made.physicians}
    assert told["Dr Ana Ruiz"][0] == 1
    assert told["Dr Ana Ruiz"][2] >= 1
    assert told[chen.name][0] == 2
    assert told[chen.name][1] == 2
    assert told[chen.name][2] == 0
    (month,) = made.months
    assert (month.month, month.decided) == (f"{now():%Y-%m}", 3)
    of_rule = [one for one in made.cells if one.rule == RULE]
    assert [(one.physician, one.overridden) for one in of_rule] == [
        ("Dr Ana Ruiz", 0),
        (chen.name, 2),
    ]
    for ends in (made.physicians, made.months, made.cells, made.rules):
        for one in ends:
            assert one.fired == one.overridden + one.signed + one.refused
    assert sum(one.fired for one in made.cells) == sum(one.fired for one in made.rules)


def test_as_csv_with_nothing_a_spreadsheet_would_run(app: Flask) -> None:
    chen = somebody(dr_chen, name="=HYPERLINK(1)")
    signed(chen)
    page = Reader(app, chen)
    lines = page.get("/review/overrides.csv").splitlines()
    assert page.page.content_type == "text/csv; charset=utf-8"
    assert lines[0] == "month,physician,rule,fired,overridden,signed,refused"
    assert any(f",{RULE},1,1,0,0" in line for line in lines)
    assert all("'=HYPERLINK(1)" in line for line in lines[1:])
    assert "Alice" not in page.text
    page.get("/review/overrides.csv?since=nonsense")
    assert page.status == 422
