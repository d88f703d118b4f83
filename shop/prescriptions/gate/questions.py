"""The questions, in the order of docs/domain.md. The first no is the answer."""

from __future__ import annotations

from collections.abc import Callable

from shop.catalog.models import LegalClass
from shop.core.rules import Severity
from shop.prescriptions.gate import covering, windows
from shop.prescriptions.gate.answers import Answer, Objection
from shop.prescriptions.gate.facts import Facts, Wish

ADULT = 18  # years, for anything doctor-only
Question = Callable[[Facts, Wish], Objection | None]


def client_is_active(facts: Facts, wish: Wish) -> Objection | None:
    if facts.client.active:
        return None
    return Objection(
        Answer.BLOCKED, "client_not_active", "This account cannot order.", "Ask the clinic."
    )


def pack_is_known(facts: Facts, wish: Wish) -> Objection | None:
    if wish.variant_id in facts.packs:
        return None
    return Objection(
        Answer.BLOCKED,
        "unknown_product",
        "We do not know this product.",
        "Choose one from the shop.",
        {"sku": wish.sku},
    )


def client_is_old_enough(facts: Facts, wish: Wish) -> Objection | None:
    if not facts.packs[wish.variant_id].needs_prescription:
        return None
    if facts.client.age is not None and facts.client.age >= ADULT:
        return None
    return Objection(
        Answer.BLOCKED,
        "minor",
        f"We send prescription products to people of {ADULT} and over only.",
        "Ask the clinic to see you in person.",
        {"minimum_age": ADULT},
    )


def pack_is_offered(facts: Facts, wish: Wish) -> Objection | None:
    pack = facts.packs[wish.variant_id]
    if pack.legal_class is LegalClass.CLINIC_USE:
        return Objection(
            Answer.BLOCKED,
            "never_sold",
            "This is used in the clinic only and never sold.",
            facts={"legal_class": pack.legal_class.value},
        )
    if rule := pack.barred_by:
        return Objection(
            Answer.BLOCKED,
            "not_sold_in_state",
            f"This is not sold in {facts.ship_to_state or 'your state'} (rule {rule.number}, "
            f"version {rule.version}).",
            "Ask the clinic what it has instead.",
        )
    if not pack.offered:
        return Objection(
            Answer.BLOCKED, "not_for_sale", "This is not for sale.", "Choose another product."
        )
    return None


def pack_is_named_once(facts: Facts, wish: Wish) -> Objection | None:
    same = [
        other
        for other in facts.wishes
        if other.variant_id == wish.variant_id and other.fill_id == wish.fill_id
    ]
    if len(same) == 1 or not facts.packs[wish.variant_id].needs_prescription:
        return None
    return Objection(
        Answer.NEEDS_CLIENT_ACTION,
        "named_twice",
        "This is in the list more than once, and one prescription covers it once.",
        "Keep one of them.",
    )


def prescription_covers_it(facts: Facts, wish: Wish) -> Objection | None:
    if not facts.packs[wish.variant_id].needs_prescription:
        return None
    weighed = covering.weighed(facts, wish)
    if any(one.covers for one in weighed):
        return None
    if not weighed:
        return _none_of_this_pack(facts, wish)
    # The prescription that comes nearest to covering it explains best.
    return max(weighed, key=lambda one: len(one.tests)).objection


def leaflet_is_read(facts: Facts, wish: Wish) -> Objection | None:
    """Before the first fill of a prescription; whoever has begun with it is not asked again."""
    pack = facts.packs[wish.variant_id]
    cover = covering.cover(facts, wish) if pack.needs_prescription and not wish.placed else None
    if cover is None or any(fill.live for fill in cover.fills):
        return None
    leaflet = facts.leaflets[pack.product_id]
    if leaflet.read:
        return None
    return Objection(
        Answer.NEEDS_CLIENT_ACTION,
        "leaflet_not_read",
        "Read the leaflet before you use this for the first time.",
        f"Read it and confirm it with your prescription {cover.number}.",
        {"prescription": cover.number, "leaflet": leaflet.version},
    )


def skin_is_in_course(facts: Facts, wish: Wish) -> Objection | None:
    """Until a physician has answered a bad report, nothing new that a physician answers for."""
    if wish.placed or not facts.report_waits:
        return None
    if not facts.packs[wish.variant_id].needs_prescription:
        return None
    return Objection(
        Answer.BLOCKED,
        "report_waits",
        "Your skin does not do as expected. A physician looks at your report first.",
        "Stop all active products until your clinic has written.",
    )


def treatment_window(facts: Facts, wish: Wish) -> Objection | None:
    """What a treatment stops today is not sold today; what was placed before goes on.

    A soft stop holds what a physician answers for; what anybody may buy, only a hard one.
    """
    if wish.placed:
        return None
    pack = facts.packs[wish.variant_id]
    asked = facts.windows.get(wish.variant_id, ())
    least = Severity.SOFT_STOP if pack.needs_prescription else Severity.HARD_STOP
    stops = windows.holding(asked, facts.at, least=least)
    if not stops:
        return None
    last = stops[-1]
    free = last.until.date()
    rules = dict.fromkeys(rule for one in stops for rule in one.rules)
    return Objection(
        Answer.HOLD_UNTIL,
        "treatment_window",
        last.text,
        "Order it then.",
        {
            "from": free.isoformat(),
            "severity": max(one.severity for one in stops).word,
            "rules": [{"rule": number, "version": version} for number, version in rules],
        },
        until=free,
    )


def it_is_in_stock(facts: Facts, wish: Wish) -> Objection | None:
    if wish.variant_id not in facts.out_of_stock:
        return None
    return Objection(
        Answer.BLOCKED,
        "out_of_stock",
        "There is not enough of this on the shelf.",
        "Take fewer, or come back in some days.",
    )


def _none_of_this_pack(facts: Facts, wish: Wish) -> Objection:
    if wish.placed:
        return covering.not_held(wish)
    product = facts.packs[wish.variant_id].product_id
    for one in facts.prescriptions:
        near = one.client_id == facts.client.id and one.product_id == product
        if near and not any(test(facts, wish, one) for test in covering.STANDING):
            return Objection(
                Answer.NEEDS_REQUEST,
                "other_pack",
                f"Your prescription {one.number} is for another pack: {one.pack_name}.",
                f"Choose {one.pack_name}, or ask a physician for this one.",
                {"prescription": one.number, "pack": one.pack_name},
            )
    return Objection(
        Answer.NEEDS_REQUEST,
        "no_prescription",
        "A physician approves this first. It takes about a day.",
        "Ask the physician.",
    )


QUESTIONS: tuple[Question, ...] = (
    client_is_active,
    pack_is_known,
    client_is_old_enough,
    pack_is_offered,
    pack_is_named_once,
    prescription_covers_it,
    leaflet_is_read,
    skin_is_in_course,
    treatment_window,
    it_is_in_stock,
)
