"""Which products answer to what was typed, the best first.

Words are looked up in PostgreSQL (full text by GIN, likeness by trigrams over the distinct words);
what they stand for is kept with the index of that version. The rest is sets: every term of the
phrase must be met. Ranks are whole numbers, so that a page can begin exactly behind another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_

import sqlalchemy as sa

from shop.core.db import db
from shop.storefront.index import NOWHERE, Index, Stands
from shop.storefront.phrases import Phrase, Term, Way

MOST_ERRORS = 3  # letters wrong in one word
LETTERS_AN_ERROR = 3  # one letter in three may be wrong


@dataclass(frozen=True)
class Mended:
    """A word that nothing is called, and what was looked for instead."""

    typed: str
    used: str


@dataclass(frozen=True)
class Matched:
    """Sets of products, the best first, none in two. `partly`: no product meets all terms."""

    ranks: tuple[int, ...]
    mended: tuple[Mended, ...] = ()
    partly: bool = False
    unmatched: tuple[str, ...] = ()

    @property
    def found(self) -> int:
        return reduce(or_, self.ranks, 0)


_WORDS = sa.text("SELECT * FROM words_found(:asked, :mended)")
_CODES = sa.text("SELECT codes_found(:keys, :beginning)")


def matched(index: Index, phrase: Phrase) -> Matched:
    """The products on offer that answer to a phrase."""
    if coded := _coded(index, phrase):
        return Matched((coded,))
    _look_up(index, phrase)
    terms, mended, unmatched = _met(index, phrase.terms)
    if not terms:
        return Matched((), unmatched=unmatched)
    named = index.called(phrase.typed)
    whole = [reduce(and_, (term[1][level] for term in terms)) for level in range(4)]
    if unmatched or not whole[-1]:
        return Matched(_apart([named, *_some(terms)]), mended, partly=True, unmatched=unmatched)
    return Matched(_apart([named & whole[-1], *whole]), mended)


def _coded(index: Index, phrase: Phrase) -> int:
    """The products that carry this number, if it is one."""
    if not phrase.keys and not (phrase.beginning and any(map(str.isdigit, phrase.beginning))):
        return 0
    key = (phrase.keys, phrase.beginning)
    if key not in index.counted:
        asked = {"keys": list(phrase.keys), "beginning": phrase.beginning}
        places: list[int] = db.session.execute(_CODES, asked).scalar_one()
        index.remember(key, index.of_places(places))
    found: int = index.counted[key]
    return found


def _look_up(index: Index, phrase: Phrase) -> None:
    """Ask PostgreSQL for the words this version was not asked for before: one statement."""
    asked = phrase.words - index.words.keys()
    mended = phrase.mended - index.like.keys()
    if not asked | mended:
        return
    if len(index.words) > 5_000:  # what people make up has no end
        index.words.clear()
        index.like.clear()
        asked, mended = phrase.words, phrase.mended
    rows = db.session.execute(
        _WORDS, {"asked": sorted(asked | mended), "mended": sorted(mended)}
    ).all()
    like: dict[str, list[tuple[str, Stands]]] = defaultdict(list)
    for typed, word, *places in rows:
        stands = _nested(*(index.of_places(each) for each in places))
        if word == typed:
            index.words[typed] = stands
        else:
            like[typed].append((word, stands))
    for word in mended:
        index.like[word] = _likest(word, like.get(word, []))


def _nested(exact: int, named: int, main: int, other: int) -> Stands:
    return Stands(exact, exact | named, exact | named | main, exact | named | main | other)


def _likest(typed: str, words: Sequence[tuple[str, Stands]]) -> list[tuple[str, Stands]]:
    """The words on offer that differ by the fewest letters, and by few."""
    most = min(MOST_ERRORS, len(typed) // LETTERS_AN_ERROR)
    near = [(errors(typed, word), word, stands) for word, stands in words if stands.weighs]
    fewest = min((count for count, _, _ in near if count <= most), default=None)
    return [(word, stands) for count, word, stands in near if count == fewest]


def errors(one: str, other: str) -> int:
    """Letters added, left out, changed or swapped with the next (optimal string alignment)."""
    before: list[int] = []
    above = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        here = [row]
        for column, against in enumerate(other, start=1):
            cost = min(
                above[column] + 1, here[column - 1] + 1, above[column - 1] + (letter != against)
            )
            swapped = (
                row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == against
            )
            here.append(min(cost, before[column - 2] + 1) if swapped else cost)
        before, above = above, here
    return above[-1]


_Met = tuple[Term, Stands]


def _met(
    index: Index, terms: Collection[Term]
) -> tuple[list[_Met], tuple[Mended, ...], tuple[str, ...]]:
    """Terms with what they stand for; which were mended; which stand for nothing."""
    met: list[_Met] = []
    mended: list[Mended] = []
    unmatched: list[str] = []
    for term in terms:
        stands = _term(index, term.ways)
        word = term.mendable
        if word and not stands.weighs and (like := index.like.get(word)):
            used, better = like[0][0], reduce(_either, (each for _, each in like))
            stands = _either(better, stands)
            mended.append(Mended(term.typed, used))
        if stands.anywhere:
            met.append((term, stands))
        else:
            unmatched.append(term.typed)
    return met, tuple(mended), tuple(unmatched)


def _term(index: Index, ways: Collection[Way]) -> Stands:
    """What any of the ways stands for; one that only means the same counts a level less."""
    found = NOWHERE
    for way in ways:
        stands = reduce(_both, (index.words.get(word, NOWHERE) for word in way.words))
        if way.near:
            stands = Stands(0, stands.exact, stands.main, stands.anywhere)
        found = _either(found, stands)
    return found


def _both(one: Stands, other: Stands) -> Stands:
    return Stands(*map(and_, one, other))


def _either(one: Stands, other: Stands) -> Stands:
    return Stands(*map(or_, one, other))


def _some(met: list[_Met]) -> Iterator[int]:
    """The products that meet the most terms, and of those the ones with the rarest word first."""
    sets = [stands.main or stands.anywhere for term, stands in met if not term.figure]
    sets = sets or [stands.anywhere for _, stands in met]
    at_least = [0] * (len(sets) + 1)
    for each in sets:
        for count in range(len(sets), 1, -1):
            at_least[count] |= at_least[count - 1] & each
        at_least[1] |= each
    for count in range(len(sets), max(len(sets) // 2, 1) - 1, -1):
        for each in sorted(sets, key=int.bit_count):
            yield at_least[count] & each


def _apart(ranks: Sequence[int]) -> tuple[int, ...]:
    """Each set without what came before."""
    before, apart = 0, []
    for rank in ranks:
        apart.append(rank & ~before)
        before |= rank
    return tuple(apart)
