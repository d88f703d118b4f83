"""Which substance a spelling means: by the dictionary's names, or by a typing error away from one.

Pure. A text as filed is read in a few ways (without footnote marks and shares, without what stands
in brackets, a plant by its Latin name); the first reading that is a name of the dictionary counts.
Only then is a typing error assumed, and only where nothing else could be meant: a wrong match makes
rules reason about the wrong substance, no match makes work for a person.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from rapidfuzz import process
from rapidfuzz.distance import OSA, Levenshtein

from shop.catalog.models import Way

LONGEST = 600  # letters that are looked at
MOST_READINGS = 40

# How sure a way is.
NAMED = Decimal(1)
REREAD = Decimal("0.95")  # a name of the dictionary after a change of words that keeps the meaning
IN_BRACKETS = Decimal("0.9")
LONG = 16  # letters: from here on a space may be missing or too many


@dataclass(frozen=True)
class Match:
    """The substance by its INCI name, or None; `confidence` 0 to 1."""

    substance: str | None
    way: Way
    confidence: Decimal


NOTHING = Match(None, Way.NONE, Decimal(0))


# --- reading a text ------------------------------------------------------------------------------

_MARKS = re.compile(  # of footnotes, trade marks and nothing: NFKC would make figures of some
    r"[*\u2020\u2021]+\d{1,2}(?!\d)|"
    r"[*\u2020\u2021\u00a7\u00b6\u00b0\u00ba\u00aa\u00ae\u2122\u00a9\u00b9\u00b2\u00b3"
    r"\u2070-\u207e\u2080-\u208e\u200b-\u200f\ufeff]+"
)
_GREEK = ("ALPHA", "BETA", "GAMMA", "DELTA", "EPSILON")
_LETTERS = str.maketrans(
    {"\u00c6": "AE", "\u0152": "OE", "\u00d8": "O", "\u0141": "L"}
    | {0x0391 + place: name for place, name in enumerate(_GREEK)}
    | dict.fromkeys(range(0x2010, 0x2016), "-")  # hyphens and dashes
    | {"\\": "/", "\u2212": "-", "\u2018": "'", "\u2019": "'", "`": "'"}
    | dict.fromkeys("[{", "(")
    | dict.fromkeys("]}", ")")
)
# Words round a substance that do not change which one it is, in this order; each is only looked for
# where its needle stands in the text.
_CLEANED = tuple(
    (needle, re.compile(pattern), by)
    for needle, pattern, by in (
        ("INGREDIENT", r"^(?:(?:IN)?ACTIVE |OTHER )?INGREDIENTS?\s*:\s*", ""),
        ("CONTAIN", r"^[\s(+/-]*MAY CONTAINS?\b(?:\s*\(?\+/-\)?)?[\s:]*", ""),
        ("+/-", r"^\W*\+/-\W*", ""),
        ("", r"^[\s.,;:·•●▪■◦○>~_-]+(?!\))", ""),
        (
            "%",
            r"\(?\s*(?:[<>≤≥]|APPROX\.?)?\s*\d+(?:[.,]\d+)?\s*%(?:\s*\(?[WVM]\s*/\s*[WVM]\)?)?\s*\)?",
            " ",
        ),
        ("INDEX", r"\bCOLOU?R INDEX\b", "CI"),
        ("C", r"\bC\s*\.?\s*[IL1]\s*\.?\s*(?:NO\.?\s*)?(?=\d{5})", "CI "),
        ("-C", r"\bC(\d{1,2})-C(\d{1,2})\b", r"C\1-\2"),
        ("D", r"\bF\s*\.?\s*D\s*\.?\s*(?:&|AND)\s*C\b\.?", "FD&C"),
        ("D", r"\bD\s*\.?\s*(?:&|AND)\s*C\b\.?", "D&C"),
        ("N", r"\b(?:NO|NUMBER)\s*\.?\s*(?=\d)", ""),
        ("ORGANIC", r"[.*\s]+ORGANIC INGREDIENTS?$", ""),
        ("ORGANIC", r"\b(?:CERTIFIED\s+)?ORGANIC(?:ALLY(?: GROWN)?)?\b", " "),
        ("NANO", r"\(\s*NANO\s*\)|\bNANO\b", " "),
        (
            "",
            r"[,\s(-]+(?:USP|NF|PH\.? ?EUR|EP|BP|FCC)(?:\s*[/-]\s*(?:USP|NF|EP|BP|FCC))*\s*\)?$",
            "",
        ),
        ("", r",?\s*(?:PURIFIED|EXCIPIENT)$", ""),
        ("ALUMINIUM", r"\bALUMINIUM\b", "ALUMINUM"),
        ("SULPH", r"SULPH", "SULF"),
        ("OUR", r"\b(FLAV|COL)OUR", r"\1OR"),
        ("GLYCERINE", r"\bGLYCERINE\b", "GLYCERIN"),
        ("HYDROCHLORIDE", r"\bHYDROCHLORIDE\b", "HCL"),
        ("POLYETHYLENE", r"\bPOLYETHYLENE GLYCOL\s*\(?\s*(\d+)\s*\)?", r"PEG-\1 "),
        ("POLYPROPYLENE", r"\bPOLYPROPYLENE GLYCOL\s*\(?\s*(\d+)\s*\)?", r"PPG-\1 "),
    )
)
_IN_BRACKETS = re.compile(r"\(([^()]*)\)")
_WORDS = re.compile(r"[A-Z]+|\d+(?:\.\d+)?")


def cleaned(text: str) -> str:
    """The text in capitals without accents, marks, shares and praise. Idempotent, never raises."""
    said = _MARKS.sub(" ", text[:LONGEST])
    for _ in range(8):  # what is taken away can bring another thing to an end
        before, said = said, _cleaned_once(said)
        if said == before:
            break
    return said


def _cleaned_once(said: str) -> str:
    said = unicodedata.normalize("NFKC", said).upper().translate(_LETTERS)
    if not said.isascii():
        apart = unicodedata.normalize("NFKD", said)
        said = _MARKS.sub(" ", "".join(one for one in apart if not unicodedata.combining(one)))
    for needle, pattern, by in _CLEANED:
        if needle in said:
            said = pattern.sub(by, said)
    return " ".join(said.split()).strip(" .,;:")


def key(text: str) -> str:
    """What two spellings of one name share: letters and figures, without what joins them."""
    joined, before = [], ""
    for word in _WORDS.findall(text):
        if before[-1:].isdigit() and word[0].isdigit():
            joined.append(".")
        joined.append(word)
        before = word
    return "".join(joined)


def _bag(text: str) -> str:
    """The words in no order ("BEESWAX, WHITE"); none where figures stand beside some of them."""
    words = _WORDS.findall(text)
    if not 2 <= len(words) <= 4 or any(word[0].isdigit() or len(word) < 3 for word in words):
        return ""
    return " ".join(sorted(word.rstrip("S") for word in words))


# --- changes of words that keep the meaning ------------------------------------------------------

# Each is tried on top of those before. Sources: CosIng's own conventions (Latin CERA for wax, oils
# of plants without "essential", no word for which mirror image), USP and British spellings.
_CHANGES = tuple(
    (re.compile(pattern), by)
    for pattern, by in (
        (r"\b(?:ESSENTIAL|VOLATILE|ABSOLUTE|EXTRA VIRGIN|VIRGIN|COLD.?PRESSED|REFINED) ", ""),
        (r",? (?:DISTILLED|COLD.?PRESSED|ABSOLUTE|CONCENTRATE|REFINED)$", ""),
        (
            r"^(?:ALL[ -]RAC(?:EMIC)?[ -]|RRR-|DL?[ ,-]+(?=\w{4})|D, ?L-|L-|\((?:\+|\+?/?-)\)-)+",
            "",
        ),
        (r", ?D?L-$", ""),
        (r"^(?:ALPHA|BETA|GAMMA(?!.LINOLENIC)|DELTA)[ -]", ""),
        (r",? (?:ANHYDROUS|(?:MONO|DI|TRI|PENTA|HEXA|HEPTA|DECA)HYDRATE)$", ""),
        (r"^(?:ANHYDROUS|SYNTHETIC|NATURAL|VEGETABLE|PURE) ", ""),
        (r",? ?-? ?(?:ALUMINUM )?LAKE$", ""),
        (r"\bWAX$", "CERA"),
        (r"\b(?:DRY|DRIED|LIQUID|POWDERED|FRESH) EXTRACT$", "EXTRACT"),
        (r", ?EXT(?:\.?|RACT)$", " EXTRACT"),
        (r"\bFLOWERS\b", "FLOWER"),
        (r"\bLEAVES\b", "LEAF"),
        (r"\bRHIZOME/ ?ROOT\b", "ROOT"),
        (r"(?<=[A-Z]{4})\d(?:,\d)*$", ""),  # a footnote that lost its height
        (r"^ACETYL HEXAPEPTIDE-3$", "ACETYL HEXAPEPTIDE-8"),
        (r"^.*\b(?:FLAVOR|FLAVORING)$", "AROMA"),
    )
)


def _changed(form: str, plants: Mapping[str, str]) -> Iterator[str]:
    """Other wordings of the same."""
    forms = [form]
    for pattern, by in _CHANGES:
        for known in tuple(forms):
            other = " ".join(pattern.sub(by, known).split())
            if other and other not in forms:
                forms.append(other)
    for known in tuple(forms):
        if (latin := _in_latin(known, plants)) and latin not in forms:
            forms.append(latin)
    for known in tuple(forms):
        if len(known) > 5:
            forms += [known.removesuffix("S")] if known.endswith("S") else [f"{known}S"]
    yield from forms[1:MOST_READINGS]


def _in_latin(form: str, plants: Mapping[str, str]) -> str | None:
    """The plant that a form begins with by its Latin name ("SUNFLOWER SEED OIL"), if it has one."""
    words = form.split()
    for length in (3, 2, 1):
        latin = plants.get(" ".join(words[:length]))
        if latin is not None and len(words) >= length:
            return " ".join([latin, *words[length:]])
    return None


# --- the dictionary's names ----------------------------------------------------------------------


class Index:
    """The names of a dictionary, for finding what a text means. Built once, asked often."""

    def __init__(
        self, names: Iterable[tuple[str, str]], plants: Iterable[tuple[str, str]] = ()
    ) -> None:
        """`names` are (spelling, INCI name of the substance), `plants` (English, Latin)."""
        self._plants = dict(plants)
        self._by_form: dict[str, str] = {}
        self._spelling: dict[str, str] = {}
        self._own: set[str] = set()
        self._vocabulary: set[str] = set()
        bags: dict[str, set[str]] = defaultdict(set)
        keys: dict[str, set[str]] = defaultdict(set)
        for spelling, substance in names:
            form = cleaned(spelling)
            folded = key(form)
            if spelling == substance:
                self._own.add(folded)
            self._by_form.setdefault(form, substance)
            keys[folded].add(substance)
            bags[_bag(form)].add(substance)
            self._spelling.setdefault(folded, form)
            self._vocabulary.update(_WORDS.findall(form))
        self._by_key = _clear(keys)
        self._by_bag = _clear(bags)
        self._keys = [folded for folded in self._spelling if folded in self._by_key]

    def match(self, text: str) -> Match:
        """The one substance that `text` means, or NOTHING."""
        form = cleaned(text)
        return self._exact(form) or self._in_parts(form) or self._fuzzy(form) or NOTHING

    def nearest(self, text: str, most: int = 5) -> list[str]:
        """Substances whose names are most like the text, for a person to choose from."""
        folded = key(_outside(cleaned(text)))
        found = process.extract(
            folded, self._keys, scorer=OSA.normalized_similarity, limit=most * 3, score_cutoff=0.4
        )
        return list(dict.fromkeys(self._by_key[near] for near, _, _ in found))[:most]

    def _exact(self, form: str) -> Match | None:
        """By a name of the dictionary, as it stands or in other words."""
        outside = _outside(form)
        for reading in (form, outside):
            folded = key(reading)
            if (substance := self._by_form.get(reading) or self._by_key.get(folded)) is not None:
                way = Way.INCI if folded in self._own else Way.SYNONYM
                return Match(substance, way, NAMED)
        for reading in dict.fromkeys((form, outside, *_swapped(form))):
            for other in (reading, *_changed(reading, self._plants)):
                if (substance := self._named(other)) is not None:
                    return Match(substance, Way.SYNONYM, REREAD)
        return None

    def _named(self, reading: str) -> str | None:
        return self._by_key.get(key(reading)) or self._by_bag.get(_bag(reading))

    def _in_parts(self, form: str) -> Match | None:
        """ "AQUA/WATER/EAU": every part means the same. "FLUIDOL 7 (SQUALANE)": what it is."""
        parts = [part.strip() for part in form.split("/")]
        if len(parts) > 1 and all(parts):
            found = {match.substance if (match := self._exact(part)) else None for part in parts}
            if len(found) == 1 and (substance := found.pop()) is not None:
                return Match(substance, Way.SYNONYM, REREAD)
        trade_name = re.fullmatch(r"[^()]{1,40}\(([^()]+)\)", form)
        if trade_name and (substance := self._by_form.get(trade_name[1].strip())) is not None:
            return Match(substance, Way.SYNONYM, IN_BRACKETS)
        return None

    def _fuzzy(self, form: str) -> Match | None:
        """By a typing error, where only this substance is near and no word says otherwise."""
        for reading in dict.fromkeys((_outside(form), form)):
            folded = key(reading)
            if (allowed := _errors_allowed(folded)) and (near := self._near(folded, allowed + 1)):
                fits = [
                    one
                    for one in near
                    if one[0] <= allowed and self._same(reading, self._spelling[one[1]])
                ]
                if fits and _alone(fits[0], near):
                    errors, _, substance = fits[0]
                    sure = Decimal(len(folded) - errors) / len(folded)
                    return Match(substance, Way.FUZZY, round(sure * REREAD, 3))
        return None

    def _near(self, folded: str, errors: int) -> list[tuple[int, str, str]]:
        """(wrong letters, key, substance) of the names that are nearest, the nearest first."""
        found = process.extract(
            folded, self._keys, scorer=OSA.distance, limit=8, score_cutoff=errors
        )
        return [(int(count), other, self._by_key[other]) for other, count, _ in found]

    def _same(self, typed: str, meant: str) -> bool:
        """Whether the difference can be a typing error: no figure, no word that means another."""
        if _figures(typed) != _figures(meant):
            return False
        said, known = _WORDS.findall(typed), _WORDS.findall(meant)
        if len(said) != len(known):
            one, other = "".join(said), "".join(known)
            return min(len(one), len(other)) >= LONG and _typing_error(one, other)
        return all(
            one not in self._vocabulary and _typing_error(one, other)
            for one, other in zip(said, known, strict=True)
            if one != other
        )


def _alone(best: tuple[int, str, str], near: Iterable[tuple[int, str, str]]) -> bool:
    """Nothing else is as near."""
    return all(count > best[0] for count, _, substance in near if substance != best[2])


def _clear(found: Mapping[str, set[str]]) -> dict[str, str]:
    """What means one substance only."""
    return {name: next(iter(meant)) for name, meant in found.items() if name and len(meant) == 1}


def _outside(form: str) -> str:
    """The text without its brackets and what is in them."""
    before = None
    while before != form:
        before, form = form, _IN_BRACKETS.sub(" ", form)
    return " ".join(form.replace("(", " ").replace(")", " ").split()).strip(" .,;:-")


def _swapped(form: str) -> Iterator[str]:
    """ "ASHWAGANDHA (WITHANIA SOMNIFERA) ROOT EXTRACT": what is in brackets for what is before."""
    for found in _IN_BRACKETS.finditer(form):
        inside = found[1].strip()
        if inside and " " in inside:
            yield " ".join(f"{inside} {_outside(form[found.end() :])}".split())


# --- what is no typing error ---------------------------------------------------------------------

# Of each group at most one is meant: a word that begins (ends) otherwise is another substance.
_BEGINNINGS = re.compile(
    r"^(?:MONO|DI|BIS|TRIS?|TETRA|PENTA|HEXA|HEPTA|OCTA|NONA|DECA|POLY|OLIGO|ISO|NEO|NOR|CYCLO|CIS|"
    r"TRANS|DES|DE|HYDRO|HYDROXY|DEHYDRO|ANTI|PRO|PRE|SUB|SUPER|METH|ETH|PROP|BUT|PENT|HEX|HEPT|OCT|"
    r"NON|DEC|UNDEC|LAUR|MYRIST|PALM|STEAR|OLE|LINOLE|CAPR|BEHEN|ARACHID|CET|COC|ALPHA|BETA|GAMMA|"
    r"DELTA|SULF|PHOSPH|CHLOR|FLUOR|BROM|IOD)+"
)
_ENDINGS = re.compile(
    r"(?:ATE|ITE|IDE|INE?|ONE|OL|AL|ANE|ENE|YNE|YL|OYL|ETH|OSE|ASE|OIC|IC|IUM|OUS|AMIDE|AMINE|ATED)$"
)


def _figures(text: str) -> list[str]:
    return [word for word in _WORDS.findall(text) if word[0].isdigit() or len(word) <= 3]


def _errors_allowed(folded: str) -> int:
    """How many letters may be wrong: none in a short name, more in a long one."""
    return 0 if len(folded) < 8 else 1 if len(folded) < 13 else 2 if len(folded) < 24 else 3


def _typing_error(typed: str, meant: str) -> bool:
    """Whether one word can be the other with a slip of the hand."""
    if min(len(typed), len(meant)) < 5 or OSA.distance(typed, meant) > _errors_allowed(
        meant + "xx"
    ):
        return False
    # A slip may spoil what a word begins or ends with, but not make another word of it.
    if not _sense(_BEGINNINGS, meant).startswith(_sense(_BEGINNINGS, typed)):
        return False
    if _sense(_ENDINGS, typed) not in ("", _sense(_ENDINGS, meant)):
        return False
    # Two letters in a row too many or too few are more than a slip: ISO-, DI-, HYDRO-.
    edits = Levenshtein.opcodes(typed, meant)
    return not any(
        edit.tag in ("insert", "delete")
        and max(edit.src_end - edit.src_start, edit.dest_end - edit.dest_start) > 1
        for edit in edits
    )


def _sense(pattern: re.Pattern[str], word: str) -> str:
    found = pattern.search(word)
    return found[0].rstrip("E") if found else ""
