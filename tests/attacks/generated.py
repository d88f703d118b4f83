"""Attacks that follow from PostgreSQL's own catalogue, for every table alike.

Past every trigger, as the owner: a NULL in each column that takes none, a copy of a row for each
key, a row that points nowhere for each foreign key. With its triggers, as the owner: each table
whose rows are kept for ever. As the application: whatever it has no privilege for.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
import sqlalchemy as sa

from shop.accounts import duties
from shop.accounts.models import Duty, Person
from shop.catalog import handing_in, importing, loading, relating
from shop.catalog.models import BeautyFact, ImportProfile, LegalClass, Variant
from shop.charts import charting
from shop.charts.facts import Allergy, Medicine, Pregnancy, PregnancyStatus
from shop.charts.models import Ending
from shop.clinic import choosing as choosing_looks
from shop.core.clock import now
from shop.core.db import db
from shop.credit import correcting, making, returning, voiding
from shop.credit.models import Origin
from shop.discounts import barring, ending
from shop.inventory import certifying, releasing
from shop.inventory.models import Lot
from shop.inventory.states import LotStatus
from shop.merchant import permitting
from shop.merchant.routes import Route
from shop.orders import cancelling as cancelling_orders
from shop.orders import picking, rechecking, shorting
from shop.orders.models import Order
from shop.orders.scanning import Scanned
from shop.payments import charging, removing, saving, settling
from shop.payments.models import MoneyMovement, Payment, ProviderEvent
from shop.payments.proposing import Wanted
from shop.payments.saving import STATEMENT_VERSION
from shop.payments.states import Tender
from shop.prescriptions import (
    erring,
    examining,
    filling,
    holding,
    inquiring,
    referring,
    renewing,
    reviewing,
    revoking,
    supervising,
    taking_away,
    writing,
)
from shop.prescriptions.paper.clinic import Clinic
from shop.purchasing.arriving import Damaged
from shop.recalls import collecting, disposing
from shop.recalls.models import Outcome as Leaves
from shop.replenishment import choosing
from shop.tills import counting as counting_money
from shop.tills import paying_out
from shop.treatments import (
    answering,
    booking,
    cancelling,
    missing,
    moving,
    photographing,
    subscribing,
)
from shop.treatments import holding as holding_plans
from shop.treatments.agenda import Words
from shop.treatments.models import Session
from shop.vigilance import filing
from tests.attacks import asked_returns, desk, waivers
from tests.attacks import refunds as money_back
from tests.attacks.attack import OWNER, Attack, Effect, Outcome, Sql, play, running
from tests.attacks.schema import EXEMPT, IMPLIED, kept_columns, privileges
from tests.builders import a_bundle, a_cream, a_picture, a_variant
from tests.catalog.rows import an_ndc_row, csv_of
from tests.clinic.logos import a_logo
from tests.credit import builders as credit
from tests.discounts.builders import AMOUNT, a_discount, a_serum
from tests.inventory.lots import a_lot
from tests.invoices import builders as papers
from tests.orders.things import a_cart, leave, paid, placed
from tests.payments.money_back import propose
from tests.payments.refill_orders import of_a_refill
from tests.payments.saved_cards import a_saved_card
from tests.people import a_licence, alice, an_npi, dr_chen, mona, sam
from tests.prescriptions.builders import a_claimed_request, a_prescription, an_examination
from tests.purchasing.builders import a_purchase, arrive, good
from tests.recalls import builders as recalls
from tests.replenishment.builders import (
    a_blocked_refill,
    a_charged_refill,
    a_charging_refill,
    a_noticed_refill,
    a_reminder,
    handed_out,
)
from tests.tills import builders as tills
from tests.treatments.builders import (
    BLISTERS,
    a_booked_session,
    a_performed_session,
    a_photo,
    a_plan_from_a_template,
    a_report,
    a_step,
    an_active_plan,
    in_days,
    licensed_eva,
    start,
)
from tests.vigilance.builders import a_reaction, file

Connection = psycopg.Connection[Any]
LARGE_CARD = 200_00


def scene() -> Mapping[str, Any]:
    """Every table with rows, in the states that keys and foreign keys look at."""
    client, chen = alice(), dr_chen()
    cream, soap = a_cream(), a_variant(gtin="00312345678906", package_ndc="0187-5160-20")
    for variant in (cream, soap):
        a_lot(variant)
    _prescribed(client, chen, cream)
    _shipped(paid(client, {cream: 1, soap: 2}))
    _picked(paid(client, {soap: 1}), soap)
    waiting = placed(client, {soap: 1})
    _named_by_the_provider(
        settling.begin(waiting, by=client, at=now(), base_url="http://x", consent=STATEMENT_VERSION)
    )
    _carded(client, soap)
    a_cart(client, {soap: 1})
    _shown(cream, soap)
    db.session.execute(
        sa.insert(ProviderEvent).values(
            id="evt_scene", type="charge.refunded", object_type="charge", created=now()
        )
    )
    cents = {"amount_cents": 4800, "fee_cents": 169, "net_cents": 4631}
    told = {"kind": "charge", "category": "charge", "created": now(), "available_on": now()}
    db.session.add(MoneyMovement(id="txn_scene", **cents, **told))
    _imported()
    _charted(client, chen)
    _looked_at(chen)
    _on_the_desk(client, chen)
    _seen(client, chen)
    _planned(client, chen)
    _reacted(client)
    _bought(soap)
    _refilled()
    _recalled(client)
    _discounted()
    _credited(soap)
    _papered()
    _at_the_desk()
    _money_back()
    return {}


def _discounted() -> None:
    """Discounts of both kinds; one that was ended; uses that stand and that were given back."""
    manager, serum, client = mona(), a_serum(), alice()
    used, ended = a_discount(manager), a_discount(manager, kind=AMOUNT, value=500)
    placed(client, {serum: 1}, discount_code=used.code)
    over = placed(alice(), {serum: 1}, discount_code=ended.code)
    cancelling_orders.cancel(over, reason="changed_mind", by=over.client, at=now())
    a_discount(manager, kind=AMOUNT, value=500)
    ending.end(ended, by=manager, at=now())
    barring.bar(LegalClass.COSMETIC, "NV", source="A test.", by=manager, at=now())
    lifted = barring.bar(LegalClass.COSMETIC, "OR", source="A test.", by=manager, at=now())
    barring.lift(lifted, by=manager, at=now())


def _credited(soap: Variant) -> None:
    """Credit given, redeemed, spent, returned and taken back; cards in every state."""
    client, manager = credit.with_credit(50_00), mona()
    redeemed, voided = credit.a_card(20_00), credit.a_card(LARGE_CARD)
    credit.redeemed(redeemed, client), credit.a_card(20_00)
    voiding.void(voided.card, reason="Lost.", by=manager, at=now())
    for decided in (True, False):
        terms = {"origin": Origin.GIVEN, "note": "Much."}
        large = making.make(LARGE_CARD, **terms, by=sam(), at=now())
        asked = correcting.propose(client, -1, note="Too much.", by=sam(), at=now())
        if decided:
            making.decline(large.card, by=manager, at=now())
            correcting.decline(asked, by=manager, at=now())
    taken = correcting.propose(client, -1, note="Too much.", by=sam(), at=now())
    correcting.confirm(taken, by=manager, at=now())
    order = placed(client, {soap: 3}, use_credit=True)
    terms = {"reason": "refund", "by": client, "at": now()}
    returning.give_back(order, 1, **terms, request_key="scene")


def _papered() -> None:
    """Invoices and receipts, two credit notes, and the reversal of one."""
    for _ in range(2):
        order = papers.a_paid_order(1, 1)
        papers.issued(order)
        papers.line_off(order)
        papers.sent_back(order)
        papers.issued(order)
    papers.bounced(order)
    papers.issued(order)


def _at_the_desk() -> None:
    """A drawer with every kind of money in it, some paid out; one counted, one closed and signed."""
    staff, manager = sam(), mona()
    until = now().date() + timedelta(days=90)
    document = {"document": "SCENE", "valid_from": now().date(), "valid_until": until}
    for ends in (False, True):
        permission = permitting.permit(
            Route.ONLINE, LegalClass.RX_UNAPPROVED, **document, by=manager, at=now()
        )
        if ends:
            permitting.end(permission, on=until, by=manager, at=now())
    choosing_looks.choose(name="Clear Clinic", logo=a_logo(), by=manager, at=now())
    tills.a_drawer(staff)
    tills.taken(staff)
    tills.taken(staff, tills.on_paper(Tender.CHEQUE))
    tills.taken(staff, tills.on_paper(Tender.TERMINAL))
    for given, reference in ((None, None), (tills.on_paper(Tender.TERMINAL), "R-1")):
        refund = tills.waiting(staff, given)
        paying_out.pay_out(refund, reference=reference, by=staff, at=now())
    for signs in (False, True):
        drawer = tills.a_drawer()
        cash, by = tills.fitting(1), drawer.opened_by
        terms: dict[str, int] = {"terminal_cents": 0, "cheque_cents": 0}
        counting_money.count(tills.locked(drawer), cash, **terms, by=by, at=now())
        counting_money.explain(drawer, "Gone.", by=by, at=now())
        if signs:
            counting_money.sign(drawer, by=manager, at=now())


def _on_the_desk(client: Person, chen: Person) -> None:
    """Assigned, escalated, declined by a rule; a duty and one that ended; one stands in."""
    assigned = desk.an_escalated_request(client)
    assert assigned.assigned_to is chen
    desk.a_declined_request(alice())
    manager, today = mona(), now().date()
    for duty in (Duty.COUNSEL, Duty.MEDICAL_DIRECTOR):
        given = duties.grant(chen, duty, valid_from=today, valid_until=None, by=manager)
    duties.end(given, on=today, by=manager)
    desk.a_delegation(chen, dr_chen(), 1, 2)


def _seen(client: Person, chen: Person) -> None:
    """Examined, also by mistake; sent to a visit; a nurse who prescribes under a physician."""
    mistake = an_examination(client, by=chen, findings="Dry skin.")
    examining.void(mistake, reason="It was somebody else.", by=chen, at=now())
    asked = a_claimed_request(client, a_cream(), by=chen)
    reason = referring.ReferralReason.EXAM_REQUIRED
    referring.refer(asked, reason=reason, message="Come.", note="Soon.", by=chen, at=now())
    nurse, manager = dr_chen(states=()), mona()
    a_licence(nurse, kind="NP")
    days = {"valid_from": now().date(), "valid_until": now().date() + timedelta(days=90)}
    ended = supervising.enter(nurse, chen, state="CA", by=manager, at=now(), **days)
    a_prescription(client, a_cream(), by=nurse)
    supervising.end(ended, on=now().date(), by=manager, at=now())
    supervising.enter(nurse, chen, state="CA", by=manager, at=now(), **days)


def _planned(client: Person, chen: Person) -> None:
    """A plan from a template, started: a session ahead, one moved, cancelled, missed, done."""
    eva = licensed_eva()
    plan = a_plan_from_a_template(client, by=eva)
    start(plan, chen)
    booked, moved, cancelled = plan.sessions
    booking.book(booked, performer=eva, by=eva, at=now())
    waivers.a_waiver(booked, chen)
    moving.move(moved, starts=in_days(90), reason="Away.", by=eva, at=now())
    cancelling.cancel(cancelled, reason="Ill.", by=eva, at=now())
    begun = an_active_plan(alice(), a_step(starts=now()), by=licensed_eva(), chen=chen)
    missing.miss(a_booked_session(begun), by=eva, at=now())
    held = an_active_plan(alice(), by=licensed_eva(), chen=chen)
    _reported(a_performed_session(held), chen)
    holding_plans.hold(held, reason="Wait.", by=chen, at=now())
    planned = a_claimed_request(client, a_cream(), by=chen, plan=plan)
    a_prescription(client, a_cream(), by=chen, plan=plan)
    assert planned.plan_id == plan.id
    for words in Words:
        subscribing.make(client, words=words, at=now())


def _reported(session: Session, chen: Person) -> None:
    """A report that was corrected, one that was answered, one that waits."""
    first = a_report(session)
    a_photo(first)
    photographing.erase(first, a_photo(first), by=session.plan.client, at=now())
    a_report(session, replaces=first.id)
    answering.answer(a_report(session, BLISTERS), message="Come in.", by=chen, at=now())
    a_report(session, BLISTERS)


def _reacted(client: Person) -> None:
    """Reactions that are open (to a lot nobody knows), reported, and closed."""
    a_reaction(client, lot=None)
    reported, closed = a_reaction(client), a_reaction(client, serious=False)
    file(reported)
    filing.close(closed, reason="It healed.", by=mona(), at=now())


def _bought(soap: Variant) -> None:
    """An order that partly arrived, some of it damaged; lots that one and that two have seen."""
    order = a_purchase({soap: 5, a_variant(): 2})
    arrive(order, good(soap, 2), damaged=[Damaged(soap.sku, 1, "Wet")])
    for released in (True, False):
        lot, other = a_lot(a_cream(), status=LotStatus.QUARANTINE), mona()
        releasing.check(lot, by=sam(), at=now())
        certifying.certify(lot, b"%PDF-1.7", name="Analysis", by=other, at=now())
        if released:
            releasing.release(lot, by=other, at=now())


def _recalled(client: Person) -> None:
    """A recall that was answered and whose units were collected, some seen to leave; a drill."""
    soap = a_variant()
    lot, other = a_lot(soap, 5), a_lot(a_variant(), 5)
    recalls.bought(client, soap)
    recall = recalls.a_notified_recall(lot, other)
    recalls.answer(recall, client, has=1)
    staff, manager = sam(), mona()
    for one in (lot, other):
        collecting.collect(recall, one, by=staff, at=now())
        terms = {"outcome": Leaves.DESTROY, "reference": "Burned"}
        planned = disposing.plan(recall, one, **terms, by=staff, at=now())
    disposing.witness(planned, recall, other, by=manager, at=now())
    recalls.a_listed_recall(a_lot(a_variant()), drill=True)


def _refilled() -> None:
    """Auto-refills that are announced, blocked, charging and charged; one reminded, one who said."""
    noticed = a_noticed_refill()
    a_blocked_refill(), a_charging_refill(), a_charged_refill()
    soap = a_variant()
    a_lot(soap)
    a_reminder(handed_out(noticed.client, soap))
    choosing.choose(noticed.client, wanted=False, at=now())


def _charted(client: Person, chen: Person) -> None:
    """What stands, what ended, and what took another's place."""
    ended = charting.state(client, Medicine("Zinc"), by=chen, at=now())
    charting.end(ended, ending=Ending.RESOLVED, by=chen, at=now())
    for status in (PregnancyStatus.NONE, PregnancyStatus.PREGNANT):
        charting.state(client, Pregnancy(status), by=client, at=now())


