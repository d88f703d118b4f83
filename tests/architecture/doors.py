"""Every door of the shop and who may go through it: "METHOD /path" → roles, ANYONE for no role.

A new route needs its line here (tests/architecture/test_doors.py says which is missing).
"""

from __future__ import annotations

from shop.accounts.models import Role

Roles = frozenset[Role]

ANYONE: Roles = frozenset()
SIGNED_IN: Roles = frozenset(Role)
CLIENT = frozenset({Role.CLIENT})
PHYSICIAN = frozenset({Role.PHYSICIAN})
STAFF = frozenset({Role.STAFF})
MANAGER = frozenset({Role.MANAGER})
MANAGER_AND_PHYSICIAN = MANAGER | PHYSICIAN

DOORS: dict[str, Roles] = {
    # the house
    "GET /api/docs": ANYONE,
    "GET /api/openapi.json": ANYONE,
    "GET /healthz": ANYONE,
    "GET /readyz": ANYONE,
    # accounts
    "POST /api/v1/accounts": ANYONE,
    "POST /api/v1/accounts/confirmation": ANYONE,
    "POST /api/v1/session": ANYONE,
    "POST /api/v1/tokens": ANYONE,
    "DELETE /api/v1/session": SIGNED_IN,
    "POST /api/v1/session/fresh": SIGNED_IN,
    "GET /api/v1/tokens": SIGNED_IN,
    "DELETE /api/v1/tokens/<uuid:token_id>": SIGNED_IN,
    "GET /api/v1/me": SIGNED_IN,
    "GET /api/v1/me/sessions": SIGNED_IN,
    "DELETE /api/v1/me/sessions": SIGNED_IN,
    "DELETE /api/v1/me/sessions/<uuid:session_id>": SIGNED_IN,
    "GET /api/v1/me/accesses": SIGNED_IN,
    "GET /api/v1/people": MANAGER_AND_PHYSICIAN,
    "POST /api/v1/people": MANAGER,
    "POST /api/v1/people/<uuid:person_id>/disablement": MANAGER,
    "POST /api/v1/people/<uuid:person_id>/licences": MANAGER,
    "POST /api/v1/people/<uuid:person_id>/licences/<uuid:licence_id>/end": MANAGER,
    "GET /sign-in": ANYONE,
    "POST /sign-in": ANYONE,
    "POST /sign-out": ANYONE,
    "GET /register": ANYONE,
    "POST /register": ANYONE,
    "GET /confirm/<secret>": ANYONE,
    "POST /confirm/<secret>": ANYONE,
    "GET /sign-in/fresh": SIGNED_IN,
    "POST /sign-in/fresh": SIGNED_IN,
    "GET /account": SIGNED_IN,
    "POST /account/sessions/<uuid:session_id>/end": SIGNED_IN,
    "POST /account/tokens/<uuid:token_id>/revoke": SIGNED_IN,
    "GET /people": MANAGER,
    "POST /people": MANAGER,
    "GET /people/<uuid:person_id>": MANAGER,
    "POST /people/<uuid:person_id>/licences": MANAGER,
    "POST /people/<uuid:person_id>/licences/<uuid:licence_id>/end": MANAGER,
    "POST /people/<uuid:person_id>/disablement": MANAGER,
}
