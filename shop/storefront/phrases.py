"""What somebody typed, read: terms that must all be met, each in one of several ways.

Pure. "tretinoin .05%" is two terms; "vitamin A acid" is one, which "tretinoin" meets as well;
"the" is none. What may be the number of a pack is read as that, too.
"""

from __future__ import annotations

import itertools
import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

from shop.catalog import codes

MOST_WORDS = 12
LONGEST_WORD = 40
SHORTEST_MENDED = 4  # letters: shorter words are like too many others
_LONGEST_PHRASE = 4  # words
_SYNONYMS = Path(codes.__file__).parent / "data" / "synonyms.json"
_TOKEN = re.compile(r"[0-9]*\.[0-9]+|[0-9]+(?![^\W_])|[^\W_]+")
_FIGURE = re.compile(r"[0-9]*\.?[0-9]+")
_FACTOR = re.compile(r"\b(spf|fps|uv[ab]?)[- ]*([0-9]+)\+*", re.IGNORECASE)
_NUMBER = re.compile(r"[a-z0-9][a-z0-9._-]{2,39}")
# Say nothing about a product.
_SILENT = frozenset(
    {
        "a", "about", "after", "am", "an", "and", "any", "are", "at", "be", "before", "best", "but",
        "buy", "by", "can", "do", "does", "during", "for", "from", "get", "good", "have", "help",
        "helps", "how", "i", "im", "in", "is", "it", "its", "like", "me", "my", "need", "of", "on",
        "or", "order", "percent", "please", "product", "products", "really", "shop", "some",
        "something", "than", "that", "the", "this", "to", "treat", "treatment", "use", "used",
        "using", "want", "what", "which", "with", "without", "you", "your",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Way:
    """Words that all must stand. `near`: not what was typed, but it means the same."""

    words: tuple[str, ...]
    near: bool = False


@dataclass(frozen=True)
class Term:
    """One thing that was asked for. `figure`: a number, which says nothing by itself."""

    typed: str
    ways: tuple[Way, ...]
    figure: bool = False

    @property
    def mendable(self) -> str | None:
        """The word that may hold a typing error."""
        words = self.ways[0].words
        alone = len(words) == 1 and not self.figure and len(words[0]) >= SHORTEST_MENDED
        return words[0] if alone else None


@dataclass(frozen=True)
class Phrase:
    """A query, read. `keys` are pack numbers it may be, `beginning` what a number begins with."""

    typed: str
    terms: tuple[Term, ...]
    keys: tuple[str, ...] = ()
    beginning: str = ""

    @property
    def asks(self) -> bool:
        """Whether anything was asked for at all."""
        return bool(self.terms or self.keys or self.beginning)

    @property
    def words(self) -> frozenset[str]:
        """Every word that has to be looked up."""
        return frozenset(word for term in self.terms for way in term.ways for word in way.words)

    @property
    def mended(self) -> frozenset[str]:
        """Those that were typed and may hold a typing error."""
        return frozenset(filter(None, (term.mendable for term in self.terms)))


def read(typed: str) -> Phrase:
    """The terms of what was typed; a dozen words at most, the rest is left out."""
    plain = plainly(typed)
    number = typed.strip().lower()
    return Phrase(
        typed=typed,
        terms=tuple(_joined(_terms(plain.split()[:MOST_WORDS]))),
        keys=codes.keys(typed),
        beginning=number if _NUMBER.fullmatch(number) else "",
    )


def plainly(text: str) -> str:
    """Words without accents, case and signs, with single spaces: names are compared like this."""
    text = _FACTOR.sub(r"\1 \2 ", re.sub(r"['\u2019\u2018`]s\b", "", text))
    bare = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", text)
        if not unicodedata.combining(letter)
    )
    return " ".join(_figure(token)[:LONGEST_WORD] for token in _TOKEN.findall(bare.lower()))


def _figure(token: str) -> str:
    """.050 as 0.05, like the strengths in the catalogue."""
    if not _FIGURE.fullmatch(token) or len(token) > 12 or not token.isascii():
        return token
    return f"{Decimal(token).normalize():f}" if "." in token else token


def _terms(words: list[str]) -> Iterator[Term]:
    place = 0
    while place < len(words):
        length, others = _synonyms(words, place)
        typed = words[place : place + length]
        place += length
        known = len(typed) > 1  # a phrase: its letters mean something ("retin a", "vit c")
        said = tuple(word for word in typed if _says(word, known=known))
        if not said and not others:
            continue
        ways = [Way(said)] if said else []
        ways += [Way(words_) for words_ in _singular(said)]
        ways += [Way(tuple(way.split()), near=True) for way in others]
        yield Term(" ".join(typed), tuple(ways), figure=all(map(_FIGURE.fullmatch, typed)))


def _says(word: str, *, known: bool) -> bool:
    if len(word) == 1 and not word.isdigit():
        return known
    return word not in _SILENT


def _synonyms(words: list[str], place: int) -> tuple[int, list[str]]:
    """How many words make the longest phrase known from here, and what else it is called."""
    for length in range(min(_LONGEST_PHRASE, len(words) - place), 0, -1):
        others = _ways().get(" ".join(words[place : place + length]))
        if others is not None:
            return length, others
    return 1, []


def _singular(words: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The last word in the singular, where it looks like a plural. Words stand as beginnings."""
    if not words or len(words[-1]) < SHORTEST_MENDED or not words[-1].endswith("s"):
        return []
    last = words[-1]
    if last.endswith(("ss", "us", "is")):
        return []
    single = f"{last[:-3]}y" if last.endswith("ies") else last[:-1]
    return [(*words[:-1], single)]


def _joined(terms: Iterator[Term]) -> Iterator[Term]:
    """Two words may be written as one: "elta md". Either of them is then met by the whole."""
    found = list(terms)
    joint: dict[int, list[Way]] = {}
    for place, (one, next_) in enumerate(itertools.pairwise(found)):
        if one.figure or next_.figure or " " in one.typed or " " in next_.typed:
            continue
        way = Way((one.typed + next_.typed,))
        joint.setdefault(place, []).append(way)
        joint.setdefault(place + 1, []).append(way)
    for place, term in enumerate(found):
        yield Term(term.typed, (*term.ways, *joint.get(place, ())), term.figure)


@cache
def _ways() -> dict[str, list[str]]:
    kept: dict[str, list[str]] = json.loads(_SYNONYMS.read_text())["ways"]
    return kept
