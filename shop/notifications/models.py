"""The letters the shop sends: one row each, so that a repeated reaction sends none twice."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.accounts.models import Person
from shop.core.db import Base, Word, one_of, stamped


class Template(StrEnum):
    """What a letter says. The words are in `templates/letters/<name>.md`."""

    ACCOUNT_CONFIRMATION = "account_confirmation"
    ACCOUNT_EXISTS = "account_exists"
    REQUEST_RECEIVED = "request_received"
    REQUEST_NEWS = "request_news"  # approved, changed, declined, referred: the same words
    ORDER_PAID = "order_paid"
    ORDER_SHIPPED = "order_shipped"
    ORDER_CANCELLED = "order_cancelled"
    ORDER_EXPIRED = "order_expired"
    ORDER_HELD = "order_held"
    ORDER_RESUMED = "order_resumed"
    REFUND_SENT = "refund_sent"
    LICENCE_EXPIRING = "licence_expiring"
    SIGNING_KEY_EXPIRING = "signing_key_expiring"
    CASE_NEWS = "case_news"  # to the physician: the client answered
    REQUEST_ESCALATED = "request_escalated"  # to the physician who is called
    PRESCRIPTION_RENEWABLE = "prescription_renewable"
    PRESCRIPTION_NEWS = "prescription_news"  # to the client and her physician: it waits
    REPORT_NEWS = "report_news"  # to who treats: it waits; to the client: it was answered
    REFILL_DUE = "refill_due"  # something runs out
    REFILL_NOTICE = "refill_notice"  # a charge is announced, with its day and its price
    REFILL_NEWS = "refill_news"  # its day moved, or something is against it
    REFILL_UNPAID = "refill_unpaid"  # the card said no: a link to the order
    AUTO_REFILL_NEWS = "auto_refill_news"  # agreed, paused, cancelled
    PLAN_NEWS = "plan_news"  # to the client: it was proposed, started, held, resumed, revoked
    SESSION_NEWS = "session_news"  # to the client: it is booked, moved or off
    RECALL_NOTICE = "recall_notice"  # to whoever got units that must come back
    PAYMENT_PERMISSION_ENDING = "payment_permission_ending"  # to the managers
    REFUND_AT_THE_DESK = "refund_at_the_desk"  # money waits where it was paid
    RETURN_NEWS = "return_news"  # to the client: what she wants to send back is a step further
    ORDER_TO_PAY = "order_to_pay"  # placed for her: a link to pay it
    ORDER_REDUCED = "order_reduced"  # some lines are off
    SIGN_IN_CHANGED = "sign_in_changed"  # another password, or a passkey more
    RECORD_READY = "record_ready"  # the copy she asked for waits
    CLOSURE_ASKED = "closure_asked"  # her account ends, and how to keep it
    CLOSURE_WITHDRAWN = "closure_withdrawn"


class Topic(StrEnum):
    """What letters a reader may end: those that no act of hers calls for."""

    RUNS_OUT = "runs_out"  # kept by `replenishment`, which makes no reminder for whoever wants none
    RENEWALS = "renewals"


class Way(StrEnum):
    """How a reader said which letters she wants."""

    PAGE = "page"
    LINK = "link"  # the one in a letter: it can only end


class Letter(Base):
    """One letter about one version of one thing, to one person.

    Due until it is sent or has failed for good. It keeps no words and no address: both are read
    when it is sent.
    """

    __tablename__ = "letters"
    __table_args__ = (
        sa.UniqueConstraint(
            "template", "subject_id", "version", "recipient_id", name="letters_once_per_version"
        ),
        sa.CheckConstraint(one_of("template", Template), name="letter_template_is_known"),
        sa.CheckConstraint(
            "sent_at IS NULL OR failed_at IS NULL", name="letter_is_sent_or_has_failed"
        ),
        sa.CheckConstraint("failed_at IS NULL OR error <> ''", name="failed_letter_says_why"),
        sa.CheckConstraint("sent_at IS NULL OR tries > 0", name="sent_letter_was_tried"),
        sa.Index("letters_newest_idx", "queued_at", "id"),
        sa.Index("letters_work_idx", "work_id", postgresql_where=sa.text("work_id IS NOT NULL")),
        sa.Index(
            "letters_due_idx",
            "queued_at",
            postgresql_where=sa.text("sent_at IS NULL AND failed_at IS NULL"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # follows from the four below
    template: Mapped[Template] = mapped_column(Word(Template))
    subject_id: Mapped[uuid.UUID]
    version: Mapped[int]  # the number of the subject's event; 1 where it has none of its own
    recipient_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"), index=True)
    queued_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    tries: Mapped[int] = mapped_column(server_default=sa.text("0"))
    lease_until: Mapped[datetime | None]  # somebody is sending it until then
    sent_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(server_default="")  # a code, never an address
    next_try_at: Mapped[datetime | None]  # while it is delayed
    resends: Mapped[int] = mapped_column(server_default=sa.text("0"))
    due_since: Mapped[datetime] = mapped_column(
        server_default=sa.func.shop_now(), server_onupdate=sa.FetchedValue()
    )  # written, or resent: patience counts from here
    work_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("works.id"))

    recipient: Mapped[Person] = relationship()

    @property
    def done(self) -> bool:
        """Sent, or given up."""
        return self.sent_at is not None or self.failed_at is not None


class LetterResend(Base):
    """A letter that was given up is due again: who asked, and why it had been given up. Kept."""

    __tablename__ = "letter_resends"
    __table_args__ = (sa.UniqueConstraint("letter_id", "number", name="letter_resends_number_key"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    letter_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("letters.id"))
    number: Mapped[int] = stamped()
    by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    error: Mapped[str] = stamped()
    asked_at: Mapped[datetime] = stamped()

    by: Mapped[Person] = relationship()


class MailChoice(Base):
    """A reader wants letters of a topic, or none. Kept; her last word counts. Silence is a yes."""

    __tablename__ = "mail_choices"
    __table_args__ = (
        sa.UniqueConstraint("person_id", "number", name="mail_choices_number_key"),
        sa.CheckConstraint("topic IN ('renewals')", name="mail_topic_is_known"),
        sa.CheckConstraint(one_of("via", Way), name="mail_choice_way_is_known"),
        sa.CheckConstraint("via = 'page' OR NOT wanted", name="link_only_ends_letters"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    person_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    number: Mapped[int] = stamped()
    topic: Mapped[Topic] = mapped_column(Word(Topic))
    wanted: Mapped[bool]
    via: Mapped[Way] = mapped_column(Word(Way))
    chosen_at: Mapped[datetime] = stamped()
