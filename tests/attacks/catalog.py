"""Attacks on products, variants and prices, and on what a product is found by."""

from __future__ import annotations

import io
import uuid
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from shop.catalog import importing, picturing, publishing
from shop.catalog.models import LegalClass
from shop.core.clock import now
from shop.core.db import db
from tests.attacks.attack import APP, OWNER, WORKER, Attacks, Sql
from tests.builders import a_bundle, a_picture, a_product, a_variant
from tests.catalog.rows import an_ndc_row, csv_of
from tests.people import alice, sam


def scene() -> Mapping[str, Any]:
    """An unfinished drug, two over the counter (one made of water), a prescription drug.

    The water's name was matched; another name is a synonym of the same substance, a third one was
    resolved by Sam. An import that is done, and one of the same file that has just begun.
    """
    raw = a_product(LegalClass.CLINIC_USE, finished=False, published_at=None)
    otc, other, rx = a_product(), a_product(), a_product(LegalClass.RX)
    pack = a_variant(otc)
    file = importing.checked(io.BytesIO(csv_of(an_ndc_row(product_ndc="x"))), "ndc")
    done = importing.begun(file, by=None, at=now())
    for batch in importing.batches(file):
        importing.note(done, importing.take(file, batch, by=None, at=now()))
    importing.done(done, at=now())
    retired, timed = a_product(), [a_variant(rx) for _ in range(2)]
    retired_pack = a_variant(retired)
    publishing.retire(retired, by=None, at=now())
    removed = a_picture(otc)
    picturing.remove(removed, otc, by=None, at=now())
    facts = {
        "done": done.id,
        "running": importing.begun(file, by=None, at=now()).id,
        "retired": retired.id,
        "retired_pack": retired_pack.id,
        "draft": a_product(published_at=None).id,
        "bundle": a_bundle({pack: 1}).id,
        "picture": a_picture(otc).id,
        "removed": removed.id,
        "timed": timed[0].id,
        "later": timed[1].id,
        "over": uuid.uuid4(),
        "ending": uuid.uuid4(),
        "ahead": uuid.uuid4(),
        "raw": raw.id,
        "raw_pack": a_variant(raw).id,
        "otc": otc.id,
        "otc_pack": pack.id,
        "other": other.id,
        "brand": otc.brand_id,
        "rx": rx.id,
        "rx_pack": a_variant(rx).id,
        "price": pack.prices[0].id,
        "water": uuid.uuid4(),
        "aqua": uuid.uuid4(),
        "eau": uuid.uuid4(),
        "resolved": uuid.uuid4(),
        "unknown": uuid.uuid4(),
        "oil": uuid.uuid4(),
        "sam": sam().id,
        "alice": alice().id,
    }
    db.session.flush()  # the rows before what is written of them by hand
    for statement in (
        (
            "INSERT INTO ingredients (id, inci_name, active_class, pregnancy, irritancy, unii,"
            " ph_low, ph_high, source) VALUES"
            " (:aqua, 'AQUA', 'aha', 'safe', 'low', '059QF0KO0R', 3, 4, 'cosing'),"
            " (:oil, 'OIL', NULL, NULL, NULL, NULL, NULL, NULL, 'cosing')"
        ),
        (
            "INSERT INTO ingredient_names (id, name, ingredient_id, way, confidence, source) VALUES"
            " (:water, 'WATERY', :aqua, 'fuzzy', 0.95, 'filed'),"
            " (:unknown, 'UNKNOWN', NULL, 'none', 0, 'filed'),"
            " (:eau, 'EAU', :aqua, 'synonym', 1, 'own')"
        ),
        "SELECT set_config('app.actor', 'person:' || :sam, true)",
        (
            "INSERT INTO ingredient_names (id, name, ingredient_id, way, confidence, source,"
            " resolved_by_id) VALUES (:resolved, 'WODA', :aqua, 'resolved', 1, 'filed', :sam)"
        ),
        "SELECT set_config('app.actor', 'system:test', true)",
        (
            "INSERT INTO product_ingredients (product_id, position, name_id, active, raw)"
            " VALUES (:otc, 1, :water, true, 'water')"
        ),
        "UPDATE prices SET valid_until = now() + interval '1 day' WHERE variant_id = :timed",
        (
            "INSERT INTO prices (id, variant_id, cents, valid_from, valid_until) VALUES"
            " (:over, :timed, 1, '2020-01-01', '2020-01-02'),"
            " (:ending, :timed, 2, now() + interval '2 days', now() + interval '3 days')"
        ),
        "UPDATE prices SET valid_until = now() + interval '9 days' WHERE variant_id = :later",
        (
            "INSERT INTO prices (id, variant_id, cents, valid_from)"
            " VALUES (:ahead, :later, 3, now() + interval '9 days')"
        ),
    ):
        db.session.execute(sa.text(statement), facts)
    return facts


