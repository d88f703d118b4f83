"""The events table: state log, audit trail and the history people see, in one.

An event is written in the transaction of the change it tells of. The database adds number, state
before, actor, time and the hash that chains it to the subject's previous event; a row with a state
machine points at the event that brought it into its state, so no state changes without one.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, cast

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, distinct_on
from sqlalchemy.orm import Mapped, mapped_column

from shop.core import jobs
from shop.core.db import Base, UtcDateTime, db, insert_many

NO_HASH = bytes(32)


class Kind(StrEnum):
    """Everything that can happen in the shop."""

    # accounts
    ACCOUNT_OPENED = "account_opened"
    ACCOUNT_ASKED_AGAIN = "account_asked_again"
    EMAIL_CONFIRMED = "email_confirmed"
    SIGNED_IN = "signed_in"
    SIGNED_OUT = "signed_out"
    SIGN_IN_REFRESHED = "sign_in_refreshed"
    TOKEN_ISSUED = "token_issued"
    TOKEN_REVOKED = "token_revoked"
    SESSION_REVOKED = "session_revoked"
    ACCOUNT_DISABLED = "account_disabled"
    CLIENT_MOVED = "client_moved"
    LANGUAGE_CHOSEN = "language_chosen"
    NAME_CHANGED = "name_changed"
    PASSWORD_CHANGED = "password_changed"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_RENAMED = "passkey_renamed"
    PASSKEY_REMOVED = "passkey_removed"
    ACCOUNT_ERASED = "account_erased"
    LICENCE_RECORDED = "licence_recorded"
    LICENCE_ENDED = "licence_ended"
    LICENCE_EXPIRING = "licence_expiring"
    DUTY_GRANTED = "duty_granted"
    DUTY_ENDED = "duty_ended"
    DELEGATION_MADE = "delegation_made"
    DELEGATION_WITHDRAWN = "delegation_withdrawn"
    # catalog
    IMPORT_QUEUED = "import_queued"
    IMPORT_BEGUN = "import_begun"
    CATALOG_IMPORTED = "catalog_imported"
    IMPORT_FAILED = "import_failed"
    IMPORT_STOPPED = "import_stopped"
    PRODUCT_CREATED = "product_created"
    PRODUCT_CHANGED = "product_changed"
    PRODUCT_PUBLISHED = "product_published"
    PRODUCT_WITHDRAWN = "product_withdrawn"
    PRODUCT_RETIRED = "product_retired"
    PRODUCT_RESTORED = "product_restored"
    VARIANT_ADDED = "variant_added"
    VARIANT_CHANGED = "variant_changed"
    PRICE_SET = "price_set"
    DICTIONARY_LOADED = "dictionary_loaded"
    NAME_RESOLVED = "name_resolved"
    RULE_DRAFTED = "rule_drafted"
    RULE_REVIEWED = "rule_reviewed"
    RULE_ACTIVATED = "rule_activated"
    RULE_SUPERSEDED = "rule_superseded"
    RULE_END_PROPOSED = "rule_end_proposed"
    RULE_ENDED = "rule_ended"
    RELEASE_PROPOSED = "release_proposed"
    RELEASE_APPROVED = "release_approved"
    RELEASE_WITHDRAWN = "release_withdrawn"
    PRICE_WITHDRAWN = "price_withdrawn"
    PICTURE_ADDED = "picture_added"
    PICTURE_CHANGED = "picture_changed"
    PICTURE_REMOVED = "picture_removed"
    RELATED_SET = "related_set"
    BUNDLE_CREATED = "bundle_created"
    BUNDLE_CHANGED = "bundle_changed"
    BUNDLE_PUBLISHED = "bundle_published"
    BUNDLE_WITHDRAWN = "bundle_withdrawn"
    BUNDLE_RETIRED = "bundle_retired"
    BUNDLE_RESTORED = "bundle_restored"
    # charts
    CHART_ENTRY_STATED = "chart_entry_stated"
    CHART_ENTRY_ENDED = "chart_entry_ended"
    ACCESS_LOG_READ = "access_log_read"
    # treatment plans and sessions
    PLAN_DRAFTED = "plan_drafted"
    PLAN_CHANGED = "plan_changed"
    PLAN_PROPOSED = "plan_proposed"
    PLAN_SENT_ON = "plan_sent_on"
    PLAN_STARTED = "plan_started"
    PLAN_HELD = "plan_held"
    PLAN_RESUMED = "plan_resumed"
    PLAN_COMPLETED = "plan_completed"
    PLAN_REVOKED = "plan_revoked"
    SESSION_PROPOSED = "session_proposed"
    SESSION_BOOKED = "session_booked"
    SESSION_MOVED = "session_moved"
    SESSION_PERFORMED = "session_performed"
    SESSION_CANCELLED = "session_cancelled"
    SESSION_MISSED = "session_missed"
    SESSION_WAIVED = "session_waived"
    CALENDAR_FEED_MADE = "calendar_feed_made"
    CALENDAR_FEED_ENDED = "calendar_feed_ended"
    SKIN_REPORTED = "skin_reported"
    SKIN_REPORT_WAITS = "skin_report_waits"
    SKIN_REPORT_ANSWERED = "skin_report_answered"
    SKIN_PHOTO_ADDED = "skin_photo_added"
    SKIN_PHOTO_ERASED = "skin_photo_erased"
    # approval requests
    REQUEST_STARTED = "request_started"
    REQUEST_ANSWERED = "request_answered"
    REQUEST_SUBMITTED = "request_submitted"
    REQUEST_REFERRED = "request_referred"
    REQUEST_CLAIMED = "request_claimed"
    REQUEST_RELEASED = "request_released"
    REQUEST_ESCALATED = "request_escalated"
    REQUEST_QUESTIONED = "request_questioned"
    REQUEST_REPLIED = "request_replied"
    REQUEST_APPROVED = "request_approved"
    REQUEST_CHANGES_PROPOSED = "request_changes_proposed"
    REQUEST_CHANGES_ACCEPTED = "request_changes_accepted"
    REQUEST_DECLINED = "request_declined"
    REQUEST_WITHDRAWN = "request_withdrawn"
    REQUEST_EXPIRED = "request_expired"
    REQUEST_EXAMINED = "request_examined"
    EXAMINATION_RECORDED = "examination_recorded"
    EXAMINATION_VOIDED = "examination_voided"
    SUPERVISION_ENTERED = "supervision_entered"
    SUPERVISION_ENDED = "supervision_ended"
    DIRECTIONS_WRITTEN = "directions_written"
    DIRECTIONS_ENDED = "directions_ended"
    # prescriptions and fills
    PRESCRIPTION_SIGNED = "prescription_signed"
    PRESCRIPTION_ACCEPTED = "prescription_accepted"
    PRESCRIPTION_HELD = "prescription_held"
    PRESCRIPTION_RESUMED = "prescription_resumed"
    PRESCRIPTION_REVOKED = "prescription_revoked"
    PRESCRIPTION_DEPLETED = "prescription_depleted"
    PRESCRIPTION_TAKEN_AWAY = "prescription_taken_away"
    LEAFLET_ACKNOWLEDGED = "leaflet_acknowledged"
    DOCUMENT_ISSUED = "document_issued"
    SIGNING_KEY_RECORDED = "signing_key_recorded"
    SIGNING_KEY_RETIRED = "signing_key_retired"
    SIGNING_KEY_EXPIRING = "signing_key_expiring"
    PRESCRIPTION_ENDING = "prescription_ending"
    PRESCRIPTION_EXPIRED = "prescription_expired"
    PRESCRIPTION_SUPERSEDED = "prescription_superseded"
    PRESCRIPTION_ERROR_REPORTED = "prescription_error_reported"
    PRESCRIPTION_ERROR_DISMISSED = "prescription_error_dismissed"
    PRESCRIPTION_ENTERED_IN_ERROR = "prescription_entered_in_error"
    FILL_RESERVED = "fill_reserved"
    FILL_CONSUMED = "fill_consumed"
    FILL_DISPENSED = "fill_dispensed"
    FILL_RELEASED = "fill_released"
    # inventory
    LOT_RECEIVED = "lot_received"
    LOT_RELEASED = "lot_released"
    LOT_HELD = "lot_held"
    LOT_QUARANTINED = "lot_quarantined"
    LOT_EXPIRED = "lot_expired"
    LOT_CHECKED = "lot_checked"
    LOT_CERTIFIED = "lot_certified"
    LOT_SHORT = "lot_short"
    COUNT_PLANNED = "count_planned"
    COUNT_BEGUN = "count_begun"
    COUNT_ENTERED = "count_entered"
    COUNT_FINISHED = "count_finished"
    COUNT_EXPLAINED = "count_explained"
    COUNT_REOPENED = "count_reopened"
    COUNT_APPROVED = "count_approved"
    COUNT_POSTED = "count_posted"
    COUNT_CANCELLED = "count_cancelled"
    ADJUSTMENT_PROPOSED = "adjustment_proposed"
    ADJUSTMENT_BOOKED = "adjustment_booked"
    ADJUSTMENT_DECLINED = "adjustment_declined"
    RETURN_RECEIVED = "return_received"
    RETURN_INSPECTED = "return_inspected"
    RETURN_SENT_BACK = "return_sent_back"
    RETURN_DISPOSED = "return_disposed"
    RETURN_ASKED = "return_asked"
    RETURN_AUTHORISED = "return_authorised"
    RETURN_REFUSED = "return_refused"
    RETURN_WITHDRAWN = "return_withdrawn"
    RETURN_EXPIRED = "return_expired"
    RETURN_ARRIVED = "return_arrived"
    RETURN_LOOKED_AT = "return_looked_at"
    RETURN_LOOKED_AT_AGAIN = "return_looked_at_again"
    RETURN_SETTLED = "return_settled"
    RETURN_REFUNDED = "return_refunded"
    LOT_RECALLED = "lot_recalled"
    LOT_RETURNED = "lot_returned"
    LOT_DESTROYED = "lot_destroyed"
    PLACE_OPENED = "place_opened"
    PLACE_CLOSED = "place_closed"
    TRANSFER_SENT = "transfer_sent"
    TRANSFER_ARRIVED = "transfer_arrived"
    TRANSFER_GIVEN_UP = "transfer_given_up"
    TESTER_OPENED = "tester_opened"
    TESTER_ENDED = "tester_ended"
    STOCK_POLICY_SET = "stock_policy_set"
    # purchasing
    SUPPLIER_ADDED = "supplier_added"
    SUPPLIER_CHANGED = "supplier_changed"
    PURCHASE_DRAFTED = "purchase_drafted"
    PURCHASE_CHANGED = "purchase_changed"
    PURCHASE_SENT = "purchase_sent"
    PURCHASE_RECEIVED = "purchase_received"
    PURCHASE_CLOSED = "purchase_closed"
    PURCHASE_CANCELLED = "purchase_cancelled"
    # discounts
    DISCOUNT_MADE = "discount_made"
    DISCOUNT_ENDED = "discount_ended"
    DISCOUNT_BARRED = "discount_barred"
    DISCOUNT_BAR_LIFTED = "discount_bar_lifted"
    # orders
    ORDER_PLACED = "order_placed"
    ORDER_PAID = "order_paid"
    ORDER_CANCELLED = "order_cancelled"
    ORDER_EXPIRED = "order_expired"
    ORDER_CLOSED = "order_closed"
    ORDER_HELD = "order_held"
    ORDER_RESUMED = "order_resumed"
    ORDER_REDUCED = "order_reduced"
    LINE_PLACED = "line_placed"
    LINE_READY = "line_ready"
    LINE_HELD = "line_held"
    LINE_RESUMED = "line_resumed"
    LINE_PACKED = "line_packed"
    LINE_SHIPPED = "line_shipped"
    LINE_DELIVERED = "line_delivered"
    LINE_CANCELLED = "line_cancelled"
    LINE_RETURNED = "line_returned"
    UNITS_PICKED = "units_picked"
    UNITS_PUT_BACK = "units_put_back"
    # store credit
    GIFT_CARD_PROPOSED = "gift_card_proposed"
    GIFT_CARD_ISSUED = "gift_card_issued"
    GIFT_CARD_DECLINED = "gift_card_declined"
    GIFT_CARD_REDEEMED = "gift_card_redeemed"
    GIFT_CARD_VOIDED = "gift_card_voided"
    CREDIT_CORRECTION_PROPOSED = "credit_correction_proposed"
    CREDIT_CORRECTION_BOOKED = "credit_correction_booked"
    CREDIT_CORRECTION_DECLINED = "credit_correction_declined"
    # adverse reactions
    REACTION_OPENED = "reaction_opened"
    REACTION_TOLD_MORE = "reaction_told_more"
    REACTION_REPORTED = "reaction_reported"
    REACTION_CLOSED = "reaction_closed"
    # recalls
    RECALL_OPENED = "recall_opened"
    RECALL_LOTS_LOCKED = "recall_lots_locked"
    RECALL_LISTED = "recall_listed"
    RECALL_NOTIFIED = "recall_notified"
    RECALL_REMINDED = "recall_reminded"
    RECALL_ANSWERED = "recall_answered"
    RECALL_COLLECTED = "recall_collected"
    RECALL_DISPOSITION_PLANNED = "recall_disposition_planned"
    RECALL_DISPOSED = "recall_disposed"
    RECALL_RECONCILED = "recall_reconciled"
    RECALL_CLOSED = "recall_closed"
    # payments
    PAYMENT_BEGUN = "payment_begun"
    PAYMENT_OPENED = "payment_opened"
    PAYMENT_FAILED = "payment_failed"
    PAYMENT_SUCCEEDED = "payment_succeeded"
    PAYMENT_CANCELLED = "payment_cancelled"
    PAYMENT_QUESTIONED = "payment_questioned"
    CARD_SAVING_BEGUN = "card_saving_begun"
    CARD_SAVED = "card_saved"
    CARD_REMOVED = "card_removed"
    REFUND_PLANNED = "refund_planned"
    REFUND_DONE = "refund_done"
    REFUND_FAILED = "refund_failed"
    # papers
    INVOICE_ISSUED = "invoice_issued"
    RECEIPT_ISSUED = "receipt_issued"
    CREDIT_NOTE_ISSUED = "credit_note_issued"
    CREDIT_NOTE_REVERSED = "credit_note_reversed"
    MERCHANT_PERMISSION_RECORDED = "merchant_permission_recorded"
    MERCHANT_PERMISSION_ENDED = "merchant_permission_ended"
    MERCHANT_PERMISSION_ENDING = "merchant_permission_ending"
    # the clinic
    CLINIC_LOOK_CHOSEN = "clinic_look_chosen"
    # the desk
    REGISTER_ADDED = "register_added"
    DRAWER_OPENED = "drawer_opened"
    DRAWER_COUNTED = "drawer_counted"
    DRAWER_EXPLAINED = "drawer_explained"
    DRAWER_CLOSED = "drawer_closed"
    REFUND_PROPOSED = "refund_proposed"
    REFUND_DECLINED = "refund_declined"
    DISPUTE_OPENED = "dispute_opened"
    DISPUTE_MOVED = "dispute_moved"
    DISPUTE_LOST = "dispute_lost"
    DISPUTE_WON = "dispute_won"
    EVIDENCE_PLANNED = "evidence_planned"
    FRAUD_WARNED = "fraud_warned"
    FRAUD_REVIEWED = "fraud_reviewed"
    # replenishment
    AUTO_REFILL_AGREED = "auto_refill_agreed"
    AUTO_REFILL_PAUSED = "auto_refill_paused"
    AUTO_REFILL_RESUMED = "auto_refill_resumed"
    AUTO_REFILL_CANCELLED = "auto_refill_cancelled"
    REFILL_BEGUN = "refill_begun"
    REFILL_NOTICED = "refill_noticed"
    REFILL_MOVED = "refill_moved"
    REFILL_BLOCKED = "refill_blocked"
    REFILL_CHARGING = "refill_charging"
    REFILL_UNPAID = "refill_unpaid"
    REFILL_CHARGED = "refill_charged"
    REFILL_LAPSED = "refill_lapsed"
    REFILL_REMINDED = "refill_reminded"
    REMINDERS_CHOSEN = "reminders_chosen"
    # what clients ask of their own record
    EXPORT_ASKED = "export_asked"
    EXPORT_READY = "export_ready"
    EXPORT_FAILED = "export_failed"
    EXPORT_BEGUN_AGAIN = "export_begun_again"
    EXPORT_FETCHED = "export_fetched"
    EXPORT_LAPSED = "export_lapsed"
    CLOSURE_ASKED = "closure_asked"
    CLOSURE_WITHDRAWN = "closure_withdrawn"
    ACCOUNT_CLOSED = "account_closed"


class Subject(Protocol):
    """What an event can be about: any row with a UUID."""

    id: Any


class Event(Base):
    """One thing that happened to one subject. Never changed, never removed."""

    __tablename__ = "events"
    __table_args__ = (
        sa.PrimaryKeyConstraint("subject_id", "seq"),
        sa.UniqueConstraint("subject_id", "seq", "to_state", name="events_state_key"),
        sa.ForeignKeyConstraint(
            ["subject_id", "previous_seq", "from_state"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name="event_follows_the_one_before",
        ),
        sa.ForeignKeyConstraint(
            ["machine", "from_state", "to_state"],
            [
                "legal_transitions.machine",
                "legal_transitions.from_state",
                "legal_transitions.to_state",
            ],
            name="event_is_a_legal_transition",
        ),
        sa.CheckConstraint("seq > 1 OR from_state = ''", name="first_event_comes_from_nothing"),
        sa.CheckConstraint("octet_length(hash) = 32", name="event_hash_is_sha256"),
        sa.CheckConstraint("actor ~ '^(person|system):.'", name="event_has_an_actor"),
        sa.Index("events_at_idx", "at"),
        # What people are told of once.
        sa.Index(
            "prescription_notices_once",
            "subject_id",
            "kind",
            unique=True,
            postgresql_where=sa.text(
                "kind IN ('prescription_ending', 'prescription_depleted', 'prescription_expired')"
            ),
        ),
    )

    subject_id: Mapped[uuid.UUID]
    # The trigger `event_chained` fills whatever says FetchedValue.
    seq: Mapped[int] = mapped_column(server_default=sa.FetchedValue())
    previous_seq: Mapped[int | None] = mapped_column(
        sa.Integer, sa.Computed("nullif(seq - 1, 0)", persisted=True)
    )
    machine: Mapped[str] = mapped_column(server_default="")
    kind: Mapped[str]
    from_state: Mapped[str] = mapped_column(server_default=sa.FetchedValue())
    to_state: Mapped[str]
    actor: Mapped[str] = mapped_column(server_default=sa.FetchedValue())
    at: Mapped[datetime] = mapped_column(UtcDateTime(), server_default=sa.FetchedValue())
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=sa.text("'{}'"))
    request_id: Mapped[str] = mapped_column(server_default="")
    previous_hash: Mapped[bytes] = mapped_column(server_default=sa.FetchedValue())
    hash: Mapped[bytes] = mapped_column(server_default=sa.FetchedValue())


_TABLE = cast("sa.Table", Event.__table__)
_INSERT = sa.insert(_TABLE).returning(_TABLE.c.seq)
_GATHERED = "gathered_events"  # in the session's info, while a batch gathers them


class LegalTransition(Base):
    """An arrow of a state machine, as the database knows it; a test compares it with the code's."""

    __tablename__ = "legal_transitions"
    __table_args__ = (sa.PrimaryKeyConstraint("machine", "from_state", "to_state"),)

    machine: Mapped[str]
    from_state: Mapped[str]
    to_state: Mapped[str]


