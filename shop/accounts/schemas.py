"""People, sessions and tokens on the wire."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from shop.accounts.access import held
from shop.accounts.models import LONGEST_PASSKEY, Duty, Role
from shop.accounts.opening import LONGEST_EMAIL, LONGEST_NAME
from shop.accounts.passwords import LONGEST
from shop.web.api import Moment, Schema, State, Text


class AccountIn(Schema):
    email = Text(required=True, longest=LONGEST_EMAIL)
    password = Text(required=True, longest=LONGEST)
    name = Text(required=True, longest=LONGEST_NAME)
    birth_date = fields.Date(required=True)
    state = State(required=True)


class RelocationIn(Schema):
    state = State(required=True)


class NameIn(Schema):
    name = Text(required=True, shortest=1, longest=LONGEST_NAME)


class UserChangeIn(Schema):
    """What is to change of oneself; what is not named stays."""

    name = Text(shortest=1, longest=LONGEST_NAME)
    state = State()

    @validates_schema
    def says_something(self, given: dict[str, Any], **_: Any) -> None:
        """Nothing to change is a mistake."""
        if not given:
            raise ValidationError("Say what is to change.")


class PasswordIn(Schema):
    old_password = Text(required=True, longest=LONGEST)
    new_password = Text(required=True, longest=LONGEST)


class PasskeyNameIn(Schema):
    name = Text(required=True, shortest=1, longest=LONGEST_PASSKEY)


class DeviceAnswerIn(Schema):
    """What `navigator.credentials` gave: PublicKeyCredential.toJSON() of WebAuthn 3."""

    credential = fields.Dict(keys=fields.String(), required=True)


class PasskeyIn(DeviceAnswerIn):
    name = Text(required=True, shortest=1, longest=LONGEST_PASSKEY)


class AccountOut(Schema):
    """The same for an address that has an account already."""

    email = fields.String()
    detail = fields.String()


class ConfirmationIn(Schema):
    secret = Text(required=True, longest=100)
    password = Text(longest=LONGEST, load_default=None)  # where the link is an invitation


class ProofIn(Schema):
    """The password, and the second factor where the clinic's policy asks for one."""

    password = Text(required=True, longest=LONGEST)
    otp = Text(longest=20, load_default=None)  # no policy asks for it yet


class SessionIn(ProofIn):
    email = Text(required=True, longest=LONGEST_EMAIL)


class TokenIn(SessionIn):
    name = Text(required=True, shortest=1, longest=100)
    scopes = fields.List(
        Text(longest=20), load_default=None, validate=validate.Length(min=1, max=10)
    )


class LicenceIn(Schema):
    kind = Text(required=True, longest=20)
    state = State(required=True)
    number = Text(required=True, longest=40)
    valid_from = fields.Date(required=True)
    valid_until = fields.Date(required=True)
    verified_on = fields.Date(load_default=None)


class LicenceEndIn(Schema):
    ended_on = fields.Date(required=True)


class LicenceOut(Schema):
    id = fields.UUID()
    kind = fields.String()
    state = fields.String()
    number = fields.String()
    valid_from = fields.Date()
    valid_until = fields.Date(metadata={"description": "The first day it no longer counts."})
    verified_on = fields.Date()
    ended_on = fields.Date()


class DutyIn(Schema):
    duty = fields.Enum(Duty, by_value=True, required=True)
    valid_from = fields.Date(required=True)
    valid_until = fields.Date(
        load_default=None, metadata={"description": "The first day it no longer counts, if known."}
    )


class DutyEndIn(Schema):
    ended_on = fields.Date(required=True)


class DutyOut(Schema):
    id = fields.UUID()
    person = fields.UUID(attribute="person_id")
    name = fields.String(attribute="person.name")
    duty = fields.Enum(Duty, by_value=True)
    valid_from = fields.Date()
    valid_until = fields.Date(allow_none=True)
    granted_by = fields.String(attribute="granted_by.name")
    granted_at = Moment()
    ended_on = fields.Date(allow_none=True)


