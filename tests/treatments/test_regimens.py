"""Home care: what the steps say, in which order, how long a pack lasts, what should not meet."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from shop.accounts.models import Person
from shop.catalog.models import ActiveClass, LegalClass, ProductIngredient, Variant
from shop.charts.models import Access
from shop.core.canonical import canonical
from shop.core.db import db
from shop.prescriptions.paper import regimen_card
from shop.prescriptions.paper.clinic import Clinic
from shop.treatments import regimens
from shop.treatments.models import Plan
from shop.treatments.regimens import Layer, Pack, Slot, Step, Supply, Unit, Weekday
from tests.accounts.test_api import somebody
from tests.builders import a_cream, a_product, a_variant
from tests.people import alice, bob, dr_chen
from tests.prescriptions.test_checking import a_substance
from tests.prescriptions.test_pages import Reader
from tests.treatments.builders import a_draft, an_active_plan, licensed_eva
from tests.treatments.test_api import Caller

CREAM = Step("A", "Tretinoin, 20 g", Slot.EVENING, Layer.TREATMENT, "chosen")
DAYS = st.lists(st.sampled_from(Weekday), min_size=1, max_size=7, unique=True)


def step(**given: Any) -> Step:
    return Step(**(vars(CREAM) | given))


# Pure -------------------------------------------------------------------------------------------

AMOUNTS = st.none() | st.decimals("0.01", "50", places=2)
STEPS = st.builds(
    Step,
    sku=st.sampled_from("ABC"),
    product=st.text(max_size=20).filter(lambda text: text.isprintable()),
    slot=st.just(Slot.WEEKLY),
    layer=st.sampled_from(Layer),
    layer_by=st.just("chosen"),
    days=DAYS.map(tuple),
    amount=AMOUNTS,
    unit=st.sampled_from(Unit),
    since=st.none() | st.dates(),
    until=st.none() | st.dates(),
    doctor_only=st.booleans(),
    priming=st.booleans(),
) | st.builds(
    Step,
    sku=st.sampled_from("ABC"),
    product=st.just("x"),
    slot=st.sampled_from([Slot.MORNING, Slot.EVENING]),
    layer=st.sampled_from(Layer),
    layer_by=st.just("form cream"),
    every=st.integers(1, 7),
    amount=AMOUNTS,
    unit=st.sampled_from(Unit),
)


@given(st.lists(STEPS, max_size=8))
@settings(deadline=None)
def test_what_a_version_says_is_read_as_it_was_written(steps: list[Step]) -> None:
    said = {"regimen": [one.as_json() for one in regimens.ordered(steps)]}
    canonical(said)  # it has a canonical form
    assert regimens.read(said) == regimens.ordered(steps)


def test_a_version_from_before_says_no_steps() -> None:
    assert regimens.read({"goal": "x"}) == ()


@given(st.lists(STEPS, max_size=8))
@settings(deadline=None)
def test_steps_are_put_on_in_the_order_of_their_layers(steps: list[Step]) -> None:
    for slot in Slot:
        layers = [one.layer for one in regimens.ordered(steps) if one.slot is slot]
        assert layers == sorted(layers, key=list(Layer).index)


@pytest.mark.parametrize(
    ("said", "layer", "rule"),
    [
        ({"name": "Gentle Face Wash"}, Layer.CLEANSER, "said to be “wash…”"),
        ({"form": "SOAP", "active": True}, Layer.CLEANSER, "said to be “soap…”"),
        ({"category": "sunscreen", "active": True}, Layer.SUNSCREEN, "said to be “sunscreen…”"),
        ({"name": "Vitamin C Serum", "form": "CREAM"}, Layer.SERUM, "said to be “serum…”"),
        ({"form": "CREAM", "active": True}, Layer.TREATMENT, "has an active"),
        ({"name": "Barrier Balm"}, Layer.MOISTURISER, "said to be “barrier…”"),
        ({"form": "CREAM"}, Layer.MOISTURISER, "form cream"),
        ({"form": "SOLUTION"}, Layer.SERUM, "form solution"),
        ({"form": "KIT"}, Layer.TREATMENT, "nothing else fits"),
    ],
)
def test_where_a_product_goes_by_default(said: dict[str, Any], layer: Layer, rule: str) -> None:
    given: dict[str, Any] = {"form": "", "category": "", "name": "", "active": False} | said
    assert regimens.layer_of(**given) == (layer, rule)


@pytest.mark.parametrize(
    ("steps", "pack", "days"),
    [
        ([{"amount": Decimal("0.25")}], ("20", "g"), 80),  # pea-sized, every evening
        ([{"amount": Decimal("0.25"), "every": 2}], ("20", "g"), 160),
        ([{"amount": Decimal("0.25"), "every": 3}], ("20", "g"), 240),
        ([{"amount": Decimal("0.3")}], ("20", "g"), 66),  # 66.7: whole days
        ([{"amount": Decimal(1)}, {"amount": Decimal(1), "slot": Slot.MORNING}], ("50", "g"), 25),
        (
            [{"amount": Decimal(2), "slot": Slot.WEEKLY, "days": (Weekday.MON, Weekday.THU)}],
            ("50", "g"),
            87,  # 25 uses, two a week
        ),
        ([{"amount": Decimal(1), "unit": Unit.MILLILITRE}], ("30", "ML"), 30),
        ([{"amount": Decimal(50)}], ("20", "g"), 0),  # a pack is not enough for once
    ],
)
def test_how_long_a_pack_lasts(
    steps: list[dict[str, Any]], pack: tuple[str, str], days: int
) -> None:
    packs = {"A": Pack(Decimal(pack[0]), pack[1])}
    assert regimens.supplies([step(**one) for one in steps], packs) == {"A": Supply(days)}


@pytest.mark.parametrize(
    ("given", "pack", "why"),
    [
        ({"amount": Decimal(1)}, Pack(None, None), "What is in the pack is not known."),
        ({}, Pack(Decimal(20), "g"), "No dose was said."),
        (
            {"amount": Decimal(1)},
            Pack(Decimal(20), "mL"),
            "The pack is filed in mL, the dose is in g.",
        ),
    ],
)
def test_where_it_is_not_known_it_says_why(given: dict[str, Any], pack: Pack, why: str) -> None:
    assert regimens.supplies([step(**given)], {"A": pack}) == {"A": Supply(None, why)}


def test_a_step_in_words() -> None:
    assert step(amount=Decimal("0.25")).dose == "pea-sized, 0.25 g"
    assert step(amount=Decimal("1.50"), unit=Unit.MILLILITRE).dose == "1.5 mL"
    assert [step(every=one).frequency for one in (1, 2, 3)] == [
        "every evening",
        "every other evening",
        "every 3 days, in the evening",
    ]
    assert step(slot=Slot.WEEKLY, days=(Weekday.MON, Weekday.THU)).frequency == "Mon, Thu"


# The card ---------------------------------------------------------------------------------------

CARD = regimen_card.Card(
    client="Alice Ngũgĩ",
    plan="P-1",
    version=3,
    written_on=date(2026, 12, 1),
    steps=(step(amount=Decimal("0.25"), until=date(2026, 12, 7)),),
    supplies={"A": Supply(80)},
    address="https://clinic.example/plan",
)
CLINIC = Clinic("Luminescence", "1400 Grand Avenue", "+1 510 555 0142")


def text_of(made: bytes) -> str:
    return " ".join(
        " ".join(one.extract_text() for one in PdfReader(io.BytesIO(made)).pages).split()
    )


def test_the_card_says_the_steps() -> None:
    text = text_of(regimen_card.draw(CARD, CLINIC))
    for said in (
        "Home care of Alice",
        "Evening",
        "1. Tretinoin, 20 g",
        "pea-sized, 0.25 g · every evening · until 6 Dec 2026",
        "One pack lasts 80 days.",
        "Plan P-1, version 3 of 1 Dec 2026",
    ):
        assert said in text


def test_the_same_card_is_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    coded: list[str] = []
    widget = regimen_card.QrCodeWidget
    monkeypatch.setattr(
        regimen_card, "QrCodeWidget", lambda text, **how: coded.append(text) or widget(text, **how)
    )
    assert regimen_card.draw(CARD, CLINIC) == regimen_card.draw(CARD, CLINIC)
    assert set(coded) == {"https://clinic.example/plan"}


def test_many_steps_take_more_pages() -> None:
    steps = tuple(step(product="Wort " * 40) for _ in range(30))
    made = regimen_card.draw(regimen_card.Card(**(vars(CARD) | {"steps": steps})), CLINIC)
    assert len(PdfReader(io.BytesIO(made)).pages) > 1


# Over HTTP --------------------------------------------------------------------------------------


@pytest.fixture
def cast(app: Flask) -> dict[str, Person]:
    return {
        "alice": somebody(alice),
        "bob": somebody(bob),
        "eva": somebody(licensed_eva),
        "chen": somebody(dr_chen),
    }


@pytest.fixture
def callers(app: Flask, cast: dict[str, Person]) -> dict[str, Caller]:
    return {name: Caller(app, person) for name, person in cast.items()}


def holding(name: str, active_class: ActiveClass, **pack: Any) -> Variant:
    """A pack of a product with one active of a class."""
    named = a_substance(name, active_class=active_class)
    product = a_product(LegalClass.OTC_DRUG, name=f"{name.title()} Gel", dosage_form="GEL")
    db.session.add(
        ProductIngredient(
            product_id=product.id, position=1, name_id=named.id, active=True, raw=name
        )
    )
    return a_variant(product, **pack)


def the_plan(cast: dict[str, Person], *, started: bool = False) -> str:
    make = an_active_plan if started else a_draft
    plan = make(cast["alice"], by=cast["eva"], **({"chen": cast["chen"]} if started else {}))
    db.session.commit()
    return plan.number


def versions(number: str) -> int:
    db.session.expire_all()
    plan = db.session.scalars(sa.select(Plan).where(Plan.number == number)).one()
    return len(plan.versions)


def test_a_regimen_is_the_plans_next_version(
    cast: dict[str, Person], callers: dict[str, Caller]
) -> None:
    gel = holding("ADAPALENE", ActiveClass.RETINOID, net_content=Decimal(45), net_unit="g")
    wash = a_variant(a_product(name="Gentle Wash"))
    number = the_plan(cast)
    body = {
        "steps": [
            {"sku": gel.sku, "slot": "evening", "every": 2, "amount": "0.25"},
            {"sku": wash.sku, "slot": "evening"},
            {"sku": wash.sku, "slot": "morning", "layer": "serum", "until": "2027-01-01"},
        ]
    }

    answer = callers["eva"].post(f"/plans/{number}/regimen", body)

    assert answer.status_code == 201, answer.json
    assert answer.json["version"] == versions(number) == 2
    assert "steps" not in answer.json  # what may be kept holds no sealed words
    found = callers["eva"].get(f"/plans/{number}/regimen").json
    assert [(one["sku"], one["slot"], one["layer"]) for one in found["steps"]] == [
        (wash.sku, "morning", "serum"),
        (wash.sku, "evening", "cleanser"),
        (gel.sku, "evening", "treatment"),
    ]
    last = found["steps"][-1]
    assert (last["lasts_days"], last["lasts_why"]) == (360, "")
    assert (last["layer_by"], found["steps"][0]["layer_by"]) == ("has an active", "chosen")
    assert found["conflicts"] == []


def test_another_change_keeps_the_regimen(
    cast: dict[str, Person], callers: dict[str, Caller]
) -> None:
    pack, number = a_variant(), the_plan(cast)
    body = {"steps": [{"sku": pack.sku, "slot": "morning"}]}
    assert callers["eva"].post(f"/plans/{number}/regimen", body).status_code == 201
    assert callers["eva"].patch(f"/plans/{number}", {"goal": "Calm skin."}).status_code == 200
    found = callers["eva"].get(f"/plans/{number}/regimen").json
    assert (found["version"], len(found["steps"])) == (3, 1)
    assert callers["eva"].post(f"/plans/{number}/regimen", {"steps": []}).status_code == 201
    assert callers["eva"].get(f"/plans/{number}/regimen").json["steps"] == []


def test_what_should_not_meet_is_shown_and_cleared_by_morning_and_evening(
    cast: dict[str, Person], callers: dict[str, Caller]
) -> None:
    gel = holding("ADAPALENE", ActiveClass.RETINOID)
    acid = holding("GLYCOLIC ACID", ActiveClass.AHA)
    number = the_plan(cast, started=True)

    def told(acid_slot: str) -> list[tuple[str, str, str]]:
        steps = [
            {"sku": gel.sku, "slot": "evening"},
            {"sku": acid.sku, "slot": acid_slot}
            | ({"days": ["sun"]} if acid_slot == "weekly" else {}),
        ]
        assert callers["eva"].post(f"/plans/{number}/regimen", {"steps": steps}).status_code == 201
        found = callers["alice"].get(f"/plans/{number}/regimen").json["conflicts"]
        return [(one["rule"], one["severity"], one["text"]) for one in found]

    (evening,) = told("evening")
    assert evening[:2] == ("SC-RETINOID-AHA", "warn")
    assert evening[2].startswith("Do not put acids and a retinoid on together")
    assert told("weekly") == [evening]  # on some evening
    assert told("morning") == []


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no such pack": ({"sku": "NOPE"}, "steps.0.sku"),
    "weekly without days": ({"slot": "weekly"}, "steps.0.days"),
    "an evening with days": ({"days": ["mon"]}, "steps.0.days"),
    "weekly and every other": ({"slot": "weekly", "days": ["mon"], "every": 2}, "steps.0.every"),
    "ends before it begins": (
        {"since": "2026-12-12", "until": "2026-12-12"},
        "steps.0.until",
    ),
    "a day of its own": ({"slot": "weekly", "days": ["someday"]}, "steps.0.days.0"),
    "nothing of it": ({"amount": "0"}, "steps.0.amount"),
    "a bucket": ({"amount": "51"}, "steps.0.amount"),
    "less than a scale shows": ({"amount": "0.009"}, "steps.0.amount"),
    "too exact": ({"amount": "0.2555"}, "steps.0.amount"),
    "no number": ({"amount": "NaN"}, "steps.0.amount"),
    "without end": ({"amount": "1e400"}, "steps.0.amount"),
    "another slot": ({"slot": "noon"}, "steps.0.slot"),
    "too rarely": ({"every": 8}, "steps.0.every"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_written_down_is_refused_by_its_name(
    what: str, cast: dict[str, Person], callers: dict[str, Caller]
) -> None:
    given, named = BAD[what]
    number = the_plan(cast)
    body = {"steps": [{"sku": a_variant().sku, "slot": "evening"} | given]}
    db.session.commit()
    answer = callers["eva"].post(f"/plans/{number}/regimen", body)
    assert answer.status_code == 422, answer.json
    assert list(answer.json["errors"]) == [named]
    assert versions(number) == 1


def test_a_pack_stands_once_in_a_slot(cast: dict[str, Person], callers: dict[str, Caller]) -> None:
    number, one = the_plan(cast), {"sku": a_variant().sku, "slot": "evening"}
    db.session.commit()
    answer = callers["eva"].post(f"/plans/{number}/regimen", {"steps": [one, one]})
    assert (answer.status_code, list(answer.json["errors"])) == (422, ["steps.1.sku"])


def test_a_draft_product_is_no_step(cast: dict[str, Person], callers: dict[str, Caller]) -> None:
    pack = a_variant(a_product(published_at=None))
    number = the_plan(cast)
    body = {"steps": [{"sku": pack.sku, "slot": "evening"}]}
    assert callers["eva"].post(f"/plans/{number}/regimen", body).status_code == 422


def test_in_a_started_plan_a_physician_says_what_is_doctor_only(
    cast: dict[str, Person], callers: dict[str, Caller]
) -> None:
    cream, soap = a_cream(), a_variant()
    number = the_plan(cast, started=True)
    mixed = [{"sku": cream.sku, "slot": "evening"}, {"sku": soap.sku, "slot": "morning"}]

    refused = callers["eva"].post(f"/plans/{number}/regimen", {"steps": mixed})
    assert (refused.status_code, refused.json["code"]) == (403, "outside_scope")
    assert refused.json["facts"]["skus"] == [cream.sku]
    assert versions(number) == 1

    assert callers["chen"].post(f"/plans/{number}/regimen", {"steps": mixed}).status_code == 201
    softer = [mixed[0], {"sku": soap.sku, "slot": "evening"}]
    assert callers["eva"].post(f"/plans/{number}/regimen", {"steps": softer}).status_code == 201
    for steps in ([softer[1]], [mixed[0] | {"every": 2}, softer[1]]):
        refused = callers["eva"].post(f"/plans/{number}/regimen", {"steps": steps})
        assert refused.status_code == 403
    assert versions(number) == 3


def test_only_a_physician_orders_priming(
    cast: dict[str, Person], callers: dict[str, Caller]
) -> None:
    soap, number = a_variant(), the_plan(cast)
    plain = {"sku": soap.sku, "slot": "evening"}
    refused = callers["eva"].post(
        f"/plans/{number}/regimen", {"steps": [plain | {"priming": True}]}
    )
    assert (refused.status_code, refused.json["code"]) == (403, "outside_scope")
    assert versions(number) == 1

    number = the_plan({**cast, "alice": somebody(bob)}, started=True)
    ordered = {"steps": [plain | {"priming": True}]}
    assert callers["chen"].post(f"/plans/{number}/regimen", ordered).status_code == 201
    assert callers["chen"].get(f"/plans/{number}/regimen").json["steps"][0]["priming"] is True
    assert callers["eva"].post(f"/plans/{number}/regimen", {"steps": [plain]}).status_code == 403


def test_who_reads_it_and_that_it_is_written_down(
    cast: dict[str, Person], callers: dict[str, Caller]
) -> None:
    number = the_plan(cast, started=True)
    for path in (f"/plans/{number}/regimen", f"/plans/{number}/regimen/card"):
        assert callers["alice"].get(path).status_code == 200
        assert callers["bob"].get(path).status_code == 404
        assert db.session.scalars(sa.select(Access)).all() == []
    assert callers["bob"].post(f"/plans/{number}/regimen", {"steps": []}).status_code == 403
    card = callers["chen"].get(f"/plans/{number}/regimen/card")
    assert (card.content_type, card.headers["Cache-Control"]) == ("application/pdf", "no-store")
    assert "No home care is written down" in text_of(card.get_data())
    (access,) = db.session.scalars(sa.select(Access)).all()
    assert access.record == f"plan {number}"


def test_steps_are_added_and_left_out_on_the_plans_page(
    app: Flask, cast: dict[str, Person]
) -> None:
    pack = a_variant(name="50 g tube", net_content=Decimal(50), net_unit="g")
    number = the_plan(cast)
    reader = Reader(app, cast["eva"])
    page = f"/plans/{number}"
    assert "No home care is written down yet." in reader.get(page)

    reader.send(
        f"{page}/regimen", sku=pack.sku, slot="weekly", days="Mon, thu", amount="1", every="1"
    )
    assert "Mon, thu" in reader.text
    assert "175 days" in reader.text
    reader.send(f"{page}/regimen", sku=pack.sku, slot="evening", amount="a lot", every="1")
    assert reader.status == 422
    assert 'value="a lot"' in reader.text

    reader.get(page)
    reader.send(f"{page}/regimen/0/removal", version="1")  # read before the step was there
    assert reader.status == 409
    reader.get(page)
    reader.send(f"{page}/regimen/0/removal")
    assert "It is left out." in reader.text
    assert versions(number) == 3


def test_the_client_sees_her_home_care_on_her_page(
    app: Flask, cast: dict[str, Person], callers: dict[str, Caller]
) -> None:
    pack, number = a_variant(), the_plan(cast, started=True)
    body = {"steps": [{"sku": pack.sku, "slot": "morning", "amount": "0.25"}]}
    assert callers["eva"].post(f"/plans/{number}/regimen", body).status_code == 201
    text = Reader(app, cast["alice"]).get("/plan")
    assert "every morning, pea-sized, 0.25 g" in text
    assert "What is in the pack is not known." in text
    assert f"/api/v1/plans/{number}/regimen/card" in text