class Stateful:
    """A row whose status is the `to_state` of one of its events.

    `machine` names the state machine; the table carries
    `events.state_key(<table>)` among its constraints. Setting `status` and recording the event that
    says so belong together: `record` numbers the state.
    """

    machine: str
    id: Any
    state_seq: Mapped[int] = mapped_column(server_default=sa.text("1"), default=1)


def state_key(name: str) -> sa.ForeignKeyConstraint:
    """The foreign key that makes a change of status without its event impossible."""
    return sa.ForeignKeyConstraint(
        ["id", "state_seq", "status"],
        ["events.subject_id", "events.seq", "events.to_state"],
        name=f"{name}_status_has_its_event",
        deferrable=True,
        initially="DEFERRED",
    )


# Kinds that something follows; create_app fills it from shop.reactions.
followed: set[Kind] = set()


def record(kind: Kind, subject: Subject, **facts: object) -> None:
    """Write what happened to `subject`, in the transaction of the change itself.

    For a row with a state machine, call it once per change of `status`. `facts` are plain JSON
    values that hold nothing medical. Defers the reactions to `kind` in the same transaction.
    """
    machine, status = "", ""
    if isinstance(subject, Stateful):
        machine, status = subject.machine, str(getattr(subject, "status", ""))
    told = _Told(kind, subject, machine, status, facts)
    gathered: list[_Told] | None = db.session.info.get(_GATHERED)
    if gathered is None:
        _write([told])
    else:
        gathered.append(told)


