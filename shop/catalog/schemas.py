"""The catalogue on the wire, for those who keep it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

import marshmallow as ma
from flask_smorest.fields import Upload
from marshmallow import fields, validate

from shop.catalog import bulk_editing, bundling, importing, picturing, relating
from shop.catalog.concerns import Concern, SkinType
from shop.catalog.editing import LONGEST_USE
from shop.catalog.models import (
    MOST_GRAMS,
    USUAL_GRAMS,
    Import,
    LegalClass,
    Outcome,
    Visibility,
    Way,
    interval,
)
from shop.catalog.queries import picture_url
from shop.catalog.states import ImportStatus, ReleaseStatus, ShopStatus
from shop.core.replays import Outcome as Tried
from shop.core.replays import Replay, Replayed, clients
from shop.core.rules import JURISDICTIONS, Grade, RuleStatus, kind_of
from shop.treatments.schemas import ScopeSays, ScopeTold, WindowSays, WindowTold
from shop.web.api import Cents, Moment, PageQuery, QueryBoolean, Schema, StrictBoolean, Text, Whole

SKU = validate.Regexp(
    r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,39}\Z",
    error="Use 1 to 40 letters, digits, dots, hyphens or underscores.",
)


class IngredientIn(Schema):
    name = Text(required=True, shortest=1, longest=300)
    active = StrictBoolean(load_default=False)
    strength = Text(load_default="", longest=60)


class Uses(fields.List[Any]):
    """Words of a vocabulary, in any order, each once."""

    def __init__(self, words: type[StrEnum], **kwargs: Any) -> None:
        self.words = words
        super().__init__(
            fields.Enum(words, by_value=True), validate=validate.Length(max=len(words)), **kwargs
        )

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        said = super()._deserialize(value, attr, data, **kwargs)
        return [word.value for word in self.words if word in said]


class ProductIn(Schema):
    key = Text(load_default=None, allow_none=True, shortest=1, longest=60)
    name = Text(required=True, shortest=1, longest=300)
    brand = Text(required=True, shortest=1, longest=300)
    legal_class = fields.Enum(LegalClass, by_value=True, required=True)
    doctor_only = StrictBoolean(load_default=False)
    category = Text(load_default="", longest=100)
    dosage_form = Text(load_default="", longest=100)
    route = Text(load_default="", longest=100)
    description = Text(load_default="")
    # Left out: what actives and name give.
    concerns = Uses(Concern, load_default=None, allow_none=True)
    skin_types = Uses(SkinType, load_default=None, allow_none=True)
    ingredients = fields.List(
        fields.Nested(IngredientIn), load_default=list, validate=validate.Length(max=400)
    )


class ProductChanges(Schema):
    name = Text(shortest=1, longest=300)
    category = Text(longest=100)
    dosage_form = Text(longest=100)
    route = Text(longest=100)
    description = Text()
    concerns = Uses(Concern)
    skin_types = Uses(SkinType)
    legal_class = fields.Enum(LegalClass, by_value=True)
    doctor_only = StrictBoolean()


class Content(fields.Decimal):
    """How much a pack holds: above 0, at most six places."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(places=6, allow_nan=False, as_string=True, **kwargs)
        self.validators.insert(0, validate.Range(min=0, min_inclusive=False, max=10**9))


class VariantIn(Schema):
    sku = Text(required=True, longest=40, validate=SKU)
    name = Text(required=True, shortest=1, longest=200)
    gtin = Text(load_default=None, allow_none=True, longest=40)
    net_content = Content(load_default=None, allow_none=True)
    net_unit = fields.String(
        load_default=None, allow_none=True, validate=validate.OneOf(["g", "mL"])
    )
    days_of_use = Whole(least=0, most=LONGEST_USE, load_default=0)
    weight_grams = Whole(
        least=1,
        most=MOST_GRAMS,
        load_default=None,
        allow_none=True,
        metadata={"description": f"As it is packed; {USUAL_GRAMS} g are reckoned where null."},
    )
    for_sale = StrictBoolean(load_default=False)


