"""The demo clinic's story, told through the shop's own verbs: who is there and what has happened.

Alice lives in California, Bob in Texas; Dr Chen is licensed in California and Nevada, Dr Ruiz, the
medical director, in California and Texas. The catalogue is the real one; prices, lots and sample
packs are invented and say so.
"""

from __future__ import annotations

import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa
from flask import current_app

from shop.accounts import delegating, duties, employing, licences, passwords
from shop.accounts.models import AuthEvent, Duty, Person, Role
from shop.catalog import (
    bundling,
    dictionary,
    editing,
    importing,
    lawbook,
    prices,
    publishing,
)
from shop.catalog.concerns import Concern
from shop.catalog.models import LegalClass, Product, Variant, VisibilityRule
from shop.charts import charting
from shop.charts.facts import (
    Allergy,
    Fact,
    FactKind,
    Fitzpatrick,
    NoneKnown,
    Phototype,
    Pregnancy,
    PregnancyStatus,
    Severity,
    SkinConcern,
)
from shop.core import ruling
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.core.rules import Severity as Stops
from shop.core.signatures import ring
from shop.credit import correcting, making
from shop.credit.models import Origin
from shop.demo import courses, places
from shop.discounts import barring
from shop.discounts import making as making_discounts
from shop.discounts import queries as discounts
from shop.discounts.models import DiscountKind
from shop.inventory import receiving, releasing
from shop.inventory.receiving import ReceiptLineIn
from shop.merchant import permitting
from shop.merchant.routes import Route
from shop.orders import cancelling, cart, checkout, labelling, picking, scanning, shipping
from shop.orders import queries as orders
from shop.orders.checkout import Address
from shop.orders.models import Order
from shop.orders.states import OrderStatus
from shop.payments import calls, saving, settling
from shop.payments.queries import cards_of
from shop.prescriptions import acknowledging, requesting, reviewing, signing, signing_keys
from shop.prescriptions import queries as prescriptions
from shop.prescriptions.intake import questioning
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.paper.clinic import Clinic
from shop.prescriptions.screening import checking
from shop.prescriptions.statements import Terms
from shop.purchasing import drafting, sending, supplying
from shop.purchasing.drafting import Wanted
from shop.replenishment import agreeing, offering
from shop.replenishment import statements as refill_statements
from shop.replenishment.agreeing import Yes
from shop.tills import opening
from shop.treatments import rulebook

PASSWORD = "demo-password"
SIGN_INS = """\
alice@example.test      client in California
  bob@example.test        client in Texas
  dr.chen@example.test    physician, licensed in CA and NV
  dr.ruiz@example.test    physician, licensed in CA and TX, medical director
  eva@example.test        esthetician
  sam@example.test        staff
  mona@example.test       manager"""

DATA = Path(importing.__file__).parent / "data"
FILES = (
    ("ndc", "ndc_rx_topical_2026.csv"),
    ("ndc", "ndc_rx_packages_2026.csv"),
    ("ndc", "ndc_otc_skin_2026.csv"),
    ("lnhpd", "lnhpd_sunscreens_ca_2026.jsonl"),
)

# What is on sale: package NDC → cents. Invented prices.
ON_SALE = {
    "0378-8082-20": 6_200,  # tretinoin cream 0.025 %
    "0378-8083-20": 6_800,  # tretinoin cream 0.05 %
    "62032-414-20": 7_400,
    "0299-5918-25": 8_900,  # adapalene gel 0.3 %
    "62032-101-36": 9_800,  # hydroquinone 4 %
    "42192-151-01": 5_900,
    "49967-138-01": 1_650,  # acne cleanser, salicylic acid
    "69625-661-01": 2_400,
    "70764-106-51": 1_250,  # benzoyl peroxide 5 %
    "84258-006-01": 2_900,  # mineral sunscreen
    "69039-735-01": 1_900,
}
# Sample packs of licensed sunscreens: NPN → cents.
SAMPLES = {"80053648": 3_900, "80081285": 4_200, "80120363": 4_800}