@contextmanager
def together() -> Iterator[None]:
    """Gather what is recorded within, and write it at the end with one statement.

    For batches. The trigger numbers and chains each event as if it had come alone, in the order
    told. Everything within belongs to one transaction; where it fails, nothing was told.
    """
    info = db.session.info
    assert _GATHERED not in info, "one batch at a time"
    gathered: list[_Told] = []
    info[_GATHERED] = gathered
    try:
        yield
    finally:
        del info[_GATHERED]
    _write(gathered)


def tell() -> None:
    """Write what was gathered so far: their subjects' rows are about to be."""
    gathered: list[_Told] = db.session.info.get(_GATHERED, [])
    _write(gathered)
    gathered.clear()


@dataclass(frozen=True)
class _Told:
    """An event as it was told, with the status its subject had at that moment."""

    kind: Kind
    subject: Subject
    machine: str
    status: str
    facts: dict[str, object]


def _write(told: list[_Told]) -> None:
    if not told:
        return
    rows = [
        {
            "subject_id": one.subject.id,
            "machine": one.machine,
            "kind": one.kind.value,
            "to_state": one.status,
            "facts": one.facts,
            "request_id": db.session.info.get("request_id", ""),
        }
        for one in told
    ]
    with db.session.no_autoflush:  # status and number go to the subject's row in one UPDATE
        numbers = _numbers(rows)
    for one, seq in zip(told, numbers, strict=True):
        if isinstance(one.subject, Stateful):
            one.subject.state_seq = seq
        if one.kind in followed:
            jobs.defer("react", subject_id=str(one.subject.id), seq=seq)


