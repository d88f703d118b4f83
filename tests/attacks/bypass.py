"""The clinic in which every way round the gate is tried, and the roads that it is tried on.

A scene is one client with her own physician, product, lot and prescription, so that scenes share
nothing but the shelf staff and the manager. A road is one act over HTTP, or past all of our code as
the application's database role. What a road answers is told in one form (`Said`), whoever said it.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from html import unescape
from typing import Any

import psycopg
import sqlalchemy as sa
from flask.testing import FlaskClient

from shop.accounts import tokens
from shop.accounts.models import Person, Role
from shop.catalog.models import LegalClass, Product, Variant
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.orders.models import Order, OrderLine
from shop.payments import chasing, webhook
from shop.payments.jobs import gateway
from tests import people
from tests.attacks.attack import APP, Attack, Effect, Outcome, Sql, play
from tests.builders import a_product, a_variant
from tests.catalog.rules import a_ruling, holding
from tests.inventory.lots import a_lot
from tests.journeys.conftest import Clinic
from tests.orders.things import packed, pay
from tests.prescriptions.builders import a_prescription, a_request

UNITS = 40  # on the shelf of every product
PARCEL = {"carrier": "USPS", "tracking": "9400 1112 0108 0805 4830 16"}
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
BEFORE_MIDNIGHT = timedelta(minutes=5)  # when every scene is played, by the shop's clock
# Whatever tells of goods, money or authority. Carts are wishes, and kept answers repeat themselves.
KEPT = (
    "orders",
    "order_lines",
    "fills",
    "prescriptions",
    "prescription_states",
    "approval_requests",
    "reservations",
    "reservation_parts",
    "lots",
    "movements",
    "picks",
    "shortages",
    "shipments",
    "shipment_lines",
    "payments",
    "refunds",
    "provider_calls",
)
FINGERPRINT = " UNION ALL ".join(
    ["SELECT 'events', count(*), 0 FROM events"]
    + [f"SELECT '{name}', count(*), sum(hashtext(t::text)) FROM {name} t" for name in KEPT]
)
Fingerprint = dict[str, tuple[int, int]]


@dataclass(frozen=True)
class Said:
    """What a road answered: the status, the problem's code and the gate's reasons, all its words."""

    status: int
    code: str = ""
    reasons: tuple[str, ...] = ()
    words: str = ""


class Browser:
    """Somebody at the pages: signed in by the form, every form with the token of her session."""

    def __init__(self, client: FlaskClient, email: str) -> None:
        self._client = client
        self._token = ""
        entered = self.enter(email)
        assert entered.status_code == 303, entered.text

    def enter(self, email: str) -> Any:
        """Sign in by the form."""
        self.look("/sign-in")
        return self.send("/sign-in", email=email, password=people.PASSWORD)

    def look(self, path: str) -> Any:
        shown: Any = self._client.get(path)
        self._token = (TOKEN.findall(shown.text) or [self._token])[-1]
        return shown

    def send(self, path: str, **typed: str) -> Any:
        return self._client.post(path, data=typed | {"csrf_token": self._token})


@dataclass
class Caller:
    """Somebody with an account, as a program and as a browser."""

    clinic: Clinic
    id: uuid.UUID
    email: str
    secret: str

    @cached_property
    def browser(self) -> Browser:
        return Browser(self.clinic.app.test_client(), self.email)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """An API call, with a key of its own unless `headers` name one."""
        sent = {"Authorization": f"Bearer {self.secret}", "Idempotency-Key": uuid.uuid4().hex}
        client = self.clinic.app.test_client()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.open(f"/api/v1{path}", method=method, json=body, headers=sent | named)

    def put_raw(self, path: str, body: bytes) -> Any:
        """An API call with a body as it is."""
        return self.clinic.app.test_client().put(
            f"/api/v1{path}",
            data=body,
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.secret}"},
        )

    def done(self, method: str, path: str, body: Any = None) -> Any:
        """An API call that must go through."""
        answer = self.call(method, path, body)
        assert 200 <= answer.status_code < 300, f"{method} {path}: {answer.text}"
        return answer.json if answer.data else None


@dataclass
class Scene:
    """A client, what she wants, and how far she has come."""

    client: Caller
    physician: Caller
    slug: str
    sku: str
    variant_id: uuid.UUID
    other_sku: str  # another pack of the same product
    ship_to: str
    quantity: int
    prescription: str | None = None
    order: str = ""
    url: str = ""  # the provider's page
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> dict[str, str]:
        return {
            "name": "Alice Moreno",
            "line1": "12 Grove St",
            "city": "Oakland",
            "state": self.ship_to,
            "postal_code": "94607",
        }

    @property
    def wanted(self) -> dict[str, Any]:
        """The body of POST /orders."""
        return {
            "lines": [self.sku],
            "shipping_address": self.address,
            "shipping_method": "standard",
        }


@dataclass
class Desk:
    """The clinic with its staff, a clock near midnight, and the acts that scenes are made of."""

    clinic: Clinic
    admin: psycopg.Connection[Any]  # the superuser's, autocommit: to look, and to move the clock
    sam: Caller
    mona: Caller
    eva: Caller

    @classmethod
    def of(cls, clinic: Clinic) -> Desk:
        admin = psycopg.connect(
            clinic.database.url(), autocommit=True, options="-csearch_path=public,jobs"
        )
        with clinic.app.app_context():
            act_as("system:test")
            cast = [_caller(clinic, make()) for make in (people.sam, people.mona, people.eva)]
            db.session.commit()
        desk = cls(clinic, admin, *cast)
        desk.turn_back_the_clock()
        desk.sam.browser.look("/packing")  # signed in once for all scenes
        return desk

    # The clock.

    def turn_back_the_clock(self) -> None:
        """Five minutes to midnight (UTC), for the shop and for the provider."""
        real = datetime.now(UTC)
        midnight = datetime.combine(real.date() + timedelta(days=1), datetime.min.time(), UTC)
        evening = midnight - BEFORE_MIDNIGHT
        self._set_clock((evening if evening > real else evening + timedelta(days=1)) - real)

    def pass_midnight(self) -> None:
        """Ten minutes later it is the next day."""
        (offset,) = self._one("SELECT time_offset FROM shop_clock")
        self._set_clock(offset + 2 * BEFORE_MIDNIGHT)

    def _set_clock(self, offset: timedelta) -> None:
        self.admin.execute("UPDATE shop_clock SET time_offset = %s", [offset])
        self.clinic.sandbox_client.post(
            "/_sandbox/clock", json={"offset": int(offset.total_seconds())}
        )

    @property
    def today(self) -> date:
        (day,) = self._one("SELECT (shop_now() AT TIME ZONE 'UTC')::date")
        assert isinstance(day, date)
        return day

    # What is kept.

    def fingerprint(self) -> Fingerprint:
        """All that a refused act must leave as it was."""
        rows = self.admin.execute(FINGERPRINT).fetchall()
        return {name: (count, total or 0) for name, count, total in rows}

    def units(self, scene: Scene) -> tuple[int, int]:
        """On hand and reserved."""
        on_hand, reserved = self._one(
            "SELECT sum(on_hand), sum(reserved) FROM lots WHERE variant_id = %s", scene.variant_id
        )
        return on_hand, reserved

    def state(self, scene: Scene) -> tuple[str, str, str | None]:
        """How the order, its line and its line's fill stand."""
        order, line, fill = self._one(
            "SELECT o.status, l.status, f.status FROM orders o JOIN order_lines l"
            " ON l.order_id = o.id LEFT JOIN fills f ON f.id = l.fill_id WHERE o.number = %s",
            scene.order,
        )
        return order, line, fill

    def money(self, scene: Scene) -> tuple[str, list[str]]:
        """How its payment stands, and its refunds of the whole."""
        status, refunds = self._one(
            "SELECT p.status, array(SELECT r.status FROM refunds r WHERE r.payment_id = p.id"
            " AND r.amount_cents = p.captured_cents) FROM payments p"
            " JOIN orders o ON o.id = p.order_id WHERE o.number = %s",
            scene.order,
        )
        return status, refunds

    def parcels(self, scene: Scene) -> int:
        """Units that left."""
        return int(
            self.one(
                "SELECT count(*) FROM movements m JOIN lots l ON l.id = m.lot_id"
                " WHERE l.variant_id = %s AND m.kind = 'ship'",
                scene.variant_id,
            )
        )

    def one(self, query: str, *values: Any) -> Any:
        """The one value that a query finds."""
        return self._one(query, *values)[0]

    def _one(self, query: str, *values: Any) -> tuple[Any, ...]:
        row: tuple[Any, ...] | None = self.admin.execute(query, values).fetchone()
        assert row is not None
        return row

    # People and what they hold.

    def a_client(self, state: str = "CA") -> Caller:
        with self._building():
            return _caller(self.clinic, people.alice(state=state, **_known()))

    def somebody(self, role: Role, **given: Any) -> Caller:
        """Another person at work; a physician is licensed in California."""
        with self._building():
            person = people.a_person(role, **(_known() | given))
            if role is Role.PHYSICIAN:
                people.a_licence(person)
            return _caller(self.clinic, person)

    def request_of(self, asking: Caller, scene: Scene) -> str:
        """A request that waits for a physician: its number."""
        with self._building():
            variant = db.session.get_one(Variant, scene.variant_id)
            return a_request(db.session.get_one(Person, asking.id), variant).number

    def scene(
        self,
        *,
        prescribed: bool = True,
        free: bool = False,
        ship_to: str = "CA",
        quantity: int = 1,
        **terms: Any,
    ) -> Scene:
        """A client before a product: doctor-only and prescribed to her, or `free` to buy.

        `terms` are those of `prescribe`.
        """
        with self._building():
            product = a_product(LegalClass.OTC_DRUG if free else LegalClass.RX)
            pack, other = a_variant(product, cents=6200), a_variant(product, name="45 g tube")
            a_lot(pack, UNITS), a_lot(other, UNITS)
            physician = people.dr_chen(states=(), **_known())
            until = self.today + timedelta(days=terms.pop("licensed_days", 180))
            for state in ("CA", "NV"):
                people.a_licence(
                    physician, state=state, valid_from=date(2020, 1, 1), valid_until=until
                )
            scene = Scene(
                _caller(self.clinic, people.alice(**_known())),
                _caller(self.clinic, physician),
                product.slug,
                pack.sku,
                pack.id,
                other.sku,
                ship_to,
                quantity,
            )
        if prescribed and not free:
            scene.prescription = self.prescribe(scene, **terms)
        return scene

    def prescribe(
        self,
        scene: Scene,
        *,
        to: Caller | None = None,
        sku: str | None = None,
        per_fill: int = 1,
        last_day: date | None = None,
        fills: int = 3,
    ) -> str:
        """The scene's physician signs for California: the number of the prescription."""
        with self._building():
            variant = db.session.scalars(
                sa.select(Variant).where(Variant.sku == (sku or scene.sku))
            ).one()
            signed = a_prescription(
                db.session.get_one(Person, (to or scene.client).id),
                variant,
                by=db.session.get_one(Person, scene.physician.id),
                quantity=per_fill,
                valid_until=last_day,
                fills=fills,
            )
            return signed.number

    def rule(self, scene: Scene, legal_class: LegalClass) -> None:
        """Two people let California's law speak of what the scene's product is made of."""
        with self._building():
            product = db.session.scalars(sa.select(Product).where(Product.slug == scene.slug)).one()
            active = f"ACTIVE {product.source_key.upper()}"
            holding(product, **{active.replace(" ", "_"): "2"})
            a_ruling(active, legal_class, jurisdiction="CA")

    @contextmanager
    def _building(self) -> Iterator[None]:
        with self.clinic.app.app_context():
            db.session.remove()
            act_as("system:test")
            yield
            db.session.commit()

    # How far a scene has come.

    def wished(self, scene: Scene) -> None:
        scene.client.done("PUT", f"/cart/lines/{scene.sku}", {"quantity": scene.quantity})

    def placed(self, scene: Scene) -> None:
        self.wished(scene)
        scene.order = scene.client.done("POST", "/orders", scene.wanted)["number"]

    def begun(self, scene: Scene) -> None:
        """The provider's page is open."""
        self.placed(scene)
        scene.url = scene.client.done("POST", f"/orders/{scene.order}/payment")["url"]

    def paid(self, scene: Scene) -> None:
        self.placed(scene)
        self.pay(scene)

    def pay(self, scene: Scene) -> None:
        """Its money comes, as when the provider's word was applied; then it is packed."""
        with self._building():
            pay(db.session.scalars(sa.select(Order).where(Order.number == scene.order)).one())
        self.packed(scene)

    def packed(self, scene: Scene) -> None:
        """It is picked and labelled, so that nothing but what is tried stands in its way."""
        with self._building():
            order = db.session.scalars(sa.select(Order).where(Order.number == scene.order)).one()
            packed(order, by=db.session.get_one(Person, self.sam.id))

    def note(self, scene: Scene) -> None:
        """Learn what a road has just made: the order's number, the payment page's address."""
        found = self.admin.execute(
            "SELECT o.number, coalesce(p.url, '') FROM orders o LEFT JOIN payments p"
            " ON p.order_id = o.id WHERE o.client_id = %s",
            [scene.client.id],
        ).fetchone()
        scene.order, scene.url = found or ("", "")

    def money_comes(self, scene: Scene) -> None:
        """She types her card on the provider's page; its webhooks come, and the worker works."""
        assert self.clinic.visitor.pay(scene.url).status == 303
        at = int(self.one("SELECT extract(epoch FROM shop_now())::bigint"))
        told = [event["id"] for event in self.clinic.pending()]
        for event_id in told:
            assert self.clinic.sandbox.courier.deliver(event_id, signed_at=at) == "200"
        with self.clinic.worker.app_context():
            act_as("system:worker")
            for event_id in told:  # what its job does
                webhook.follow(event_id, gateway())
            order = self.one("SELECT id FROM orders WHERE number = %s", scene.order)
            chasing.order_ended(order, gateway())  # and what follows an order's end, if it ended
            db.session.remove()

    def she_comes_back(self, scene: Scene) -> None:
        """She pays, and the shop asks the provider when her browser comes back, before any webhook."""
        assert self.clinic.visitor.pay(scene.url).status == 303
        shown = scene.client.browser.look(f"/orders/{scene.order}/paid")
        assert shown.status_code == 200, shown.text

    def sql_facts(self, scene: Scene) -> dict[str, Any]:
        """What an attacker at the database would look up first."""
        with self._building():
            variant = db.session.get_one(Variant, scene.variant_id)
            facts = {
                "client": scene.client.id,
                "variant": variant.id,
                "sku": variant.sku,
                "price": variant.prices[0].id,
                "cents": 6200,
                "state": scene.ship_to,
                "quantity": scene.quantity,
                "staff": self.sam.id,
            }
            facts |= self._prescribed(scene)
            line = db.session.scalars(
                sa.select(OrderLine)
                .join(Order, Order.id == OrderLine.order_id)
                .where(Order.number == scene.order)
            ).one_or_none()
            if line is not None:
                facts |= {
                    "order": line.order_id,
                    "line": line.id,
                    "fill": line.fill_id,
                    "reservation": line.reservation_id,
                    "total": line.order.total_cents,
                }
        return facts

    def played(self, act: Callable[[Sql], object], facts: Mapping[str, Any]) -> Outcome:
        """What stops an act of the application's own role; judged as at a commit, and undone."""
        with psycopg.connect(self.clinic.database.url()) as connection:
            outcome = play(connection, Attack("", "", act, APP, Effect.REFUSED), facts)
            connection.rollback()
        return outcome

    def _prescribed(self, scene: Scene) -> dict[str, Any]:
        """The prescription that the scene's physician signed, if there is one."""
        found = self.admin.execute(
            "SELECT id, client_id, variant_id, fills_allowed FROM prescriptions"
            " WHERE prescriber_id = %s",
            [scene.physician.id],
        ).fetchone()
        names = ("prescription", "prescribed_client", "prescribed_variant", "fills_allowed")
        return dict(zip(names, found, strict=True)) if found else {}


