"""What the catalogue refuses."""

from __future__ import annotations

from shop.core.errors import Conflict, NotFound, Refused


class NoSuchProduct(NotFound):
    code = "no_such_product"


class NoSuchVariant(NotFound):
    code = "no_such_variant"


class Taken(Conflict):
    """A SKU, GTIN or address that something else has."""

    code = "taken"


class WeakerClass(Refused):
    """Would make a product easier to sell than it is filed: two people have to agree to that."""

    code = "weaker_class"


class NotPublishable(Refused):
    code = "not_publishable"


class NotForSale(Refused):
    """This variant may not be offered."""

    code = "not_for_sale"


class BadPrice(Refused):
    code = "bad_price"


class NoSuchImport(NotFound):
    code = "no_such_import"


class ImportTakenOver(Conflict):
    """Somebody else carries the import on, or it was stopped."""

    code = "import_taken_over"


class NoSuchProfile(NotFound):
    code = "no_such_profile"