def _numbers(rows: list[dict[str, Any]]) -> list[int]:
    """Insert the rows with one statement; their numbers, in the order given."""
    if len(rows) == 1:
        return [db.session.execute(_INSERT, rows[0]).scalar_one()]
    return list(db.session.execute(insert_many(_TABLE, rows).returning(_TABLE.c.seq)).scalars())


def of(subject_id: uuid.UUID) -> list[Event]:
    """The history of a subject, oldest first."""
    query = sa.select(Event).where(Event.subject_id == subject_id).order_by(Event.seq)
    return list(db.session.scalars(query))


@dataclass(frozen=True)
class Break:
    """A place where the trail is not what was written."""

    subject_id: uuid.UUID
    seq: int
    why: str


def verify() -> Iterator[Break]:
    """Walk every chain, then hold every row's state against it. Changes nothing.

    Reports what was altered, removed or slipped in. The hash is computed here, not by the
    database: who can alter rows can alter functions.
    """
    yield from _chains()
    for kind in Stateful.__subclasses__():
        yield from _states(cast("sa.Table", sa.inspect(kind).local_table), kind.machine)


def _chains() -> Iterator[Break]:
    rows = db.session.execute(
        sa.select(
            Event.subject_id,
            Event.seq,
            Event.machine,
            Event.kind,
            Event.from_state,
            Event.to_state,
            Event.actor,
            (sa.func.extract("epoch", Event.at) * 1_000_000).cast(sa.BigInteger).label("micros"),
            sa.cast(Event.facts, sa.Text).label("facts"),
            Event.request_id,
            Event.previous_hash,
            Event.hash,
        ).order_by(Event.subject_id, Event.seq)
    ).yield_per(2_000)
    before: Any = None
    for row in rows:
        first = before is None or before.subject_id != row.subject_id
        expected_seq = 1 if first else before.seq + 1
        expected_hash = NO_HASH if first else before.hash
        if row.seq != expected_seq:
            yield Break(row.subject_id, expected_seq, "an event is missing")
        elif row.previous_hash != expected_hash:
            yield Break(row.subject_id, row.seq, "the chain to the event before is broken")
        elif row.hash != _hash(row):
            yield Break(row.subject_id, row.seq, "the event was altered")
        before = row