ATTACKS = Attacks(scene)

A_PACK = (
    "INSERT INTO variants (id, product_id, legal_class, doctor_only, sku, name, for_sale)"
    " VALUES (%(new)s, "
)
A_PRICE = (
    "INSERT INTO prices (id, variant_id, cents, valid_from, valid_until)"
    " VALUES (%(new)s, %(otc_pack)s, "
)

ATTACKS.each(
    {
        "publish a product without its status": (
            "UPDATE products SET published_at = now() WHERE id = %(draft)s",
            "product_published_at_some_time",
        ),
        "publish a product without its event": (
            ("UPDATE products SET status = 'published', published_at = now() WHERE id = %(draft)s"),
            "product_status_has_its_event",
        ),
        "offer a bundle without its event": (
            "UPDATE bundles SET status = 'draft', published_at = NULL WHERE id = %(bundle)s",
            "bundle_status_has_its_event",
        ),
        "sell a pack of a retired product": (
            "UPDATE variants SET for_sale = true WHERE id = %(retired_pack)s",
            "retired_is_never_sold",
        ),
        "add a pack of a retired product for sale": (
            f"{A_PACK} %(retired)s, 'otc_drug', false, 'X-3', 'x', true)",
            "retired_is_never_sold",
        ),
        "retire a product that sells": (
            (
                "UPDATE products SET status = 'retired', published_at = NULL, retired_at = now()"
                " WHERE id = %(otc)s"
            ),
            "retired_sells_nothing",
        ),
        "change a picture that was removed": (
            "UPDATE pictures SET ended_at = NULL WHERE id = %(removed)s",
            "picture_is_removed_once",
        ),
        "sell an unfinished drug": (
            "UPDATE variants SET for_sale = true WHERE id = %(raw_pack)s",
            "unfinished_is_never_sold",
        ),
        "call an unfinished drug finished": (
            "UPDATE products SET finished = true WHERE id = %(raw)s",
            "weaker_class_needs_two_people",
        ),
        "add a pack of an unfinished drug for sale": (
            f"{A_PACK} %(raw)s, 'clinic_use', false, 'X-1', 'x', true)",
            "unfinished_is_never_sold",
        ),
        "unfinish a drug on sale": (
            (
                "UPDATE products SET finished = false, published_at = NULL, status = 'draft'"
                " WHERE id = %(otc)s"
            ),
            "unfinished_is_never_sold",
        ),
        "lower a class": (
            "UPDATE products SET legal_class = 'cosmetic', doctor_only = false WHERE id = %(rx)s",
            "weaker_class_needs_two_people",
        ),
        "lower a class and stay doctor-only": (
            "UPDATE products SET legal_class = 'otc_drug' WHERE id = %(rx)s",
            "weaker_class_needs_two_people",
        ),
        "lower an over-the-counter drug to a cosmetic": (
            "UPDATE products SET legal_class = 'cosmetic' WHERE id = %(otc)s",
            "weaker_class_needs_two_people",
        ),
        "bring clinic use into the shop": (
            "UPDATE products SET legal_class = 'rx', doctor_only = true WHERE id = %(raw)s",
            "weaker_class_needs_two_people",
        ),
        "clear doctor-only": (
            "UPDATE products SET doctor_only = false WHERE id = %(rx)s",
            "weaker_class_needs_two_people",
        ),
        "a prescription drug that is not doctor-only": (
            (
                "INSERT INTO products (id, slug, source, source_key, name, brand_id, legal_class,"
                " doctor_only, status) SELECT %(new)s, 'x', 'csv', 'x', 'x', brand_id, 'rx', false,"
                " 'draft' FROM products WHERE id = %(rx)s"
            ),
            "rx_is_doctor_only",
        ),
        "a pack that hides its product's class": (
            f"{A_PACK} %(rx)s, 'otc_drug', false, 'X-2', 'x', true)",
            "variant_is_of_its_products_class",
        ),
        "offer what is on sale as clinic use": (
            "UPDATE products SET legal_class = 'clinic_use' WHERE id = %(otc)s",
            "clinic_use_is_never_sold",
        ),
        "end a price in the past": (
            "UPDATE prices SET valid_until = now() - interval '1 hour' WHERE id = %(price)s",
            "price_is_only_ended",
        ),
        "move the end of a price that is over": (
            "UPDATE prices SET valid_until = now() + interval '1 day' WHERE id = %(over)s",
            "price_is_only_ended",
        ),
        "bring back a price that is over": (
            "UPDATE prices SET valid_until = NULL WHERE id = %(over)s",
            "price_is_only_ended",
        ),
        "withdraw a price in force": (
            "DELETE FROM prices WHERE id = %(price)s",
            "price_is_only_ended",
        ),
        "a second price at the same time": (
            f"{A_PRICE} 1, now(), NULL)",
            "prices_do_not_overlap",
        ),
        "an absurd price": (f"{A_PRICE} -1, '2020-01-01', '2020-01-02')", "price_is_sane"),
        "a price that ends before it begins": (
            f"{A_PRICE} 1, '2020-01-02', '2020-01-02')",
            "price_range_is_forward",
        ),
        "a SKU that no address can carry": (
            f"{A_PACK} %(otc)s, 'otc_drug', false, 'a/b', 'x', false)",
            "sku_fits_an_address",
        ),
    }
)

