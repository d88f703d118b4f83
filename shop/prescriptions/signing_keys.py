"""The clinic's signing keys: recorded before they sign, one at a time, retired for good.

The private half lives in the environment (SIGNING_KEYS); the row says when its public half counts.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import sqlalchemy as sa

from shop.accounts import expiring
from shop.core import events
from shop.core.db import db, locked
from shop.core.errors import NotFound
from shop.core.events import Kind
from shop.core.signatures import ring
from shop.prescriptions.errors import KeyRefused, NoSigningKey
from shop.prescriptions.models import SigningKey

LONGEST = timedelta(days=1100)  # three years and a little: NIST SP 800-57 part 1, 5.3.6
LASTS = timedelta(days=398)  # a year, and a month to change it


def record(
    public_key: bytes, *, valid_from: datetime, valid_until: datetime, at: datetime
) -> SigningKey:
    """Write down that a key signs from one moment until another. Raises KeyRefused."""
    begins = max(valid_from, at)
    wrong = {
        "valid_from": None if valid_from >= at - timedelta(minutes=1) else "Must not be past.",
        "valid_until": _end_problem(begins, valid_until),
        "public_key": _used_problem(public_key),
    }
    if found := {name: [problem] for name, problem in wrong.items() if problem}:
        raise KeyRefused("This key cannot be recorded.", fields=found)
    other = _overlapping(begins, valid_until)
    if other is not None:
        raise KeyRefused(
            f"Key {other.id} signs until {other.ends_at.isoformat()}: begin then, or retire it.",
            fields={"valid_from": ["Another key signs at that time."]},
        )
    key = SigningKey(
        id=uuid.uuid4(), public_key=public_key, valid_from=begins, valid_until=valid_until
    )
    db.session.add(key)
    db.session.flush()  # the database stamps when
    events.record(
        Kind.SIGNING_KEY_RECORDED,
        key,
        public_key=public_key.hex(),
        valid_from=begins.isoformat(),
        valid_until=valid_until.isoformat(),
    )
    return key


def retire(key_id: uuid.UUID, *, at: datetime) -> SigningKey:
    """From now on it signs nothing; what it signed stays proven. Raises NotFound, KeyRefused."""
    query = locked(sa.select(SigningKey).where(SigningKey.id == key_id))
    key = db.session.scalars(query).one_or_none()
    if key is None:
        raise NotFound("There is no such key.")
    if key.retired_at is not None:
        raise KeyRefused("This key was retired already.", at=key.retired_at.isoformat())
    key.retired_at = at
    db.session.flush()  # the database stamps when
    db.session.refresh(key, ["retired_at"])
    events.record(Kind.SIGNING_KEY_RETIRED, key)
    return key


def all_keys() -> list[SigningKey]:
    """Every key there ever was, oldest first."""
    return list(db.session.scalars(sa.select(SigningKey).order_by(SigningKey.valid_from)))


def current(at: datetime) -> SigningKey:
    """The key that signs at that moment, whose private half is here. Raises NoSigningKey."""
    query = sa.select(SigningKey).where(
        SigningKey.valid_from <= at,
        at < SigningKey.valid_until,
        sa.or_(SigningKey.retired_at.is_(None), at < SigningKey.retired_at),
    )
    key = db.session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if key is None:
        raise NoSigningKey(
            "Nothing can be signed right now: the clinic has no signing key that is valid today."
        )
    if bytes(key.public_key) not in ring.keys:
        raise NoSigningKey(
            "Nothing can be signed right now: the signing key of today is not configured here.",
            key=str(key.id),
        )
    return key


def tell_of_expiry(*, at: datetime) -> SigningKey | None:
    """Record the step that the last key has come to, where it ends within sixty days and no other
    follows. Once for each step; safe to repeat, not to run twice at a time.
    """
    key = next((one for one in reversed(all_keys()) if at < one.ends_at), None)
    if key is None or (key.ends_at - at).days > expiring.STEPS[0]:
        return None
    step = expiring.step((key.ends_at - at).days)
    if step >= expiring.told_of(Kind.SIGNING_KEY_EXPIRING, [key.id]).get(key.id, step + 1):
        return None
    events.record(Kind.SIGNING_KEY_EXPIRING, key, step=step, until=key.ends_at.isoformat())
    return key


def _end_problem(begins: datetime, ends: datetime) -> str | None:
    if ends <= begins:
        return "Must be after the first moment."
    return None if ends - begins <= LONGEST else f"At most {LONGEST.days} days after the first."


def _used_problem(public_key: bytes) -> str | None:
    query = sa.select(sa.exists().where(SigningKey.public_key == public_key))
    return "Was recorded already: make a new one." if db.session.scalar(query) else None


def _overlapping(begins: datetime, ends: datetime) -> SigningKey | None:
    others = (key for key in all_keys() if key.valid_from < key.ends_at)
    return next((key for key in others if key.valid_from < ends and begins < key.ends_at), None)