TRETINOIN, ACNE, SUNSCREEN = "0378-8082-20", "49967-138-01", "84258-006-01"
HOME = Address(
    name="Alice Moreno", line1="12 Alder Street", city="Oakland", state="CA", postal_code="94607"
)
THERE = Address(
    name="Bob Ito", line1="40 Live Oak Street", city="Austin", state="TX", postal_code="78702"
)
ANSWERS: dict[str, object] = {
    "pregnancy": "none",
    "has_allergies": False,
    "skin_conditions": ["none"],
    "takes_medicines": False,
    "isotretinoin": "never",
    "used_before": False,
    "sunburns": "sometimes_burns",
    "goal": "Keep my skin clear between peels.",
    # where a retinoid is asked for
    "contraception": "prevented",
    "other_retinoids": ["none"],
    "skin_today": False,
    "much_sun": False,
    # hydroquinone
    "asthma": False,
    "sulfite_reaction": False,
    "hydroquinone_used": "never",
    "daily_sunscreen": True,
    # an antibiotic
    "antibiotic_reaction": False,
    "antibiotic_conditions": ["none"],
    "antibiotic_lately": False,
    # a steroid
    "treated_area": ["face"],
    "steroid_conditions": ["none"],
    "steroid_lately": False,
}


@dataclass(frozen=True)
class Cast:
    """Who is there."""

    alice: Person
    bob: Person
    chen: Person
    sam: Person
    mona: Person


def tell() -> None:
    """Tell the story once; what a visitor changed since is left alone."""
    act_as("system:demo")
    if db.session.scalar(sa.select(sa.func.count()).select_from(Person)):
        return
    signing_key()
    dictionary.load()
    db.session.commit()  # before imports: PostgreSQL should know how large the dictionary is
    cast = _cast()
    _catalogue(cast)
    payment_permissions()
    _law(cast)
    _shelf(cast)
    _medical_director(cast)
    db.session.commit()
    courses.tell(cast.alice, cast.bob, cast.chen)
    _discounts(cast)
    _what_happened(cast, pay=current_app.config["SHOP"].stripe_api_base is not None)


def signing_key() -> None:
    """The demo's own key, which its secrets hold, signs for a year."""
    at = now()
    (public_key,) = ring.keys
    signing_keys.record(public_key, valid_from=at, valid_until=at + signing_keys.LASTS, at=at)


def payment_permissions() -> None:
    """Every class may be paid online for a year, by documents that are invented and say so."""
    today = now().date()
    for legal_class in LegalClass:
        if legal_class is not LegalClass.CLINIC_USE:
            permitting.permit(
                Route.ONLINE,
                legal_class,
                document=f"DEMO-{legal_class.upper()} (invented)",
                valid_from=today,
                valid_until=today + timedelta(days=365),
                by=None,
                at=now(),
            )


def _cast() -> Cast:
    at = now()
    secret = passwords.hash_of(PASSWORD)
    alice, bob = (
        Person(
            id=uuid.uuid4(),
            email=f"{name.split()[0].lower()}@example.test",
            name=name,
            role=Role.CLIENT,
            birth_date=born,
            state=state,
            password_hash=secret,
            email_confirmed_at=at,
        )
        for name, born, state in (
            ("Alice Moreno", date(1988, 4, 9), "CA"),
            ("Bob Ito", date(1979, 11, 30), "TX"),
        )
    )
    db.session.add_all([alice, bob])
    chen, eva, sam, mona = (
        employing.employ(email=email, name=name, role=role, npi=npi, password=PASSWORD)
        for email, name, role, npi in (
            # No real provider has an NPI that begins with 2.
            ("dr.chen@example.test", "Dr Wei Chen", Role.PHYSICIAN, "2000000010"),
            ("eva@example.test", "Eva Lind", Role.ESTHETICIAN, None),
            ("sam@example.test", "Sam Okafor", Role.STAFF, None),
            ("mona@example.test", "Mona Reyes", Role.MANAGER, None),
        )
    )
    for employee in (chen, eva, sam, mona):
        employee.email_confirmed_at = at
    today = at.date()
    for state in ("CA", "NV"):
        licences.record(
            chen,
            kind="MD",
            state=state,
            number=f"{state}-DEMO-1",
            valid_from=today - timedelta(days=400),
            valid_until=today + timedelta(days=330),
            verified_on=today,
        )
    db.session.commit()
    return Cast(alice, bob, chen, sam, mona)


def _medical_director(cast: Cast) -> None:
    """Dr Ruiz answers for the rules, and stands in for Dr Chen, who is away the week after next."""
    at = now()
    today = at.date()
    ruiz = employing.employ(
        email="dr.ruiz@example.test",
        name="Dr Ana Ruiz",
        role=Role.PHYSICIAN,
        npi="2000000028",
        password=PASSWORD,
    )
    ruiz.email_confirmed_at = at
    for state in ("CA", "TX"):
        licences.record(
            ruiz,
            kind="MD",
            state=state,
            number=f"{state}-DEMO-2",
            valid_from=today - timedelta(days=200),
            valid_until=today + timedelta(days=500),
            verified_on=today,
        )
    duties.grant(
        ruiz,
        Duty.MEDICAL_DIRECTOR,
        valid_from=today - timedelta(days=200),
        valid_until=None,
        by=cast.mona,
    )
    delegating.delegate(
        cast.chen,
        ruiz,
        starts_on=today + timedelta(days=14),
        ends_on=today + timedelta(days=21),
        today=today,
    )


