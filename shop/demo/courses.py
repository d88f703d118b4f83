"""Treatment plans of the demo clinic: under way, done and reported, waiting for a physician."""

from __future__ import annotations

import uuid
from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask import current_app

from shop.accounts import licences
from shop.accounts.models import AuthEvent, Person
from shop.catalog.models import Variant
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.treatments import (
    booking,
    drafting,
    instructing,
    performing,
    proposing,
    reporting,
    starting,
)
from shop.treatments.course import Level, Said
from shop.treatments.instructing import Wanted
from shop.treatments.models import Plan
from shop.treatments.regimens import PEA_SIZED, Slot, Unit
from shop.treatments.templates import Step, template_of

# Home care between peels: package NDC, when, every how many days, how much.
HOME_CARE = (
    ("49967-138-01", Slot.MORNING, 1, Decimal(1)),  # cleanser
    ("84258-006-01", Slot.MORNING, 1, Decimal("1.5")),  # sunscreen
    ("49967-138-01", Slot.EVENING, 1, Decimal(1)),
    ("0378-8082-20", Slot.EVENING, 2, PEA_SIZED),  # tretinoin
)


def tell(alice: Person, bob: Person, chen: Person) -> None:
    """Eva has her licence; Alice's peels were started by Dr Chen with her home care, Bob's needling
    waits.
    """
    eva = _eva()
    peels = _proposed(alice, "acne_peels", in_days=14, by=eva)
    _started(peels, by=chen)
    instructing.instruct(peels, _home_care(), by=chen, at=now())
    booking.book(peels.sessions[0], performer=eva, by=eva, at=now())
    _proposed(bob, "scar_microneedling", in_days=21, by=eva)
    _had_a_facial(bob, by=eva, chen=chen)
    db.session.commit()


def _had_a_facial(client: Person, *, by: Person, chen: Person) -> None:
    """Today, and what he says of his skin since: as expected."""
    clinic, at = current_app.config["SHOP"], now()
    plan = drafting.draft(
        client,
        goal="Calm skin before the needling.",
        steps=[Step("facial", area="face", starts=at + timedelta(minutes=5), minutes=45)],
        state=clinic.clinic_state,
        zone=clinic.clinic_time_zone,
        by=by,
        at=at,
    )
    proposing.propose(plan, by=by, at=at)
    _started(plan, by=chen)
    (session,) = plan.sessions
    booking.book(session, performer=by, by=by, at=now())
    at = now()
    performing.perform(session, performer=by, performed_at=at, note="Well borne.", by=by, at=at)
    db.session.flush()  # what is reported is of a session that was done
    mild = Said(Level.MILD, Level.NONE, comfort=8, alarms=frozenset())
    reporting.report(session, mild, on=day_in(plan.zone, at), by=client, at=now())


def _home_care() -> list[Wanted]:
    packs = sa.select(Variant.package_ndc, Variant.sku, Variant.net_unit)
    found = {row.package_ndc: row for row in db.session.execute(packs)}
    return [
        Wanted(
            found[ndc].sku,
            slot,
            every=every,
            amount=amount,
            unit=next((one for one in Unit if one.value == found[ndc].net_unit), Unit.GRAM),
        )
        for ndc, slot, every, amount in HOME_CARE
    ]


def _eva() -> Person:
    eva = db.session.scalars(sa.select(Person).where(Person.email == "eva@example.test")).one()
    today = now().date()
    licences.record(
        eva,
        kind="esthetician",
        state=current_app.config["SHOP"].clinic_state,
        number="CA-DEMO-3",
        valid_from=today - timedelta(days=100),
        valid_until=today + timedelta(days=400),
        verified_on=today,
    )
    db.session.flush()  # her scope rests on it
    return eva


def _proposed(client: Person, code: str, *, in_days: int, by: Person) -> Plan:
    clinic, at = current_app.config["SHOP"], now()
    zone = ZoneInfo(clinic.clinic_time_zone)
    day = at.astimezone(zone).date() + timedelta(days=in_days)
    plan = drafting.from_template(
        client,
        template_of(code),
        first=datetime.combine(day, time(10), tzinfo=zone),
        state=clinic.clinic_state,
        zone=clinic.clinic_time_zone,
        by=by,
        at=at,
    )
    proposing.propose(plan, by=by, at=at)
    return plan


def _started(plan: Plan, *, by: Person) -> None:
    proof = AuthEvent(id=uuid.uuid4(), person_id=by.id, kind="fresh", factors=["password"])
    db.session.add(proof)
    db.session.flush()  # the database stamps its time
    db.session.refresh(proof)
    starting.start(plan, version=plan.version.number, by=by, proof=proof, at=now())
