"""What buying refuses."""

from __future__ import annotations

from shop.core.errors import Conflict, Refused


class PurchaseRefused(Refused):
    """Something of what was given cannot be ordered; `fields` say which and why."""

    code = "purchase_refused"


class SupplierTaken(Conflict):
    """Another supplier has this name."""

    code = "supplier_taken"


class NothingOrdered(Refused):
    """An order without lines is not sent."""

    code = "nothing_ordered"