ATTACKS.each(
    {
        "rewrite a price": (
            "UPDATE prices SET cents = 1 WHERE id = %(price)s",
            "price_is_only_ended",
        ),
        "rewrite a price while ending it": (
            (
                "UPDATE prices SET cents = 1, valid_until = now() + interval '1 day'"
                " WHERE id = %(price)s"
            ),
            "price_is_only_ended",
        ),
        "remove a price": ("DELETE FROM prices WHERE id = %(price)s", "price_is_only_ended"),
        "remove every price": ("TRUNCATE prices CASCADE", "prices_are_kept"),
    },
    OWNER,
)

ATTACKS.each_passes(
    {
        "end a price": (
            "UPDATE prices SET valid_until = now() + interval '1 day' WHERE id = %(price)s"
        ),
        "make a class stricter": (
            "UPDATE products SET legal_class = 'rx', doctor_only = true WHERE id = %(otc)s"
        ),
        "move the end of a price that lies ahead": (
            "UPDATE prices SET valid_until = NULL WHERE id = %(ending)s"
        ),
        "withdraw a price that has not begun": "DELETE FROM prices WHERE id = %(ahead)s",
        "say what a picture shows": "UPDATE pictures SET alt = 'x' WHERE id = %(picture)s",
    }
)


@ATTACKS.passes(WORKER)
def _a_job_locks_a_variant(attacker: Sql) -> None:
    attacker.run("SELECT FROM variants WHERE id = %(otc_pack)s FOR UPDATE")