class VariantChanges(Schema):
    name = Text(shortest=1, longest=200)
    gtin = Text(allow_none=True, longest=40)
    net_content = Content(allow_none=True)
    net_unit = fields.String(allow_none=True, validate=validate.OneOf(["g", "mL"]))
    days_of_use = Whole(least=0, most=LONGEST_USE)
    weight_grams = Whole(least=1, most=MOST_GRAMS, allow_none=True)
    for_sale = StrictBoolean()


class PriceIn(Schema):
    cents = Cents(required=True)
    # The name of the wire is a word of Python.
    valid_from = Moment(data_key="from", load_default=None, allow_none=True)


class RelatedIn(Schema):
    related = fields.List(
        Text(longest=160), required=True, validate=validate.Length(max=relating.MOST_RELATED)
    )


class PriceListQuery(Schema):
    on = fields.Date(load_default=None)


class PictureIn(Schema):
    """Beside the file of a picture: what it shows, and which pack, if one."""

    alt = Text(required=True, shortest=1, longest=picturing.LONGEST_ALT)
    sku = Text(load_default=None, longest=40)


class PictureFileIn(Schema):
    file = Upload(required=True)


class PictureChanges(Schema):
    alt = Text(required=True, shortest=1, longest=picturing.LONGEST_ALT)


class PictureOrderIn(Schema):
    pictures = fields.List(
        fields.UUID(), required=True, validate=validate.Length(max=picturing.MOST_PICTURES)
    )


class BundleItemIn(Schema):
    sku = Text(required=True, longest=40, validate=SKU)
    quantity = Whole(least=1, most=bundling.MOST_UNITS, load_default=1)


SLUG = validate.Regexp(
    r"\A[a-z0-9]+(?:-[a-z0-9]+)*\Z", error="Use lower-case letters and digits, hyphens between."
)


def _items() -> fields.List[Any]:
    most = validate.Length(max=bundling.MOST_ITEMS)
    return fields.List(fields.Nested(BundleItemIn), validate=most)


class BundleIn(Schema):
    slug = Text(required=True, shortest=1, longest=160, validate=SLUG)
    name = Text(required=True, shortest=1, longest=300)
    description = Text(load_default="")
    items = _items()


class BundleChanges(Schema):
    name = Text(shortest=1, longest=300)
    description = Text()
    items = _items()


class BulkPrice(Schema):
    cents = Cents(required=True)
    valid_from = Moment(data_key="from", load_default=None, allow_none=True)


class BulkVariant(Schema):
    sku = Text(required=True, longest=40, validate=SKU)
    name = Text(shortest=1, longest=200)
    gtin = Text(allow_none=True, longest=14)
    for_sale = StrictBoolean()
    price = fields.Nested(BulkPrice)


class BulkChanges(ProductChanges):
    """What is to become of a product; `for_sale` is said of all its packs."""

    status = fields.Enum(ShopStatus, by_value=True)
    for_sale = StrictBoolean()


class BulkItemChanges(BulkChanges):
    variants = fields.List(fields.Nested(BulkVariant), validate=validate.Length(max=100))


class BulkItem(Schema):
    slug = Text(required=True, longest=160)
    changes = fields.Nested(BulkItemChanges, required=True)


class BulkWhere(Schema):
    """Products that fit all that is named; at least one thing is."""

    category = Text(longest=100)
    brand = Text(longest=160)
    legal_class = fields.Enum(LegalClass, by_value=True)
    status = fields.Enum(ShopStatus, by_value=True)
    source = fields.String(validate=validate.OneOf(importing.SOURCES))

    @ma.validates_schema
    def _something(self, data: dict[str, Any], **_: object) -> None:
        if not data:
            raise ma.ValidationError("Name at least one thing: not everything at once.")


