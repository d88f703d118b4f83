"""Passkeys: added, shown at sign-in and before a signature, renamed, removed (W3C WebAuthn 3).

A device signs a challenge that is random, for one purpose, one browser and five minutes, and works
once, whatever comes of it. The key is bound to our host's name, and the device has seen her finger,
face or code (`user verification`): it stands for a password and something she holds.
"""

from __future__ import annotations

import ipaddress
import json
import secrets
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
import webauthn
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from shop.accounts import signing_in
from shop.accounts.errors import BadDetails, PasskeyKnown, PasskeyRefused, WrongPasskey
from shop.accounts.models import (
    LONGEST_PASSKEY,
    AuthEvent,
    Passkey,
    PasskeyChallenge,
    Person,
    SignIn,
)
from shop.accounts.once import hashed, new_secret
from shop.accounts.throttling import address_key, count_failure, refuse_too_many
from shop.core import events
from shop.core.db import act_as, db, locked
from shop.core.events import Kind

MOST = 20  # of one person
LONGEST_ANSWER = 20_000  # characters of what a device sends
PATIENCE = 60_000  # milliseconds in which a device should answer
REGISTER, SIGN_IN, FRESH = "register", "sign_in", "fresh"
# What reading bytes of a stranger's making can raise beside the library's own.
UNREADABLE = (WebAuthnException, ValueError, TypeError, LookupError, AttributeError, OverflowError)


@dataclass(frozen=True)
class Party:
    """Who asks: our host's name, which a passkey is bound to, and where our pages come from."""

    id: str
    origin: str
    name: str


def party(base_url: str, name: str) -> Party:
    """The shop at this address. A bare loopback address is no name: there it is localhost."""
    home = urlsplit(base_url)
    host = home.hostname or ""
    port = f":{home.port}" if home.port else ""
    try:
        if ipaddress.ip_address(host).is_loopback:
            host = "localhost"
    except ValueError:
        pass  # a name, as it should be
    return Party(id=host, origin=f"{home.scheme}://{host}{port}", name=name)


def shown_at(person: Person | None, base_url: str, name: str) -> str:
    """The origin at which this person can show a passkey; nothing where there is none to show."""
    return party(base_url, name).origin if person and passkeys_of(person) else ""


def ask_to_register(session: SignIn, party: Party) -> tuple[dict[str, Any], str]:
    """What the browser hands to a device that is to make a passkey, and the cookie's secret.

    Devices that have one of hers here already make no second.
    """
    challenge, secret = _challenge(REGISTER, session)
    person = session.person
    options = webauthn.generate_registration_options(
        rp_id=party.id,
        rp_name=party.name,
        user_id=person.id.bytes,
        user_name=person.email,
        user_display_name=person.name,
        challenge=challenge,
        timeout=PATIENCE,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_described(passkeys_of(person)),
    )
    return dict(json.loads(webauthn.options_to_json(options))), secret