def _known() -> dict[str, Any]:
    from shop.accounts import passwords

    return {"password_hash": passwords.hash_of(people.PASSWORD), "email_confirmed_at": now()}


def _caller(clinic: Clinic, person: Person) -> Caller:
    if person.password_hash == people.NO_HASH:
        person.password_hash = _known()["password_hash"]
    _, secret = tokens.issue(person, name="bypass", scopes=None, at=now())
    return Caller(clinic, person.id, person.email, secret)


# The roads over HTTP. Each takes a scene that has come as far as its stage.


def cart_api(desk: Desk, scene: Scene) -> Said:
    answer = scene.client.call("PUT", f"/cart/lines/{scene.sku}", {"quantity": scene.quantity})
    if answer.status_code != 200:
        return _problem(answer)
    (line,) = [line for line in answer.json["lines"] if line["sku"] == scene.sku]
    return _gate(200, line["gate"])


def cart_page(desk: Desk, scene: Scene) -> Said:
    browser = scene.client.browser
    browser.look(f"/products/{scene.slug}")
    sent = browser.send("/cart/lines", sku=scene.sku, quantity=str(scene.quantity))
    if sent.status_code != 303:
        return _page(sent)
    shown = browser.look("/cart")
    led_on = 'href="/checkout"' in shown.text
    return Said(200, "open" if led_on else "closed", words=_text(shown))


