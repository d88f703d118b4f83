"""The kit of a plan from the rows: through the gate, into the cart, on page and API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.catalog.models import (
    ActiveClass,
    IngredientName,
    LegalClass,
    Pregnancy,
    ProductIngredient,
    Variant,
)
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.orders import cart as carts
from shop.replenishment import kits, kitting
from shop.replenishment.kits import Kit, Phase, Way
from shop.replenishment.kitting import Shelf
from shop.treatments import instructing
from shop.treatments.instructing import Wanted
from shop.treatments.models import Plan
from shop.treatments.regimens import Slot
from tests.accounts.test_api import Browser, somebody
from tests.builders import a_product, a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import leave, paid
from tests.people import alice, dr_chen
from tests.prescriptions.builders import a_prescription
from tests.prescriptions.test_batching import calm_cream
from tests.prescriptions.test_checking import a_formula, a_substance, tretinoin
from tests.prescriptions.test_pages import Reader
from tests.treatments.builders import (
    BLISTERS,
    a_performed_session,
    a_report,
    a_step,
    an_active_plan,
    in_days,
)
from tests.treatments.rules import a_window

EVERYTHING = Shelf(sa.true())


@dataclass
class Scene:
    """A peel in three days, and what the home care and the windows around it ask for."""

    client: Person
    chen: Person
    plan: Plan
    covered: Variant  # doctor-only, prescribed
    uncovered: Variant  # doctor-only, nobody prescribed it
    stopped: Variant  # a retinoid, prescribed: it rests around the peel
    sunscreen: Variant
    protectant: Variant

    def kit(self, *, days: int = 0) -> Kit:
        return kitting.kit_of(self.plan, EVERYTHING, at=now() + timedelta(days=days))

    def way(self, pack: Variant) -> Way | None:
        found = [one.offer.way for one in self.kit().items if one.offer.sku == pack.sku]
        return found[0] if found else None


def otc(named: IngredientName, name: str) -> Variant:
    """A pack of 50 g that anybody may buy, with one active; ten on the shelf."""
    product = a_product(LegalClass.OTC_DRUG, name=name)
    db.session.add(
        ProductIngredient(
            product_id=product.id, position=0, name_id=named.id, active=True, raw=named.name
        )
    )
    db.session.flush()  # statements read it as columns
    pack = a_variant(product, net_content=Decimal(50), net_unit="g")
    a_lot(pack)
    return pack


def a_scene(make: Any = alice) -> Scene:
    chen, client = dr_chen(), make()
    filter_ = a_substance(
        "ZINC OXIDE", active_class=ActiveClass.UV_FILTER, pregnancy=Pregnancy.SAFE
    )
    petrolatum = a_substance("PETROLATUM", active_class=ActiveClass.SKIN_PROTECTANT)
    covered, uncovered, stopped = calm_cream(), calm_cream(), a_formula(tretinoin())
    for pack in (covered, uncovered, stopped):
        a_lot(pack)
    for pack in (stopped, covered):  # before there is a window that speaks against it
        a_prescription(client, pack, by=chen)
    a_window(subject="retinoid", when={})
    a_window(subject="spf", action="require", severity="warn", from_day=0, to_day=30, when={})
    a_window(subject="antiviral", action="require", severity="warn", from_day=-2, to_day=5, when={})
    plan = an_active_plan(client, a_step(starts=in_days(3)), chen=chen)
    steps = [Wanted(one.sku, Slot.EVENING) for one in (covered, uncovered, stopped)]
    instructing.instruct(plan, steps, by=chen, at=now())
    scene = Scene(
        client,
        chen,
        plan,
        covered,
        uncovered,
        stopped,
        otc(filter_, "Sunscreen"),
        otc(petrolatum, "Ointment"),
    )
    db.session.commit()
    return scene


@pytest.fixture
def scene(app: Flask) -> Scene:
    return a_scene()


def test_before_a_session(scene: Scene) -> None:
    kit = scene.kit()
    assert kit.now
    assert kit.now.phase is Phase.BEFORE
    assert {one.offer.sku: one.offer.way for one in kit.items} == {
        scene.covered.sku: Way.CART,
        scene.uncovered.sku: Way.ASK,
        scene.sunscreen.sku: Way.CART,
        scene.protectant.sku: Way.CART,
    }
    (rest,) = kit.resting
    peel = day_in(scene.plan.zone, scene.plan.sessions[0].starts_at)
    assert rest.name.startswith("Cream")
    assert rest.returns == peel + timedelta(days=7)
    assert "again." in rest.said[0]
    assert [need.subject for need in kit.unmet] == ["antiviral"]


def test_the_statements_do_not_grow_with_the_home_care(scene: Scene) -> None:
    counted = []
    for steps in (1, 9):
        packs = [otc(a_substance(f"WATER {n}"), f"Wash {n}") for n in range(steps)]
        wanted = [Wanted(pack.sku, Slot.MORNING) for pack in packs]
        instructing.instruct(scene.plan, wanted, by=scene.chen, at=now())
        db.session.commit()
        number = scene.plan.number
        db.session.expire_all()
        assert scene.plan.number == number
        said: list[str] = []

        def note(_c: Any, _u: Any, text: str, *_: Any, said: list[str] = said) -> None:
            said.append(text)

        sa.event.listen(db.engine, "before_cursor_execute", note)
        try:
            scene.kit()
        finally:
            sa.event.remove(db.engine, "before_cursor_execute", note)
        counted.append(len(said))
    assert counted[0] == counted[1] <= 30, counted


def test_in_downtime_and_after(scene: Scene) -> None:
    instructing.instruct(scene.plan, [], by=scene.chen, at=now())
    a_performed_session_now(scene)
    kit = scene.kit()
    assert kit.now
    assert kit.now.phase is Phase.DOWNTIME
    skus = [one.offer.sku for one in kit.items]
    assert skus == [scene.sunscreen.sku, scene.protectant.sku]
    later = scene.kit(days=20)
    assert later.now
    assert later.now.phase is Phase.AFTER
    assert [one.offer.sku for one in later.items] == [scene.sunscreen.sku]


def a_performed_session_now(scene: Scene) -> Any:
    """Another plan's peel, done now, on the plan that is asked about."""
    scene.plan = an_active_plan(scene.client, a_step(starts=now()), chen=scene.chen)
    return a_performed_session(scene.plan)


