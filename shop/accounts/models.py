"""People, how they sign in, the licences and duties they hold, and who stands in for whom."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.core.db import Base, Citext, Word, one_of, stamped

LONGEST_PASSKEY = 60  # characters of its name
FORMER = "Former client"  # how a client is called whose account was closed


class Role(StrEnum):
    """What a person is here. One role each."""

    CLIENT = "client"
    PHYSICIAN = "physician"
    ESTHETICIAN = "esthetician"
    STAFF = "staff"
    MANAGER = "manager"


class Person(Base):
    """Somebody with an account."""

    __tablename__ = "people"
    __table_args__ = (
        sa.UniqueConstraint("id", "npi", name="people_identity_key"),
        sa.CheckConstraint(one_of("role", Role), name="role_is_known"),
        sa.CheckConstraint("role <> 'physician' OR npi IS NOT NULL", name="physician_has_an_npi"),
        sa.CheckConstraint("npi IS NULL OR npi_valid(npi)", name="npi_has_its_check_digit"),
        sa.CheckConstraint("state ~ '^[A-Z]{2}$'", name="state_is_a_usps_code"),
        sa.CheckConstraint("role <> 'client' OR birth_date IS NOT NULL", name="client_has_an_age"),
        sa.CheckConstraint("role <> 'client' OR state IS NOT NULL", name="client_has_a_state"),
        sa.CheckConstraint("language IN ('en', 'es')", name="language_is_spoken_here"),
        sa.CheckConstraint(
            f"erased_at IS NULL OR disabled_at IS NOT NULL AND name = '{FORMER}'"
            " AND email::text = 'erased-' || id::text || '@erased.invalid' AND password_hash = '-'",
            name="erased_person_has_no_name",
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    email: Mapped[str] = mapped_column(Citext(), unique=True)
    name: Mapped[str]
    role: Mapped[Role] = mapped_column(Word(Role))
    birth_date: Mapped[date | None]
    state: Mapped[str | None]  # USPS code of where a client lives
    npi: Mapped[str | None] = mapped_column(unique=True)
    password_hash: Mapped[str]  # argon2id
    language: Mapped[str] = mapped_column(server_default="en")  # of pages and letters
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    email_confirmed_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    session_epoch: Mapped[int] = mapped_column(server_default=sa.text("1"), default=1)
    erased_at: Mapped[datetime | None] = stamped()  # name and address were taken out for good

    licences: Mapped[list[Licence]] = relationship(
        back_populates="person",
        order_by="Licence.valid_from",
        foreign_keys="Licence.person_id",
    )

    @property
    def actor(self) -> str:
        """How the events name this person."""
        return f"person:{self.id}"

    @property
    def active(self) -> bool:
        """May sign in and act."""
        return self.disabled_at is None

    def age_on(self, day: date) -> int | None:
        """Full years on `day`; None where no birth date is known."""
        if self.birth_date is None:
            return None
        born = self.birth_date
        return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


class LicenceKind(StrEnum):
    """What a board lets somebody practise as. Not every state issues each."""

    MD = "MD"
    DO = "DO"
    NP = "NP"
    PA = "PA"
    RN = "RN"
    ADVANCED_ESTHETICIAN = "advanced_esthetician"  # "master" in some states
    ESTHETICIAN = "esthetician"


class Licence(Base):
    """A right to practise in one state, from a day until (not including) another."""

    __tablename__ = "licences"
    __table_args__ = (
        # What a signature copies (the range as issued); ending a licence early is `ended_on`.
        sa.UniqueConstraint(
            "id", "person_id", "state", "valid_from", "valid_until", name="licences_terms_key"
        ),
        sa.UniqueConstraint("id", "number", name="licences_number_key"),
        sa.CheckConstraint(one_of("kind", LicenceKind), name="licence_kind_is_known"),
        sa.CheckConstraint("valid_from < valid_until", name="licence_range_is_forward"),
        sa.CheckConstraint("state ~ '^[A-Z]{2}$'", name="licence_state_is_a_usps_code"),
        sa.CheckConstraint(
            "(ended_on IS NULL) = (ended_by_id IS NULL)", name="licence_ended_by_someone"
        ),
        ExcludeConstraint(
            ("person_id", "="),
            ("state", "="),
            (sa.text("daterange(valid_from, valid_until)"), "&&"),
            using="gist",
            where=sa.text("ended_on IS NULL"),
            name="licences_do_not_overlap",
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    person_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    kind: Mapped[str]  # a LicenceKind
    state: Mapped[str]
    number: Mapped[str]
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    verified_on: Mapped[date | None]  # looked up at the board, by hand
    ended_on: Mapped[date | None]
    ended_by_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("people.id"))

    person: Mapped[Person] = relationship(back_populates="licences", foreign_keys=[person_id])

    def in_force(self, day: date) -> bool:
        """Whether it counts on `day`."""
        ended = self.ended_on is not None and self.ended_on <= day
        return self.valid_from <= day < self.valid_until and not ended


class Duty(StrEnum):
    """What somebody is charged with here, beside her role."""

    MEDICAL_DIRECTOR = "medical_director"  # answers for the rules; the last who is called
    COUNSEL = "counsel"
    PRIVACY_OFFICER = "privacy_officer"
    ADMINISTRATOR = "administrator"


class DutyGrant(Base):
    """A duty that a manager gave to somebody: from a day until (not including) another, or an end.

    Several may have one duty at a time; nobody has the same one twice.
    """

    __tablename__ = "duties"
    __table_args__ = (
        sa.CheckConstraint(one_of("duty", Duty), name="duty_is_known"),
        sa.CheckConstraint("valid_from < valid_until", name="duty_range_is_forward"),
        sa.CheckConstraint(
            "(ended_on IS NULL) = (ended_by_id IS NULL)", name="duty_ended_by_someone"
        ),
        sa.CheckConstraint("granted_by_id <> person_id", name="nobody_grants_themselves_a_duty"),
        ExcludeConstraint(
            ("person_id", "="),
            ("duty", "="),
            (sa.text("daterange(valid_from, valid_until)"), "&&"),
            using="gist",
            where=sa.text("ended_on IS NULL"),
            name="duties_do_not_overlap",
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    person_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    duty: Mapped[Duty] = mapped_column(Word(Duty))
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]  # None: until it is ended
    granted_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    granted_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    # Nobody may grant what is ended already: these two are only ever updated.
    ended_on: Mapped[date | None] = mapped_column(server_default=sa.FetchedValue())
    ended_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=sa.FetchedValue()
    )

    person: Mapped[Person] = relationship(foreign_keys=[person_id])
    granted_by: Mapped[Person] = relationship(foreign_keys=[granted_by_id])


class Delegation(Base):
    """A physician is away, and another stands in: from a day to a day, both included.

    The delegate looks at the work first; she signs as herself, under her own licences.
    """

    __tablename__ = "delegations"
    __table_args__ = (
        sa.CheckConstraint("absent_id <> delegate_id", name="nobody_stands_in_for_themselves"),
        sa.CheckConstraint("starts_on <= ends_on", name="delegation_range_is_forward"),
        sa.CheckConstraint("ends_on - starts_on < 366", name="delegation_lasts_a_year_at_most"),
        ExcludeConstraint(
            ("absent_id", "="),
            (sa.text("daterange(starts_on, ends_on, '[]')"), "&&"),
            using="gist",
            where=sa.text("withdrawn_at IS NULL"),
            name="delegations_do_not_overlap",
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    absent_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    delegate_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    withdrawn_at: Mapped[datetime | None] = stamped()  # she is back, or chose another

    absent: Mapped[Person] = relationship(foreign_keys=[absent_id])
    delegate: Mapped[Person] = relationship(foreign_keys=[delegate_id])


class Factor(StrEnum):
    """What a person proved when signing in."""

    PASSWORD = "password"
    PASSKEY = "passkey"  # something she holds, opened by her finger, face or code


class AuthEvent(Base):
    """A proof of who somebody is: at sign-in, or afresh before a signature. Never changed."""

    __tablename__ = "auth_events"
    __table_args__ = (
        sa.UniqueConstraint("id", "person_id", "kind", "at", name="auth_events_proof_key"),
        sa.UniqueConstraint("id", "factors", name="auth_events_factors_key"),
        sa.CheckConstraint("kind IN ('sign_in', 'fresh')", name="auth_event_kind_is_known"),
        sa.ForeignKeyConstraint(
            ["passkey_id", "person_id"],
            ["passkeys.id", "passkeys.person_id"],
            name="passkey_proof_is_her_own",
        ),
        sa.CheckConstraint(
            "('passkey' = ANY (factors)) = (passkey_id IS NOT NULL)",
            name="passkey_proof_names_its_passkey",
        ),
        sa.CheckConstraint(
            "factors <@ ARRAY['password', 'passkey'] AND cardinality(factors) > 0",
            name="auth_event_factors_are_known",
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    person_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    kind: Mapped[str]
    factors: Mapped[list[str]]
    at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    passkey_id: Mapped[uuid.UUID | None]  # the one she showed


class Passkey(Base):
    """A key pair in somebody's device (W3C WebAuthn): here is its public half.

    Removed, it keeps its name and days, and loses the key.
    """

    __tablename__ = "passkeys"
    __table_args__ = (
        sa.UniqueConstraint("id", "person_id", name="passkeys_owner_key"),
        sa.CheckConstraint("sign_count >= 0", name="passkey_count_is_sane"),
        sa.CheckConstraint(
            f"char_length(name) BETWEEN 1 AND {LONGEST_PASSKEY}", name="passkey_has_a_name"
        ),
        sa.CheckConstraint(
            "num_nonnulls(credential_id, public_key)"
            " = CASE WHEN removed_at IS NULL THEN 2 ELSE 0 END",
            name="passkey_has_its_key_until_removed",
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    person_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"), index=True)
    credential_id: Mapped[bytes | None] = mapped_column(unique=True)
    public_key: Mapped[bytes | None]  # COSE
    sign_count: Mapped[int] = mapped_column(sa.BigInteger)  # 0 for ever where a device counts not
    name: Mapped[str]  # hers, such as "My phone"
    transports: Mapped[list[str]]
    backed_up: Mapped[bool]  # it follows her account at the maker of her devices
    created_at: Mapped[datetime] = stamped()
    used_at: Mapped[datetime | None] = stamped()
    removed_at: Mapped[datetime | None] = stamped()

    person: Mapped[Person] = relationship()


class PasskeyChallenge(Base):
    """What a device is asked to sign: random, for one purpose, one browser, once, five minutes."""

    __tablename__ = "passkey_challenges"
    __table_args__ = (
        sa.CheckConstraint("octet_length(secret_hash) = 32", name="challenge_secret_is_hashed"),
        sa.CheckConstraint("octet_length(challenge) = 32", name="challenge_cannot_be_guessed"),
        sa.CheckConstraint(
            "purpose IN ('register', 'sign_in', 'fresh')", name="challenge_purpose_is_known"
        ),
        sa.CheckConstraint(
            "(purpose = 'sign_in') = (sign_in_id IS NULL)",
            name="challenge_is_bound_to_its_session",
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    secret_hash: Mapped[bytes] = mapped_column(unique=True)  # of what the browser's cookie holds
    challenge: Mapped[bytes]
    purpose: Mapped[str]
    sign_in_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("sign_ins.id"), index=True)
    ends_at: Mapped[datetime] = mapped_column(server_default=sa.FetchedValue(), index=True)
    used_at: Mapped[datetime | None] = stamped()


class SignIn(Base):
    """A session of a person in a browser. The cookie holds a secret; here is its hash only."""

    __tablename__ = "sign_ins"
    __table_args__ = (
        sa.CheckConstraint("octet_length(secret_hash) = 32", name="secret_is_hashed"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    secret_hash: Mapped[bytes] = mapped_column(unique=True)
    person_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"), index=True)
    epoch: Mapped[int]
    agent: Mapped[str] = mapped_column(server_default="")  # the browser's own word, shortened
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    seen_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    ends_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    fresh_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("auth_events.id"))

    person: Mapped[Person] = relationship()
    fresh: Mapped[AuthEvent | None] = relationship()


class Token(Base):
    """A Bearer token of a program: named, scoped, dated, revocable."""

    __tablename__ = "tokens"
    __table_args__ = (
        sa.CheckConstraint("octet_length(secret_hash) = 32", name="token_is_hashed"),
        sa.CheckConstraint("cardinality(scopes) > 0", name="token_has_a_scope"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    secret_hash: Mapped[bytes] = mapped_column(unique=True)
    person_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"), index=True)
    epoch: Mapped[int]
    name: Mapped[str]
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    used_at: Mapped[datetime | None]
    ends_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    fresh_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("auth_events.id"))

    person: Mapped[Person] = relationship()
    fresh: Mapped[AuthEvent | None] = relationship()


class SignInAttempt(Base):
    """A failed try, kept to slow the next ones down."""

    __tablename__ = "sign_in_attempts"
    __table_args__ = (sa.Index("sign_in_attempts_who_idx", "who_hash", "at"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    who_hash: Mapped[bytes]  # SHA-256 of the mail address or of the network address
    at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())


class MailLink(Base):
    """A one-time secret sent by mail, e.g. to confirm the address."""

    __tablename__ = "mail_links"
    __table_args__ = (sa.CheckConstraint("octet_length(secret_hash) = 32", name="link_is_hashed"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    secret_hash: Mapped[bytes] = mapped_column(unique=True)
    person_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    purpose: Mapped[str]
    ends_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