def _catalogue(cast: Cast) -> None:
    at = now()
    for source, name in FILES:
        with (DATA / name).open("rb") as file:
            importing.run(file, source, by=cast.mona, at=at)
    for ndc, cents in ON_SALE.items():
        variant = db.session.scalars(sa.select(Variant).where(Variant.package_ndc == ndc)).one()
        _sell(variant, cents, cast, at)
    for npn, cents in SAMPLES.items():
        _sell(_sample_pack(npn, cast, at), cents, cast, at)
    bundle = bundling.create(
        slug="clear-skin-after-a-peel",
        name="Clear skin after a peel",
        description="Cleanser and sunscreen at once; the cream once a physician has approved it.",
        items=[(ACNE, 1), (SUNSCREEN, 1), (TRETINOIN, 1)],
        by=cast.mona,
        at=at,
    )
    bundling.publish(bundle, by=cast.mona, at=at)
    db.session.flush()


def _law(cast: Cast) -> None:
    """Mona drafts the rules the shop comes with; Dr Chen reviews and activates all but policies."""
    at = now()
    drafted = [*lawbook.load(by=cast.mona, at=at), *rulebook.load_all(by=cast.mona, at=at)]
    for rule in drafted:
        if not isinstance(rule, VisibilityRule):
            ruling.review(rule, by=cast.chen, at=at)
            ruling.activate(rule, by=cast.chen, at=at)


def _sample_pack(npn: str, cast: Cast, at: datetime) -> Variant:
    """A pack for a licence, which names none: added by hand, and labelled a sample."""
    product = db.session.scalars(
        sa.select(Product).where(Product.source == "lnhpd", Product.source_key == npn)
    ).one()
    return editing.add_variant(
        product,
        sku=f"SAMPLE-{product.source_key}",
        name="Sample pack, 50 mL (demo)",
        by=cast.mona,
        at=at,
    )


def _sell(variant: Variant, cents: int, cast: Cast, at: datetime) -> None:
    editing.change_variant(variant, {"for_sale": True}, by=cast.mona, at=at)
    prices.set_price(variant, cents, valid_from=None, by=cast.mona, at=at)
    publishing.publish(variant.product, by=cast.mona, at=at)


def _shelf(cast: Cast) -> None:
    """Two lots of everything on sale, one of them expiring soon; one waits, and more is ordered."""
    at = now()
    today = at.date()
    on_sale = db.session.scalars(sa.select(Variant).where(Variant.for_sale).order_by(Variant.sku))
    lines = [
        ReceiptLineIn(variant.sku, f"{letter}{place:03d}", today + timedelta(days=days), units)
        for place, variant in enumerate(on_sale)
        for letter, days, units in (("A", 95 + 3 * place, 12), ("B", 500 + place, 30))
    ]
    lots = receiving.receive(lines, by=cast.sam, at=at, today=today)
    for lot in lots:
        if lot.status == "quarantine":
            releasing.check(lot, by=cast.sam, at=at)
            releasing.release(lot, by=cast.mona, at=at)
    late = [
        ReceiptLineIn(SUNSCREEN, "SOON1", today + timedelta(days=9), 4),  # about to expire
        ReceiptLineIn(TRETINOIN, "C900", today + timedelta(days=620), 24),  # waits in quarantine
    ]
    receiving.receive(late, by=cast.sam, at=at, today=today)
    supplier = supplying.add("Derma Supply (demo)", lead_days=4, by=cast.mona, at=at)
    wanted = [Wanted(SUNSCREEN, 24, 1150), Wanted(TRETINOIN, 12, 3100)]
    expected = today + timedelta(days=4)
    order = drafting.draft(supplier, wanted, expected_on=expected, by=cast.sam, at=at)
    sending.send(order, by=cast.mona, at=at)
    places.tell(SUNSCREEN, sam=cast.sam, mona=cast.mona, at=at, today=today)


def _discounts(cast: Cast) -> None:
    """A code to try at the checkout. Drugs without a prescription are discounted but in Nevada."""
    at = now()
    for bar in discounts.bars():
        barring.lift(bar, by=cast.mona, at=at)
    barring.bar(LegalClass.OTC_DRUG, "NV", source="House rule (demo).", by=cast.mona, at=at)
    making_discounts.make(
        "WELCOME10",
        kind=DiscountKind.PERCENT,
        value=10,
        classes=[LegalClass.COSMETIC, LegalClass.OTC_DRUG],
        most_uses=100,
        by=cast.mona,
        at=at,
    )


