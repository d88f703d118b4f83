"""Who buys, and who decides: clients with prescriptions, and a physician with requests to read."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import psycopg
import sqlalchemy as sa

from benchmarks.operations import Buyer
from shop.accounts import employing, licences, tokens
from shop.accounts.models import AuthEvent, Person, Role
from shop.catalog.models import LegalClass, Product, Variant
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.demo import story
from shop.prescriptions import acknowledging, requesting, reviewing, signing
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.statements import Terms

MOST_FILLS = 12
CREAMS, OTHERS = 10, 40  # different packs that are bought
TOGETHER = 50  # buyers in one transaction
PASSWORD = "for-the-benchmark-only"


@dataclass(frozen=True)
class Physician:
    """Dr Chen's token, and the numbers of the requests that wait for her."""

    token: str
    requests: tuple[str, ...]


def physician() -> Person:
    """Dr Chen, licensed in California."""
    story.signing_key()
    story.payment_permissions()
    chen = employing.employ(
        email="dr.chen@example.test",
        name="Dr Wei Chen",
        role=Role.PHYSICIAN,
        npi="2000000010",
        password=PASSWORD,
    )
    today = now().date()
    licences.record(
        chen,
        kind="MD",
        state="CA",
        number="CA-BENCH-1",
        valid_from=today - timedelta(days=400),
        valid_until=today + timedelta(days=330),
        verified_on=today,
    )
    db.session.commit()
    return chen


def buyers(count: int, chen: Person) -> tuple[Buyer, ...]:
    """New clients, each with a token and a prescription of twelve fills. Commits."""
    creams, others = _packs(LegalClass.RX, CREAMS), _packs(LegalClass.OTC_DRUG, OTHERS)
    made = []
    for number in range(count):
        cream = creams[number % len(creams)]
        client, token = _client()
        _sign(_ask(client, cream), chen)
        other = others[number % len(others)]
        made.append(Buyer(str(client.id), token, cream.sku, other.sku))
        if number % TOGETHER == TOGETHER - 1:
            db.session.commit()
    db.session.commit()
    return tuple(made)


def waiting(count: int, chen: Person) -> Physician:
    """Requests that nobody has decided yet. Commits."""
    act_as("system:benchmark")
    creams = _packs(LegalClass.RX, CREAMS)
    numbers = [_ask(_client()[0], creams[place % CREAMS]).number for place in range(count)]
    _token, secret = tokens.issue(chen, name="benchmark", scopes=None, at=now())
    db.session.commit()
    return Physician(secret, tuple(numbers))


def refill_carts(admin: psycopg.Connection[Any], who: tuple[Buyer, ...]) -> None:
    """Two lines in each cart; and their tokens were seen just now, as after filling it by hand."""
    ids = [buyer.client_id for buyer in who]
    admin.execute(
        "INSERT INTO carts (id, client_id) SELECT gen_random_uuid(), client"
        " FROM unnest(%s::uuid[]) AS client ON CONFLICT DO NOTHING",
        [ids],
    )
    for skus in ([buyer.otc for buyer in who], [buyer.cream for buyer in who]):
        admin.execute(
            "INSERT INTO cart_lines (cart_id, variant_id, quantity)"
            " SELECT carts.id, variants.id, 1"
            " FROM unnest(%s::uuid[], %s::text[]) AS wish (client, sku)"
            " JOIN carts ON client_id = client JOIN variants ON variants.sku = wish.sku"
            " ON CONFLICT DO NOTHING",
            [ids, skus],
        )
    seen_just_now(admin)


def seen_just_now(admin: psycopg.Connection[Any]) -> None:
    """No request of the coming minute writes down that a token was used."""
    admin.execute("UPDATE tokens SET used_at = shop_now()")


def _client() -> tuple[Person, str]:
    word = uuid.uuid4().hex
    client = Person(
        id=uuid.uuid4(),
        email=f"{word}@example.test",
        name="Alice Moreno",
        role=Role.CLIENT,
        birth_date=date(1988, 4, 9),
        state="CA",
        password_hash="nobody signs in with it",
        email_confirmed_at=now(),
    )
    act_as("system:benchmark")
    db.session.add(client)
    db.session.flush()  # the token points at it
    _token, secret = tokens.issue(client, name="benchmark", scopes=None, at=now())
    db.session.flush()  # as above
    return client, secret


def _packs(legal_class: LegalClass, count: int) -> list[Variant]:
    query = (
        sa.select(Variant)
        .join(Product)
        .where(Variant.for_sale, Variant.legal_class == legal_class)
        .order_by(Variant.sku)
        .limit(count)
    )
    return list(db.session.scalars(query))


def _ask(client: Person, pack: Variant) -> ApprovalRequest:
    act_as(client.actor)
    request = requesting.start(client, pack, quantity=1, ship_to_state="CA", by=client, at=now())
    requesting.answer(request, story.answers(request), by=client, at=now())
    requesting.submit(request, consent=True, by=client, at=now())
    return request


def _sign(request: ApprovalRequest, chen: Person) -> None:
    act_as(chen.actor)
    reviewing.claim(request, by=chen, at=now())
    db.session.flush()  # the claim stands before the signature
    proof = AuthEvent(id=uuid.uuid4(), person_id=chen.id, kind="fresh", factors=["password"])
    db.session.add(proof)
    db.session.flush()  # the database stamps its time
    db.session.refresh(proof)
    terms = Terms(
        quantity_per_fill=1,
        fills=MOST_FILLS,
        days_supply=30,
        directions="A pea-sized amount on dry skin in the evening.",
        indication="Acne",
        examination_mode="in_person",
        examined_on=now().date(),
        overrides={"SC-ACTIVE-UNKNOWN": "This shop has no dictionary of ingredients."},
    )
    signing.sign(request, terms, by=chen, proof=proof, at=now())
    client, product = request.client, request.variant.product_id
    version = acknowledging.of_product(client.id, product).version
    acknowledging.acknowledge(client, product, version=version, by=client, at=now())
