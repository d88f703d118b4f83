"""The cases that are measured: what is asked, what is made ready for it, what its floor is."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

import psycopg
from flask import Flask

from benchmarks import buyers, floors
from benchmarks.floors import Script
from benchmarks.load import Operation
from benchmarks.operations import Buyer, Checkout, Hearing, Placing, Reading
from benchmarks.world import World

CATEGORIES = ("sunscreen", "retinoid", "rosacea", "corticosteroid")
WORDS = ("sunscreen", "mineral spf 50", "sunscren lotion", "zinc oxide", "tinted cream", "cream")
DIFFERENT = 120  # queries of all kinds; pgbench takes 128 scripts
PAGES = 24  # different addresses of an operation that reads


def _nothing() -> None:
    pass


@dataclass
class Case:
    """`before` makes a round possible, `after` waits until all that it led to is done."""

    name: str
    operation: Operation
    floor: Callable[[], Script] | None
    before: Callable[[], None] = _nothing
    after: Callable[[], None] = _nothing


@dataclass(frozen=True)
class Cast:
    """Who takes part, made once. `placing` and `floor` place orders, `checkout` also pays them."""

    placing: tuple[Buyer, ...]
    checkout: tuple[Buyer, ...]
    floor: tuple[Buyer, ...]
    physician: buyers.Physician


def cast(count: int) -> Cast:
    """So many buyers for each thing they do. Commits."""
    chen = buyers.physician()
    placing, checkout, floor = (buyers.buyers(count, chen) for _ in range(3))
    return Cast(placing, checkout, floor, buyers.waiting(min(count, PAGES), chen))


def all_of(world: World, app: Flask, who: Cast, *, seed: int) -> list[Case]:
    """Every case, on a world that is filled."""
    with world.admin() as admin:
        slugs = _slugs(admin, random.Random(seed))
        typed = _typed(admin, random.Random(seed))
        creams = _slugs_of(admin, who.placing)
    tokens = tuple(buyer.token for buyer in who.placing[:PAGES])
    gated = [slug for pair in zip(creams, slugs, strict=False) for slug in pair] or slugs
    reads = {
        "list of 24, filtered": Reading(_pages("products?limit=24&category={}", CATEGORIES)),
        "search, 24 hits": Reading(
            _pages("products?limit=24&q={}", [words.replace(" ", "+") for words in WORDS])
        ),
        "search of all kinds, 24 hits": Reading(_pages("products?limit=24&q={}", typed)),
        "product": Reading(_pages("products/{}", slugs)),
        "product and gate, signed in": Reading(
            tuple((f"/api/v1/products/{slug}", f"/api/v1/products/{slug}/gate") for slug in gated),
            tokens,
        ),
    }
    return [
        *(_read(name, operation, world, app) for name, operation in reads.items()),
        _case(world, app, who),
        _placing(world, app, who),
        Case(
            "whole checkout, to paid",
            Checkout(who.checkout),
            None,
            before=lambda: quiet(world),
            after=lambda: quiet(world),
        ),
        Case(
            "webhook",
            Hearing(app.config["SHOP"].stripe_webhook_secrets[0]),
            None,
            before=lambda: quiet(world),
            after=lambda: quiet(world),
        ),
    ]


def quiet(world: World) -> None:
    """Wait until the worker has nothing left to do."""
    query = "SELECT FROM jobs.procrastinate_jobs WHERE status IN ('todo', 'doing') LIMIT 1"
    deadline = time.monotonic() + 600
    with world.admin() as admin:
        while admin.execute(query).fetchone() is not None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"Jobs are left undone. See {world.home / 'worker.log'}.")
            time.sleep(0.05)


def _read(name: str, operation: Reading, world: World, app: Flask) -> Case:
    def floor() -> Script:
        home = world.home / name.replace(" ", "-")
        home.mkdir(exist_ok=True)
        return floors.reading(app, operation, len(operation.pages), home)

    return Case(name, operation, floor, before=lambda: _seen(world))


def _case(world: World, app: Flask, who: Cast) -> Case:
    numbers = who.physician.requests
    operation = Reading(_pages("approval-requests/{}", numbers), (who.physician.token,))

    def floor() -> Script:
        with world.admin() as admin:
            script = floors.writing(app, operation, len(who.floor), world, "case_rows")
            # The ids of what was written down are used again, so it is forgotten.
            admin.execute("SET session_replication_role = replica")
            admin.execute("DELETE FROM accesses")
        return script

    return Case("physician's case", operation, floor, before=lambda: _seen(world))


def _placing(world: World, app: Flask, who: Cast) -> Case:
    def ready(those: tuple[Buyer, ...]) -> None:
        quiet(world)
        with world.admin() as admin:
            buyers.refill_carts(admin, those)

    def floor() -> Script:
        ready(who.floor)
        operation = Placing(who.floor)
        return floors.writing(app, operation, len(who.floor), world, "placing_rows", undone=True)

    return Case("placing", Placing(who.placing), floor, before=lambda: ready(who.placing))


def _seen(world: World) -> None:
    quiet(world)
    with world.admin() as admin:
        buyers.seen_just_now(admin)


def _pages(address: str, values: Any) -> tuple[tuple[str, ...], ...]:
    return tuple((f"/api/v1/{address.format(value)}",) for value in values)


def _slugs(admin: psycopg.Connection[Any], chance: random.Random) -> list[str]:
    rows = admin.execute(
        "SELECT slug FROM products WHERE published_at IS NOT NULL ORDER BY slug"
    ).fetchall()
    return chance.sample([str(slug) for (slug,) in rows], min(PAGES, len(rows)))


def _typed(admin: psycopg.Connection[Any], chance: random.Random) -> list[str]:
    """What many people would type: names, their beginnings, a letter missing, words, numbers."""
    names = [str(name) for (name,) in admin.execute("SELECT name FROM products ORDER BY name, id")]
    words = [str(word) for (word,) in admin.execute("SELECT word FROM search_words ORDER BY word")]
    skus = [str(sku) for (sku,) in admin.execute("SELECT sku FROM variants ORDER BY sku")]
    found = []
    for _ in range(DIFFERENT // 5):
        name, word = chance.choice(names), chance.choice(words)
        gap = chance.randrange(1, len(word))
        found += [
            " ".join(name.split()[:3]),
            word[: max(3, len(word) // 2)],
            word[:gap] + word[gap + 1 :],
            f"{word} {chance.choice(WORDS)}",
            chance.choice(skus),
        ]
    return [quote_plus(text) for text in found]


def _slugs_of(admin: psycopg.Connection[Any], who: tuple[Buyer, ...]) -> list[str]:
    rows = admin.execute(
        "SELECT DISTINCT slug FROM products JOIN variants ON product_id = products.id"
        " WHERE sku = ANY(%s) ORDER BY slug",
        [[buyer.cream for buyer in who]],
    )
    return [str(slug) for (slug,) in rows]