def _what_happened(cast: Cast, *, pay: bool) -> None:
    """Alice has a prescription, two orders, a request that waits; Bob, a visit that Texas wants."""
    _charted(cast)
    _credited(cast)
    _sign(_ask(cast.alice, TRETINOIN), cast)
    _ask(cast.bob, "42192-151-01")
    _ask(cast.alice, "0299-5918-25")
    _at_the_desk(cast)
    if not pay:
        return
    _read_the_leaflets(cast.alice)
    shipped = _order(cast.alice, {TRETINOIN: 1, SUNSCREEN: 1})
    _pay(shipped, save_card=True)
    _ship(shipped, cast)
    _refill(cast.alice, TRETINOIN)
    partly = _order(cast.alice, {ACNE: 2, SUNSCREEN: 1})
    _pay(partly)
    _call_off(partly, SUNSCREEN, cast)


def _credited(cast: Cast) -> None:
    """Alice has some credit; a large gift card waits for Mona, who is told its code."""
    act_as(cast.sam.actor)
    note = "For a parcel that came late."
    correcting.propose(cast.alice, 25_00, note=note, by=cast.sam, at=now())
    raffle = "For the raffle of the school."
    making.make(150_00, origin=Origin.GIVEN, note=raffle, by=cast.sam, at=now())
    db.session.commit()


def _charted(cast: Cast) -> None:
    """What the clinic knows of Alice: her own words, and what Dr Chen saw."""
    said: tuple[tuple[Person, Fact], ...] = (
        (cast.alice, Allergy("Wool wax", "Itching and small blisters", Severity.MODERATE)),
        (cast.alice, Pregnancy(PregnancyStatus.NONE)),
        (cast.alice, NoneKnown(FactKind.MEDICINE)),
        (cast.alice, SkinConcern(Concern.POST_ACNE_MARKS)),
        (cast.chen, Fitzpatrick(Phototype.III)),
    )
    for by, fact in said:
        act_as(by.actor)
        charting.state(cast.alice, fact, by=by, at=now())
    db.session.commit()


def _ask(client: Person, sku: str) -> uuid.UUID:
    act_as(client.actor)
    at = now()
    variant = db.session.scalars(sa.select(Variant).where(Variant.package_ndc == sku)).one()
    request = requesting.start(
        client, variant, quantity=1, ship_to_state=client.state or "", by=client, at=at
    )
    requesting.answer(request, answers(request), by=client, at=at)
    requesting.submit(request, consent=True, by=client, at=at)
    db.session.commit()
    return request.id


def answers(request: ApprovalRequest) -> dict[str, object]:
    """What is answered to the questions that this request asks."""
    asked = questioning.questionnaire(request.questionnaire_version).by_id
    return {name: said for name, said in ANSWERS.items() if name in asked}


def _sign(request_id: uuid.UUID, cast: Cast) -> None:
    act_as(cast.chen.actor)
    request = db.session.get_one(ApprovalRequest, request_id)
    reviewing.claim(request, by=cast.chen, at=now())
    db.session.flush()  # the claim stands before the signature
    proof = AuthEvent(id=uuid.uuid4(), person_id=cast.chen.id, kind="fresh", factors=["password"])
    db.session.add(proof)
    db.session.flush()  # the database stamps its time
    db.session.refresh(proof)
    at = now()
    terms = Terms(
        quantity_per_fill=1,
        fills=3,
        days_supply=60,
        directions="A pea-sized amount on dry skin in the evening, every second night.",
        indication="Acne",
        examination_mode="in_person",
        examined_on=at.date() - timedelta(days=20),
    )
    found = checking.check(request, at=at, days=terms.days)
    stops = [hit.rule for hit in found if hit.severity is Stops.SOFT_STOP]
    reasons = dict.fromkeys(stops, "Read on the label: no wool wax in it. She used it before.")
    terms = replace(terms, overrides=reasons)
    signing.sign(request, terms, by=cast.chen, proof=proof, at=at)
    db.session.commit()


def _read_the_leaflets(client: Person) -> None:
    """What comes before the first fill of all that was prescribed to her."""
    act_as(client.actor)
    for signed in db.session.scalars(prescriptions.prescriptions(client)).all():
        product = signed.variant.product_id
        version = acknowledging.of_product(client.id, product).version
        acknowledging.acknowledge(client, product, version=version, by=client, at=now())
    db.session.commit()