class DelegationIn(Schema):
    """Both days are included; the clinic's days."""

    delegate = fields.UUID(required=True)
    starts_on = fields.Date(required=True)
    ends_on = fields.Date(required=True)


class DelegationOut(Schema):
    id = fields.UUID()
    absent = fields.String(attribute="absent.name")
    delegate = fields.String(attribute="delegate.name")
    starts_on = fields.Date()
    ends_on = fields.Date()
    withdrawn_at = Moment(allow_none=True)


class PersonIn(Schema):
    email = Text(required=True, longest=LONGEST_EMAIL)
    name = Text(required=True, longest=LONGEST_NAME)
    role = fields.Enum(Role, by_value=True, required=True)
    npi = Text(longest=20, load_default=None)


class UserOut(Schema):
    """Somebody, as she sees herself."""

    id = fields.UUID()
    email = fields.String()
    name = fields.String()
    role = fields.Enum(Role, by_value=True)
    state = fields.String()
    birth_date = fields.Date()
    npi = fields.String()
    email_confirmed_at = Moment()


class PersonOut(UserOut):
    """Somebody who works here, as a manager sees her."""

    class Meta(UserOut.Meta):
        exclude = ("state", "birth_date")

    disabled_at = Moment()
    licences = fields.List(fields.Nested(LicenceOut))


class MeOut(Schema):
    user = fields.Nested(UserOut)
    may = fields.List(fields.String(), metadata={"description": "What this role does here."})
    scopes = fields.List(
        fields.String(), metadata={"description": "Of the token in use; null for a browser."}
    )
    fresh_until = Moment(metadata={"description": "Until when a signature is possible."})
    csrf_token = fields.String(
        metadata={"description": "For X-CSRFToken on writes; null beside a Bearer token."}
    )


class DeviceQuestionOut(Schema):
    """For parseCreationOptionsFromJSON or parseRequestOptionsFromJSON of WebAuthn 3."""

    options = fields.Dict()
    csrf_token = fields.String(metadata={"description": "For X-CSRFToken with the answer."})


class PasskeyOut(Schema):
    id = fields.UUID()
    name = fields.String()
    backed_up = fields.Boolean(
        metadata={"description": "It follows her account at the maker of her devices."}
    )
    created_at = Moment()
    used_at = Moment(allow_none=True)


class SessionOut(Schema):
    user = fields.Nested(UserOut)
    home = fields.String(metadata={"description": "The page where this role begins."})
    csrf_token = fields.String()


class FreshOut(Schema):
    fresh_until = Moment()


class TokenOut(Schema):
    id = fields.UUID()
    name = fields.String()
    scopes = fields.List(fields.String())
    created_at = Moment()
    used_at = Moment()
    expires_at = Moment(attribute="ends_at")


class NewTokenOut(TokenOut):
    token = fields.String(metadata={"description": "Shown once."})


class SignInOut(Schema):
    id = fields.UUID()
    agent = fields.String()
    created_at = Moment()
    seen_at = Moment()
    expires_at = Moment(attribute="ends_at")
    current = fields.Function(lambda session: session.id == held().id)


class AccessOut(Schema):
    at = Moment()
    reader = fields.String(attribute="reader.name")
    role = fields.String(attribute="reader.role.value")
    record = fields.String()
    purpose = fields.String()


def listed(item: type[Schema], name: str) -> type[Schema]:
    """The shape of a list of `item`."""
    shape = {"items": fields.List(fields.Nested(item)), "next": fields.String()}
    return Schema.from_dict(shape, name=name)  # type: ignore[return-value, arg-type]


Tokens = listed(TokenOut, "Tokens")
Passkeys = listed(PasskeyOut, "Passkeys")
SignIns = listed(SignInOut, "SignIns")
Accesses = listed(AccessOut, "Accesses")
Duties = listed(DutyOut, "Duties")
Delegations = listed(DelegationOut, "Delegations")
People = listed(PersonOut, "People")