class BulkIn(Schema):
    """Either `items`, each with its changes, or `where` and the `changes` of all that fit."""

    items = fields.List(
        fields.Nested(BulkItem), validate=validate.Length(min=1, max=bulk_editing.MOST_PRODUCTS)
    )
    where = fields.Nested(BulkWhere)
    changes = fields.Nested(BulkChanges)
    dry_run = StrictBoolean(load_default=False)

    @ma.validates_schema
    def _one_way(self, data: dict[str, Any], **_: object) -> None:
        if ("items" in data) == ("where" in data) or ("where" in data) != ("changes" in data):
            raise ma.ValidationError("Send items, or where and changes.", "items")


class ImportIn(Schema):
    source = fields.String(required=True, validate=validate.OneOf(importing.SOURCES))
    dry_run = fields.Boolean(truthy={"true"}, falsy={"false"}, load_default=False)

    profile = Text(load_default="", longest=60)
    mapping = Text(load_default="", longest=20_000)


class ProfileIn(Schema):
    """How a supplier's sheet is read: our columns by theirs."""

    columns = fields.Dict(keys=Text(longest=60), required=True)
    decimal_comma = StrictBoolean(load_default=False)


class ProfileOut(ma.Schema):
    name = fields.String()
    mapping = fields.Dict()


class ImportFile(Schema):
    file = Upload(required=True)


class NamesQuery(PageQuery):
    matched = QueryBoolean(load_default=None)


class ResolutionIn(Schema):
    """The INCI name or a synonym of the substance; null: it is no substance."""

    ingredient = Text(required=True, allow_none=True, shortest=1, longest=300)


class IngredientNameOut(ma.Schema):
    """A spelling that products brought, and the substance that it was matched to."""

    id = fields.UUID(attribute="name.id")
    name = fields.String(attribute="name.name")
    ingredient = fields.String(
        attribute="name.ingredient.inci_name", dump_default=None, allow_none=True
    )
    way = fields.Enum(Way, by_value=True, attribute="name.way")
    confidence = fields.Decimal(as_string=True, attribute="name.confidence")
    resolved_at = Moment(attribute="name.resolved_at", allow_none=True)
    products = fields.Integer()
    nearest = fields.List(fields.String())


class IngredientNamesOut(ma.Schema):
    items = fields.List(fields.Nested(IngredientNameOut))
    next = fields.String(allow_none=True)


class PriceOut(ma.Schema):
    id = fields.UUID()
    sku = fields.String(attribute="variant.sku")
    cents = fields.Integer()
    currency = fields.Constant("usd")
    valid_from = Moment(data_key="from")
    valid_until = Moment(data_key="until", allow_none=True)


class ListedPriceOut(ma.Schema):
    """A price, and whether it is past, current or future."""

    id = fields.String()
    sku = fields.String()
    cents = fields.Integer()
    currency = fields.String()
    begins = fields.String(attribute="from", data_key="from")
    until = fields.String(allow_none=True)
    when = fields.String()


class PricesOut(ma.Schema):
    items = fields.List(fields.Nested(ListedPriceOut))


class KeptSizeOut(ma.Schema):
    width = fields.Integer()
    height = fields.Integer()
    url = fields.Function(lambda size: picture_url(size.digest))


class KeptPictureOut(ma.Schema):
    """A picture as its keeper sees it; `sizes` are WebP, smallest first."""

    id = fields.UUID()
    alt = fields.String()
    sizes = fields.List(fields.Nested(KeptSizeOut))


class KeptPicturesOut(ma.Schema):
    items = fields.List(fields.Nested(KeptPictureOut))


class RelatedOut(ma.Schema):
    slug = fields.String()
    name = fields.String()
    status = fields.Enum(ShopStatus, by_value=True)


class RelationsOut(ma.Schema):
    items = fields.List(fields.Nested(RelatedOut))