def _looked_at(chen: Person) -> None:
    """What became known after signing held a prescription, and its physician let it go on."""
    client = alice()
    one = a_prescription(client, by=chen)
    with rechecking.following(client, at=now()):
        charting.state(client, Allergy("blue plaster"), by=client, at=now())
    rechecking.resume(one, reason="Only on her legs.", by=chen, at=now())


def _imported() -> None:
    """A file that was taken in, one row set aside; one that waits; a profile; a fact of beauty."""
    data = csv_of(an_ndc_row(product_ndc="0187-5170", package_ndcs=""), an_ndc_row(product_ndc="x"))
    manager = mona()
    importing.run(io.BytesIO(data), "ndc", by=manager, at=now())
    loading.queue(importing.checked(io.BytesIO(data), "ndc"), by=manager)
    db.session.add(ImportProfile(name="scene", mapping={}))
    handing_in.hand_in(b"Item;Title\n1;Balm\n", name="scene.csv", source="csv", by=manager)
    fact = BeautyFact(code="4005808001231", name="x", ingredients_text="x", ingredients=["x"])
    db.session.add(fact)


def _shown(cream: Variant, soap: Variant) -> None:
    """Pictures of both kinds of thing, a bundle of two packs, and what is set beside a product."""
    product = cream.product
    bundle = a_bundle({cream: 1, soap: 2})
    a_picture(product, variant=cream)
    a_picture(bundle)
    relating.relate(product, [soap.product.slug], by=None)


