"""Rules: drafted, reviewed and activated by different people, never rewritten."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.catalog import lawbook
from shop.catalog.cli import rules_group
from shop.catalog.models import LegalClass, LegalClassRule, Visibility, VisibilityRule, percents
from shop.core import events, ruling
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import WrongState
from shop.core.rules import BadRule, RuleOverlaps, RuleStatus, SamePerson
from tests.benchmarks.test_statements import a_token
from tests.catalog.rules import a_draft_rule, a_policy, a_ruling, activated, today
from tests.people import alice, dr_chen, mona

DAY = timedelta(days=1)
SAYS = {"active": "SALICYLIC ACID", "legal_class": LegalClass.RX}


def a_class_draft(**given: Any) -> LegalClassRule:
    says = SAYS | {name: given.pop(name) for name in ("percents", "active") if name in given}
    rule = a_draft_rule(LegalClassRule, says, **given)
    assert isinstance(rule, LegalClassRule)
    return rule


def history(rule: Any) -> list[str]:
    return [event.kind for event in events.of(rule.id)]


def test_a_rule_goes_from_its_author_through_another_into_force(app: Flask) -> None:
    rule = a_class_draft()
    assert not rule.in_force(today())

    activated(rule)

    db.session.commit()
    assert rule.in_force(today())
    assert history(rule) == ["rule_drafted", "rule_reviewed", "rule_activated"]


def test_nobody_reviews_or_activates_what_they_wrote(app: Flask) -> None:
    author, other = mona(), mona()
    rule = a_class_draft(by=author)

    with pytest.raises(SamePerson):
        ruling.review(rule, by=author, at=now())
    ruling.review(rule, by=other, at=now())
    with pytest.raises(SamePerson):
        ruling.activate(rule, by=author, at=now())

    assert rule.status is RuleStatus.REVIEWED
    assert history(rule) == ["rule_drafted", "rule_reviewed"]


def test_a_draft_is_not_activated_unreviewed(app: Flask) -> None:
    rule = a_class_draft()

    with pytest.raises(WrongState):
        ruling.activate(rule, by=dr_chen(), at=now())

    assert not rule.in_force(today())


def test_the_next_version_takes_over_on_its_first_day(app: Flask) -> None:
    first = a_ruling("SALICYLIC ACID")
    then = today() + 10 * DAY
    second = a_class_draft(number=first.number, valid_from=then, percents="[2,)")

    activated(second)

    db.session.commit()
    assert (second.number, second.version) == (first.number, 2)
    assert (first.status, first.valid_until) == (RuleStatus.SUPERSEDED, then)
    assert [first.in_force(then - DAY), first.in_force(then)] == [True, False]
    assert [second.in_force(then - DAY), second.in_force(then)] == [False, True]


def test_a_version_does_not_change_the_past(app: Flask) -> None:
    first = a_ruling("SALICYLIC ACID")
    second = a_class_draft(number=first.number, valid_from=today() - DAY)
    ruling.review(second, by=dr_chen(), at=now())

    with pytest.raises(BadRule, match="today or later"):
        ruling.activate(second, by=dr_chen(), at=now())

    assert first.status is RuleStatus.ACTIVE
    assert first.valid_until is None


def test_a_version_can_replace_one_that_has_not_begun(app: Flask) -> None:
    first = a_ruling("SALICYLIC ACID", valid_from=today() + 9 * DAY)
    second = a_class_draft(number=first.number, valid_from=today() + 3 * DAY)

    activated(second)

    db.session.commit()
    assert first.valid_until == first.valid_from  # it never holds
    assert second.in_force(today() + 9 * DAY)


OVERLAPS = {
    "the same strengths": ({}, True),
    "strengths that touch": ({"percents": "[1,2]"}, True),
    "other strengths": ({"percents": "(2,3]"}, False),
    "another state": ({"jurisdiction": "TX"}, False),
    "another active": ({"active": "SULFUR"}, False),
    "other days": ({"valid_from": today, "percents": "[2,2]"}, False),
}


@pytest.mark.parametrize(("given", "clash"), OVERLAPS.values(), ids=OVERLAPS)
def test_two_rules_never_speak_of_the_same_day(
    app: Flask, given: dict[str, Any], clash: bool
) -> None:
    a_ruling("SALICYLIC ACID", percents="[0.5,2]", valid_until=today())
    given = {name: value() if callable(value) else value for name, value in given.items()}
    rule = a_class_draft(**({"percents": "[0.5,2]"} | given))
    ruling.review(rule, by=dr_chen(), at=now())

    if clash:
        with pytest.raises(RuleOverlaps):
            ruling.activate(rule, by=dr_chen(), at=now())
        assert rule.status is RuleStatus.REVIEWED
    else:
        ruling.activate(rule, by=dr_chen(), at=now())
        db.session.commit()


def test_two_people_end_a_rule(app: Flask) -> None:
    rule, first, second = a_ruling("SALICYLIC ACID"), mona(), mona()
    ruling.propose_end(rule, on=today() + DAY, by=first, at=now())
    assert rule.valid_until is None

    with pytest.raises(SamePerson):
        ruling.end(rule, by=first, at=now())
    assert rule.valid_until is None
    ruling.end(rule, by=second, at=now())

    db.session.commit()
    assert [rule.in_force(today()), rule.in_force(today() + DAY)] == [True, False]
    with pytest.raises(WrongState):
        ruling.end(rule, by=dr_chen(), at=now())


def test_a_rule_that_has_not_begun_can_be_called_off(app: Flask) -> None:
    rule = a_ruling("SALICYLIC ACID", valid_from=today() + 9 * DAY)
    ruling.propose_end(rule, on=today(), by=mona(), at=now())

    ruling.end(rule, by=mona(), at=now())

    db.session.commit()
    assert not rule.in_force(today() + 9 * DAY)


def test_a_rule_does_not_end_in_the_past(app: Flask) -> None:
    rule = a_ruling("SALICYLIC ACID")

    with pytest.raises(BadRule):
        ruling.propose_end(rule, on=today() - DAY, by=mona(), at=now())
    ruling.propose_end(rule, on=today(), by=mona(), at=now())
    with pytest.raises(BadRule, match="has passed"):
        ruling.end(rule, by=mona(), at=now() + DAY)

    assert rule.valid_until is None


@pytest.mark.parametrize("text", ["", "2", "[3,2]", "(1.2.3,)", "[a,b]", "2-10", "(,"])
def test_what_is_no_range_of_strengths_is_refused(app: Flask, text: str) -> None:
    with pytest.raises(BadRule):
        percents(text)


def test_names_are_normalised_as_the_catalogue_does(app: Flask) -> None:
    assert a_class_draft(active="  salicylic   acid ").active == "SALICYLIC ACID"


def test_the_book_is_loaded_once(app: Flask) -> None:
    author = mona()

    drafted = lawbook.load(by=author, at=now())
    again = lawbook.load(by=author, at=now())

    assert len(drafted) > 30
    assert again == []
    assert {rule.status for rule in drafted} == {RuleStatus.DRAFT}
    assert all(rule.source and rule.grade and rule.owner_id == author.id for rule in drafted)


def test_every_rule_of_the_book_can_hold(app: Flask) -> None:
    for rule in lawbook.load(by=mona(), at=now()):
        activated(rule)

    db.session.commit()
    kinds = sa.select(sa.func.count()).where(LegalClassRule.status == RuleStatus.ACTIVE)
    assert (db.session.scalar(kinds) or 0) > 30


def test_rules_load_needs_a_manager(app: Flask) -> None:
    email, client = mona().email, alice().email
    db.session.commit()
    run = app.test_cli_runner()

    refused = run.invoke(rules_group, ["load", "--by", client])
    assert refused.exit_code == 1
    assert "Nothing was loaded" in refused.stderr
    loaded = run.invoke(rules_group, ["load", "--by", email])
    assert loaded.exit_code == 0
    again = run.invoke(rules_group, ["load", "--by", email])
    assert again.stdout.startswith("0 rules drafted")


# Over HTTP.

BODY = {
    "kind": "legal_class",
    "jurisdiction": "CA",
    "valid_from": "2026-01-01",
    "source": "A statute",
    "grade": "A",
    "review_by": "2027-01-01",
    "active": "salicylic acid",
    "percents": "(2,)",
    "legal_class": "rx",
}


def test_rules_over_http(app: Flask) -> None:
    writer, chen = a_token(mona()), a_token(dr_chen())
    db.session.commit()
    web = app.test_client()

    def call(method: str, path: str, token: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {token}"}
        return web.open(f"/api/v1{path}", method=method, json=body, headers=headers)

    made = call("POST", "/rules", writer, BODY)
    assert made.status_code == 201, made.json
    assert (made.json["percents"], made.json["status"]) == ("(2,)", "draft")
    path = f"/rules/{made.json['id']}"
    assert call("POST", f"{path}/review", writer).status_code == 403
    assert call("POST", f"{path}/activation", chen).status_code == 409
    assert call("POST", f"{path}/review", chen).json["status"] == "reviewed"
    assert call("POST", f"{path}/activation", chen).json["status"] == "active"
    listed = call("GET", "/rules?jurisdiction=CA&status=active", chen).json["items"]
    assert [one["number"] for one in listed] == [made.json["number"]]
    assert call("POST", f"{path}/end", writer, {"on": today().isoformat()}).status_code == 200
    assert call("POST", f"{path}/end/approval", writer).status_code == 403
    ended = call("POST", f"{path}/end/approval", chen)
    assert ended.json["valid_until"] == today().isoformat()
    policy = {name: BODY[name] for name in BODY if name not in ("active", "percents")}
    policy |= {"kind": "visibility", "visibility": "teaser"}
    assert call("POST", "/rules", writer, policy).json["visibility"] == "teaser"


BAD = {
    "no kind": ({"kind": "weather"}, "kind"),
    "no state": ({"jurisdiction": "ZZ"}, "jurisdiction"),
    "no grade": ({"grade": "E"}, "grade"),
    "a field of another kind": ({"visibility": "open"}, "visibility"),
    "no strengths": ({"percents": "2 to 3"}, "percents"),
    "ends before it begins": ({"valid_until": "2025-01-01"}, "valid_until"),
}


@pytest.mark.parametrize(("given", "field"), BAD.values(), ids=BAD)
def test_a_bad_rule_names_its_field(app: Flask, given: dict[str, Any], field: str) -> None:
    token = a_token(mona())
    db.session.commit()

    answer = app.test_client().post(
        "/api/v1/rules", json=BODY | given, headers={"Authorization": f"Bearer {token}"}
    )

    assert answer.status_code == 422, answer.json
    assert field in answer.json["errors"]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(LegalClassRule)) == 0


def test_a_policy_has_its_versions_too(app: Flask) -> None:
    first = a_policy(LegalClass.RX, Visibility.HIDDEN)
    says = {"legal_class": LegalClass.RX, "visibility": Visibility.OPEN}
    second = a_draft_rule(VisibilityRule, says, number=first.number, valid_from=today())

    activated(second)

    db.session.commit()
    assert [first.in_force(today()), second.in_force(today())] == [False, True]
