"""Slowing down who guesses passwords, per account and per network address.

Only new sign-ins are slowed: sessions that live are not touched, so nobody is locked out.
"""

from __future__ import annotations

import hashlib
import ipaddress
import uuid
from datetime import datetime, timedelta

import sqlalchemy as sa

from shop.accounts.models import SignInAttempt
from shop.core.db import db
from shop.core.errors import TooMany

FAILURES = 10
WITHIN = timedelta(minutes=10)


def refuse_too_many(*who: bytes, at: datetime) -> None:
    """Raises TooMany after 10 failures of one of `who` within 10 minutes.

    Tries for one account, or from one address, are made one after another: else a thousand at
    once would all be the first.
    """
    for key in sorted(who):
        lock = int.from_bytes(key[:8], "big", signed=True)
        db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(lock)))
    for key in who:
        _refuse(key, at)


def count_failure(*who: bytes) -> None:
    """Keep a failed try. The caller commits it although it refuses the request."""
    db.session.add_all(SignInAttempt(id=uuid.uuid4(), who_hash=key) for key in who)


def account_key(email: str) -> bytes:
    """How tries for one mail address are counted, whether or not it has an account."""
    return hashlib.sha256(b"account:" + email.casefold().encode("utf-8", "replace")).digest()


def address_key(address: str) -> bytes:
    """How tries from one place are counted: an IPv4 address, or the /64 that IPv6 gives to one."""
    try:
        place = ipaddress.ip_address(address)
    except ValueError:
        return hashlib.sha256(b"address:" + address.encode("utf-8", "replace")).digest()
    if place.version == 6:
        place = ipaddress.ip_network((place, 64), strict=False).network_address
    return hashlib.sha256(b"address:" + place.packed).digest()


def _refuse(key: bytes, at: datetime) -> None:
    latest = (
        sa.select(SignInAttempt.at)
        .where(SignInAttempt.who_hash == key, SignInAttempt.at > at - WITHIN)
        .order_by(SignInAttempt.at.desc())
        .limit(FAILURES)
    )
    failures = list(db.session.scalars(latest))
    if len(failures) == FAILURES:
        wait = failures[-1] + WITHIN - at
        seconds = max(1, int(wait.total_seconds()) + 1)
        raise TooMany("Too many tries. Wait a little.", retry_after=seconds)