def _prescribed(client: Person, chen: Person, cream: Variant) -> None:
    """Requests claimed, refused, asked about, answered; prescriptions in force (one with an unused fill), held, revoked."""
    a_claimed_request(client, a_cream(), by=chen)
    refused = a_claimed_request(client, a_cream(), by=chen)
    reason = reviewing.RefusalReason.MINOR
    reviewing.refuse(refused, reason=reason, message="Not yet.", by=chen, at=now())
    asked, answered = (a_claimed_request(client, a_cream(), by=chen) for _ in "ab")
    for one in (asked, answered):
        inquiring.inquire(one, "Since when?", by=chen, at=now())
    inquiring.reply(answered, "Since May.", answers={}, by=client, at=now())
    a_prescription(client, cream, by=chen)
    unused, held, revoked = (a_prescription(alice(), by=chen) for _ in range(3))
    filling.reserve(unused.id, state="CA", quantity=1, at=now())
    holding.hold(held, reason="Wait.", by=chen, at=now())
    revoking.revoke(revoked, reason="No.", by=chen, at=now())
    elsewhere = a_prescription(client, by=chen)
    taking_away.take_away(elsewhere, by=client, at=now())
    clinic = Clinic("Luminescence", "1400 Grand Avenue", "+1 510 555 0142")
    writing.document(elsewhere, clinic=clinic, address="", zone="UTC", by=client, at=now())
    _lived(chen)