def place_api(desk: Desk, scene: Scene) -> Said:
    return _problem(scene.client.call("POST", "/orders", scene.wanted))


def place_page(desk: Desk, scene: Scene) -> Said:
    browser = scene.client.browser
    browser.look("/checkout")
    typed = scene.address | {"shipping_method": "standard", "lines": scene.sku, "do": "place"}
    return _page(browser.send("/checkout", **typed))


def pay_api(desk: Desk, scene: Scene) -> Said:
    return _problem(scene.client.call("POST", f"/orders/{scene.order}/payment"))


def pay_page(desk: Desk, scene: Scene) -> Said:
    scene.client.browser.look(f"/orders/{scene.order}")
    return _page(scene.client.browser.send(f"/orders/{scene.order}/payment"))


def ship_api(desk: Desk, scene: Scene) -> Said:
    """The picking list says that it stays, and the shipment is refused all the same."""
    listed = desk.sam.call("GET", f"/orders/{scene.order}/picking-list")
    refused = desk.sam.call(
        "POST", f"/orders/{scene.order}/shipments", PARCEL | {"lines": [scene.sku]}
    )
    said = _problem(refused)
    if listed.status_code == 200 and listed.json["lines"]:
        (line,) = listed.json["lines"]
        assert line["goes"] == (said.status == 201), "the list and the shipment do not agree"
    return said


