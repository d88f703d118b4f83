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
ESTHETICIAN = frozenset({Role.ESTHETICIAN})
SHELF = STAFF | MANAGER  # who receives, picks and ships
MANAGER_AND_PHYSICIAN = MANAGER | PHYSICIAN
CLIENT_AND_PHYSICIAN = CLIENT | PHYSICIAN
CLIENT_AND_ESTHETICIAN = CLIENT | ESTHETICIAN
CLIENT_AND_SHELF = CLIENT | SHELF
CLINIC = CLIENT | ESTHETICIAN | PHYSICIAN  # who takes part in a request

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
    # approval requests and prescriptions
    "POST /api/v1/approval-requests": CLIENT_AND_ESTHETICIAN,
    "PUT /api/v1/approval-requests/<number>/answers": CLIENT,
    "POST /api/v1/approval-requests/<number>/submission": CLIENT,
    "POST /api/v1/approval-requests/<number>/withdrawal": CLIENT,
    "GET /api/v1/approval-requests": CLINIC,
    "GET /api/v1/approval-requests/<number>": CLINIC,
    "POST /api/v1/approval-requests/<number>/claim": PHYSICIAN,
    "DELETE /api/v1/approval-requests/<number>/claim": PHYSICIAN,
    "POST /api/v1/approval-requests/<number>/signature": PHYSICIAN,
    "POST /api/v1/approval-requests/<number>/refusal": PHYSICIAN,
    "GET /api/v1/prescriptions": CLIENT_AND_PHYSICIAN,
    "GET /api/v1/prescriptions/<number>": CLIENT_AND_PHYSICIAN,
    "POST /api/v1/prescriptions/<number>/hold": PHYSICIAN,
    "DELETE /api/v1/prescriptions/<number>/hold": PHYSICIAN,
    "POST /api/v1/prescriptions/<number>/revocation": CLIENT_AND_PHYSICIAN,
    "GET /requests": CLIENT,
    "GET /requests/new": CLIENT,
    "POST /requests": CLIENT,
    "GET /requests/<number>": CLIENT,
    "POST /requests/<number>/answers": CLIENT,
    "POST /requests/<number>/withdrawal": CLIENT,
    "GET /prescriptions": CLIENT_AND_PHYSICIAN,
    "GET /prescriptions/<number>": CLIENT_AND_PHYSICIAN,
    "POST /prescriptions/<number>/hold": PHYSICIAN,
    "POST /prescriptions/<number>/resumption": PHYSICIAN,
    "POST /prescriptions/<number>/revocation": CLIENT_AND_PHYSICIAN,
    "GET /review": PHYSICIAN,
    "GET /review/<number>": PHYSICIAN,
    "POST /review/<number>/claim": PHYSICIAN,
    "POST /review/<number>/release": PHYSICIAN,
    "POST /review/<number>/statement": PHYSICIAN,
    "POST /review/<number>/signature": PHYSICIAN,
    "GET /review/<number>/signed": PHYSICIAN,
    "POST /review/<number>/refusal": PHYSICIAN,
    # reports
    "GET /api/v1/events": MANAGER,
    # inventory
    "GET /api/v1/stock": SHELF,
    "POST /api/v1/receipts": SHELF,
    "GET /api/v1/lots/<number>": SHELF,
    "POST /api/v1/lots/<number>/release": SHELF,
    "POST /api/v1/lots/<number>/quarantine": SHELF,
    "GET /stock": SHELF,
    "GET /stock/receive": SHELF,
    "POST /stock/receive": SHELF,
    "GET /stock/lots/<number>": SHELF,
    "POST /stock/lots/<number>/release": SHELF,
    "POST /stock/lots/<number>/quarantine": SHELF,
    # orders and payments
    "GET /api/v1/cart": CLIENT,
    "PUT /api/v1/cart/lines/<sku>": CLIENT,
    "DELETE /api/v1/cart/lines/<sku>": CLIENT,
    "POST /api/v1/orders": CLIENT,
    "GET /api/v1/orders": CLIENT_AND_SHELF,
    "GET /api/v1/orders/<number>": CLIENT_AND_SHELF,
    "POST /api/v1/orders/<number>/cancellation": CLIENT_AND_SHELF,
    "GET /api/v1/orders/<number>/picking-list": SHELF,
    "POST /api/v1/orders/<number>/shipments": SHELF,
    "POST /api/v1/orders/<number>/payment": CLIENT,
    "POST /webhooks/stripe": ANYONE,
    "GET /cart": CLIENT,
    "POST /cart/lines": CLIENT,
    "POST /cart/lines/<sku>/removal": CLIENT,
    "GET /checkout": CLIENT,
    "POST /checkout": CLIENT,
    "GET /orders": CLIENT_AND_SHELF,
    "GET /orders/<number>": CLIENT_AND_SHELF,
    "POST /orders/<number>/cancellation": CLIENT_AND_SHELF,
    "GET /packing": SHELF,
    "GET /packing/<number>": SHELF,
    "POST /packing/<number>/shipments": SHELF,
    "POST /orders/<number>/payment": CLIENT,
    "GET /orders/<number>/paid": CLIENT,
    # the shop and its catalogue
    "GET /": ANYONE,
    "GET /products/<slug>": ANYONE,
    "GET /api/v1/products": ANYONE,
    "GET /api/v1/products/<slug>": ANYONE,
    "GET /api/v1/products/<slug>/gate": SIGNED_IN,
    "POST /api/v1/products": MANAGER,
    "PATCH /api/v1/products/<slug>": MANAGER,
    "POST /api/v1/products/<slug>/publication": MANAGER,
    "DELETE /api/v1/products/<slug>/publication": MANAGER,
    "POST /api/v1/products/<slug>/variants": MANAGER,
    "PATCH /api/v1/variants/<sku>": MANAGER,
    "PUT /api/v1/variants/<sku>/price": MANAGER,
    "POST /api/v1/imports": MANAGER,
    "GET /api/v1/imports/profiles/<name>": MANAGER,
    "PUT /api/v1/imports/profiles/<name>": MANAGER,
    "GET /api/v1/imports/<uuid:import_id>": MANAGER,
    "POST /api/v1/imports/<uuid:import_id>/cancellation": MANAGER,
    "GET /api/v1/imports/<uuid:import_id>/rows": MANAGER,
    "GET /api/v1/imports/<uuid:import_id>/rows.csv": MANAGER,
    "GET /api/v1/exports/products.csv": MANAGER,
}