def _lived(chen: Person) -> None:
    """Prescriptions replaced, asked for again, reported as errors, and entered in error."""
    client, cream = alice(), a_cream()
    a_prescription(client, cream, by=chen)
    soon = now().date() + timedelta(days=20)
    latest = a_prescription(client, cream, by=chen, valid_until=soon)
    renewing.renew(latest, consent=False, by=client, at=now())
    erring.report(latest, reason="Wrong.", by=chen, at=now())
    said = erring.report(a_prescription(alice(), by=chen), reason="Wrong.", by=chen, at=now())
    erring.confirm(said, by=mona(), at=now())


def _picked(order: Order, soap: Variant) -> None:
    """A soap was picked and put back, and another was not found."""
    (lot,) = db.session.scalars(sa.select(Lot).where(Lot.variant_id == soap.id))
    scanned, packer = Scanned(soap.sku, lot.lot_number), sam()
    one = picking.pick(order, scanned, units=1, by=packer, at=now())
    picking.put_back(order, one.id, by=packer, at=now())
    missing = {"lot_number": lot.lot_number, "place": "SHELF", "units": 1}
    shorting.report(order, soap.sku, **missing, by=packer, at=now())


def _shipped(order: Order) -> None:
    """Its parcel left, and some of its money went back."""
    leave(order)
    wanted = Wanted({order.lines[1].sku: 1}, shipping_cents=order.shipping_cents, other_cents=100)
    propose(order, wanted).provider_refund_id = "re_scene"


