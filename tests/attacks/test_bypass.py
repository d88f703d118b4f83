"""Every way round the gate, refused on every road, with the honest neighbour that goes through.

A cell of the table is one bypass on one road. It names what refuses it: status, code, the gate's
reason and the words on the page over HTTP; the constraint or trigger's rule in PostgreSQL. Nothing
may be written by the refused act. Where a road cannot express a bypass, the cell says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
import sqlalchemy as sa

from shop import create_app
from shop.catalog.models import LegalClass
from shop.core.cluster import OWNER
from shop.core.db import db
from shop.prescriptions import gate
from shop.prescriptions.gate import Answer, Decision, Facts
from tests.attacks import bypass, bypass_sql
from tests.attacks.attack import Outcome, Sql
from tests.attacks.bypass import UNITS, Desk, Said, Scene
from tests.conftest import Database, FreshClient, config_for
from tests.invariants import broken
from tests.journeys.conftest import Clinic

pytestmark = pytest.mark.usefixtures("evening")

# What makes a bypass: how the scene differs before it begins, or what happens on the way.

Setup = Callable[[Desk], Mapping[str, Any]]
Spoil = Callable[[Desk, Scene], None]


def plain(_: Desk) -> dict[str, Any]:
    """A doctor-only cream, prescribed three times, one tube at a time, for California."""
    return {}


def unprescribed(_: Desk) -> dict[str, Any]:
    return {"prescribed": False}


def to_nevada(_: Desk) -> dict[str, Any]:
    return {"ship_to": "NV"}


def two(_: Desk) -> dict[str, Any]:
    return {"quantity": 2}


def two_prescribed(_: Desk) -> dict[str, Any]:
    return {"quantity": 2, "per_fill": 2}


def one_fill(_: Desk) -> dict[str, Any]:
    return {"fills": 1}


def until_tonight(desk: Desk) -> dict[str, Any]:
    return {"last_day": desk.today}


def licensed_until_tonight(_: Desk) -> dict[str, Any]:
    return {"licensed_days": 1}


def free(_: Desk) -> dict[str, Any]:
    """What anybody may buy, as yet."""
    return {"free": True}


def free_to_nevada(_: Desk) -> dict[str, Any]:
    return {"free": True, "ship_to": "NV"}


def free_two(_: Desk) -> dict[str, Any]:
    return {"free": True, "quantity": 2}


def nothing(desk: Desk, scene: Scene) -> None:
    """The scene is wrong as it is."""


def marked(desk: Desk, scene: Scene) -> None:
    """The product becomes doctor-only when the order is on its way."""
    desk.mona.done("PATCH", f"/products/{scene.slug}", {"doctor_only": True})


def ruled(desk: Desk, scene: Scene) -> None:
    """The law of California comes to ask for a prescription."""
    desk.rule(scene, LegalClass.RX)


def barred(desk: Desk, scene: Scene) -> None:
    """The law of California comes to keep it in clinics."""
    desk.rule(scene, LegalClass.CLINIC_USE)


def prescribed_to_another(desk: Desk, scene: Scene) -> None:
    desk.prescribe(scene, to=desk.a_client())


def prescribed_another_pack(desk: Desk, scene: Scene) -> None:
    desk.prescribe(scene, sku=scene.other_sku)


def prescribed_here(desk: Desk, scene: Scene) -> None:
    """For California, one pack at a time."""
    desk.prescribe(scene)


def used_up(desk: Desk, scene: Scene) -> None:
    """Another order of hers takes the only fill."""
    if scene.prescription is None:
        desk.prescribe(scene, fills=1)
    mine = scene.order
    desk.placed(scene)
    scene.order = mine
    desk.wished(scene)


def revoked(desk: Desk, scene: Scene) -> None:
    scene.physician.done(
        "POST", f"/prescriptions/{scene.prescription}/revocation", {"reason": "A reaction."}
    )


def held(desk: Desk, scene: Scene) -> None:
    scene.physician.done(
        "POST", f"/prescriptions/{scene.prescription}/hold", {"reason": "A question."}
    )


def midnight(desk: Desk, scene: Scene) -> None:
    desk.pass_midnight()


def licence_ended(desk: Desk, scene: Scene) -> None:
    licence = desk.one(
        "SELECT id FROM licences WHERE person_id = %s AND state = 'CA'", scene.physician.id
    )
    road = f"/people/{scene.physician.id}/licences/{licence}/end"
    desk.mona.done("POST", road, {"ended_on": desk.today.isoformat()})


def prescriber_disabled(desk: Desk, scene: Scene) -> None:
    desk.mona.done("POST", f"/people/{scene.physician.id}/disablement")


def client_disabled(desk: Desk, scene: Scene) -> None:
    desk.mona.done("POST", f"/people/{scene.client.id}/disablement")


def both(first: Spoil, second: Spoil) -> Spoil:
    def one_after_the_other(desk: Desk, scene: Scene) -> None:
        first(desk, scene)
        second(desk, scene)

    return one_after_the_other


@dataclass(frozen=True)
class Made:
    """A scene and the one fact that makes it a bypass; `honest` is the scene without it."""

    honest: Setup
    spoil: Spoil
    setup: Setup | None = None  # where the scene is wrong from its beginning


# The table.


@dataclass(frozen=True)
class No:
    """How a road over HTTP refuses: a program reads code and reason, a page shows the words."""

    status: int
    code: str
    reason: str = ""
    words: str = ""


Lies = Mapping[str, Any]
OWN = "@"  # before the name of a fact of the prescription: what a thief copies from it


@dataclass(frozen=True)
class Bypass:
    """A row: the bypass before the order and after it, and who says no on which road.

    A string in the place of an answer is the reason why the cell is empty. `place_sql` are a
    thief's attempts to write the order all the same, each with the name that refuses it; the other
    `_sql` name what refuses the honest statements in the late scene.
    """

    early: Made
    late: Made
    cart: No | str
    place: No | str
    pay: No | str
    ship: No | str
    place_sql: tuple[tuple[str, Lies], ...] | str
    pay_sql: tuple[tuple[str, Lies], ...] | str
    settle_sql: tuple[tuple[str, Lies], ...] | str
    pack_sql: tuple[tuple[str, Lies], ...] | str
    ship_sql: tuple[tuple[str, Lies], ...] | str


def by(name: str) -> tuple[tuple[str, Lies], ...]:
    return ((name, {}),)


NONE = No(422, "no_prescription", "no_prescription", "A physician approves this first")
NOT_HELD = No(422, "line_blocked", "fill_not_held", "does not hold a fill")
LAPSED = No(422, "no_prescription", "licence_lapsed", "can no longer prescribe in CA")
ON_HOLD = No(422, "line_blocked", "on_hold", "has put this on hold")
EXPIRED = No(422, "no_prescription", "expired", "ended on")
SIGNED_OUT = No(401, "not_signed_in", "", "Sign in")
BEGINS = "payment_begins_under_standing_prescriptions"
STANDS = "line_goes_on_under_a_standing_prescription"
UNREQUIRED = "doctor_only_line_requires_a_prescription"
RULED = "line_requires_what_its_state_rules"
SOLD_THERE = "line_is_sold_in_its_state"
LAW_ALLOWS = "payment_begins_as_the_law_of_the_state_allows"
NOT_SOLD = No(422, "line_blocked", "not_sold_in_state", "is not sold in CA")
TERMS = "fill_is_on_its_prescriptions_terms"
COVERS = "fill_covers_the_line"
# An order placed while anybody could buy the product, which has become doctor-only since. No line
# of such an order holds a fill, whatever she has been prescribed meanwhile.
FREE_ONCE: dict[str, Any] = {
    "pay": NOT_HELD,
    "ship": NOT_HELD,
    "pay_sql": by(BEGINS),
    "settle_sql": by(UNREQUIRED),
    "pack_sql": by(UNREQUIRED),
    "ship_sql": by(UNREQUIRED),
}


def _stood_once(why: No, name: str, spoil: Spoil, honest: Setup = plain) -> Bypass:
    """A prescription that stood, and stands no more when the line is to go on."""
    made = Made(honest, spoil)
    decision = "blocked" if why.code == "line_blocked" else "needs_request"
    return Bypass(
        early=made,
        late=made,
        cart=No(200, decision, why.reason, why.words),
        place=why,
        pay=why,
        ship=why,
        place_sql=by(name),
        pay_sql=by(BEGINS),
        settle_sql=by(name),
        pack_sql=by(STANDS),
        ship_sql=by(name),
    )


def _in_cart(why: No, decision: str) -> No:
    return No(200, decision, why.reason, why.words)


OTHER_PACK = No(422, "no_prescription", "other_pack", "is for another pack")
OTHER_STATE = No(422, "needs_client_action", "other_state", "covers CA, not NV")
OTHER_QUANTITY = No(422, "needs_client_action", "other_quantity", "is for 1 at a time")
USED_UP = No(422, "no_prescription", "fills_used_up", "are used")
GOES_ON = "with her own prescription from the beginning it is the honest neighbour"
ACCOUNTS = (
    "PostgreSQL judges goods, money and authority; whose hands they are in is the session's"
    " business, which the same database is asked about at every request"
)

BYPASSES: dict[str, Bypass] = {
    "no prescription": Bypass(
        early=Made(plain, nothing, unprescribed),
        late=Made(free, marked),
        cart=_in_cart(NONE, "needs_request"),
        place=NONE,
        place_sql=(
            (UNREQUIRED, {"without_fill": True}),
            ("doctor_only_line_has_a_fill", {"without_fill": True, "requires": True}),
        ),
        **FREE_ONCE,
    ),
    "another client's": Bypass(
        early=Made(plain, prescribed_to_another, unprescribed),
        late=Made(free, both(marked, prescribed_to_another)),
        cart=_in_cart(NONE, "needs_request"),
        place=NONE,
        place_sql=(
            (TERMS, {}),
            (COVERS, {"fill": {"client": "@client"}}),
            ("line_is_of_its_order", {"fill": {"client": "@client"}, "line_client": "@client"}),
        ),
        **FREE_ONCE,
    ),
    "another pack": Bypass(
        early=Made(plain, prescribed_another_pack, unprescribed),
        late=Made(free, both(marked, prescribed_another_pack)),
        cart=_in_cart(OTHER_PACK, "needs_request"),
        place=OTHER_PACK,
        place_sql=((TERMS, {}), (COVERS, {"fill": {"variant": "@variant"}})),
        **FREE_ONCE,
    ),
    "another state": Bypass(
        early=Made(plain, nothing, to_nevada),
        late=Made(free_to_nevada, both(marked, prescribed_here)),
        cart="a cart names no state (test_what_no_field_can_say); the checkout does",
        place=OTHER_STATE,
        place_sql=(
            ("prescription_covers_the_state", {}),
            (COVERS, {"fill": {"state": "CA"}}),
            ("line_is_of_its_order", {"fill": {"state": "CA"}, "line_state": "CA"}),
        ),
        **FREE_ONCE,
    ),
    "fills used up": Bypass(
        early=Made(one_fill, used_up),
        late=Made(free, both(marked, used_up)),
        cart=_in_cart(USED_UP, "needs_request"),
        place=USED_UP,
        place_sql=(
            ("fills_one_per_number", {}),
            ("fill_within_allowance", {"fill": {"number": 2}}),
            (TERMS, {"fill": {"number": 2, "fills_allowed": 2}}),
        ),
        **FREE_ONCE,
    ),
    "more than prescribed": Bypass(
        early=Made(two_prescribed, nothing, two),
        late=Made(free_two, both(marked, prescribed_here)),
        cart=_in_cart(OTHER_QUANTITY, "needs_client_action"),
        place=OTHER_QUANTITY,
        place_sql=((TERMS, {}), (COVERS, {"fill": {"quantity": 1}})),
        **FREE_ONCE,
    ),
    "doctor-only since": Bypass(
        early=Made(plain, nothing),
        late=Made(free, both(marked, prescribed_here)),
        cart=GOES_ON,
        place=GOES_ON,
        place_sql=GOES_ON,
        **FREE_ONCE,
    ),
    "legal class in this state": Bypass(
        early=Made(free, ruled),
        late=Made(free, ruled),
        cart=_in_cart(NONE, "needs_request"),
        place=NONE,
        pay=NOT_HELD,
        ship=NOT_HELD,
        place_sql=((RULED, {"without_fill": True}),),
        pay_sql=by(LAW_ALLOWS),
        settle_sql=by(RULED),
        pack_sql=by(RULED),
        ship_sql=by(RULED),
    ),
    "not sold in this state": Bypass(
        early=Made(plain, barred),
        late=Made(plain, barred),
        cart=_in_cart(NOT_SOLD, "blocked"),
        place=NOT_SOLD,
        pay=NOT_SOLD,
        ship=NOT_SOLD,
        place_sql=by(SOLD_THERE),
        pay_sql=by(LAW_ALLOWS),
        settle_sql=by(SOLD_THERE),
        pack_sql=by(SOLD_THERE),
        ship_sql=by(SOLD_THERE),
    ),
    "expired": _stood_once(EXPIRED, "prescription_in_time", midnight, until_tonight),
    "on hold": _stood_once(ON_HOLD, "prescription_not_held", held),
    "licence ended": _stood_once(LAPSED, "prescriber_licensed_now", licence_ended),
    "licence ran out": _stood_once(
        LAPSED, "prescriber_licensed_now", midnight, licensed_until_tonight
    ),
    "prescriber disabled": _stood_once(LAPSED, "prescriber_licensed_now", prescriber_disabled),
    # Who revokes ends what was promised in the same act: the order is cancelled, the line on hold.
    "revoked": replace(
        _stood_once(
            No(422, "no_prescription", "revoked", "was withdrawn"),
            "prescription_not_revoked",
            revoked,
        ),
        pay=No(409, "order_not_payable", "", "cancelled takes no payment"),
        ship=No(409, "line_not_ready", "", "is on_hold, not ready"),
        pay_sql=by("payment_begins_while_its_order_waits"),
        settle_sql=by("event_is_a_legal_transition"),
        pack_sql=by("event_is_a_legal_transition"),
        ship_sql=by("event_is_a_legal_transition"),
    ),
    "client disabled": Bypass(
        early=Made(plain, client_disabled),
        late=Made(plain, client_disabled),
        cart=SIGNED_OUT,
        place=SIGNED_OUT,
        pay=SIGNED_OUT,
        ship=No(422, "line_blocked", "client_not_active", "This account cannot order"),
        place_sql=ACCOUNTS,
        pay_sql=ACCOUNTS,
        settle_sql=ACCOUNTS,
        pack_sql=ACCOUNTS,
        ship_sql=ACCOUNTS,
    ),
}


@dataclass(frozen=True)
class Road:
    """An act over HTTP, how far a scene has come before it, where its answers stand, its yes."""

    act: Callable[[Desk, Scene], Said]
    stage: str
    column: str
    yes: tuple[int, str]


ROADS: dict[str, Road] = {
    "cart, API": Road(bypass.cart_api, "wished", "cart", (200, "open")),
    "cart, page": Road(bypass.cart_page, "wished", "cart", (200, "open")),
    "place, API": Road(bypass.place_api, "wished", "place", (201, "")),
    "place, page": Road(bypass.place_page, "wished", "place", (303, "")),
    "pay, API": Road(bypass.pay_api, "placed", "pay", (200, "")),
    "pay, page": Road(bypass.pay_page, "placed", "pay", (303, "")),
    "go on paying, API": Road(bypass.pay_api, "begun", "pay", (200, "")),
    "go on paying, page": Road(bypass.pay_page, "begun", "pay", (303, "")),
    "ship, API": Road(bypass.ship_api, "paid", "ship", (201, "")),
    "ship, page": Road(bypass.ship_page, "paid", "ship", (303, "")),
}


@dataclass(frozen=True)
class SqlRoad:
    """The same act as the application's role."""

    act: Callable[..., None]
    stage: str
    column: str


