"""Two people agree at once, and the law changes while an order is placed or shipped."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog import queries, releasing
from shop.catalog.models import LegalClass, LegalClassRule, Product, Release
from shop.core import ruling
from shop.core.clock import now
from shop.core.db import db
from shop.core.events import Event, Kind
from shop.orders.models import Order, OrderLine
from tests.at_once import Act
from tests.builders import a_product
from tests.catalog.rules import a_draft_rule, a_serum
from tests.inventory.lots import a_lot
from tests.orders.things import a_cart, packed, paid
from tests.people import alice, dr_chen, mona, sam
from tests.races.acts import either_first, place, ship
from tests.races.race import FEW, Race
from tests.regime import RACE_THREADS

HALF = RACE_THREADS // 2


def approve(release_id: UUID, who: UUID) -> Act:
    def act() -> str:
        release = queries.release(release_id, lock=True)
        releasing.approve(release, by=db.session.get_one(Person, who), at=now())
        return "approved"

    return act


def activate(rule_id: UUID, who: UUID) -> Act:
    def act() -> str:
        rule = ruling.found(rule_id, lock=True)
        ruling.activate(rule, by=db.session.get_one(Person, who), at=now())
        return "activated"

    return act


def test_of_all_who_agree_at_once_one_changes_the_product(race: Race) -> None:
    people = race.made(lambda: [mona().id for _ in range(RACE_THREADS)])

    def proposed() -> tuple[UUID, UUID]:
        product = a_product(LegalClass.RX)
        release = releasing.propose(
            product,
            legal_class=LegalClass.OTC_DRUG,
            doctor_only=False,
            reason="Relabelled.",
            by=mona(),
            at=now(),
        )
        return product.id, release.id

    def one_round() -> None:
        product, release = race.made(proposed)
        met = race.met([approve(release, who) for who in people])
        assert met == {"approved": 1, "wrong_state": RACE_THREADS - 1}
        assert race.row(Product, product).legal_class is LegalClass.OTC_DRUG
        assert race.row(Release, release).applied_at is not None
        changed = sa.select(Event.seq).where(
            Event.subject_id == product, Event.kind == Kind.PRODUCT_CHANGED
        )
        assert race.count(changed) == 1

    race.rounds("all agree to one release", one_round, rounds=FEW)


def test_without_the_lock_the_database_lets_one_agree(race: Race) -> None:
    people = race.made(lambda: [mona().id for _ in range(4)])
    release = race.made(
        lambda: (
            releasing.propose(
                a_product(LegalClass.RX),
                legal_class=LegalClass.OTC_DRUG,
                doctor_only=False,
                reason="Relabelled.",
                by=mona(),
                at=now(),
            ).id
        )
    )

    met = race.carelessly([approve(release, who) for who in people], before="INSERT INTO events")

    assert met["approved"] == 1, met


def _reviewed(active: str) -> UUID:
    says = {"active": active, "legal_class": LegalClass.RX}
    rule = a_draft_rule(LegalClassRule, says, jurisdiction="CA")
    ruling.review(rule, by=dr_chen(), at=now())
    return rule.id


def test_a_rule_against_place(race: Race) -> None:
    """An order is placed under the law as it was, or refused under the law as it is; no error."""
    chen = race.made(lambda: dr_chen().id)

    def scene() -> tuple[UUID, UUID]:
        active = f"ACTIVE {now().timestamp()}"
        pack, client = a_serum("2", active), alice()
        a_lot(pack, 5)
        a_cart(client, {pack: 1})
        return client.id, _reviewed(active)

    def one_round() -> None:
        client, rule = race.made(scene)
        met = race.met(either_first(place(client), activate(rule, chen)))
        assert (met["activated"], met["wrong_state"]) == (1, HALF - 1)
        assert met["placed"] in (0, 1)
        assert met["placed"] + met["cart_empty"] + met["no_prescription"] == HALF, met
        race.met_so_far["placed first"] += met["placed"]

    race.rounds("a rule against place", one_round, rounds=FEW, tell=["placed first"])


def test_a_rule_against_ship(race: Race) -> None:
    """What has left has left; nothing leaves after."""
    chen, packer = race.made(lambda: (dr_chen().id, sam().id))

    def scene() -> tuple[UUID, UUID]:
        active = f"ACTIVE {now().timestamp()}"
        pack = a_serum("2", active)
        a_lot(pack, 5)
        order = paid(alice(), {pack: 1})
        packed(order)
        return order.id, _reviewed(active)

    def one_round() -> None:
        order, rule = race.made(scene)
        met = race.met(either_first(ship(order, packer), activate(rule, chen)))
        assert (met["activated"], met["wrong_state"]) == (1, HALF - 1)
        status = _line(race, order)
        assert status == ("shipped" if met["shipped"] else "ready"), met

    race.rounds("a rule against ship", one_round, rounds=FEW, tell=["shipped"])


def _line(race: Race, order: UUID) -> Any:
    with race.app.app_context():
        query = sa.select(OrderLine.status).join(Order, Order.id == OrderLine.order_id)
        return db.session.scalar(query.where(Order.id == order))