def _states(table: sa.Table, machine: str) -> Iterator[Break]:
    """Rows of a state machine that are not what their last event says, or that are gone."""
    last = (
        sa.select(_TABLE.c.subject_id, _TABLE.c.seq, _TABLE.c.to_state)
        .ext(distinct_on(_TABLE.c.subject_id))
        .where(_TABLE.c.machine == machine)
        .order_by(_TABLE.c.subject_id, _TABLE.c.seq.desc())
        .subquery()
    )
    rows = db.session.execute(
        sa.select(
            sa.func.coalesce(table.c.id, last.c.subject_id).label("subject_id"),
            sa.func.coalesce(table.c.state_seq, last.c.seq).label("seq"),
            table.c.id.is_(None).label("gone"),
            last.c.seq.is_(None).label("untold"),
        )
        .select_from(table.join(last, last.c.subject_id == table.c.id, full=True))
        .where(
            sa.or_(
                table.c.state_seq.is_distinct_from(last.c.seq),
                sa.cast(table.c.status, sa.Text).is_distinct_from(last.c.to_state),
            )
        )
        .order_by("subject_id")
    )
    for row in rows:
        if row.gone:
            why = f"the {machine} it tells of is gone"
        elif row.untold:
            why = f"the {machine} has no event that says how it came to be"
        else:
            why = f"the {machine} is not what its last event says"
        yield Break(row.subject_id, row.seq, why)


def _hash(row: Any) -> bytes:
    """SHA-256 over the event's fields; the trigger `event_chained` computes the same in SQL."""
    fields = (
        str(row.subject_id),
        str(row.seq),
        row.machine,
        row.kind,
        row.from_state,
        row.to_state,
        row.actor,
        str(row.micros),
        row.facts,
        row.request_id,
        row.previous_hash.hex(),
    )
    return hashlib.sha256(json.dumps(fields, ensure_ascii=False).encode()).digest()
