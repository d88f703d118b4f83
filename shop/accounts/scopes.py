"""What a Bearer token may be used for."""

from __future__ import annotations

from enum import StrEnum

from shop.accounts.models import Role


class Scope(StrEnum):
    """What a token may be used for; its person's role limits it further."""

    READ = "read"  # every GET
    SHOP = "shop"  # what a client does: cart, requests, orders
    CLINIC = "clinic"  # what a physician or esthetician does
    STOCK = "stock"  # what staff do: receive, pick, ship
    MANAGE = "manage"  # what a manager does: catalogue, people
    ACCOUNT = "account"  # the person's own sessions and tokens


# The scope an unsafe call needs where its route names none.
WRITES = {
    Role.CLIENT: Scope.SHOP,
    Role.PHYSICIAN: Scope.CLINIC,
    Role.ESTHETICIAN: Scope.CLINIC,
    Role.STAFF: Scope.STOCK,
    Role.MANAGER: Scope.MANAGE,
}
