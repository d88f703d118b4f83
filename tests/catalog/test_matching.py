"""What a filed name means: figures on the licensed sunscreens, traps, and what normalising promises."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from shop.catalog import dictionary, matching
from shop.catalog.filings import normalised
from shop.catalog.matching import Index, cleaned
from shop.catalog.models import Way

LICENCES = dictionary.DATA / "lnhpd_sunscreens_ca_2026.jsonl"
CHECKED = Path(__file__).with_name("hand_checked_ingredients.csv")


def an_index() -> Index:
    said = dictionary.files()
    names = ((name, inci_name) for name, (inci_name, _) in said.names.items())
    return Index(names, dictionary.plants())


@pytest.fixture(scope="module")
def index() -> Index:
    return an_index()


def filed() -> Counter[str]:
    """Every ingredient string of the licences, and how often it stands there."""
    strings: Counter[str] = Counter()
    for line in LICENCES.read_text(encoding="utf-8").splitlines():
        licence = json.loads(line)
        strings.update(licence["inactives"])
        strings.update(active["name"] for active in licence["actives"])
    return strings


def checked() -> list[dict[str, str]]:
    """String → the INCI name that a person found right ("" for none), and whether that was sure."""
    with CHECKED.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def precision(index: Index) -> float:
    """The share of matches in the hand-checked sample that are right; unsure ones count as wrong."""
    matched = [
        (row, match)
        for row in checked()
        if (match := index.match(normalised(row["string"]))).substance is not None
    ]
    right = [row for row, match in matched if match.substance == row["inci_name"]]
    return sum(row["sure"] == "yes" for row in right) / len(matched)


def test_at_least_97_of_100_strings_are_matched_counted_once_and_counted_each_time(
    index: Index,
) -> None:
    strings = filed()
    matched = {one for one in strings if index.match(normalised(one)).substance}

    assert (len(strings), strings.total()) == (3391, 37280)
    assert len(matched) / len(strings) >= 0.97
    assert sum(strings[one] for one in matched) / strings.total() >= 0.97


def test_at_least_99_of_100_matches_of_the_hand_checked_sample_are_right(index: Index) -> None:
    rows = checked()

    assert len({row["string"] for row in rows}) == 300
    assert {row["string"] for row in rows} <= filed().keys()
    assert precision(index) >= 0.99


def test_the_sample_holds_every_way_of_matching(index: Index) -> None:
    ways = Counter(index.match(normalised(row["string"])).way for row in checked())

    assert ways[Way.SYNONYM] >= 100
    assert ways[Way.FUZZY] >= 15
    assert ways[Way.NONE] >= 15


WAYS = {
    "as CosIng has it": ("NIACINAMIDE", "NIACINAMIDE", Way.INCI),
    "case": ("Niacinamide", "NIACINAMIDE", Way.INCI),
    "hyphens and spaces": ("laureth 7", "LAURETH-7", Way.INCI),
    "two words for one": ("Hydroxyethyl Cellulose", "HYDROXYETHYLCELLULOSE", Way.INCI),
    "a footnote": ("Glycerin*", "GLYCERIN", Way.INCI),
    "a dagger and a figure": ("Glycerin\u2020\u00b9", "GLYCERIN", Way.INCI),
    "a share": ("Salicylic Acid 2%", "SALICYLIC ACID", Way.INCI),
    "a share in brackets": ("Zinc Oxide (12,5 % w/w)", "ZINC OXIDE", Way.INCI),
    "praise": ("Organic Glycerin", "GLYCERIN", Way.INCI),
    "nano": ("Titanium Dioxide (nano)", "TITANIUM DIOXIDE", Way.INCI),
    "a bullet": ("\u2022 Panthenol", "PANTHENOL", Way.INCI),
    "may contain": ("May contain (+/-): Mica", "MICA", Way.INCI),
    "an accent": ("Glycérin", "GLYCERIN", Way.INCI),
    "British spelling": ("Aluminium hydroxide", "ALUMINUM HYDROXIDE", Way.INCI),
    "in brackets the same": ("Water (Aqua)", "WATER", Way.INCI),
    "three languages": ("Aqua/Water/Eau", "WATER", Way.SYNONYM),
    "the common name of a plant": (
        "Helianthus Annuus (Sunflower) Seed Oil",
        "HELIANTHUS ANNUUS SEED OIL",
        Way.INCI,
    ),
    "English for Latin": ("Sunflower seed extract", "HELIANTHUS ANNUUS SEED EXTRACT", Way.SYNONYM),
    "a colour index": ("C.I. No. 77491", "CI 77491", Way.INCI),
    "a lake": ("FD&C Yellow No. 5 Aluminum Lake", "CI 19140", Way.SYNONYM),
    "a mirror image": ("L-Arginine", "ARGININE", Way.SYNONYM),
    "a hydrate": ("Magnesium sulfate, heptahydrate", "MAGNESIUM SULFATE", Way.SYNONYM),
    "words turned round": ("Beeswax, white", "BEESWAX", Way.SYNONYM),
    "an acid by its old name": ("Vitamin A acid", "TRETINOIN", Way.SYNONYM),
    "the same by another": ("Retinoic acid", "TRETINOIN", Way.SYNONYM),
    "a drug name": ("Octinoxate", "ETHYLHEXYL METHOXYCINNAMATE", Way.SYNONYM),
    "FDA's spelling": (".ALPHA.-TOCOPHEROL ACETATE", "TOCOPHERYL ACETATE", Way.SYNONYM),
    "what a trade name is": ("Fluidol 7 (Squalane)", "SQUALANE", Way.SYNONYM),
    "a letter too many": ("Hydroxyethylccellulose", "HYDROXYETHYLCELLULOSE", Way.FUZZY),
    "two letters turned round": ("Niacinamdie", "NIACINAMIDE", Way.FUZZY),
}


@pytest.mark.parametrize(("text", "substance", "way"), WAYS.values(), ids=WAYS.keys())
def test_a_name_is_matched_its_way(index: Index, text: str, substance: str, way: Way) -> None:
    match = index.match(normalised(text))

    assert (match.substance, match.way) == (substance, way)
    assert 0.8 < match.confidence <= 1


# Text → what it must never be taken for, though it looks like it.
TRAPS = {
    "Sodium Laureth Sulfate": "SODIUM LAURYL SULFATE",
    "Sodium Lauryl Sulfate": "SODIUM LAURETH SULFATE",
    "PEG-8": "PEG-80",
    "PEG-80": "PEG-8",
    "Polyglyceryl-2 Polydimethylsiloxyethyl Dimethicone": (
        "POLYGLYCERYL-3 POLYDIMETHYLSILOXYETHYL DIMETHICONE"
    ),
    "Acrylates/C10-40 Alkyl Acrylate Crosspolymer": "ACRYLATES/C10-30 ALKYL ACRYLATE CROSSPOLYMER",
    "Laureth-12": "LAURETH-2",
    "Polysorbate 81": "POLYSORBATE 80",
    "Polyquaternium-77": "POLYQUATERNIUM-7",
    "CI 77492": "CI 77491",
    "Isotretinoin": "TRETINOIN",
    "Tretinoin": "ISOTRETINOIN",
    "Tin Dioxide": "TITANIUM DIOXIDE",
    "Ceramide AP": "CERAMIDE NP",
    "Ceramide XP": "CERAMIDE NP",
    "Retinal": "RETINOL",
    "Retinol": "RETINAL",
    "Squalene": "SQUALANE",
    "Methylparaben": "ETHYLPARABEN",
    "Ethylparaben": "METHYLPARABEN",
    "Isopropylparabem": "PROPYLPARABEN",
    "Sodium Chlorate": "SODIUM CHLORIDE",
    "Sodium Sulfide": "SODIUM SULFITE",
    "Zinc Sulfite": "ZINC SULFATE",
    "Diisostearin": "TRIISOSTEARIN",
    "Palmitoyl Tripeptide-5": "PALMITOYL TRIPEPTIDE-1",
    "Palmitoyl Tetrapeptide-1": "PALMITOYL TRIPEPTIDE-1",
    "Dimethicone": "METHICONE",
    "Hydroquinine": "HYDROQUINONE",
    "Gamma-Linolenic Acid": "LINOLENIC ACID",
    "Hydrogenated Castor Oil": "RICINUS COMMUNIS SEED OIL",
    "Olive Leaf Extract": "OLEA EUROPAEA FRUIT OIL",
    "Cetearyl alcohol/SLS/SCS": "CETEARYL ALCOHOL",
    "Thymus Serpyllum (Lavender) Water": "LAVANDULA ANGUSTIFOLIA",
    "Octisalate/Octinoxate": "ETHYLHEXYL SALICYLATE",
}


@pytest.mark.parametrize("text", TRAPS)
def test_two_substances_with_like_names_are_told_apart(index: Index, text: str) -> None:
    assert TRAPS[text] in dictionary.files().substances
    assert index.match(normalised(text)).substance != TRAPS[text]


@pytest.mark.parametrize(
    "text", ["", " ", "*", "()", "/", "%", "5 %", "E", "BP", "Foo", "(((", "\u0000"]
)
def test_what_says_nothing_means_nothing(index: Index, text: str) -> None:
    assert index.match(text).substance is None


def test_a_person_is_offered_what_is_nearest(index: Index) -> None:
    assert index.nearest("RETINYL PALMITAT")[0] == "RETINYL PALMITATE"
    assert len(index.nearest("ZZZZQQ")) <= 5


@given(st.text(max_size=80))
@settings(max_examples=400, deadline=None)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    once = cleaned(text)
    assert cleaned(once) == once


PIECES = st.sampled_from(
    [
        "Water",
        "(Aqua)",
        "*",
        "5 %",
        "organic",
        "nano",
        "C.I. 77491",
        "/",
        "-",
        "NF",
        "may contain",
        "FD&C",
        "No. 5",
        "sulphate",
        "Aluminium",
        "(",
        ")",
        "\u00b2",
        "\u03b1",
        "PEG",
        "8",
        ",",
        "L-",
    ]
)


@given(st.lists(PIECES, max_size=8).map(" ".join))
@settings(max_examples=400, deadline=None)
def test_cleaning_what_labels_say_twice_is_cleaning_once(text: str) -> None:
    once = cleaned(text)
    assert cleaned(once) == once


_SMALL = Index([("WATER", "WATER"), ("AQUA", "WATER"), ("TITANIUM DIOXIDE", "TITANIUM DIOXIDE")])


@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=30).map("".join)))
@settings(max_examples=300, deadline=None)
def test_nothing_that_is_filed_stops_it(text: str) -> None:
    match = _SMALL.match(text)
    assert (match.substance is None) == (match.way is Way.NONE)
    assert (match.confidence == 0) == (match.way is Way.NONE)


def _no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    def letters(text: str) -> str:
        return "".join(one for one in text if one.isalpha())

    def alike(_index: Index, typed: str, meant: str) -> bool:
        return OSA.distance(letters(typed), letters(meant)) <= 1

    monkeypatch.setattr(Index, "_same", alike)


def _no_senses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "_alone", lambda _best, _near: True)
    monkeypatch.setattr(Index, "_same", lambda *_: True)


@pytest.mark.parametrize("bug", [_no_figures, _no_senses])
def test_a_matcher_without_its_guards_is_caught_by_the_traps(
    monkeypatch: pytest.MonkeyPatch, bug: Callable[[pytest.MonkeyPatch], None]
) -> None:
    """Planted: figures that are not looked at, words whose sense is not."""
    bug(monkeypatch)
    blunt = an_index()

    assert any(blunt.match(normalised(text)).substance == wrong for text, wrong in TRAPS.items())
