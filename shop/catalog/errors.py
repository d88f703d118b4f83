"""What the catalogue refuses."""

from __future__ import annotations

from shop.core.errors import Conflict, Gone, NotFound, Refused


class NoSuchProduct(NotFound):
    code = "no_such_product"


class NoSuchVariant(NotFound):
    code = "no_such_variant"


class NoSuchName(NotFound):
    code = "no_such_name"


class NotFiled(Conflict):
    """A name that the dictionary gives, not a product."""

    code = "not_filed"


class UnknownIngredient(Refused):
    code = "unknown_ingredient"


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


class BadPriceList(Refused):
    """A changed price list that cannot be used as it is; not one price of it was set."""

    code = "bad_price_list"


class NoSuchImport(NotFound):
    code = "no_such_import"


class NoSuchSheet(NotFound):
    """A file that nobody handed in, or that was forgotten: hand it in again."""

    code = "no_such_sheet"


class NotTried(Conflict):
    """A file is taken in after a dry run that is over, of the very same file."""

    code = "not_tried"


class ImportTakenOver(Conflict):
    """Somebody else carries the import on, or it was stopped."""

    code = "import_taken_over"


class NoSuchProfile(NotFound):
    code = "no_such_profile"


class NoSuchRelease(NotFound):
    code = "no_such_release"


class NotWeaker(Refused):
    code = "not_weaker"


class ReleaseIsOpen(Conflict):
    code = "release_is_open"


class ReleaseIsStale(Conflict):
    code = "release_is_stale"


class NoSuchPrice(NotFound):
    code = "no_such_price"


class PriceHasBegun(Conflict):
    code = "price_has_begun"


class NoLongerSold(Gone):
    """A product that is retired. `slug` and `name` are among the facts."""

    code = "no_longer_sold"


class BadPicture(Refused):
    """A file that cannot be shown; the text says what to do about it."""

    code = "bad_picture"


class NoSuchPicture(NotFound):
    code = "no_such_picture"


class BadOrder(Refused):
    """A list that should name everything once, and does not."""

    code = "bad_order"


class NoSuchBundle(NotFound):
    code = "no_such_bundle"


class BadBundle(Refused):
    code = "bad_bundle"


class BadRelation(Refused):
    code = "bad_relation"


class BadBulk(Refused):
    """Some of many changes cannot be made, so none was; `fields` names item and field."""

    code = "bad_bulk"