SQL_ROADS: dict[str, SqlRoad] = {
    "place, SQL": SqlRoad(bypass_sql.place, "wished", "place_sql"),
    "pay, SQL": SqlRoad(bypass_sql.pay, "placed", "pay_sql"),
    "settle, SQL": SqlRoad(bypass_sql.settle, "begun", "settle_sql"),
    "pack, SQL": SqlRoad(bypass_sql.pack, "paid", "pack_sql"),
    "ship, SQL": SqlRoad(bypass_sql.ship, "paid", "ship_sql"),
}
EARLY, LATE = ("wished",), ("placed", "begun", "paid")


def answer(row: str, road: str) -> Any:
    """What stands in a cell: who refuses, or why it is empty."""
    return getattr(BYPASSES[row], (ROADS | SQL_ROADS)[road].column)


def made_for(row: str, stages: tuple[str, ...]) -> Made:
    return BYPASSES[row].early if stages == EARLY else BYPASSES[row].late


def spoilt(desk: Desk, row: str, stages: tuple[str, ...]) -> dict[str, Scene]:
    """One client with an order at each stage, spoilt all at once; she has signed in before."""
    made = made_for(row, EARLY if "wished" in stages else LATE)
    scene = desk.scene(**(made.setup or made.honest)(desk))
    scene.client.browser.look("/account")
    scenes = {stage: replace(scene) for stage in stages}
    for stage, here in scenes.items():
        getattr(desk, stage)(here)
    made.spoil(desk, scene)
    return scenes