def _found(attacker: Sql, product: str, word: str = "zephyrine") -> bool:
    """Whether a search for the word finds the product, as a word or as a pack's number."""
    attacker.settle()
    found = attacker.run(
        "SELECT named || main || other @@ to_tsquery('simple', %(word)s)"
        " OR codes @@ quote_literal(%(word)s)::tsquery AS found"
        " FROM product_search WHERE product_id = %(product)s",
        word=word,
        product=attacker.facts[product],
    )
    return bool(found and found["found"])


def _comes_to_be_found(attacker: Sql, change: str, product: str = "otc") -> bool:
    before = _found(attacker, product)
    attacker.run(change)
    return _found(attacker, product) and not before


@ATTACKS.undone("products_changed_are_searchable")
def _rename_a_product_past_the_search(attacker: Sql) -> bool:
    return _comes_to_be_found(attacker, "UPDATE products SET name = 'Zéphyrine' WHERE id = %(otc)s")


@ATTACKS.undone("products_added_are_searchable")
def _list_a_product_that_nobody_finds(attacker: Sql) -> bool:
    attacker.tell("product", attacker.facts["new"], "draft")
    attacker.run(
        "INSERT INTO products (id, slug, source, source_key, name, brand_id, legal_class,"
        " doctor_only, status) SELECT %(new)s, 'x', 'csv', 'x', 'Zephyrine', brand_id, 'cosmetic',"
        " false, 'draft' FROM products WHERE id = %(rx)s"
    )
    return _found(attacker, "new")


def _version(attacker: Sql) -> Any:
    attacker.settle()
    return attacker.run("SELECT version FROM catalogue_version")["version"]


@ATTACKS.refused("unfinished_is_never_published")
def _publish_an_unfinished_drug(attacker: Sql) -> None:
    seq = attacker.tell("product", attacker.facts["raw"], "published")
    attacker.run(
        "UPDATE products SET status = 'published', published_at = now(), state_seq = %(seq)s"
        " WHERE id = %(raw)s",
        seq=seq,
    )


@ATTACKS.refused("event_is_a_legal_transition")
def _sell_a_retired_product_again_at_once(attacker: Sql) -> None:
    attacker.tell("product", attacker.facts["retired"], "published")


@ATTACKS.passes()
def _withdraw_a_product(attacker: Sql) -> None:
    seq = attacker.tell("product", attacker.facts["otc"], "draft")
    attacker.run(
        "UPDATE products SET status = 'draft', published_at = NULL, state_seq = %(seq)s"
        " WHERE id = %(otc)s",
        seq=seq,
    )


@ATTACKS.undone("catalogue_changed")
def _rename_a_product_under_the_same_version(attacker: Sql) -> bool:
    before = _version(attacker)
    attacker.run("UPDATE products SET name = 'Zephyrine' WHERE id = %(otc)s")
    return _version(attacker) != before and _found(attacker, "otc")


@ATTACKS.undone("prices_changed_are_searchable")
def _end_a_price_under_the_same_version(attacker: Sql) -> bool:
    before = _version(attacker)
    attacker.run("UPDATE prices SET valid_until = now() + interval '1 day' WHERE id = %(price)s")
    return _version(attacker) != before


@ATTACKS.undone("prices_removed_are_searchable")
def _take_back_a_price_under_the_same_version(attacker: Sql) -> bool:
    before = _version(attacker)
    attacker.run("DELETE FROM prices WHERE id = %(ahead)s")
    return _version(attacker) != before


@ATTACKS.undone("prices_added_are_searchable")
def _set_a_price_under_the_same_version(attacker: Sql) -> bool:
    before = _version(attacker)
    attacker.run(f"{A_PRICE} 1, '2020-01-01', '2020-01-02')")
    return _version(attacker) != before