def test_one_click_twice_doubles_nothing_and_brings_nothing_else(scene: Scene) -> None:
    scene.client = scene.plan.client
    ready = {scene.covered.sku, scene.sunscreen.sku, scene.protectant.sku}
    for expected in (ready, set()):
        put = kitting.put(carts.cart_of(scene.client, lock=True), scene.kit())
        assert {one.offer.sku for one in put} == expected
        lines = carts.cart_of(scene.client).lines
        assert {line.variant.sku: line.quantity for line in lines} == dict.fromkeys(ready, 1)
    carts.put(carts.cart_of(scene.client, lock=True), scene.sunscreen, 4)
    kitting.put(carts.cart_of(scene.client, lock=True), scene.kit())
    wanted = {line.variant.sku: line.quantity for line in carts.cart_of(scene.client).lines}
    assert wanted[scene.sunscreen.sku] == 4


def test_what_she_has_and_what_lasts_is_not_sold_again(scene: Scene) -> None:
    step = Wanted(scene.sunscreen.sku, Slot.MORNING, amount=Decimal(1))
    instructing.instruct(scene.plan, [step], by=scene.chen, at=now())
    order = paid(scene.client, {scene.sunscreen: 1, scene.covered: 1})
    assert scene.way(scene.sunscreen) is Way.HAVE  # on its way
    leave(order)
    db.session.flush()
    assert scene.way(scene.sunscreen) is Way.HAVE
    (item,) = [one for one in scene.kit().items if one.offer.sku == scene.sunscreen.sku]
    assert item.offer.lasts_until == day_in(scene.plan.zone, now()) + timedelta(days=50)
    assert item not in scene.kit().ready
    (later,) = [one for one in scene.kit(days=51).items if one.offer.sku == scene.sunscreen.sku]
    assert later.offer.way is Way.CART


def test_a_report_out_of_course_leaves_what_protects(scene: Scene) -> None:
    a_report(a_performed_session_now(scene), BLISTERS)
    step = Wanted(scene.covered.sku, Slot.EVENING)
    instructing.instruct(scene.plan, [step], by=scene.chen, at=now())
    kit = scene.kit()
    assert [one.offer.sku for one in kit.items] == [scene.sunscreen.sku, scene.protectant.sku]
    (rest,) = kit.resting
    assert (rest.said[-1], rest.returns) == (kits.LOOKED_AT, None)


def test_on_the_page_and_over_http(app: Flask) -> None:
    scene = a_scene(lambda: somebody(alice))
    number, path = scene.plan.number, f"/plans/{scene.plan.number}/kit"
    uncovered, client = scene.uncovered.sku, scene.client
    browser = Browser(app, client)
    told = browser.get(path).json
    assert told["phase"] == "before"
    ways = {one["sku"]: one["way"] for one in told["items"]}
    assert ways[uncovered] == "ask"
    assert told["resting"][0]["returns"]

    reader = Reader(app, client)
    assert path in reader.get("/plan")
    reader.get(path)
    assert f"/requests/new?sku={uncovered}&amp;plan={number}" in reader.text
    assert "stop by" in reader.text
    reader.send(f"{path}/cart")
    assert reader.path == "/cart"
    again = browser.post(f"{path}/cart")
    assert (again.status_code, again.json) == (201, {"put": []})
    assert len(browser.get("/cart").json["lines"]) == 3
    assert Browser(app, somebody(alice)).get(path).status_code == 404