# The cells. A refused act leaves nothing behind, so that the roads of a stage share its order.


@pytest.mark.parametrize("stages", [EARLY, LATE], ids=["early", "late"])
@pytest.mark.parametrize("row", BYPASSES)
def test_it_is_refused(
    desk: Desk, row: str, stages: tuple[str, ...], subtests: pytest.Subtests
) -> None:
    scenes = spoilt(desk, row, stages)
    for name, road in ROADS.items():
        if road.stage in scenes and not isinstance(answer(row, name), str):
            with subtests.test(road=name):
                refuses(desk, scenes[road.stage], road, answer(row, name))
    for name, sql in SQL_ROADS.items():
        if sql.stage in scenes and not isinstance(answer(row, name), str):
            with subtests.test(road=name):
                for rule, lies in answer(row, name):
                    assert thief(desk, scenes[sql.stage], sql.act, lies).by == rule
    if "begun" in scenes:
        with subtests.test(road="money comes"):
            goes_back(desk, scenes["begun"])


def refuses(desk: Desk, scene: Scene, road: Road, no: No) -> None:
    """The road refuses as the cell says, and nothing is written."""
    before = desk.fingerprint()
    said = road.act(desk, scene)
    assert desk.fingerprint() == before, f"{said}: something was written"
    assert said.status == no.status, said
    assert no.words in said.words, said
    assert (said.status, said.code) != road.yes, said
    if not road.act.__name__.endswith("_page"):
        assert (said.code, said.reasons[:1]) == (no.code, (no.reason,) if no.reason else ()), said