class KeptItemOut(ma.Schema):
    sku = fields.String(attribute="variant.sku")
    quantity = fields.Integer()


class KeptBundleOut(ma.Schema):
    """A bundle as its keeper sees it."""

    slug = fields.String()
    name = fields.String()
    description = fields.String()
    status = fields.Enum(ShopStatus, by_value=True)
    published_at = Moment(allow_none=True)
    retired_at = Moment(allow_none=True)
    items = fields.List(fields.Nested(KeptItemOut))


class EditedOut(ma.Schema):
    """What changed of a product, and of its packs by SKU."""

    slug = fields.String()
    changed = fields.List(fields.String())
    variants = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))


class BulkOut(ma.Schema):
    dry_run = fields.Boolean()
    items = fields.List(fields.Nested(EditedOut))


class KeptVariantOut(ma.Schema):
    sku = fields.String()
    name = fields.String()
    package_ndc = fields.String(allow_none=True)
    gtin = fields.String(allow_none=True)
    net_content = fields.Decimal(as_string=True, allow_none=True)
    net_unit = fields.String(allow_none=True)
    days_of_use = fields.Integer()
    weight_grams = fields.Integer(allow_none=True)
    for_sale = fields.Boolean()
    legal_class = fields.Enum(LegalClass, by_value=True)
    doctor_only = fields.Boolean()


class KeptProductOut(ma.Schema):
    """A product as its keeper sees it."""

    slug = fields.String()
    source = fields.String()
    key = fields.String(attribute="source_key")
    name = fields.String()
    brand = fields.String(attribute="brand.name")
    legal_class = fields.Enum(LegalClass, by_value=True)
    doctor_only = fields.Boolean()
    finished = fields.Boolean()
    category = fields.String()
    dosage_form = fields.String()
    route = fields.String()
    description = fields.String()
    concerns = fields.List(fields.String())
    skin_types = fields.List(fields.String())
    flags = fields.List(fields.String())
    status = fields.Enum(ShopStatus, by_value=True)
    published_at = Moment(allow_none=True)
    retired_at = Moment(allow_none=True)
    variants = fields.List(fields.Nested(KeptVariantOut))


class ImportCounts(ma.Schema):
    created = fields.Integer()
    changed = fields.Integer()
    unchanged = fields.Integer()
    quarantined = fields.Integer()


class ImportRow(ma.Schema):
    row = fields.Integer()
    key = fields.String()
    outcome = fields.String()
    reasons = fields.List(fields.String())
    raw = fields.Dict()


class ImportReport(ma.Schema):
    """What became of every row; the counts add up to the rows of the file."""

    id = fields.UUID(allow_none=True)
    dry_run = fields.Boolean()
    counts = fields.Nested(ImportCounts)
    rows = fields.List(fields.Nested(ImportRow))


class ImportOut(ma.Schema):
    """How far an import is. The counts add up to the rows done, those to the file's in the end."""

    id = fields.UUID()
    source = fields.String()
    name = fields.String()
    dry_run = fields.Boolean()
    status = fields.Enum(ImportStatus, by_value=True)
    rows_total = fields.Integer()
    rows_done = fields.Integer()
    counts = fields.Nested(ImportCounts)
    seconds_left = fields.Float(allow_none=True)
    error = fields.String()
    started_at = Moment(allow_none=True)
    ended_at = Moment(allow_none=True)

    @staticmethod
    def of(record: Import, at: datetime) -> dict[str, Any]:
        """With how long it will take, seen from `at`."""
        kept = {name: getattr(record, name) for name in ImportOut().fields if hasattr(record, name)}
        return kept | {"seconds_left": record.seconds_to_go(at)}


class ImportRowsQuery(PageQuery):
    outcome = fields.Enum(Outcome, by_value=True, load_default=None)


class ImportRows(ma.Schema):
    items = fields.List(fields.Nested(ImportRow))
    next = fields.String(allow_none=True)