@ATTACKS.undone("pictures_are_seen")
def _add_a_picture_under_the_same_version(attacker: Sql) -> bool:
    before = _version(attacker)
    attacker.run(
        "INSERT INTO pictures (id, product_id, alt, position)"
        " VALUES (gen_random_uuid(), %(otc)s, 'A tube', 9)"
    )
    return _version(attacker) != before


@ATTACKS.undone("pictures_are_seen")
def _remove_a_picture_under_the_same_version(attacker: Sql) -> bool:
    before = _version(attacker)
    attacker.run("UPDATE pictures SET ended_at = now() WHERE id = %(picture)s")
    return _version(attacker) != before


@ATTACKS.undone("brands_changed_are_searchable", OWNER)
def _rename_a_brand_past_the_search(attacker: Sql) -> bool:
    return _comes_to_be_found(attacker, "UPDATE brands SET name = 'Zephyrine' WHERE id = %(brand)s")


@ATTACKS.undone("ingredients_changed_are_searchable", OWNER)
def _rename_a_substance_past_the_search(attacker: Sql) -> bool:
    return _comes_to_be_found(
        attacker, "UPDATE ingredients SET inci_name = 'ZEPHYRINE' WHERE id = %(aqua)s"
    )


@ATTACKS.undone("ingredients_changed_are_searchable")
def _call_a_substance_otherwise_past_the_search(attacker: Sql) -> bool:
    return _comes_to_be_found(
        attacker, "UPDATE ingredients SET common_name = 'Zephyrine' WHERE id = %(aqua)s"
    )


A_SYNONYM = (
    "INSERT INTO ingredient_names (id, name, ingredient_id, way, confidence, source)"
    " VALUES (%(new)s, 'ZEPHYRINE', "
)


@ATTACKS.undone("ingredient_names_added_are_searchable")
def _learn_a_synonym_past_the_search(attacker: Sql) -> bool:
    return _comes_to_be_found(attacker, f"{A_SYNONYM} %(aqua)s, 'synonym', 1, 'own')")


@ATTACKS.undone("ingredient_names_changed_are_searchable")
def _move_a_synonym_to_a_substance_past_the_search(attacker: Sql) -> bool:
    attacker.run(f"{A_SYNONYM} %(oil)s, 'synonym', 1, 'own')")
    return _comes_to_be_found(
        attacker, "UPDATE ingredient_names SET ingredient_id = %(aqua)s WHERE id = %(new)s"
    )


@ATTACKS.undone("ingredient_names_before_are_searchable")
def _move_a_synonym_away_past_the_search(attacker: Sql) -> bool:
    before = _comes_to_be_found(attacker, f"{A_SYNONYM} %(aqua)s, 'synonym', 1, 'own')")
    attacker.run("UPDATE ingredient_names SET ingredient_id = %(oil)s WHERE id = %(new)s")
    return before and not _found(attacker, "otc")


@ATTACKS.undone("product_ingredients_added_are_searchable")
def _add_an_ingredient_past_the_search(attacker: Sql) -> bool:
    attacker.run("INSERT INTO ingredient_names (id, name) VALUES (%(new)s, 'ZEPHYRINE')")
    return _comes_to_be_found(
        attacker,
        "INSERT INTO product_ingredients (product_id, position, name_id, active, raw)"
        " VALUES (%(otc)s, 90, %(new)s, true, 'x')",
    )


@ATTACKS.undone("product_ingredients_removed_are_searchable")
def _take_an_ingredient_out_past_the_search(attacker: Sql) -> bool:
    _name_the_water(attacker)
    before = _found(attacker, "otc")
    attacker.run("DELETE FROM product_ingredients WHERE product_id = %(otc)s")
    return before and not _found(attacker, "otc")


@ATTACKS.undone("product_ingredients_before_are_searchable", OWNER)
def _move_an_ingredient_away_past_the_search(attacker: Sql) -> bool:
    _name_the_water(attacker)
    before = _found(attacker, "otc")
    attacker.run("UPDATE product_ingredients SET product_id = %(other)s WHERE product_id = %(otc)s")
    return before and not _found(attacker, "otc")