def _money_back() -> None:
    """Refunds that took two, a dispute with its evidence, a warning, what was asked to come back."""
    money_back.scene()
    asked_returns.scene()


def _carded(client: Person, soap: Variant) -> None:
    """Cards she saved; one is charged now, one was removed, one is about to be typed."""
    card, removed = a_saved_card(client), a_saved_card(client)
    charging.charge(of_a_refill(placed(client, {soap: 1}), card), card, at=now())
    removing.remove(removed, by=client, at=now())
    setup = saving.begin(client, consent=STATEMENT_VERSION, at=now(), base_url="http://x")
    setup.provider_session_id = "cs_setup"


def _named_by_the_provider(payment: Payment) -> None:
    payment.provider_session_id, payment.provider_intent_id = "cs_scene", "pi_scene"


def generated(connection: Connection) -> list[Attack]:
    """Every attack that the catalogue gives; `connection` is in a transaction of the superuser's."""
    return [
        *_nulls(connection),
        *_copies(connection),
        *_nowhere(connection),
        *_kept(connection),
        *_altered(connection),
        *_not_granted(connection),
    ]


def past_triggers(table: str, statement: str) -> Callable[[Sql], object]:
    """Act as somebody who switched the table's triggers off: what is left are the constraints."""

    def act(attacker: Sql) -> object:
        attacker.run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        return attacker.run(statement)

    return act


def _by_the_owner(title: str, by: str, table: str, statement: str) -> Attack:
    return Attack(title, by, past_triggers(table, statement), OWNER, Effect.REFUSED)


NULLABLE = """
SELECT rel.relname, a.attname FROM pg_attribute a JOIN pg_class rel ON rel.oid = a.attrelid
WHERE rel.relnamespace = 'public'::regnamespace AND rel.relkind = 'r'
  AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull
  AND a.attgenerated = ''  -- what is reckoned nobody can write
ORDER BY 1, a.attnum
"""


def _nulls(connection: Connection) -> Iterator[Attack]:
    for table, column in connection.execute(NULLABLE).fetchall():
        if table not in EXEMPT:
            statement = f"UPDATE {table} SET {column} = NULL"
            yield _by_the_owner(f"no {table}.{column}", f"{table}.{column}", table, statement)


@dataclass(frozen=True)
class Column:
    """A column that a row is copied with: something else of its type, and something that is not."""

    name: str
    type: str

    def fresh(self, table: str) -> str:
        """Another value that nobody has yet; nothing stays nothing."""
        own = FRESH.get(f"{table}.{self.name}")
        other = own() if own else FRESH_OF_TYPE[self.type].format(column=self.name, table=table)
        return f"CASE WHEN {self.name} IS NOT NULL THEN {other} END"

    def nowhere(self) -> str:
        """A value that no row has."""
        return NOWHERE_OF_TYPE[self.type].format(column=self.name)


