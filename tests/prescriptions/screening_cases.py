"""Worked cases of screening: facts, and exactly what they set off.

The client is well and has answered everything; the products are known to the last ingredient, stay
on the skin, and are put on in the evening. A case says what is different.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from shop.catalog.models import ActiveClass, Pregnancy
from shop.charts.facts import ConditionCode, PregnancyStatus
from shop.prescriptions.screening.facts import (
    Action,
    Active,
    Allergy,
    Client,
    Dispensed,
    Facts,
    Isotretinoin,
    Product,
    Slot,
    Taking,
    Window,
)

DAY = date(2026, 11, 27)
C, P = ActiveClass, Pregnancy
KNOWN: dict[str, tuple[ActiveClass | None, Pregnancy | None]] = {
    "TRETINOIN": (C.RETINOID, P.AVOID),
    "ADAPALENE": (C.RETINOID, P.AVOID),
    "TAZAROTENE": (C.RETINOID, P.AVOID),
    "TRIFAROTENE": (C.RETINOID, P.AVOID),
    "BEXAROTENE": (C.RETINOID, P.AVOID),
    "RETINOL": (C.RETINOID, P.AVOID),
    "HYDROQUINONE": (C.HYDROQUINONE, P.AVOID),
    "FLUOROURACIL": (C.ANTIMITOTIC, P.AVOID),
    "BENZOYL PEROXIDE": (C.BENZOYL_PEROXIDE, P.CAUTION),
    "GLYCOLIC ACID": (C.AHA, P.SAFE),
    "SALICYLIC ACID": (C.BHA, P.CAUTION),
    "SULFUR": (C.SULFUR, None),
    "RESORCINOL": (C.RESORCINOL, None),
    "ASCORBIC ACID": (C.VITAMIN_C, P.SAFE),
    "COPPER TRIPEPTIDE-1": (C.PEPTIDE, P.CAUTION),
    "AZELAIC ACID": (C.AZELAIC_ACID, P.SAFE),
    "NIACINAMIDE": (C.NIACINAMIDE, P.SAFE),
    "ZINC OXIDE": (C.UV_FILTER, P.SAFE),
    "CLOBETASOL PROPIONATE": (C.CORTICOSTEROID, P.CAUTION),
    "HYDROCORTISONE": (C.CORTICOSTEROID, P.CAUTION),
    "SULFACETAMIDE SODIUM": (C.ANTIBIOTIC, None),
    "MINOXIDIL": (None, P.AVOID),
}


def an_active(name: str, **given: Any) -> Active:
    active_class, pregnancy = KNOWN[name]
    return Active(name, **({"active_class": active_class, "pregnancy": pregnancy} | given))


def a_product(*actives: str, plus: tuple[str, ...] = (), **given: Any) -> Product:
    """With these actives, 4 % each, and `plus` as its other ingredients."""
    fields: dict[str, Any] = {
        "key": "-".join(actives),
        "name": " and ".join(actives).capitalize(),
        "actives": tuple(an_active(name, percent=Decimal(4)) for name in actives),
        "ingredients": frozenset({*actives, "AQUA", *plus}),
        "complete": True,
        "slots": frozenset({Slot.EVENING}),
        "leave_on": True,
    }
    return Product(**(fields | given))


SUNSCREEN = a_product("ZINC OXIDE", slots=frozenset({Slot.MORNING}))
WELL = Client(
    birth_date=date(1990, 5, 4),
    pregnancy=PregnancyStatus.NONE,
    pregnancy_on=DAY,
    allergies=(),
    has_not=frozenset(ConditionCode),
    medicines=(),
    isotretinoin=Isotretinoin(Taking.NEVER),
    fitzpatrick=2,
)


def the_facts(*candidates: Product | str, beside: tuple[Product, ...] = (), **given: Any) -> Facts:
    """Asked for by a well client, who wears a sunscreen; the rest of `given` is hers."""
    facts = {name: given.pop(name) for name in ("dispensed", "windows", "states") if name in given}
    regimen = given.pop("regimen", (SUNSCREEN, *beside))
    return Facts(
        client=replace(WELL, **given),
        candidates=tuple(a_product(one) if isinstance(one, str) else one for one in candidates),
        regimen=regimen,
        **({"dispensed": ()} | facts),
    )


def status(word: str, days_ago: int = 0) -> dict[str, Any]:
    return {
        "pregnancy": PregnancyStatus(word),
        "pregnancy_on": DAY - timedelta(days=days_ago),
    }


def aged(years: int) -> dict[str, Any]:
    return {"birth_date": DAY.replace(year=DAY.year - years)}


def having(*conditions: ConditionCode) -> dict[str, Any]:
    return {"has": frozenset(conditions), "has_not": frozenset(ConditionCode) - set(conditions)}


def not_saying(condition: ConditionCode) -> dict[str, Any]:
    return {"has_not": frozenset(ConditionCode) - {condition}}


def allergic(text: str, *substances: str) -> dict[str, Any]:
    return {"allergies": (Allergy(text, frozenset(substances)),)}


def took(taking: Taking, last_day: date | None = None) -> dict[str, Any]:
    return {"isotretinoin": Isotretinoin(taking, last_day)}


def supplies(*pairs: tuple[int, int], active_class: ActiveClass = C.HYDROQUINONE) -> dict[str, Any]:
    """Each (days of supply, days ago), every one of another brand."""
    return {
        "dispensed": tuple(
            Dispensed(active_class, days, DAY - timedelta(days=ago), f"Brand {place}")
            for place, (days, ago) in enumerate(pairs)
        )
    }


def a_window(action: str, begins: int, until: int, of: ActiveClass = C.RETINOID) -> Window:
    """Days from today."""
    return Window(of, Action(action), DAY + timedelta(days=begins), DAY + timedelta(days=until))


def in_the(slot: str, *actives: str, **given: Any) -> Product:
    return a_product(*actives, slots=frozenset({Slot(slot)}), **given)


HQ_LISTED = a_product("HYDROQUINONE", complete=False)  # as registers have it: actives only
HQ_SULFITE = a_product("HYDROQUINONE", plus=("SODIUM METABISULFITE",))
TRETINOIN_GEL = a_product("TRETINOIN", complete=False, form="GEL")
STRANGER = a_product(
    actives=(Active("SNAIL DUST", None, known=False),), key="snail", name="Snail dust"
)
ECZEMA, SUNBURN, OPEN = ConditionCode.ECZEMA, ConditionCode.SUNBURN, ConditionCode.OPEN_SKIN
ASTHMA, SORES = ConditionCode.ASTHMA, ConditionCode.COLD_SORES
INFO, WARN, SOFT, HARD = "info", "warn", "soft_stop", "hard_stop"

# What is set off, all of it: rule (without its SC-) → severity.
FIRES: dict[str, tuple[Facts, dict[str, str]]] = {
    # pregnancy
    "tazarotene in pregnancy": (
        the_facts("TAZAROTENE", **status("pregnant")),
        {"TAZAROTENE-PREGNANCY": HARD},
    ),
    "tazarotene while trying": (
        the_facts("TAZAROTENE", **status("trying")),
        {"TAZAROTENE-PREGNANCY": HARD},
    ),
    "tazarotene, and nobody knows": (
        the_facts("TAZAROTENE", pregnancy=None),
        {"TAZAROTENE-PREGNANCY": SOFT},
    ),
    "tazarotene while breastfeeding": (
        the_facts("TAZAROTENE", **status("breastfeeding")),
        {"RETINOID-BREASTFEEDING": SOFT},
    ),
    "bexarotene in pregnancy": (
        the_facts("BEXAROTENE", **status("pregnant")),
        {"BEXAROTENE-PREGNANCY": HARD},
    ),
    "tretinoin in pregnancy": (
        the_facts("TRETINOIN", **status("pregnant")),
        {"RETINOID-PREGNANCY": SOFT},
    ),
    "tretinoin, said not pregnant half a year ago": (
        the_facts("TRETINOIN", **status("none", days_ago=180)),
        {"RETINOID-PREGNANCY": SOFT},
    ),
    "tretinoin, said not pregnant on no day": (
        the_facts("TRETINOIN", pregnancy_on=None),
        {"RETINOID-PREGNANCY": SOFT},
    ),
    "tretinoin, said pregnant a year ago": (
        the_facts("TRETINOIN", **status("pregnant", days_ago=365)),
        {"RETINOID-PREGNANCY": SOFT},
    ),
    "hydroquinone in pregnancy": (
        the_facts("HYDROQUINONE", **status("pregnant")),
        {"HYDROQUINONE-PREGNANCY": HARD},
    ),
    "hydroquinone while trying": (
        the_facts("HYDROQUINONE", **status("trying")),
        {"HYDROQUINONE-TRYING-BREASTFEEDING": SOFT},
    ),
    "hydroquinone while breastfeeding": (
        the_facts("HYDROQUINONE", **status("breastfeeding")),
        {"HYDROQUINONE-TRYING-BREASTFEEDING": SOFT},
    ),
    "a mix of three in pregnancy": (
        the_facts(a_product("HYDROQUINONE", "TRETINOIN", "HYDROCORTISONE"), **status("pregnant")),
        {
            "HYDROQUINONE-PREGNANCY": HARD,
            "RETINOID-PREGNANCY": SOFT,
            "ACTIVE-WITH-CAUTION-PREGNANCY": WARN,
        },
    ),
    "fluorouracil in pregnancy": (
        the_facts("FLUOROURACIL", **status("pregnant")),
        {"FLUOROURACIL-PREGNANCY": HARD},
    ),
    "what the dictionary says to avoid": (
        the_facts("MINOXIDIL", **status("pregnant")),
        {"ACTIVE-TO-AVOID-PREGNANCY": SOFT},
    ),
    "what the dictionary is careful with": (
        the_facts("CLOBETASOL PROPIONATE", **status("breastfeeding")),
        {"ACTIVE-WITH-CAUTION-PREGNANCY": WARN},
    ),
    # age
    "hydroquinone at twelve": (
        the_facts("HYDROQUINONE", **aged(12)),
        {"HYDROQUINONE-AGE": HARD},
    ),
    "hydroquinone at no known age": (
        the_facts("HYDROQUINONE", birth_date=None),
        {"HYDROQUINONE-AGE": SOFT},
    ),
    "adapalene at eleven": (the_facts("ADAPALENE", **aged(11)), {"ADAPALENE-AGE": SOFT}),
    "tretinoin at eleven": (the_facts("TRETINOIN", **aged(11)), {"TRETINOIN-AGE": SOFT}),
    "tazarotene at eleven": (the_facts("TAZAROTENE", **aged(11)), {"TAZAROTENE-AGE": SOFT}),
    "trifarotene at eight": (the_facts("TRIFAROTENE", **aged(8)), {"TRIFAROTENE-AGE": SOFT}),
    # conditions
    "tretinoin on eczema": (the_facts("TRETINOIN", **having(ECZEMA)), {"TRETINOIN-ECZEMA": HARD}),
    "tretinoin, eczema not known": (
        the_facts("TRETINOIN", **not_saying(ECZEMA)),
        {"TRETINOIN-ECZEMA": SOFT},
    ),
    "tretinoin on sunburn": (
        the_facts("TRETINOIN", **having(SUNBURN)),
        {"TRETINOIN-SUNBURN": HARD},
    ),
    "adapalene on eczema": (the_facts("ADAPALENE", **having(ECZEMA)), {"RETINOID-ECZEMA": SOFT}),
    "adapalene on sunburn": (
        the_facts("ADAPALENE", **having(SUNBURN)),
        {"RETINOID-SUNBURN": SOFT},
    ),
    "tretinoin on sunburnt and open skin": (
        the_facts("TRETINOIN", **having(SUNBURN, OPEN)),
        {"TRETINOIN-SUNBURN": HARD, "RETINOID-OPEN-SKIN": SOFT},
    ),
    "an acid on open skin": (the_facts("GLYCOLIC ACID", **having(OPEN)), {"ACID-OPEN-SKIN": WARN}),
    "a corticosteroid and cold sores": (
        the_facts("CLOBETASOL PROPIONATE", **having(SORES)),
        {"CORTICOSTEROID-COLD-SORES": WARN},
    ),
    # medicines
    "tretinoin beside isotretinoin": (
        the_facts("TRETINOIN", **took(Taking.NOW)),
        {"RETINOID-ISOTRETINOIN": SOFT},
    ),
    "tretinoin, isotretinoin once, nobody knows when": (
        the_facts("TRETINOIN", **took(Taking.PAST)),
        {"RETINOID-ISOTRETINOIN": SOFT},
    ),
    "tretinoin, isotretinoin not known": (
        the_facts("TRETINOIN", isotretinoin=None),
        {"RETINOID-ISOTRETINOIN": SOFT},
    ),
    "an acid 180 days after isotretinoin": (
        the_facts("SALICYLIC ACID", **took(Taking.PAST, DAY - timedelta(days=180))),
        {"ACID-ISOTRETINOIN": WARN},
    ),
    "tretinoin beside doxycycline": (
        the_facts("TRETINOIN", medicines=("Doxycycline 100mg, twice a day",)),
        {"RETINOID-PHOTOSENSITISER": WARN},
    ),
    "tretinoin beside somebody else's tretinoin": (
        the_facts("TRETINOIN", medicines=("my old RETIN-A",)),
        {"RETINOID-ELSEWHERE": SOFT},
    ),
    "tretinoin, medicines not known": (
        the_facts("TRETINOIN", medicines=None),
        {"RETINOID-ELSEWHERE": SOFT},
    ),
    "hydroquinone beside somebody else's": (
        the_facts("HYDROQUINONE", medicines=("Obagi Nu-Derm Clear",)),
        {"HYDROQUINONE-ELSEWHERE": SOFT},
    ),
    "hydroquinone on dark skin": (
        the_facts("HYDROQUINONE", fitzpatrick=5),
        {"DARK-MARKS-SKIN-TYPE": INFO},
    ),
    # allergies
    "an allergy to an active": (
        the_facts("NIACINAMIDE", **allergic("vitamin B3", "NIACINAMIDE")),
        {"ALLERGY": HARD},
    ),
    "an allergy behind a synonym": (
        the_facts(HQ_SULFITE, **allergic("sodium pyrosulfite", "SODIUM METABISULFITE")),
        {"ALLERGY": HARD, "ALLERGY-SULFITE": SOFT},
    ),
    "sulfites, and a cream with one": (
        the_facts(HQ_SULFITE, **allergic("Sulfites in wine", "SODIUM SULFITE")),
        {"ALLERGY-SULFITE": SOFT},
    ),
    "sulfites, and a cream of which nobody knows all": (
        the_facts(HQ_LISTED, **allergic("sulphites")),
        {"ALLERGY": SOFT, "ALLERGY-SULFITE": SOFT, "ALLERGY-TEXT": SOFT},
    ),
    "allergies not known": (
        the_facts("NIACINAMIDE", allergies=None),
        {"ALLERGY": SOFT},
    ),
    "allergies not known, and a cream with sulfite": (
        the_facts(HQ_SULFITE, allergies=None),
        {"ALLERGY": SOFT, "ALLERGY-SULFITE": SOFT},
    ),
    "an allergy that nobody can read": (
        the_facts("NIACINAMIDE", **allergic("that blue soap")),
        {"ALLERGY-TEXT": SOFT},
    ),
    "asthma, and a cream with sulfite": (
        the_facts(HQ_SULFITE, **having(ASTHMA)),
        {"ASTHMA-SULFITE": WARN},
    ),
    "asthma not known, and a cream with sulfite": (
        the_facts(HQ_SULFITE, **not_saying(ASTHMA)),
        {"ASTHMA-SULFITE": WARN},
    ),
    "asthma, and a cream of which nobody knows all": (
        the_facts(HQ_LISTED, **having(ASTHMA)),
        {"ASTHMA-SULFITE": WARN},
    ),
    "fish, and Atralin": (
        the_facts(replace(TRETINOIN_GEL, name="ATRALIN gel"), **allergic("Fish", "FISH OIL")),
        {"ALLERGY": SOFT, "ALLERGY-FISH": HARD},
    ),
    "fish, and a gel that holds some": (
        the_facts(a_product("TRETINOIN", plus=("SOLUBLE FISH PROTEINS",)), **allergic("cod", "X")),
        {"ALLERGY-FISH": HARD},
    ),
    "fish, and a gel of which nobody knows all": (
        the_facts(TRETINOIN_GEL, **allergic("seafood", "X")),
        {"ALLERGY": SOFT, "ALLERGY-FISH": SOFT},
    ),
    "fish, and tretinoin in no known form": (
        the_facts(replace(TRETINOIN_GEL, form=""), **allergic("tuna", "X")),
        {"ALLERGY": SOFT, "ALLERGY-FISH": SOFT},
    ),
    "sulfa": (
        the_facts("SULFACETAMIDE SODIUM", **allergic("Sulfa drugs: hives", "X")),
        {"ALLERGY-SULFONAMIDE": SOFT},
    ),
    "aspirin": (
        the_facts("SALICYLIC ACID", **allergic("aspirin", "X")),
        {"ALLERGY-SALICYLATE": WARN},
    ),
    # the product alone
    "an active that nobody knows": (the_facts(STRANGER), {"ACTIVE-UNKNOWN": SOFT}),
    "no active filed": (the_facts(replace(STRANGER, actives=())), {"ACTIVE-UNKNOWN": SOFT}),
    "six percent": (
        the_facts(
            a_product("HYDROQUINONE", actives=(an_active("HYDROQUINONE", percent=Decimal(6)),))
        ),
        {"HYDROQUINONE-STRENGTH": WARN},
    ),
    "no clear strength": (
        the_facts(a_product("HYDROQUINONE", actives=(an_active("HYDROQUINONE"),))),
        {"HYDROQUINONE-STRENGTH": WARN},
    ),
    # twice
    "two retinoids of two brands": (
        the_facts("TRETINOIN", beside=(a_product("ADAPALENE", name="Differin"),)),
        {"RETINOID-TWICE": SOFT},
    ),
    "the same retinoid of two brands, morning and evening": (
        the_facts("TRETINOIN", beside=(in_the("morning", "TRETINOIN", key="other"),)),
        {"RETINOID-TWICE": SOFT},
    ),
    "two candidates with hydroquinone": (
        the_facts("HYDROQUINONE", a_product("HYDROQUINONE", key="other")),
        {"HYDROQUINONE-TWICE": SOFT},
    ),
    "two corticosteroids": (
        the_facts("CLOBETASOL PROPIONATE", beside=(a_product("HYDROCORTISONE"),)),
        {"CORTICOSTEROID-TWICE": WARN},
    ),
    # the course
    "two months of hydroquinone": (
        the_facts("HYDROQUINONE", **supplies((30, 60), (30, 30))),
        {"HYDROQUINONE-COURSE-REVIEW": WARN},
    ),
    "three months over two brands": (
        the_facts("HYDROQUINONE", **supplies((45, 91), (45, 45))),
        {"HYDROQUINONE-COURSE-REVIEW": WARN, "HYDROQUINONE-COURSE-CAP": SOFT},
    ),
    "a first course of four months asked for": (
        the_facts(a_product("HYDROQUINONE", days=120)),
        {"HYDROQUINONE-COURSE-REVIEW": WARN, "HYDROQUINONE-COURSE-CAP": SOFT},
    ),
    "half a year without a pause": (
        the_facts("HYDROQUINONE", **supplies((90, 200), (90, 100))),
        {
            "HYDROQUINONE-COURSE-REVIEW": WARN,
            "HYDROQUINONE-COURSE-CAP": SOFT,
            "HYDROQUINONE-COURSE-LIMIT": HARD,
        },
    ),
    "four supplies bought on one day": (
        the_facts("HYDROQUINONE", **supplies((30, 10), (30, 10), (30, 10), (1, 10))),
        {"HYDROQUINONE-COURSE-REVIEW": WARN, "HYDROQUINONE-COURSE-CAP": SOFT},
    ),
    "a pause too short by a day": (
        the_facts("HYDROQUINONE", **supplies((60, 119))),
        {"HYDROQUINONE-COURSE-REVIEW": WARN},
    ),
    "the course not known": (
        the_facts("HYDROQUINONE", dispensed=None),
        {"HYDROQUINONE-COURSE-REVIEW": WARN, "HYDROQUINONE-COURSE-CAP": SOFT},
    ),
    # together
    "tretinoin and benzoyl peroxide in the evening": (
        the_facts("TRETINOIN", beside=(a_product("BENZOYL PEROXIDE"),)),
        {"TRETINOIN-BENZOYL-PEROXIDE": WARN},
    ),
    "tretinoin and benzoyl peroxide, nobody knows when": (
        the_facts(
            a_product("TRETINOIN", slots=frozenset()),
            beside=(in_the("morning", "BENZOYL PEROXIDE"),),
        ),
        {"TRETINOIN-BENZOYL-PEROXIDE": WARN},
    ),
    "tretinoin and a benzoyl peroxide that nobody knows to be rinsed": (
        the_facts("TRETINOIN", beside=(a_product("BENZOYL PEROXIDE", leave_on=None),)),
        {"TRETINOIN-BENZOYL-PEROXIDE": WARN},
    ),
    "asked the other way round": (
        the_facts("BENZOYL PEROXIDE", beside=(a_product("TRETINOIN"),)),
        {"TRETINOIN-BENZOYL-PEROXIDE": WARN},
    ),
    "retinol and benzoyl peroxide": (
        the_facts("RETINOL", beside=(a_product("BENZOYL PEROXIDE"),)),
        {"RETINOID-BENZOYL-PEROXIDE": INFO},
    ),
    "tretinoin and glycolic acid": (
        the_facts("TRETINOIN", beside=(a_product("GLYCOLIC ACID"),)),
        {"RETINOID-AHA": WARN},
    ),
    "tretinoin and a weekly peel": (
        the_facts("TRETINOIN", beside=(in_the("weekly", "GLYCOLIC ACID"),)),
        {"RETINOID-AHA": WARN},
    ),
    "adapalene and salicylic acid": (
        the_facts("ADAPALENE", beside=(a_product("SALICYLIC ACID"),)),
        {"RETINOID-BHA": WARN},
    ),
    "tretinoin and sulfur, though morning and evening": (
        the_facts("TRETINOIN", beside=(in_the("morning", "SULFUR"),)),
        {"RETINOID-SULFUR-RESORCINOL": WARN},
    ),
    "hydroquinone and a benzoyl peroxide wash": (
        the_facts("HYDROQUINONE", beside=(a_product("BENZOYL PEROXIDE", leave_on=False),)),
        {"HYDROQUINONE-BENZOYL-PEROXIDE": WARN},
    ),
    "tretinoin and vitamin C": (
        the_facts("TRETINOIN", beside=(a_product("ASCORBIC ACID"),)),
        {"RETINOID-VITAMIN-C": INFO},
    ),
    "vitamin C and benzoyl peroxide": (
        the_facts("BENZOYL PEROXIDE", beside=(a_product("ASCORBIC ACID"),)),
        {"VITAMIN-C-BENZOYL-PEROXIDE": WARN},
    ),
    "vitamin C and glycolic acid": (
        the_facts("ASCORBIC ACID", beside=(a_product("GLYCOLIC ACID"),)),
        {"VITAMIN-C-AHA": INFO},
    ),
    "copper and vitamin C": (
        the_facts("COPPER TRIPEPTIDE-1", beside=(a_product("ASCORBIC ACID"),)),
        {"COPPER-PEPTIDE-VITAMIN-C": WARN},
    ),
    "copper and glycolic acid": (
        the_facts("COPPER TRIPEPTIDE-1", beside=(a_product("GLYCOLIC ACID"),)),
        {"COPPER-PEPTIDE-AHA": INFO},
    ),
    "copper and tretinoin": (
        the_facts("TRETINOIN", beside=(a_product("COPPER TRIPEPTIDE-1"),)),
        {"COPPER-PEPTIDE-RETINOID": INFO},
    ),
    "hydroquinone without a sunscreen": (
        the_facts("HYDROQUINONE", regimen=()),
        {"HYDROQUINONE-SUNSCREEN": WARN},
    ),
    "tretinoin without a sunscreen": (
        the_facts("TRETINOIN", regimen=()),
        {"RETINOID-SUNSCREEN": INFO},
    ),
    "glycolic acid without a sunscreen": (
        the_facts("GLYCOLIC ACID", regimen=()),
        {"AHA-SUNSCREEN": INFO},
    ),
    # windows
    "inside a stop window": (
        the_facts("TRETINOIN", windows=(a_window("stop", -2, 7),)),
        {"WINDOW-STOP": SOFT},
    ),
    "on the first day of a stop window": (
        the_facts("TRETINOIN", windows=(a_window("stop", 0, 7),)),
        {"WINDOW-STOP": SOFT},
    ),
    "inside an avoid window": (
        the_facts("TRETINOIN", windows=(a_window("avoid", -2, 7),)),
        {"WINDOW-AVOID": WARN},
    ),
    "before a stop window": (
        the_facts("TRETINOIN", windows=(a_window("stop", 28, 40),)),
        {"WINDOW-AHEAD": INFO},
    ),
    # nothing at all
    "azelaic acid in pregnancy": (the_facts("AZELAIC ACID", **status("pregnant")), {}),
    "niacinamide for a client of whom nobody knows anything but her allergies": (
        Facts(client=Client(allergies=()), candidates=(a_product("NIACINAMIDE"),)),
        {},
    ),
}

# As near as it gets: the rule, and facts at which it keeps still.
SPARES: dict[str, tuple[str, Facts]] = {
    "tazarotene, not pregnant": ("TAZAROTENE-PREGNANCY", the_facts("TAZAROTENE")),
    "bexarotene while breastfeeding": (
        "BEXAROTENE-PREGNANCY",
        the_facts("BEXAROTENE", **status("breastfeeding")),
    ),
    "tretinoin, said not pregnant 90 days ago": (
        "RETINOID-PREGNANCY",
        the_facts("TRETINOIN", **status("none", days_ago=90)),
    ),
    "tretinoin in pregnancy is another rule's": (
        "RETINOID-BREASTFEEDING",
        the_facts("TRETINOIN", **status("pregnant")),
    ),
    "hydroquinone while trying is another rule's": (
        "HYDROQUINONE-PREGNANCY",
        the_facts("HYDROQUINONE", **status("trying")),
    ),
    "hydroquinone in pregnancy is another rule's": (
        "HYDROQUINONE-TRYING-BREASTFEEDING",
        the_facts("HYDROQUINONE", **status("pregnant")),
    ),
    "fluorouracil, not pregnant": ("FLUOROURACIL-PREGNANCY", the_facts("FLUOROURACIL")),
    "an active to avoid that has a rule of its own": (
        "ACTIVE-TO-AVOID-PREGNANCY",
        the_facts("TRETINOIN", **status("pregnant")),
    ),
    "careful, not pregnant": (
        "ACTIVE-WITH-CAUTION-PREGNANCY",
        the_facts("CLOBETASOL PROPIONATE"),
    ),
    "hydroquinone at thirteen": ("HYDROQUINONE-AGE", the_facts("HYDROQUINONE", **aged(13))),
    "adapalene at twelve": ("ADAPALENE-AGE", the_facts("ADAPALENE", **aged(12))),
    "tretinoin at twelve": ("TRETINOIN-AGE", the_facts("TRETINOIN", **aged(12))),
    "tazarotene at twelve": ("TAZAROTENE-AGE", the_facts("TAZAROTENE", **aged(12))),
    "trifarotene at nine": ("TRIFAROTENE-AGE", the_facts("TRIFAROTENE", **aged(9))),
    "adapalene on eczema is another rule's": (
        "TRETINOIN-ECZEMA",
        the_facts("ADAPALENE", **having(ECZEMA)),
    ),
    "adapalene on sunburn is another rule's": (
        "TRETINOIN-SUNBURN",
        the_facts("ADAPALENE", **having(SUNBURN)),
    ),
    "tretinoin on eczema is another rule's": (
        "RETINOID-ECZEMA",
        the_facts("TRETINOIN", **having(ECZEMA)),
    ),
    "tretinoin on sunburn is another rule's": (
        "RETINOID-SUNBURN",
        the_facts("TRETINOIN", **having(SUNBURN)),
    ),
    "azelaic acid on open skin": ("RETINOID-OPEN-SKIN", the_facts("AZELAIC ACID", **having(OPEN))),
    "an acid, open skin not known": (
        "ACID-OPEN-SKIN",
        the_facts("GLYCOLIC ACID", **not_saying(OPEN)),
    ),
    "a corticosteroid without cold sores": (
        "CORTICOSTEROID-COLD-SORES",
        the_facts("CLOBETASOL PROPIONATE"),
    ),
    "tretinoin the day after isotretinoin": (
        "RETINOID-ISOTRETINOIN",
        the_facts("TRETINOIN", **took(Taking.PAST, DAY - timedelta(days=1))),
    ),
    "an acid 181 days after isotretinoin": (
        "ACID-ISOTRETINOIN",
        the_facts("GLYCOLIC ACID", **took(Taking.PAST, DAY - timedelta(days=181))),
    ),
    "tretinoin beside ibuprofen": (
        "RETINOID-PHOTOSENSITISER",
        the_facts("TRETINOIN", medicines=("ibuprofen",)),
    ),
    "tretinoin beside retinal drops": (
        "RETINOID-ELSEWHERE",
        the_facts("TRETINOIN", medicines=("retinal surgery last year",)),
    ),
    "hydroquinone beside ibuprofen": (
        "HYDROQUINONE-ELSEWHERE",
        the_facts("HYDROQUINONE", medicines=("ibuprofen",)),
    ),
    "hydroquinone on skin of type three": (
        "DARK-MARKS-SKIN-TYPE",
        the_facts("HYDROQUINONE", fitzpatrick=3),
    ),
    "an allergy to something else": (
        "ALLERGY",
        the_facts("NIACINAMIDE", **allergic("nickel", "NICKEL")),
    ),
    "an allergy that was read": (
        "ALLERGY-TEXT",
        the_facts("NIACINAMIDE", **allergic("nickel", "NICKEL")),
    ),
    "sulfa is not sulfite": ("ALLERGY-SULFITE", the_facts(HQ_SULFITE, **allergic("sulfa drugs"))),
    "sulfites, and a cream known to have none": (
        "ALLERGY-SULFITE",
        the_facts("HYDROQUINONE", **allergic("sulfites")),
    ),
    "sulfites, and azelaic acid of which nobody knows all": (
        "ALLERGY-SULFITE",
        the_facts(a_product("AZELAIC ACID", complete=False), **allergic("sulfites")),
    ),
    "no asthma": ("ASTHMA-SULFITE", the_facts(HQ_SULFITE)),
    "asthma, and a cream known to have none": (
        "ASTHMA-SULFITE",
        the_facts("HYDROQUINONE", **having(ASTHMA)),
    ),
    "shellfish is not fish": (
        "ALLERGY-FISH",
        the_facts(TRETINOIN_GEL, **allergic("shellfish", "X")),
    ),
    "fish, and a tretinoin cream": (
        "ALLERGY-FISH",
        the_facts(replace(TRETINOIN_GEL, form="CREAM"), **allergic("fish", "X")),
    ),
    "sulfites are not sulfa": (
        "ALLERGY-SULFONAMIDE",
        the_facts("SULFACETAMIDE SODIUM", **allergic("sulfites", "X")),
    ),
    "aspirin, and glycolic acid": (
        "ALLERGY-SALICYLATE",
        the_facts("GLYCOLIC ACID", **allergic("aspirin", "X")),
    ),
    "an active that has no class but is known": ("ACTIVE-UNKNOWN", the_facts("MINOXIDIL")),
    "four percent": ("HYDROQUINONE-STRENGTH", the_facts("HYDROQUINONE")),
    "the same product again": (
        "RETINOID-TWICE",
        the_facts("TRETINOIN", beside=(a_product("TRETINOIN"),)),
    ),
    "two retinoids in the regimen, and neither is asked for": (
        "RETINOID-TWICE",
        the_facts("AZELAIC ACID", beside=(a_product("TRETINOIN"), a_product("ADAPALENE"))),
    ),
    "hydroquinone once": ("HYDROQUINONE-TWICE", the_facts("HYDROQUINONE")),
    "one corticosteroid": (
        "CORTICOSTEROID-TWICE",
        the_facts("HYDROCORTISONE", beside=(a_product("AZELAIC ACID"),)),
    ),
    "a month of hydroquinone, and one more": (
        "HYDROQUINONE-COURSE-REVIEW",
        the_facts(a_product("HYDROQUINONE", days=30), **supplies((30, 30))),
    ),
    "two months, and a month more": (
        "HYDROQUINONE-COURSE-CAP",
        the_facts(a_product("HYDROQUINONE", days=30), **supplies((30, 60), (30, 30))),
    ),
    "three months of tretinoin": (
        "HYDROQUINONE-COURSE-CAP",
        the_facts("HYDROQUINONE", **supplies((95, 95), active_class=C.RETINOID)),
    ),
    "half a year with a pause": (
        "HYDROQUINONE-COURSE-LIMIT",
        the_facts("HYDROQUINONE", **supplies((90, 300), (90, 90))),
    ),
    "half a year, then the pause": (
        "HYDROQUINONE-COURSE-REVIEW",
        the_facts("HYDROQUINONE", **supplies((180, 240))),
    ),
    "benzoyl peroxide in the morning": (
        "TRETINOIN-BENZOYL-PEROXIDE",
        the_facts("TRETINOIN", beside=(in_the("morning", "BENZOYL PEROXIDE"),)),
    ),
    "a benzoyl peroxide wash": (
        "TRETINOIN-BENZOYL-PEROXIDE",
        the_facts("TRETINOIN", beside=(a_product("BENZOYL PEROXIDE", leave_on=False),)),
    ),
    "adapalene is stable": (
        "RETINOID-BENZOYL-PEROXIDE",
        the_facts("ADAPALENE", beside=(a_product("BENZOYL PEROXIDE"),)),
    ),
    "glycolic acid in the morning": (
        "RETINOID-AHA",
        the_facts("TRETINOIN", beside=(in_the("morning", "GLYCOLIC ACID"),)),
    ),
    "salicylic acid in the morning": (
        "RETINOID-BHA",
        the_facts("TRETINOIN", beside=(in_the("morning", "SALICYLIC ACID"),)),
    ),
    "sulfur with azelaic acid": (
        "RETINOID-SULFUR-RESORCINOL",
        the_facts("AZELAIC ACID", beside=(a_product("SULFUR"),)),
    ),
    "benzoyl peroxide in the morning, hydroquinone in the evening": (
        "HYDROQUINONE-BENZOYL-PEROXIDE",
        the_facts("HYDROQUINONE", beside=(in_the("morning", "BENZOYL PEROXIDE"),)),
    ),
    "vitamin C in the morning": (
        "RETINOID-VITAMIN-C",
        the_facts("TRETINOIN", beside=(in_the("morning", "ASCORBIC ACID"),)),
    ),
    "vitamin C in the morning, benzoyl peroxide in the evening": (
        "VITAMIN-C-BENZOYL-PEROXIDE",
        the_facts("BENZOYL PEROXIDE", beside=(in_the("morning", "ASCORBIC ACID"),)),
    ),
    "vitamin C in the morning, glycolic acid in the evening": (
        "VITAMIN-C-AHA",
        the_facts("GLYCOLIC ACID", beside=(in_the("morning", "ASCORBIC ACID"),)),
    ),
    "both in one formula": (
        "VITAMIN-C-AHA",
        the_facts(a_product("GLYCOLIC ACID", "ASCORBIC ACID")),
    ),
    "copper in the evening, vitamin C in the morning": (
        "COPPER-PEPTIDE-VITAMIN-C",
        the_facts("COPPER TRIPEPTIDE-1", beside=(in_the("morning", "ASCORBIC ACID"),)),
    ),
    "copper in the evening, glycolic acid in the morning": (
        "COPPER-PEPTIDE-AHA",
        the_facts("COPPER TRIPEPTIDE-1", beside=(in_the("morning", "GLYCOLIC ACID"),)),
    ),
    "copper in the morning": (
        "COPPER-PEPTIDE-RETINOID",
        the_facts("TRETINOIN", beside=(in_the("morning", "COPPER TRIPEPTIDE-1"),)),
    ),
    "hydroquinone with a sunscreen": ("HYDROQUINONE-SUNSCREEN", the_facts("HYDROQUINONE")),
    "tretinoin with a sunscreen": ("RETINOID-SUNSCREEN", the_facts("TRETINOIN")),
    "glycolic acid with a sunscreen": ("AHA-SUNSCREEN", the_facts("GLYCOLIC ACID")),
    "the first day after a stop window": (
        "WINDOW-STOP",
        the_facts("TRETINOIN", windows=(a_window("stop", -7, 0),)),
    ),
    "a stop window of another class": (
        "WINDOW-STOP",
        the_facts("TRETINOIN", windows=(a_window("stop", -7, 7, of=C.HYDROQUINONE),)),
    ),
    "a window that allows": (
        "WINDOW-AVOID",
        the_facts("TRETINOIN", windows=(a_window("allow", -7, 7),)),
    ),
    "a stop window in five weeks": (
        "WINDOW-AHEAD",
        the_facts("TRETINOIN", windows=(a_window("stop", 29, 40),)),
    ),
}
