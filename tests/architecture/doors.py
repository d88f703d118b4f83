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

DOORS: dict[str, Roles] = {
    "GET /api/docs": ANYONE,
    "GET /api/openapi.json": ANYONE,
    "GET /healthz": ANYONE,
    "GET /readyz": ANYONE,
}