# Columns whose values a CHECK knows: another of the key's is made new.
TOLD_BY_A_CHECK = {
    *("products.source", "movements.balance", "legal_class_rules.active"),
    "credit_entries.balance_cents",
    *("visibility_rules.legal_class", "discount_bars.legal_class"),
    "drawer_moves.kind",
    "import_sheets.sha256",
    *("window_rules.action", "window_rules.anchor", "scope_rules.licence"),
}
FRESH: dict[str, Callable[[], str]] = {
    "sites.code": lambda: "'S' || upper(left(md5(random()::text), 8))",
    "locations.code": lambda: "'L' || upper(left(md5(random()::text), 8))",
    "people.npi": lambda: f"'{an_npi()}'",
    "legal_class_rules.jurisdiction": lambda: "'ZQ'",
    "visibility_rules.jurisdiction": lambda: "'ZQ'",
    "scope_rules.jurisdiction": lambda: "'ZQ'",
    "window_rules.jurisdiction": lambda: "'ZQ'",
    "discounts.code": lambda: "'F' || upper(left(md5(random()::text), 15))",
    "discount_bars.jurisdiction": lambda: "'ZQ'",
    "bundles.slug": lambda: "md5(random()::text)",
}
FRESH_OF_TYPE = {
    "uuid": "gen_random_uuid()",
    "text": "'F' || left(md5(random()::text), 15)",
    "citext": "md5(random()::text) || '@example.test'",
    "bytea": "sha256(random()::text::bytea)",
    "integer": "(SELECT max({column}) + 1 FROM {table})",
    "boolean": "NOT {column}",
}
NOWHERE_OF_TYPE = {
    "uuid": "gen_random_uuid()",
    "text": "'ZZ'",
    "text[]": "'{{ZZ}}'",
    "integer": "{column} + 1000",
    "bigint": "{column} + 1000",
    "bytea": "sha256({column})",
    "jsonb": "'{{}}'",
    "boolean": "NOT {column}",
    "date": "{column} + 1",
    "timestamp with time zone": "{column} + interval '1 second'",
    "numrange": "numrange(77, 78)",
}

TABLE_COLUMNS = """
SELECT rel.relname, a.attname, format_type(a.atttypid, NULL)
FROM pg_attribute a JOIN pg_class rel ON rel.oid = a.attrelid
WHERE rel.relnamespace = 'public'::regnamespace AND rel.relkind = 'r'
  AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
ORDER BY 1, a.attnum
"""
# Constraints and unique indexes alike; the key's columns, and which rows a partial one looks at.
KEYS = """
SELECT rel.relname, idx.relname, coalesce(pg_get_expr(i.indpred, i.indrelid), 'true'),
       ARRAY(SELECT a.attname FROM pg_attribute a
             WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) ORDER BY a.attnum)
FROM pg_index i JOIN pg_class rel ON rel.oid = i.indrelid JOIN pg_class idx ON idx.oid = i.indexrelid
WHERE rel.relnamespace = 'public'::regnamespace AND (i.indisunique OR i.indisexclusion)
ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Table:
    """A table's columns and keys: name → (which rows it looks at, its columns)."""

    name: str
    columns: dict[str, Column]
    keys: dict[str, tuple[str, frozenset[str]]]

    def _how_hard_to_freshen(self, column: str) -> tuple[bool, bool, str]:
        said = f"{self.name}.{column}"
        return said in TOLD_BY_A_CHECK, self.columns[column].type != "uuid", column

    def copy(self, kept: frozenset[str], where: str = "true", **given: str) -> str:
        """Insert a row again, new in every other key than `kept`, with `given` in place."""
        values = {name: name for name in self.columns}
        for _rows, key in self.keys.values():
            same = key <= kept or (bool(kept) and kept <= key)
            if not same and not any(values[name] != name for name in key):
                name = min(key - kept, key=self._how_hard_to_freshen)
                values[name] = self.columns[name].fresh(self.name)
        values |= given
        return (
            f"INSERT INTO {self.name} ({', '.join(values)}) SELECT {', '.join(values.values())}"
            f" FROM {self.name} WHERE {where} LIMIT 1"
        )


def _tables(connection: Connection) -> dict[str, Table]:
    found: dict[str, Table] = {}
    for table, column, kind in connection.execute(TABLE_COLUMNS).fetchall():
        if table not in EXEMPT:
            found.setdefault(table, Table(table, {}, {})).columns[column] = Column(column, kind)
    for table, name, rows, columns in connection.execute(KEYS).fetchall():
        if table not in EXEMPT:
            written = frozenset(columns) & found[table].columns.keys()
            if len(written) == len(columns) or not _implied(connection, name):
                found[table].keys[name] = (rows, written)
    return found