def ship_page(desk: Desk, scene: Scene) -> Said:
    browser = desk.sam.browser
    shown = browser.look(f"/packing/{scene.order}")
    said = _page(browser.send(f"/packing/{scene.order}/shipments", lines=scene.sku, **PARCEL))
    if shown.status_code == 200 and f'value="{scene.sku}"' in shown.text:
        tick = f'aria-label="Ship {re.escape(_name_in(shown.text))}"\\s+checked'
        alone = f'type="hidden" name="lines" value="{scene.sku}"'  # the one line, packed
        ticked = re.search(tick, shown.text) is not None or alone in shown.text
        assert ticked == (said.status == 303), "the page and the shipment do not agree"
    return said


def _name_in(page: str) -> str:
    found = re.search(r'aria-label="Ship ([^"]+)"', page)
    return found[1] if found else ""


def _problem(answer: Any) -> Said:
    body = answer.json or {}
    if answer.status_code < 400:
        return Said(answer.status_code, words=answer.text)
    assert answer.content_type == "application/problem+json", answer.text
    lines = body["facts"].get("lines", [])
    reasons = [reason["code"] for line in lines for reason in line["reasons"]]
    told = [*body["errors"], body["detail"]]
    return Said(answer.status_code, body["code"], tuple(reasons), " ".join(told))


def _gate(status: int, gate: Any) -> Said:
    reasons = tuple(reason["code"] for reason in gate["reasons"])
    return Said(status, gate["decision"], reasons, gate["sentence"])


def _page(answer: Any) -> Said:
    """A page that refuses says so in its summary."""
    if answer.status_code == 303:
        return Said(303, words=answer.headers["Location"])
    summary = re.search(r'class="error-summary".*?</div>', answer.text, re.DOTALL)
    return Said(answer.status_code, words=unescape(summary[0]) if summary else _text(answer))


def _text(page: Any) -> str:
    """What a person reads of a page."""
    (main,) = re.findall(r"<main.*</main>", page.text, re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", main)).split())
