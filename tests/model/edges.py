"""The shop's verbs about requests and prescriptions, as an edge would call them, by the model's names."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from shop.accounts import licences
from shop.accounts.models import Licence, Person
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import act_as, db, locked
from shop.orders import jobs as orders_jobs
from shop.orders import revoking
from shop.prescriptions import (
    changing,
    erring,
    examining,
    holding,
    inquiring,
    referring,
    renewing,
    requesting,
    reviewing,
    signing,
    taking_away,
)
from shop.prescriptions.models import ApprovalRequest, ErrorReport, Inquiry, Prescription
from shop.prescriptions.practice.rules import Mode
from tests.people import a_fresh_sign_in
from tests.prescriptions.builders import ANSWERS, read_the_leaflet, the_terms


def one(entity: Any, of: str, column: Any = None) -> sa.Select[Any]:
    """The query for the row whose id (or whose `column`) is this."""
    return sa.select(entity).where((entity.id if column is None else column) == uuid.UUID(of))


@dataclass(kw_only=True)
class Edges:
    """Names of people and things, and what is done to them. What is made answers its id."""

    ids: dict[str, uuid.UUID] = field(default_factory=dict)
    licence_ids: dict[tuple[str, str], uuid.UUID] = field(default_factory=dict)

    def person(self, name: str) -> Person:
        return db.session.get_one(Person, self.ids[name])

    def variant(self, name: str) -> Variant:
        return db.session.get_one(Variant, self.ids[name])

    def request(self, r: str) -> ApprovalRequest:
        return db.session.scalars(locked(one(ApprovalRequest, r))).one()  # type: ignore[no-any-return]

    def prescription(self, p: str) -> Prescription:
        return db.session.scalars(locked(one(Prescription, p))).one()  # type: ignore[no-any-return]

    # The client

    def start(self, client: str, variant: str, quantity: int, state: str) -> str:
        who = self.person(client)
        begun = requesting.start(
            who, self.variant(variant), quantity=quantity, ship_to_state=state, by=who, at=now()
        )
        return str(begun.id)

    def answer(self, r: str, by: str) -> None:
        requesting.answer(self.request(r), ANSWERS, by=self.person(by), at=now())

    def submit(self, r: str, by: str, consent: bool) -> None:
        requesting.submit(self.request(r), consent=consent, by=self.person(by), at=now())

    def withdraw(self, r: str, by: str) -> None:
        requesting.withdraw(self.request(r), by=self.person(by), at=now())

    def reply(self, r: str, by: str, said: str, asked: str) -> None:
        request = self.request(r)
        query = one(Inquiry, r, Inquiry.request_id).order_by(Inquiry.asked_at.desc())
        question = db.session.scalars(query).first()
        read = question.id if question and asked == "this" else uuid.uuid4()
        inquiring.reply(
            request,
            "Since May." if said == "words" else " ",
            answers={"goal": "A clear skin."} if said == "answers" else {},
            by=self.person(by),
            at=now(),
            inquiry_id=read,
        )

    def accept(self, r: str, by: str, price: str) -> None:
        request, who = self.request(r), self.person(by)
        act_as(f"person:{who.id}")
        offer = changing.offered(request, at=now())
        cents = offer.price.cents if offer and offer.price else 0
        changing.accept(request, expect_unit_cents=cents + (price != "today's"), by=who, at=now())

    def renew(self, p: str, by: str, consent: bool, answered: bool) -> str:
        asked = renewing.renew(
            self.prescription(p),
            consent=consent,
            answers=ANSWERS if answered else None,
            by=self.person(by),
            at=now(),
        )
        return str(asked.id)

    # The physician

    def claim(self, r: str, by: str) -> None:
        reviewing.claim(self.request(r), by=self.person(by), at=now())

    def release(self, r: str, by: str) -> None:
        reviewing.release(self.request(r), by=self.person(by), at=now())

    def refuse(self, r: str, by: str, words: bool) -> None:
        reason, message = reviewing.RefusalReason.EXAM_REQUIRED, "Come and see us." if words else ""
        reviewing.refuse(
            self.request(r), reason=reason, message=message, by=self.person(by), at=now()
        )

    def inquire(self, r: str, by: str, words: bool) -> None:
        question = "Since when?" if words else " "
        inquiring.inquire(self.request(r), question, by=self.person(by), at=now())

    def refer(self, r: str, by: str, words: bool) -> None:
        reason, message = referring.ReferralReason.EXAM_REQUIRED, "Come." if words else " "
        referring.refer(
            self.request(r), reason=reason, message=message, by=self.person(by), at=now()
        )

    def sign(
        self,
        r: str,
        by: str,
        variant: str,
        quantity: int,
        fills: int,
        interval: int | None,
        days: int,
        mode: str,
        fresh: bool,
    ) -> str:
        physician, at = self.person(by), now()
        proof = a_fresh_sign_in(physician) if fresh else None
        terms = the_terms(
            sku=self.variant(variant).sku,
            quantity_per_fill=quantity,
            fills=fills,
            interval_days=interval,
            valid_until=at.date() + timedelta(days=days - 1),
            examination_mode=mode,
        )
        signed = signing.sign(self.request(r), terms, by=physician, proof=proof, at=now())
        read_the_leaflet(signed.client, signed.variant)  # the model knows no leaflets
        return str(signed.id)

    def examine(self, client: str, by: str, mode: str, days_ago: int) -> None:
        examining.record(
            self.person(client),
            mode=Mode(mode),
            on=now().date() - timedelta(days=days_ago),
            by=self.person(by),
            at=now(),
        )

    # A prescription

    def hold(self, p: str, by: str) -> None:
        holding.hold(self.prescription(p), reason="wait", by=self.person(by), at=now())

    def resume(self, p: str, by: str) -> None:
        holding.resume(self.prescription(p), by=self.person(by), at=now())

    def take_away(self, p: str, by: str) -> None:
        taking_away.take_away(self.prescription(p), by=self.person(by), at=now())

    def revoke(self, p: str, by: str) -> None:
        signed = db.session.scalars(one(Prescription, p)).one()  # orders are locked before it
        revoking.revoke(signed, reason="no longer", by=self.person(by), at=now())

    def report(self, p: str, by: str) -> str:
        said = erring.report(
            self.prescription(p), reason="Another client.", by=self.person(by), at=now()
        )
        return str(said.id)

    def dismiss(self, said: str, by: str) -> None:
        report = db.session.scalars(locked(one(ErrorReport, said))).one()
        erring.dismiss(report, by=self.person(by), at=now())

    def confirm(self, said: str, by: str) -> None:
        report = db.session.scalars(one(ErrorReport, said)).one()  # orders are locked before it
        revoking.enter_in_error(report, by=self.person(by), at=now())

    # Licences

    def end_licence(self, physician: str, state: str) -> None:
        licence = db.session.get_one(Licence, self.licence_ids[physician, state])
        licences.end(licence, on=now().date(), by=self.person("mona"))

    def renew_licence(self, physician: str, state: str, days: int) -> None:
        today = now().date()
        licence = licences.record(
            self.person(physician),
            kind="MD",
            state=state,
            number="A1",
            valid_from=today,
            valid_until=today + timedelta(days=days),
            verified_on=today,
        )
        db.session.flush()  # now it has an id that lasts
        self.licence_ids[physician, state] = licence.id

    def licences_followed(self) -> None:
        """The worker's job; it commits as it goes."""
        orders_jobs.follow_licences()