def _at_the_desk(cast: Cast) -> None:
    """Two registers, and an order of Bob's that he pays when he comes."""
    for name in ("Front desk", "Treatment corridor"):
        opening.add_register(name, by=None)
    _order(cast.bob, {SUNSCREEN: 1}, address=THERE, route=Route.DESK)
    act_as("system:demo")


def _order(
    client: Person,
    wishes: dict[str, int],
    *,
    address: Address = HOME,
    route: Route = Route.ONLINE,
) -> uuid.UUID:
    act_as(client.actor)
    basket = cart.cart_of(client, lock=True)
    for ndc, quantity in wishes.items():
        variant = db.session.scalars(sa.select(Variant).where(Variant.package_ndc == ndc)).one()
        cart.put(basket, variant, quantity)
    db.session.flush()  # the cart is read again, under its lock
    order = checkout.place(
        basket,
        skus=None,
        address=address,
        shipping_method="standard",
        expect_total_cents=None,
        payment_route=route,
        by=client,
        at=now(),
    )
    db.session.commit()
    return order.id


def _pay(order_id: uuid.UUID, *, save_card: bool = False) -> None:
    """As Alice would: type a card on the provider's page, and wait for the webhook's work.

    With `save_card` she agrees that it is kept, and it is there afterwards.
    """
    order = orders.locked_order(order_id)  # the worker may be asking the gate about it
    base_url = current_app.config["SHOP"].base_url
    act_as(order.client.actor)
    consent = saving.STATEMENT_VERSION if save_card else None
    payment = settling.begin(order, by=order.client, at=now(), base_url=base_url, consent=consent)
    db.session.commit()
    calls.send_for(order.id, current_app.extensions["gateway"])
    db.session.refresh(payment)
    form = {"number": "4242 4242 4242 4242", "exp": "12/34", "cvc": "123", "name": "Alice Moreno"}
    body = urllib.parse.urlencode(form).encode()
    _post_without_following(payment.url or "", body)
    deadline = time.monotonic() + 120  # a slow machine is still starting the worker
    while True:
        db.session.rollback()
        db.session.refresh(order)
        if order.status is OrderStatus.PAID and (not save_card or cards_of(order.client)):
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"Order {order.number} was not settled. See .demo/log/worker.log.")
        time.sleep(0.1)


def _call_off(order_id: uuid.UUID, ndc: str, cast: Cast) -> None:
    """A pack fell from the shelf: Sam cancels its line, and what was paid for it goes back."""
    act_as(cast.sam.actor)
    order = orders.locked_order(order_id)
    skus = [line.sku for line in order.lines if line.variant.package_ndc == ndc]
    cancelling.cancel_lines(order, skus, reason="damaged", by=cast.sam, at=now())
    db.session.commit()


def _refill(client: Person, ndc: str) -> None:
    """She has it sent again by itself, on her saved card, when it runs out."""
    act_as(client.actor)
    at, zone = now(), current_app.config["SHOP"].clinic_time_zone
    sku = db.session.scalars(sa.select(Variant.sku).where(Variant.package_ndc == ndc)).one()
    variant, terms = offering.offer(
        client,
        sku,
        quantity=1,
        shipping_address=HOME,
        shipping_method="standard",
        card=cards_of(client)[-1].id,
        zone=zone,
        at=at,
    )
    agreed = Yes(True, refill_statements.VERSION, terms.totals.total_cents)
    agreeing.agree(client, variant, terms, agreed, by=client, at=at)
    db.session.commit()


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def _post_without_following(url: str, body: bytes) -> None:
    opener = urllib.request.build_opener(_Stay)
    try:
        opener.open(url, body, timeout=10).close()
    except urllib.error.HTTPError as answer:
        answer.close()
        if answer.code != 303:
            raise


def _ship(order_id: uuid.UUID, cast: Cast) -> None:
    config = current_app.config["SHOP"]
    act_as(cast.sam.actor)
    order = db.session.get_one(Order, order_id, with_for_update=True, populate_existing=True)
    for each in shipping.picking_list(order, at=now()):
        for one in each.picks:
            scanned = scanning.read(each.line.sku, one.lot.lot_number)
            picking.pick(order, scanned, units=one.units, by=cast.sam, at=now())
        if not each.labelled:
            labelling.print_label(
                order,
                each.line.sku,
                clinic=Clinic.of(config),
                zone=config.clinic_time_zone,
                by=cast.sam,
                at=now(),
            )
    shipping.ship(
        order, skus=None, carrier="UPS", tracking="1Z999AA10123456784", by=cast.sam, at=now()
    )
    db.session.commit()