class Jurisdiction(fields.String):
    """ "US", or a state's two letters."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.validators.insert(
            0, validate.OneOf(sorted(JURISDICTIONS), error="Must be US or a state, such as CA.")
        )


class LegalClassSays(Schema):
    """What a rule of law says."""

    NEEDED: ClassVar[tuple[str, ...]] = ("active", "legal_class")
    active = Text(shortest=1, longest=300)
    percents = Text(longest=40)
    route = Text(longest=100)
    dosage_form = Text(longest=100)
    except_with = fields.List(Text(shortest=1, longest=300), validate=validate.Length(max=20))
    legal_class = fields.Enum(LegalClass, by_value=True)


class VisibilitySays(Schema):
    """What a policy says."""

    NEEDED: ClassVar[tuple[str, ...]] = ("legal_class", "visibility")
    legal_class = fields.Enum(LegalClass, by_value=True)
    visibility = fields.Enum(Visibility, by_value=True)


# Kind → what a rule of it says; each is one of `rules.kinds()`.
SAYS: dict[str, type[Schema]] = {
    "legal_class": LegalClassSays,
    "visibility": VisibilitySays,
    "scope": ScopeSays,
    "window": WindowSays,
}


class RuleIn(LegalClassSays, VisibilitySays, ScopeSays, WindowSays):
    """A rule to be drafted. Which further fields it needs, its kind says."""

    kind = fields.String(required=True, validate=validate.OneOf(list(SAYS)))
    number = Text(load_default=None, allow_none=True, shortest=1, longest=60)
    jurisdiction = Jurisdiction(required=True)
    valid_from = fields.Date(required=True)
    valid_until = fields.Date(load_default=None, allow_none=True)
    source = Text(required=True, shortest=1, longest=1_000)
    grade = fields.Enum(Grade, by_value=True, required=True)
    review_by = fields.Date(required=True)
    owner_id = fields.UUID(load_default=None, allow_none=True)

    @ma.post_load
    def _says(self, given: dict[str, Any], **_more: Any) -> dict[str, Any]:
        """The fields of its kind put together; those of another kind are refused."""
        kind: Any = SAYS[given["kind"]]
        own = set(kind().fields)
        every = {name for says in SAYS.values() for name in says().fields}
        wrong = {name: ["Unknown field."] for name in every - own if name in given}
        wrong |= {name: ["This is missing."] for name in kind.NEEDED if name not in given}
        if wrong:
            raise ma.ValidationError(wrong)
        says = {name: given.pop(name) for name in own if name in given}
        return given | {"says": says}


def _short(row: Any) -> None:
    """A row of a file is not long; who sends a long one means something else."""
    if len(json.dumps(row)) > LONGEST_ROW:
        raise ma.ValidationError(f"Is longer than {LONGEST_ROW} characters.")


LONGEST_ROW = 20_000  # of screening, as JSON


class TrialIn(Schema):
    """How far back to look, and at how many cases at most."""

    days = Whole(least=1, most=365, load_default=90)
    limit = Whole(least=1, most=20_000, load_default=5_000)


class DraftTrialIn(TrialIn):
    draft = Text(required=True, shortest=1, longest=60)  # the number of a drafted rule of law


class ScreeningTrialIn(TrialIn):
    limit = Whole(least=1, most=5_000, load_default=2_000)  # a case costs about 2 ms
    screening = fields.Dict(  # a row as the files of screening have it
        keys=Text(shortest=1, longest=40),
        required=True,
        validate=[validate.Length(max=30), _short],
    )


class SimulationIn(RuleIn, TrialIn):
    """A rule of law by its fields; or `draft`, the number of one; or `screening`, a row of that.

    With each of them `days` and `limit`.
    """

    def load(self, data: Any, **kwargs: Any) -> Any:
        """As the schema of what is given: it refuses the fields of the others."""
        kinds: dict[str, type[TrialIn]] = {"draft": DraftTrialIn, "screening": ScreeningTrialIn}
        for name, schema in kinds.items():
            if isinstance(data, Mapping) and name in data:
                return schema().load(data, **kwargs)
        return super().load(data, **kwargs)


class RulesQuery(PageQuery):
    kind = fields.String(load_default="legal_class", validate=validate.OneOf(list(SAYS)))
    jurisdiction = Jurisdiction(load_default=None)
    status = fields.Enum(RuleStatus, by_value=True, load_default=None)


class RuleEndIn(Schema):
    on = fields.Date(required=True)


class RuleOut(ScopeTold, WindowTold):
    """A rule in one of its versions; what its kind does not have is null."""

    id = fields.UUID()
    kind = fields.Function(kind_of)
    number = fields.String()
    version = fields.Integer()
    status = fields.Enum(RuleStatus, by_value=True)
    jurisdiction = fields.String()
    valid_from = fields.Date()
    valid_until = fields.Date(allow_none=True)
    source = fields.String()
    grade = fields.Enum(Grade, by_value=True)
    review_by = fields.Date()
    sentence = fields.String()
    legal_class = fields.Enum(LegalClass, by_value=True, dump_default=None, allow_none=True)
    active = fields.String(dump_default=None, allow_none=True)
    percents = fields.Function(lambda rule: _interval(getattr(rule, "percents", None)))
    route = fields.String(dump_default=None, allow_none=True)
    dosage_form = fields.String(dump_default=None, allow_none=True)
    except_with = fields.List(fields.String(), dump_default=None, allow_none=True)
    visibility = fields.Enum(Visibility, by_value=True, dump_default=None, allow_none=True)
    owner_id = fields.UUID()
    authored_by_id = fields.UUID()
    reviewed_by_id = fields.UUID(allow_none=True)
    activated_by_id = fields.UUID(allow_none=True)
    end_on = fields.Date(allow_none=True)
    end_proposed_by_id = fields.UUID(allow_none=True)
    ended_by_id = fields.UUID(allow_none=True)


def _interval(percents: Any) -> str | None:
    """A range of strengths as it is written on the way in."""
    return None if percents is None else interval(percents)


class RulesOut(ma.Schema):
    items = fields.List(fields.Nested(RuleOut))
    next = fields.String(allow_none=True)


class ChangeOut(ma.Schema):
    about = fields.String()
    state = fields.String()
    before = fields.String()
    after = fields.String()


class ChangesOut(ma.Schema):
    count = fields.Integer()
    first = fields.List(fields.Nested(ChangeOut))  # a hundred


class TriedCaseOut(ma.Schema):
    """`about`: the number of an order or a request; `client` where the reader treats her."""

    about = fields.String()
    state = fields.String()
    product = fields.String()
    client = fields.UUID()


class TriedOut(ma.Schema):
    """How many cases, of how many clients; null where that is fewer than five and not yours."""

    count = fields.Integer(allow_none=True)
    clients = fields.Integer(allow_none=True)
    first = fields.List(fields.Nested(TriedCaseOut))  # a hundred, of those the reader may see


class TriedPlaceOut(ma.Schema):
    state = fields.String()
    product = fields.String()
    newly_blocked = fields.Integer()
    already_blocked = fields.Integer()
    newly_allowed = fields.Integer()
    needs_reason = fields.Integer()


class ReplayOut(ma.Schema):
    """What the draft would have made of the cases of these days.

    `complete` is false where there were more than `limit` cases: the newest were tried.
    """

    since = Moment()
    until = Moment()
    cases = fields.Integer()
    complete = fields.Boolean()
    newly_blocked = fields.Nested(TriedOut)
    already_blocked = fields.Nested(TriedOut)
    newly_allowed = fields.Nested(TriedOut)
    needs_reason = fields.Nested(TriedOut)  # soft stops of screening that did not fire before
    by_place = fields.List(fields.Nested(TriedPlaceOut))  # most blocked first, two hundred
    not_known = fields.List(fields.String())


class TriedRuleOut(ma.Schema):
    number = fields.String(allow_none=True)
    version = fields.Integer(allow_none=True)


class SimulationOut(ma.Schema):
    """What a draft would change. `products`, `carts`, `orders`: now, of a rule of law.

    `past`: whom it would have blocked.
    """

    rule = fields.Nested(TriedRuleOut)
    products = fields.Nested(ChangesOut)
    carts = fields.Nested(ChangesOut)
    orders = fields.Nested(ChangesOut)
    past = fields.Nested(ReplayOut)


FEW = 5  # people; fewer are not counted for those who do not treat them
NAMED = 100
PLACES = 200


def told_changes(changes: list[Any]) -> dict[str, Any]:
    """As ChangesOut shows them."""
    return {"count": len(changes), "first": changes[:NAMED]}


def told_replay(replay: Replay, *, named: Mapping[str, UUID | None], whole: bool) -> dict[str, Any]:
    """As ReplayOut shows it.

    `named` are the numbers that the reader may see, with the client where she may know her. Not
    `whole`: small counts and places are left out, so that nobody is found by them.
    """
    outcomes = {each.value: replay.of(each) for each in Tried}
    return {
        "since": replay.since,
        "until": replay.until,
        "cases": replay.cases,
        "complete": replay.complete,
        "not_known": replay.not_known,
        "by_place": _places(replay.replayed) if whole else [],
        **{name: _tried(ones, named, whole=whole) for name, ones in outcomes.items()},
    }


def _tried(
    ones: Sequence[Replayed], named: Mapping[str, UUID | None], *, whole: bool
) -> dict[str, Any]:
    people = clients(ones)
    counted = whole or people == 0 or people >= FEW
    first = [
        {"about": one.about, "state": one.state, "product": one.product}
        | ({"client": named[one.about]} if named[one.about] else {})
        for one in ones
        if one.about in named
    ]
    return {
        "count": len(ones) if counted else None,
        "clients": people if counted else None,
        "first": first[:NAMED],
    }


def _places(replayed: Sequence[Replayed]) -> list[dict[str, Any]]:
    counts = Counter((one.state, one.product, one.outcome) for one in replayed)
    places = sorted(
        {(one.state, one.product) for one in replayed},
        key=lambda place: (-counts[*place, Tried.NEWLY_BLOCKED], place),
    )
    return [
        {"state": state, "product": product}
        | {each.value: counts[state, product, each] for each in Tried}
        for state, product in places[:PLACES]
    ]


class ReleaseIn(Schema):
    """What a product shall be; what is not named stays as it is."""

    reason = Text(required=True, shortest=1, longest=1_000)
    legal_class = fields.Enum(LegalClass, by_value=True, load_default=None)
    doctor_only = StrictBoolean(load_default=None)
    finished = StrictBoolean(load_default=None)


class ReleasesQuery(PageQuery):
    status = fields.Enum(ReleaseStatus, by_value=True, load_default=None)


class ReleaseOut(ma.Schema):
    """A release: what the product was, and what it becomes when another person agrees."""

    id = fields.UUID()
    product = fields.String(attribute="product.slug")
    status = fields.Enum(ReleaseStatus, by_value=True)
    reason = fields.String()
    from_class = fields.Enum(LegalClass, by_value=True)
    from_doctor_only = fields.Boolean()
    from_finished = fields.Boolean()
    to_class = fields.Enum(LegalClass, by_value=True)
    to_doctor_only = fields.Boolean()
    to_finished = fields.Boolean()
    proposed_by_id = fields.UUID()
    approved_by_id = fields.UUID(allow_none=True)
    created_at = Moment()
    applied_at = Moment(allow_none=True)


class ReleasesOut(ma.Schema):
    items = fields.List(fields.Nested(ReleaseOut))
    next = fields.String(allow_none=True)