def _implied(connection: Connection, name: str) -> bool:
    """Whether a shorter key says all that this one does; it is there to be pointed at."""
    query = """
        SELECT EXISTS (SELECT FROM pg_index i JOIN pg_index other ON other.indrelid = i.indrelid
            WHERE i.indexrelid = %s::regclass AND other.indisunique AND other.indpred IS NULL
              AND other.indkey::int2[] <@ i.indkey::int2[] AND other.indexrelid <> i.indexrelid)"""
    row = connection.execute(query, [name]).fetchone()
    return bool(row and row[0])


def _copies(connection: Connection) -> Iterator[Attack]:
    """The same key again, everything else new. A key that a shorter key implies is not attacked."""
    for table in _tables(connection).values():
        for name, (rows, key) in table.keys.items():
            if any(other < key for _rows, other in table.keys.values()):
                continue
            where = " AND ".join([f"({rows})", *(f"{column} IS NOT NULL" for column in key)])
            yield _by_the_owner(f"again {name}", name, table.name, table.copy(key, where))


FOREIGN_KEYS = """
SELECT rel.relname, con.conname,
       ARRAY(SELECT a.attname FROM unnest(con.conkey) WITH ORDINALITY AS k (number, place)
             JOIN pg_attribute a ON a.attrelid = con.conrelid AND a.attnum = k.number
             ORDER BY (SELECT count(*) FROM pg_constraint other
                       WHERE other.conrelid = con.conrelid AND a.attnum = ANY (other.conkey)),
                      k.place)
FROM pg_constraint con JOIN pg_class rel ON rel.oid = con.conrelid
WHERE con.connamespace = 'public'::regnamespace AND con.contype = 'f'
ORDER BY 1, 2
"""


# Where another foreign key is always asked first, unless the row is chosen well.
BY_HAND = {
    "credit_entries_client_id_fkey": [
        (
            "INSERT INTO credit_entries (client_id, seq, kind, delta_cents, previous_cents,"
            " balance_cents, order_id, request_key, reason, actor, at)"
            " SELECT client_id, 1, 'returned', 1, 0, 1, id, 'x', 'refund', 'system:x', now()"
            " FROM orders o WHERE NOT EXISTS"
            " (SELECT FROM credit_accounts WHERE client_id = o.client_id) LIMIT 1"
        )
    ],
    "redeemed_card_is_in_the_account": [
        (
            "WITH told AS (INSERT INTO events (subject_id, machine, kind, to_state)"
            " SELECT id, 'gift_card', 'attack', 'redeemed' FROM gift_cards"
            " WHERE status = 'issued' LIMIT 1 RETURNING subject_id, seq)"
            " UPDATE gift_cards SET status = 'redeemed', state_seq = told.seq, ended_at = now(),"
            " redeemed_by_id = proposed_by_id FROM told WHERE id = told.subject_id"
        )
    ],
    "fill_is_for_a_covered_state": [
        (
            "UPDATE fills SET state = 'ZZ'"
            " WHERE NOT EXISTS (SELECT FROM order_lines WHERE fill_id = fills.id)"
        )
    ],
    "supervisions_supervisor_id_fkey": [
        (
            "UPDATE supervisions SET supervisor_id = gen_random_uuid() WHERE NOT EXISTS"
            " (SELECT FROM prescription_states WHERE supervision_id = supervisions.id)"
        )
    ],
    "arrived_lot_is_of_the_variant_ordered": [
        (
            "UPDATE arrivals SET (variant_id, purchase_line_id) = (SELECT variant_id, id"
            " FROM purchase_lines l WHERE l.purchase_order_id = arrivals.purchase_order_id"
            " AND l.variant_id <> arrivals.variant_id) WHERE lot_id IS NOT NULL"
        )
    ],
    "purchase_lines_variant_id_fkey": [
        (
            "UPDATE purchase_lines SET variant_id = gen_random_uuid() WHERE NOT EXISTS"
            " (SELECT FROM arrivals WHERE purchase_line_id = purchase_lines.id)"
        )
    ],
    "reactions_variant_id_fkey": [
        "UPDATE reactions SET variant_id = gen_random_uuid() WHERE lot_id IS NULL"
    ],
    "prescriptions_variant_id_fkey": [
        (
            "UPDATE prescriptions SET variant_id = gen_random_uuid()"
            " WHERE NOT EXISTS (SELECT FROM fills WHERE prescription_id = prescriptions.id)"
            " AND NOT EXISTS (SELECT FROM approval_requests WHERE renews_id = prescriptions.id)"
            " AND NOT EXISTS (SELECT FROM supersessions"
            " WHERE prescriptions.id IN (prescription_id, successor_id))"
        )
    ],
}


