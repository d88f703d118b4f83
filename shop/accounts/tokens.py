"""Bearer tokens of programs."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from shop.accounts.errors import UnknownScope
from shop.accounts.models import Person, Token
from shop.accounts.once import hashed, new_secret
from shop.accounts.scopes import Scope
from shop.accounts.signing_in import proof
from shop.core import events
from shop.core.db import db, locked
from shop.core.events import Kind

LASTS = timedelta(days=90)


def issue(
    person: Person, *, name: str, scopes: Sequence[str] | None, at: datetime
) -> tuple[Token, str]:
    """A token of somebody who proved who she is, and its secret, which is shown once.

    Without `scopes` it may do all that its person may. Raises UnknownScope.
    """
    wanted = list(dict.fromkeys(scopes or [scope.value for scope in Scope]))
    known = {scope.value for scope in Scope}
    if unknown := sorted(set(wanted) - known):
        raise UnknownScope(
            f"No such scope: {', '.join(unknown)}.",
            fields={"scopes": [f"Choose among {', '.join(sorted(known))}."]},
        )
    proof(person, "sign_in")
    secret = new_secret()
    token = Token(
        id=uuid.uuid4(),
        secret_hash=hashed(secret),
        person=person,
        epoch=person.session_epoch,
        name=name,
        scopes=wanted,
        ends_at=at + LASTS,
    )
    db.session.add(token)
    events.record(Kind.TOKEN_ISSUED, token, person=str(person.id), name=name, scopes=wanted)
    return token, secret


def revoke(token: Token, *, at: datetime) -> None:
    """End a token. Safe to repeat."""
    fresh = db.session.scalars(locked(sa.select(Token).where(Token.id == token.id), Token)).one()
    if fresh.revoked_at is None:
        fresh.revoked_at = at
        events.record(Kind.TOKEN_REVOKED, fresh, person=str(fresh.person_id))
