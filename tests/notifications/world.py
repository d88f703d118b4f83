"""Rows for letters to be about, full of words that no letter may contain.

They are written past every trigger and key: what a letter says must not depend on how the rows
came about, and the verbs that make them have tests of their own.
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from tests.conftest import Database
from tests.people import an_npi

CANARIES = ("Tretinoin-canary", "canary-sku", "canary-answer", "canary-street", "canary-reason")


def _word() -> str:
    return secrets.token_hex(4).upper()


@dataclass
class World:
    """Alice, her request with a physician's question, her order with two lines in one parcel, and a refund of it."""

    database: Database
    email: str = field(default_factory=lambda: f"alice-{_word().lower()}@example.test")
    physician_email: str = field(default_factory=lambda: f"chen-{_word().lower()}@example.test")
    name: str = "Alice Moreno"
    client: uuid.UUID = field(default_factory=uuid.uuid4)
    request: uuid.UUID = field(default_factory=uuid.uuid4)
    order: uuid.UUID = field(default_factory=uuid.uuid4)
    export: uuid.UUID = field(default_factory=uuid.uuid4)
    closure: uuid.UUID = field(default_factory=uuid.uuid4)
    lines: tuple[uuid.UUID, uuid.UUID] = field(default_factory=lambda: (uuid.uuid4(), uuid.uuid4()))
    shipment: uuid.UUID = field(default_factory=uuid.uuid4)
    refund: uuid.UUID = field(default_factory=uuid.uuid4)
    request_number: str = field(default_factory=lambda: f"Q-{_word()}")
    prescription: uuid.UUID = field(default_factory=uuid.uuid4)
    prescription_number: str = field(default_factory=lambda: f"RX-{_word()}")
    order_number: str = field(default_factory=lambda: f"A-{_word()}")
    tracking: str = field(default_factory=lambda: f"1Z{_word()}")

    def happened(self, kind: str, subject: uuid.UUID) -> int:
        """Write an event down; its number."""
        with self._past_the_rules() as connection:
            row = connection.execute(
                "SELECT coalesce(max(seq), 0) + 1 FROM events WHERE subject_id = %s", [subject]
            ).fetchone()
            assert row is not None
            seq: int = row[0]
            _insert(
                connection,
                "events",
                subject_id=subject,
                seq=seq,
                kind=kind,
                from_state="",
                to_state="x",
                actor="system:test",
                at=datetime.now(UTC),
                facts=Jsonb({"why": "canary-reason"}),
                previous_hash=bytes(32),
                hash=bytes(32),
            )
        return seq

    def saved(self) -> World:
        """Write the rows."""
        with self._past_the_rules() as connection:
            self._save_person(connection)
            variant = self._save_product(connection)
            self._save_request(connection, variant)
            self._save_question(connection)
            self._save_prescription(connection, variant)
            self._save_order(connection)
            for position, line in enumerate(self.lines):
                self._save_line(connection, line, position, variant)
            self._save_refund(connection)
            self._save_requests_of_the_record(connection)
        return self

    def _past_the_rules(self) -> psycopg.Connection[Any]:
        connection = self.database.as_role()
        connection.execute("SET session_replication_role = replica")
        return connection

    def _save_person(self, connection: psycopg.Connection[Any]) -> None:
        _insert(
            connection,
            "people",
            id=self.client,
            email=self.email,
            name=self.name,
            role="client",
            birth_date=datetime(1990, 5, 4, tzinfo=UTC).date(),
            state="CA",
            password_hash="not-a-hash",
        )

    def _save_requests_of_the_record(self, connection: psycopg.Connection[Any]) -> None:
        week = datetime(2026, 12, 12, 12, tzinfo=UTC)
        _insert(
            connection,
            "record_exports",
            id=self.export,
            number=f"X-{_word()}",
            client_id=self.client,
            status="ready",
            asked_at=week,
            due_at=week,
            ready_at=week,
            ends_at=week,
        )
        _insert(
            connection,
            "account_closures",
            id=self.closure,
            number=f"C-{_word()}",
            client_id=self.client,
            status="asked",
            asked_at=week,
            runs_from=week,
            due_at=week,
        )

    def _save_product(self, connection: psycopg.Connection[Any]) -> uuid.UUID:
        product, variant, word = uuid.uuid4(), uuid.uuid4(), _word()
        _insert(
            connection,
            "products",
            id=product,
            slug=f"tretinoin-canary-{word}",
            source="csv",
            source_key=word,
            name="Tretinoin-canary Cream",
            brand_id=uuid.uuid4(),
            legal_class="rx",
            doctor_only=True,
            status="draft",
        )
        _insert(
            connection,
            "variants",
            id=variant,
            product_id=product,
            legal_class="rx",
            doctor_only=True,
            sku=f"canary-sku-{word}",
            name="Tretinoin-canary 20 g",
        )
        return variant

    def _save_request(self, connection: psycopg.Connection[Any], variant: uuid.UUID) -> None:
        _insert(
            connection,
            "approval_requests",
            id=self.request,
            number=self.request_number,
            client_id=self.client,
            requested_by_id=self.client,
            variant_id=variant,
            quantity=1,
            ship_to_state="CA",
            status="queued",
            questionnaire_version="1",
            answers_sealed=b"canary-answer",
            answers_hash=bytes(32),
            submitted_at=datetime.now(UTC),
            consented_at=datetime.now(UTC),
        )

    def _save_question(self, connection: psycopg.Connection[Any]) -> None:
        physician = uuid.uuid4()
        _insert(
            connection,
            "people",
            id=physician,
            email=self.physician_email,
            name="Dr Wei Chen",
            role="physician",
            npi=an_npi(),
            password_hash="not-a-hash",
        )
        words = b"\x01" + b"canary-answer".ljust(96)
        _insert(
            connection,
            "inquiries",
            id=uuid.uuid4(),
            request_id=self.request,
            asked_by_id=physician,
            question_sealed=words,
            said_sealed=words,
            answers_hash=bytes(32),
            reply_sealed=words,
            answered_at=datetime.now(UTC),
        )

    def _save_prescription(self, connection: psycopg.Connection[Any], variant: uuid.UUID) -> None:
        signed = datetime.now(UTC)
        _insert(
            connection,
            "prescriptions",
            id=self.prescription,
            number=self.prescription_number,
            request_id=self.request,
            client_id=self.client,
            variant_id=variant,
            quantity_per_fill=1,
            fills_allowed=1,
            days_supply=30,
            directions_sealed=b"canary-answer",
            indication_sealed=b"canary-answer",
            client_state="CA",
            valid_from=signed,
            valid_until=signed + timedelta(days=90),
            prescriber_id=uuid.uuid4(),
            prescriber_name="Dr Wei Chen",
            prescriber_npi="1234567893",
            examination_mode="video",
            examined_on=signed.date(),
            statement_sealed=b"canary-answer",
            statement_hash=bytes(32),
            fresh_id=uuid.uuid4(),
            fresh_at=signed,
            signed_at=signed,
            signed_on=signed.date(),
            factors=["password"],
            status="active",
        )

    def _save_order(self, connection: psycopg.Connection[Any]) -> None:
        _insert(
            connection,
            "orders",
            id=self.order,
            number=self.order_number,
            client_id=self.client,
            status="awaiting_payment",
            ship_to_state="CA",
            name=self.name,
            line1="1 canary-street",
            city="Oakland",
            postal_code="94601",
            shipping_method="standard",
            subtotal_cents=12_400,
            discount_cents=0,
            shipping_cents=0,
            tax_cents=0,
            total_cents=12_400,
            pay_by=datetime.now(UTC) + timedelta(minutes=30),
        )
        _insert(
            connection,
            "shipments",
            id=self.shipment,
            number=f"S-{_word()}",
            order_id=self.order,
            carrier="UPS",
            tracking=self.tracking,
            shipped_by_id=uuid.uuid4(),
        )

    def _save_line(
        self,
        connection: psycopg.Connection[Any],
        line: uuid.UUID,
        position: int,
        variant: uuid.UUID,
    ) -> None:
        _insert(
            connection,
            "order_lines",
            id=line,
            order_id=self.order,
            position=position,
            client_id=self.client,
            ship_to_state="CA",
            placed_xid="1",
            variant_id=variant,
            sku="canary-sku",
            name="Tretinoin-canary 20 g",
            quantity=1,
            price_id=uuid.uuid4(),
            unit_price_cents=6_200,
            total_cents=6_200,
            requires_prescription=True,
            fill_id=uuid.uuid4(),
            reservation_id=uuid.uuid4(),
            status="placed",
        )
        for _lot in range(2):
            _insert(
                connection,
                "shipment_lines",
                id=uuid.uuid4(),
                shipment_id=self.shipment,
                order_line_id=line,
                lot_id=uuid.uuid4(),
                movement_id=uuid.uuid4(),
                units=1,
            )

    def _save_refund(self, connection: psycopg.Connection[Any]) -> None:
        payment = uuid.uuid4()
        _insert(
            connection,
            "payments",
            id=payment,
            order_id=self.order,
            status="succeeded",
            amount_cents=12_400,
            captured_cents=12_400,
            refunded_cents=6_200,
            page_ends_at=datetime.now(UTC),
        )
        _insert(
            connection,
            "refunds",
            id=self.refund,
            payment_id=payment,
            request_key="test",
            amount_cents=6_200,
            reason="other",
            status="done",
        )


def _insert(connection: psycopg.Connection[Any], table: str, **values: Any) -> None:
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(sql.Placeholder() * len(values)),
        ),
        list(values.values()),
    )