def goes_back(desk: Desk, scene: Scene) -> None:
    """The money is booked and sent back, the order is off, unit and fill are free again."""
    held = desk.units(scene)[1] - (scene.quantity if desk.state(scene)[1] == "placed" else 0)
    desk.money_comes(scene)
    order, line, fill = desk.state(scene)
    assert (order, line) == ("cancelled", "cancelled")
    assert fill in (None, "released")
    assert desk.units(scene) == (UNITS, held)
    assert desk.money(scene) == ("succeeded", ["done"])
    assert desk.parcels(scene) == 0


def thief(desk: Desk, scene: Scene, act: Callable[..., None], lies: Lies | None = None) -> Outcome:
    """What stops the application's own role, with these lies among the facts."""
    facts = desk.sql_facts(scene)
    told = _copied(lies or {}, facts)

    def attempt(sql: Sql) -> None:
        act(sql, **told)

    return desk.played(attempt, facts)


def _copied(lies: Lies, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The lies, with what is copied from the prescription filled in."""
    return {
        name: _copied(lie, facts)
        if isinstance(lie, Mapping)
        else facts[f"prescribed_{lie[1:]}"]
        if str(lie).startswith(OWN)
        else lie
        for name, lie in lies.items()
    }


def test_an_empty_cell_says_why() -> None:
    empty = {
        (row, road): answer(row, road)
        for row in BYPASSES
        for road in (*ROADS, *SQL_ROADS)
        if isinstance(answer(row, road), str)
    }
    assert all(len(why.split()) > 5 for why in empty.values())
    assert {row for row, _ in empty} == {"another state", "doctor-only since", "client disabled"}


# The honest neighbours: each scene without its one fact, all the way, by both doors.

HONEST = sorted(
    {made_for(row, stages).honest for row in BYPASSES for stages in (EARLY, LATE)},
    key=lambda setup: setup.__name__,
)
TRIPS = {
    "as a program": ("cart, API", "place, API", "pay, API", "go on paying, API", "ship, API"),
    "at the pages": ("cart, page", "place, page", "pay, page", "go on paying, page", "ship, page"),
}


BESIDE = {
    "place": ("place, SQL",),
    "pay": ("pay, SQL",),
    "go on paying": ("settle, SQL",),
    "ship": ("pack, SQL", "ship, SQL"),
}


# Pages ask the same verbs: what differs among the scenes are facts that no page knows of.
HONEST_TRIPS = [(honest, "as a program") for honest in HONEST]
HONEST_TRIPS += [(honest, "at the pages") for honest in (plain, free)]


@pytest.mark.parametrize(("honest", "trip"), HONEST_TRIPS)
def test_its_honest_neighbour_goes_through(desk: Desk, honest: Setup, trip: str) -> None:
    """Over HTTP in earnest; the SQL of every stage as well, judged as at a commit and undone."""
    scene = desk.scene(**honest(desk))
    for name in TRIPS[trip]:
        if name.startswith("ship"):
            (desk.money_comes if name.endswith("API") else desk.she_comes_back)(scene)
            assert desk.state(scene)[:2] == ("paid", "ready")
            assert desk.money(scene) == ("succeeded", [])
            desk.packed(scene)
        for sql in BESIDE.get(name.partition(",")[0], ()):
            freely = (
                {"without_fill": True} if sql == "place, SQL" and not scene.prescription else {}
            )
            assert thief(desk, scene, SQL_ROADS[sql].act, freely).by == ""
        said = ROADS[name].act(desk, scene)
        assert (said.status, said.code) == ROADS[name].yes, said
        desk.note(scene)
    assert desk.parcels(scene) == 1
    assert desk.units(scene) == (UNITS - scene.quantity, 0)


def test_the_judge_finds_nothing_wrong(desk: Desk) -> None:
    """After all of it, by plain SQL of its own."""
    assert broken(desk.admin) == []


# Planted bugs: each belt alone holds, and without both the cells see the bypass.


def yes_to_everything(facts: Facts) -> list[Decision]:
    """A gate that is broken in the worst way, with whatever prescription there is."""
    any_of_hers = next((one.id for one in facts.prescriptions), None)
    return [
        Decision(wish, Answer.OPEN, prescription_id=any_of_hers if pack.doctor_only else None)
        for wish in facts.wishes
        for pack in [facts.packs[wish.variant_id]]
    ]


@pytest.fixture
def broken_gate(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Break the gate from here on."""
    return lambda: monkeypatch.setattr(gate, "decide", yes_to_everything)


STOOD_ONCE = ("expired", "on hold", "licence ended")
LET_THROUGH = [
    *((row, road) for row in STOOD_ONCE for road in ("place", "pay", "ship")),
    *(("doctor-only since", road) for road in ("pay", "ship")),
    *(("legal class in this state", road) for road in ("place", "pay", "ship")),
    *(("not sold in this state", road) for road in ("place", "pay", "ship")),
    ("another state", "place"),
    ("more than prescribed", "place"),
]


@pytest.mark.parametrize(("row", "road"), LET_THROUGH)
def test_postgresql_refuses_what_a_broken_gate_lets_through(
    desk: Desk, broken_gate: Callable[[], None], row: str, road: str
) -> None:
    way = ROADS[f"{road}, API"]
    scene = spoilt(desk, row, (way.stage,))[way.stage]
    before = desk.fingerprint()
    broken_gate()
    with pytest.raises(sa.exc.IntegrityError) as refused:
        way.act(desk, scene)
    assert refused.value.orig.diag.constraint_name == answer(row, f"{road}, SQL")[0][0]  # type: ignore[union-attr]
    assert desk.fingerprint() == before


def test_without_a_prescription_even_a_broken_gate_places_nothing(
    desk: Desk, broken_gate: Callable[[], None]
) -> None:
    """Placing takes a fill of a prescription, and there is none to take it of."""
    scene = spoilt(desk, "no prescription", EARLY)["wished"]
    before = desk.fingerprint()
    broken_gate()
    assert bypass.place_api(desk, scene).status == 503
    assert desk.fingerprint() == before


@pytest.fixture(scope="module")
def weak(clinic: Clinic, clone: Callable[[], Database]) -> Iterator[Desk]:
    """A clinic whose database no longer knows what a standing prescription is."""
    database = clone()
    with database.as_role(OWNER) as connection:
        connection.execute(
            "CREATE OR REPLACE FUNCTION prescription_shortcoming(prescription uuid, for_state text,"
            " moment timestamptz) RETURNS text LANGUAGE sql STABLE AS 'SELECT NULL::text'"
        )
        connection.execute("DROP TRIGGER line_is_still_sold_freely ON order_lines")
    app = create_app(config_for(database), gateway=clinic.app.extensions["gateway"])
    app.test_client_class = FreshClient
    weak = Desk.of(replace(clinic, app=app, database=database))
    yield weak
    weak.admin.close()
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


WEAK = [*((row, road) for row in STOOD_ONCE for road in ("place", "pay", "ship"))]
WEAK += [("doctor-only since", "ship")]


@pytest.mark.parametrize(("row", "road"), WEAK)
def test_without_either_belt_the_cells_see_the_bypass(
    weak: Desk, broken_gate: Callable[[], None], row: str, road: str
) -> None:
    """The gate refuses what PostgreSQL no longer does; when it is broken too, the cell says so."""
    weak.turn_back_the_clock()
    way, no = ROADS[f"{road}, API"], answer(row, f"{road}, API")
    scene = spoilt(weak, row, (way.stage,))[way.stage]
    refuses(weak, scene, way, no)
    broken_gate()
    with pytest.raises(AssertionError, match="something was written"):
        refuses(weak, scene, way, no)


def test_the_judge_sees_what_went_through(weak: Desk, broken_gate: Callable[[], None]) -> None:
    """What neither belt stopped is found by plain SQL afterwards."""
    weak.turn_back_the_clock()
    for row in ("expired", "doctor-only since"):
        scene = spoilt(weak, row, ("paid",))["paid"]
        broken_gate()
        assert bypass.ship_api(weak, scene).status == 201
    found = {rule.partition(":")[0] for rule in broken(weak.admin)}
    assert found >= {
        "I1 a doctor-only line that is paid for or gone has a live fill that covers it",
        "I1 nothing doctor-only left under a prescription that was revoked before",
    }