@ATTACKS.undone("product_ingredients_changed_are_searchable", OWNER)
def _move_an_ingredient_to_a_product_past_the_search(attacker: Sql) -> bool:
    _name_the_water(attacker)
    return _comes_to_be_found(
        attacker,
        "UPDATE product_ingredients SET product_id = %(other)s WHERE product_id = %(otc)s",
        "other",
    )


def _name_the_water(attacker: Sql) -> None:
    """File the product's one ingredient anew, as zephyrine."""
    attacker.run("INSERT INTO ingredient_names (id, name) VALUES (%(new)s, 'ZEPHYRINE')")
    attacker.run("DELETE FROM product_ingredients WHERE product_id = %(otc)s")
    attacker.run(
        "INSERT INTO product_ingredients (product_id, position, name_id, active, raw)"
        " VALUES (%(otc)s, 1, %(new)s, true, 'x')"
    )


@ATTACKS.undone("variants_added_are_searchable")
def _add_a_pack_past_the_search(attacker: Sql) -> bool:
    return _comes_to_be_found(
        attacker, f"{A_PACK} %(otc)s, 'otc_drug', false, 'Zephyrine', 'x', false)"
    )


@ATTACKS.undone("variants_changed_are_searchable")
def _renumber_a_pack_past_the_search(attacker: Sql) -> bool:
    return _comes_to_be_found(
        attacker, "UPDATE variants SET package_ndc = 'Zephyrine' WHERE id = %(otc_pack)s"
    )


@ATTACKS.undone("variants_changed_are_searchable", OWNER)
def _move_a_pack_to_a_product_past_the_search(attacker: Sql) -> bool:
    attacker.run("UPDATE variants SET package_ndc = 'Zephyrine' WHERE id = %(otc_pack)s")
    return _comes_to_be_found(
        attacker, "UPDATE variants SET product_id = %(other)s WHERE id = %(otc_pack)s", "other"
    )


@ATTACKS.undone("variants_before_are_searchable", OWNER)
def _move_a_pack_away_past_the_search(attacker: Sql) -> bool:
    attacker.run("UPDATE variants SET package_ndc = 'Zephyrine' WHERE id = %(otc_pack)s")
    before = _found(attacker, "otc")
    attacker.run("UPDATE variants SET product_id = %(other)s WHERE id = %(otc_pack)s")
    return before and not _found(attacker, "otc")


@ATTACKS.undone("variants_removed_are_searchable", OWNER)
def _remove_a_pack_past_the_search(attacker: Sql) -> bool:
    added = _comes_to_be_found(
        attacker, f"{A_PACK} %(otc)s, 'otc_drug', false, 'Zephyrine', 'x', false)"
    )
    attacker.run("DELETE FROM variants WHERE id = %(new)s")
    return added and not _found(attacker, "otc")


AS_SAM = "SELECT set_config('app.actor', 'person:' || %(sam)s, true)"
AS_ALICE = "SELECT set_config('app.actor', 'person:' || %(alice)s, true)"
RESOLVE = (
    "UPDATE ingredient_names SET way = 'resolved', confidence = 1, ingredient_id = %(oil)s,"
    " resolved_by_id = "
)