def _nowhere(connection: Connection) -> Iterator[Attack]:
    """A row that points at nothing by this foreign key.

    A column often serves several: the first statement that this foreign key alone refuses is the
    attack, so that its failure means something. Where none does, the plainest is, and fails.
    """
    for constraint, tries in pointing_nowhere(connection).items():
        if constraint not in IMPLIED:
            yield next((one for one in tries if one.ended(_tried(connection, one))), tries[0])


def pointing_nowhere(connection: Connection) -> dict[str, list[Attack]]:
    """Foreign key → attacks that it refuses, unless another object is asked first."""
    tables = _tables(connection)
    return {
        constraint: [
            _by_the_owner(f"nowhere by {constraint}", constraint, name, statement)
            for statement in BY_HAND.get(constraint) or _pointing_nowhere(tables[name], columns)
        ]
        for name, constraint, columns in connection.execute(FOREIGN_KEYS).fetchall()
    }


def _pointing_nowhere(table: Table, columns: list[str]) -> Iterator[str]:
    where = " AND ".join(f"{column} IS NOT NULL" for column in columns)
    for column in [column for column in columns if column in table.columns]:
        nowhere = table.columns[column].nowhere()
        yield (
            f"UPDATE {table.name} SET {column} = {nowhere} WHERE ctid ="
            f" (SELECT ctid FROM {table.name} WHERE {where} LIMIT 1)"
        )
        yield table.copy(frozenset(), where, **{column: nowhere})


def _tried(connection: Connection, attack: Attack) -> Outcome:
    try:
        return play(connection, attack, {})
    except psycopg.Error as error:
        return Outcome(str(error))


KEPT = """
SELECT rel.relname, t.tgname, t.tgtype::int FROM pg_trigger t
JOIN pg_class rel ON rel.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE p.proname = 'never_changed' ORDER BY 1, 2
"""
FIRED = {
    8: "DELETE FROM {}",
    16: "UPDATE {} SET {} = {}",
    32: "TRUNCATE {} CASCADE",
}  # tgtype's bits


def _kept(connection: Connection) -> Iterator[Attack]:
    """What is kept for ever is kept from the owner too."""
    tables = _tables(connection)
    for name, trigger, fired in connection.execute(KEPT).fetchall():
        column = next(iter(tables[name].columns))
        for bit, statement in FIRED.items():
            if fired & bit:
                text = statement.format(name, column, column)
                yield Attack(text, trigger, running(text), OWNER, Effect.REFUSED)


# What else must be so before a rule looks at the columns it keeps: (also set, where).
LOOKS_WHEN = {
    "price_is_only_ended": (", valid_until = now() + interval '1 day'", "valid_until IS NULL"),
    "part_only_ends": (", ended_at = now()", "ended_at IS NULL"),
    "reservation_only_ends": (
        ", released_at = now()",
        "released_at IS NULL AND shipped_at IS NULL",
    ),
    "answers_are_frozen_once_submitted": ("", "status <> 'draft'"),
    "error_report_keeps_what_was_said": ("", "confirmed IS NULL"),
    "event_is_kept_as_it_came": ("", "applied_at IS NULL"),
    "witness_sees_what_was_inspected": ("", "status = 'disposed'"),
    "removed_passkey_stays_removed": ("", "removed_at IS NOT NULL"),
    "gift_card_is_issued_once": ("", "status IN ('redeemed', 'voided')"),
    "gift_card_ends_once": ("", "status IN ('redeemed', 'voided')"),
    "session_that_is_over_is_kept": ("", "status IN ('performed', 'cancelled')"),
    "permission_stays_as_recorded": ("", "ended_on IS NULL"),
}


def _altered(connection: Connection) -> Iterator[Attack]:
    """Each column that a rule keeps as it was, changed by the owner."""
    tables = _tables(connection)
    for one in kept_columns(connection):
        also, where = LOOKS_WHEN.get(one.rule, ("", "true"))
        other = tables[one.table].columns[one.column].nowhere()
        statement = (
            f"UPDATE {one.table} SET {one.column} = {other}{also}"
            f" WHERE {one.column} IS NOT NULL AND {where}"
        )
        yield Attack(one.title, one.rule, running(statement), OWNER, Effect.REFUSED)


def _not_granted(connection: Connection) -> Iterator[Attack]:
    for one in privileges(connection):
        title = f"{one.role}: {one.title}"
        yield Attack(title, one.by, running(one.statement), one.role, Effect.REFUSED)