def register(
    session: SignIn,
    credential: Mapping[str, Any],
    *,
    name: str,
    secret: str,
    party: Party,
    at: datetime,
) -> Passkey:
    """Keep what her device made, under a name of hers.

    Raises PasskeyRefused, PasskeyKnown, BadDetails; the challenge is used up by the first two.
    """
    named = _named(name)
    asked = _answered(secret, REGISTER, session, at=at)
    if asked is None:
        raise _refused("This took too long. Start again.")
    try:
        made = webauthn.verify_registration_response(
            credential=dict(credential),
            expected_challenge=asked.challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
        transports = _transports(credential)
    except UNREADABLE:
        raise _refused("This device's answer does not fit. Start again.") from None
    _lock(session.person)
    if len(passkeys_of(session.person)) >= MOST:
        raise _refused(f"You have {MOST} passkeys. Remove one first.")
    known = sa.select(sa.exists().where(Passkey.credential_id == made.credential_id))
    if db.session.scalar(known):
        raise PasskeyKnown("This device has a passkey here already.")
    passkey = Passkey(
        id=uuid.uuid4(),
        person_id=session.person_id,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        name=named,
        transports=transports,
        backed_up=made.credential_backed_up,
    )
    db.session.add(passkey)
    db.session.flush()  # the row goes before its event
    events.record(Kind.PASSKEY_ADDED, session.person, passkey=str(passkey.id))
    return passkey


def ask_to_sign_in(party: Party) -> tuple[dict[str, Any], str]:
    """What the browser hands to any device that may know a passkey of ours. Names nobody."""
    challenge, secret = _challenge(SIGN_IN, None)
    return _asked(party, challenge, []), secret


def ask_afresh(session: SignIn, party: Party) -> tuple[dict[str, Any], str]:
    """The same for a proof before a signature: one of her own passkeys is asked for."""
    challenge, secret = _challenge(FRESH, session)
    return _asked(party, challenge, passkeys_of(session.person)), secret


def prove(
    credential: Mapping[str, Any], *, secret: str, party: Party, address: str, at: datetime
) -> Passkey:
    """The passkey shown to sign in; acts as its person from here on.

    Raises TooMany, and WrongPasskey, whose failure the caller commits.
    """
    return _shown(SIGN_IN, None, credential, secret, party, address, at)


def refresh(
    session: SignIn,
    credential: Mapping[str, Any],
    *,
    secret: str,
    party: Party,
    address: str,
    at: datetime,
) -> AuthEvent:
    """Prove again who holds this session: counts as the password does, for 5 minutes.

    Raises TooMany, and WrongPasskey, whose failure the caller commits.
    """
    passkey = _shown(FRESH, session, credential, secret, party, address, at)
    return signing_in.refreshed(session, signing_in.proof(session.person, "fresh", passkey=passkey))


def rename(passkey: Passkey, name: str) -> None:
    """Call it something else. Raises BadDetails."""
    named = _named(name)
    held = _held(passkey)
    if held.name != named:
        held.name = named
        events.record(Kind.PASSKEY_RENAMED, held.person, passkey=str(held.id))


def remove(passkey: Passkey, *, at: datetime) -> None:
    """It opens nothing from now on; its key is forgotten. Safe to repeat."""
    held = _held(passkey)
    if held.removed_at is None:
        held.removed_at = at
        db.session.flush()
        events.record(Kind.PASSKEY_REMOVED, held.person, passkey=str(held.id))


def passkeys_of(person: Person) -> list[Passkey]:
    """Those that open her account, the oldest first."""
    query = sa.select(Passkey).where(Passkey.person_id == person.id, Passkey.removed_at.is_(None))
    return list(db.session.scalars(query.order_by(Passkey.created_at, Passkey.id)))


def clear_expired(*, at: datetime) -> int:
    """Remove challenges past their end; returns how many."""
    over = sa.delete(PasskeyChallenge).where(PasskeyChallenge.ends_at <= at)
    return int(db.session.execute(over).rowcount)  # type: ignore[attr-defined]


def _challenge(purpose: str, session: SignIn | None) -> tuple[bytes, str]:
    secret, challenge = new_secret(), secrets.token_bytes(32)
    db.session.add(
        PasskeyChallenge(
            id=uuid.uuid4(),
            secret_hash=hashed(secret),
            challenge=challenge,
            purpose=purpose,
            sign_in_id=None if session is None else session.id,
        )
    )
    return challenge, secret


def _asked(party: Party, challenge: bytes, allowed: Sequence[Passkey]) -> dict[str, Any]:
    options = webauthn.generate_authentication_options(
        rp_id=party.id,
        challenge=challenge,
        timeout=PATIENCE,
        allow_credentials=_described(allowed),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return dict(json.loads(webauthn.options_to_json(options)))


def _answered(
    secret: str, purpose: str, session: SignIn | None, *, at: datetime
) -> PasskeyChallenge | None:
    """The challenge this browser was given, used up by this; None where none lives."""
    query = locked(
        sa.select(PasskeyChallenge).where(
            PasskeyChallenge.secret_hash == hashed(secret),
            PasskeyChallenge.purpose == purpose,
            PasskeyChallenge.sign_in_id.is_(None)
            if session is None
            else PasskeyChallenge.sign_in_id == session.id,
            PasskeyChallenge.used_at.is_(None),
            PasskeyChallenge.ends_at > at,
        )
    )
    asked = db.session.scalars(query).one_or_none()
    if asked is not None:
        asked.used_at = at
        db.session.flush()
    return asked


def _shown(
    purpose: str,
    session: SignIn | None,
    credential: Mapping[str, Any],
    secret: str,
    party: Party,
    address: str,
    at: datetime,
) -> Passkey:
    who = address_key(address)
    refuse_too_many(who, at=at)
    asked = _answered(secret, purpose, session, at=at)
    passkey = None if asked is None else _of(credential)
    if asked is None or passkey is None or not _fits(passkey, session):
        raise _wrong(who)
    try:
        shown = webauthn.verify_authentication_response(
            credential=dict(credential),
            expected_challenge=asked.challenge,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=passkey.public_key or b"",
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
        _require_owner(credential, passkey)
    except UNREADABLE:
        raise _wrong(who) from None
    act_as(passkey.person.actor)
    passkey.sign_count, passkey.used_at = shown.new_sign_count, at
    db.session.flush()
    return passkey


def _of(credential: Mapping[str, Any]) -> Passkey | None:
    """The passkey that an answer names, locked: one use after the other."""
    try:
        name = base64url_to_bytes(str(credential["id"]))
    except UNREADABLE:
        return None
    query = locked(
        sa.select(Passkey).where(Passkey.credential_id == name, Passkey.removed_at.is_(None))
    )
    return db.session.scalars(query).one_or_none()


def _fits(passkey: Passkey, session: SignIn | None) -> bool:
    hers = session is None or session.person_id == passkey.person_id
    return hers and passkey.person.active


def _require_owner(credential: Mapping[str, Any], passkey: Passkey) -> None:
    """Raises ValueError where the device says that the key is somebody else's."""
    handle = credential["response"].get("userHandle")
    if handle and base64url_to_bytes(handle) != passkey.person_id.bytes:
        raise ValueError(handle)


def _wrong(who: bytes) -> WrongPasskey:
    count_failure(who)
    return WrongPasskey("This passkey did not work here. Try again, or use your password.")


def _refused(why: str) -> PasskeyRefused:
    return PasskeyRefused(why, fields={"credential": [why]})


def _named(name: str) -> str:
    plain = " ".join(name.split())
    if not 1 <= len(plain) <= LONGEST_PASSKEY or not plain.isprintable():
        wrong = [f"Give a name of 1 to {LONGEST_PASSKEY} characters, such as My phone."]
        raise BadDetails("Name this passkey.", fields={"name": wrong})
    return plain


def _held(passkey: Passkey) -> Passkey:
    return db.session.scalars(locked(sa.select(Passkey).where(Passkey.id == passkey.id))).one()


def _lock(person: Person) -> None:
    """One at a time: she has few."""
    query = sa.select(Person.id).where(Person.id == person.id)
    db.session.execute(query.with_for_update(key_share=True))


def _described(passkeys: Sequence[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=one.credential_id or b"",
            transports=[AuthenticatorTransport(each) for each in one.transports] or None,
        )
        for one in passkeys
    ]


def _transports(credential: Mapping[str, Any]) -> list[str]:
    """How the device is reached, as it says; words nobody knows are left out."""
    told = credential["response"].get("transports") or []
    known = {each.value for each in AuthenticatorTransport}
    return sorted({str(each) for each in told} & known)