ATTACKS.each(
    {
        "resolve a name in another's name": (
            f"{RESOLVE} %(sam)s WHERE id = %(unknown)s",
            "only_staff_resolve_names",
        ),
        "resolve a name as a client": (
            (AS_ALICE, f"{RESOLVE} %(alice)s WHERE id = %(unknown)s"),
            "only_staff_resolve_names",
        ),
        "a name that nobody resolved": (
            (AS_SAM, f"{RESOLVE} NULL WHERE id = %(unknown)s"),
            "only_staff_resolve_names",
        ),
        "bring a name that is resolved already": (
            (
                "INSERT INTO ingredient_names (id, name, way, resolved_by_id)"
                " VALUES (%(new)s, 'ZEPHYRINE', 'resolved', %(sam)s)"
            ),
            "only_staff_resolve_names",
        ),
        "match anew what a person resolved": (
            (
                "UPDATE ingredient_names SET way = 'fuzzy', confidence = 0.9, resolved_by_id = NULL"
                " WHERE id = %(resolved)s"
            ),
            "only_staff_resolve_names",
        ),
        "point a resolved name elsewhere": (
            "UPDATE ingredient_names SET ingredient_id = %(oil)s WHERE id = %(resolved)s",
            "only_staff_resolve_names",
        ),
        "resolve a name of the dictionary": (
            (AS_SAM, f"{RESOLVE} %(sam)s WHERE id = %(eau)s"),
            "dictionary_names_are_matched",
        ),
    }
)


@ATTACKS.undone("only_staff_resolve_names", OWNER)
def _say_that_a_name_was_resolved_long_ago(attacker: Sql) -> bool:
    attacker.run(AS_SAM)
    attacker.run(f"{RESOLVE} %(sam)s, resolved_at = '2001-01-01' WHERE id = %(unknown)s")
    found = attacker.run(
        "SELECT resolved_at > '2002-01-01' AS late FROM ingredient_names WHERE id = %(unknown)s"
    )
    return bool(found["late"])


@ATTACKS.passes()
def _staff_resolve_a_name(attacker: Sql) -> None:
    attacker.run(AS_SAM)
    attacker.run(f"{RESOLVE} %(sam)s WHERE id = %(unknown)s")


@ATTACKS.passes()
def _a_name_is_matched_when_the_dictionary_grows(attacker: Sql) -> None:
    attacker.run(
        "UPDATE ingredient_names SET way = 'synonym', confidence = 1, ingredient_id = %(oil)s"
        " WHERE id = %(unknown)s"
    )


ATTACKS.each(
    {
        "an import that is done begins again": (
            (
                "UPDATE imports SET status = 'running', state_seq = 1, ended_at = NULL"
                " WHERE id = %(done)s"
            ),
            "import_goes_along_an_arrow",
        ),
        "an import that counts from before it began": (
            "UPDATE imports SET state_seq = 0 WHERE id = %(running)s",
            "import_goes_along_an_arrow",
        ),
        "an import that jumps": (
            "UPDATE imports SET status = 'queued' WHERE id = %(running)s",
            "import_goes_along_an_arrow",
        ),
    },
    APP,
    WORKER,
)


def _counts(attacker: Sql, outcome: str) -> None:
    """The import says that it is done: its one row had this outcome."""
    seq = attacker.tell("import", attacker.facts["running"], "done")
    attacker.run(
        f"UPDATE imports SET status = 'done', state_seq = %(seq)s, rows_done = 1, {outcome} = 1,"
        " ended_at = now() WHERE id = %(running)s",
        seq=seq,
    )


@ATTACKS.refused("done_import_accounts_for_every_row", APP, WORKER)
def _an_import_that_drops_its_row(attacker: Sql) -> None:
    _counts(attacker, "unchanged")


@ATTACKS.refused("done_import_accounts_for_every_row", APP, WORKER)
def _an_import_that_calls_a_row_set_aside_created(attacker: Sql) -> None:
    _row_set_aside(attacker)
    _counts(attacker, "created")


@ATTACKS.passes(APP, WORKER)
def _an_import_that_tells_of_its_row(attacker: Sql) -> None:
    _row_set_aside(attacker)
    _counts(attacker, "quarantined")


def _row_set_aside(attacker: Sql) -> None:
    attacker.run(
        "INSERT INTO import_rows (import_id, number, key, outcome, reasons, raw)"
        " VALUES (%(running)s, 2, 'x', 'quarantined', '{why}', '{}')"
    )
