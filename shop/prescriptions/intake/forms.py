"""Questionnaires as data: the files that the shop ships, and what makes one whole.

A request is asked a general part and the parts of its product's families: their versions, joined by
"+", are the version of its questionnaire. A file that was used once is never edited, a change is a
new file. What cannot be asked from is refused when it is read, with the question and the remedy.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "questionnaires"
LONGEST_ANSWER = 2_000  # characters
OPTION_TYPES = frozenset({"choice", "choices"})
TYPES = frozenset({"boolean", "text", "number", "date"}) | OPTION_TYPES

# What an answer says of the client: the key by which screening and charts find it.
FACTS = frozenset(
    {
        "allergies",
        "conditions",
        "course",  # how long an active was used before
        "due_date",
        "fitzpatrick",
        "isotretinoin",
        "isotretinoin_ended",
        "medicines",
        "pregnancy",
        "pregnancy_possible",
        "skin_today",
        "sun",
        "sunscreen",
        "treated_area",
    }
)

Answers = Mapping[str, Any]
VERSION = re.compile(r"[a-z]+-[0-9]{4}-[0-9]{1,2}")
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
PART = {"version", "title", "questions"}
ALWAYS = {"id", "type", "text", "required"}
BOUNDS = {  # type → its own bounds
    "text": {"longest"},
    "number": {"least", "most"},
    "date": {"earliest_days", "latest_days"},
}
STALE = "stale_after_days"
TESTS = ("equals", "in", "not_in", "present")


class BrokenQuestionnaire(ValueError):
    """A file that cannot be asked from."""


@dataclass(frozen=True)
class Clause:
    """Holds where the question has an answer, and the answer passes; of several chosen, any may."""

    question: str
    test: str  # one of TESTS
    values: tuple[object, ...]  # empty for "present"

    def holds(self, answers: Answers) -> bool:
        """Whether it is met; what was not answered meets nothing, not even `not_in`."""
        given = answers.get(self.question)
        if given is None:
            return False
        chosen = given if isinstance(given, list) else [given]
        among = any(_same(one, value) for one in chosen for value in self.values)
        return self.test == "present" or among is (self.test != "not_in")

    @property
    def clauses(self) -> Iterator[Clause]:
        """Itself: what a condition is made of."""
        yield self


@dataclass(frozen=True)
class Group:
    """All of several conditions, or any."""

    every: bool
    parts: tuple[Condition, ...]

    def holds(self, answers: Answers) -> bool:
        """Whether it is met."""
        met = (part.holds(answers) for part in self.parts)
        return all(met) if self.every else any(met)

    @property
    def clauses(self) -> Iterator[Clause]:
        """What it is made of, from left to right."""
        for part in self.parts:
            yield from part.clauses


Condition = Clause | Group


@dataclass(frozen=True)
class Question:
    """One question; `options` are (value, text).

    Days are counted from the day of the answer, negative before it. An answer may be taken over
    into a later request for `stale_after_days`: 0 is asked every time, None never goes stale.
    """

    id: str
    type: str
    text: str
    required: bool  # where it is shown
    help: str = ""
    options: tuple[tuple[str, str], ...] = ()
    show_if: Condition | None = None
    least: float | None = None
    most: float | None = None
    earliest_days: int | None = None
    latest_days: int | None = None
    longest: int = LONGEST_ANSWER
    stale_after_days: int | None = 0
    fact: str | None = None

    def shown(self, answers: Answers) -> bool:
        """Whether it is asked, given the answers to those before it that are shown themselves."""
        return self.show_if is None or self.show_if.holds(answers)

    @property
    def parents(self) -> tuple[str, ...]:
        """The questions that decide whether this one is asked."""
        clauses = () if self.show_if is None else self.show_if.clauses
        return tuple(dict.fromkeys(clause.question for clause in clauses))

    @property
    def meaning(self) -> tuple[object, ...]:
        """What was asked: two questions that agree in it are the same, in whatever version."""
        return self.id, self.type, self.text, self.options


@dataclass(frozen=True)
class Part:
    """One file. `after` is the general part that its questions come after and may look at."""

    version: str
    title: str
    after: str | None
    questions: tuple[Question, ...]
    raw: tuple[Mapping[str, Any], ...]  # the questions as the file has them


@dataclass(frozen=True)
class Questionnaire:
    """What one request is asked: its parts in order, each question once."""

    version: str
    title: str
    questions: tuple[Question, ...]
    raw: Mapping[str, Any]

    @functools.cached_property
    def by_id(self) -> dict[str, Question]:
        """The questions by their ids."""
        return {question.id: question for question in self.questions}


@functools.cache
def questionnaire(version: str) -> Questionnaire:
    """A questionnaire by its version, such as "general-2026-2+retinoid-2026-1".

    Raises KeyError for a part that was never shipped, BrokenQuestionnaire for parts that do not
    belong together.
    """
    first, *others = parts = [part(one) for one in version.split("+")]
    questions: dict[str, Question] = {}
    raw: dict[str, Mapping[str, Any]] = {}
    if first.after or any(other.after != first.version for other in others):
        raise BrokenQuestionnaire(f"{version}: the parts do not belong together.")
    for one in parts:
        for question, entry in zip(one.questions, one.raw, strict=True):
            if questions.setdefault(question.id, question) != question:
                raise BrokenQuestionnaire(f"{version}: {question.id} is asked in two ways.")
            raw.setdefault(question.id, entry)
    return Questionnaire(
        version=version,
        title=first.title,
        questions=tuple(questions.values()),
        raw={"version": version, "questions": list(raw.values())},
    )


@functools.cache
def part(version: str) -> Part:
    """One file by its version. Raises KeyError for one that was never shipped."""
    if version not in shipped():
        raise KeyError(version)
    raw = json.loads((FOLDER / f"{version}.json").read_text(encoding="utf-8"))
    after = raw.get("after") if isinstance(raw, dict) else None
    if after is not None and not (str(after) in shipped() and str(after).startswith("general-")):
        raise BrokenQuestionnaire(f"{version}: “after” names no general part.")
    return parse(raw, version=version, before=part(after).questions if after else ())


def shipped() -> set[str]:
    """The versions of all files."""
    return {path.stem for path in FOLDER.glob("*.json")}


def parse(raw: object, *, version: str, before: Iterable[Question] = ()) -> Part:
    """A part from its file's JSON; `before` are the questions of the part it comes after.

    Raises BrokenQuestionnaire.
    """
    whole = _object(raw, version, needs=PART, may={"after"})
    if whole["version"] != version or not VERSION.fullmatch(version):
        raise BrokenQuestionnaire(f"{version}: the file says that it is {whole['version']!r}.")
    if not isinstance(whole["questions"], list) or not whole["questions"]:
        raise BrokenQuestionnaire(f"{version}: asks nothing.")
    known = {question.id: question for question in before}
    questions: list[Question] = []
    for entry in whole["questions"]:
        question = _question(entry, known, version)
        known[question.id] = question
        questions.append(question)
    return Part(
        version=version,
        title=_words(whole["title"], f"{version}: title"),
        after=whole.get("after"),
        questions=tuple(questions),
        raw=tuple(whole["questions"]),
    )


def _question(raw: object, known: Mapping[str, Question], version: str) -> Question:
    kind = raw.get("type") if isinstance(raw, dict) else None
    name = raw.get("id") if isinstance(raw, dict) else None
    where = f"{version}, {name!r}"
    if not isinstance(kind, str) or kind not in TYPES:
        raise BrokenQuestionnaire(f"{where}: the type {kind!r} is none of {sorted(TYPES)}.")
    own = BOUNDS.get(kind, set()) | ({"options"} if kind in OPTION_TYPES else set())
    entry = _object(raw, where, needs=ALWAYS, may=own | {"help", "show_if", "fact", STALE})
    if not isinstance(name, str) or not NAME.fullmatch(name) or name in known:
        raise BrokenQuestionnaire(f"{where}: the id is no new name in lower case.")
    if not isinstance(entry["required"], bool):
        raise BrokenQuestionnaire(f"{where}: “required” is true or false.")
    fact, condition = entry.get("fact"), entry.get("show_if")
    if fact is not None and str(fact) not in FACTS:
        raise BrokenQuestionnaire(f"{where}: the fact {fact!r} is none of {sorted(FACTS)}.")
    return Question(
        id=name,
        type=kind,
        text=_words(entry["text"], where),
        required=entry["required"],
        help=_words(entry["help"], where) if "help" in entry else "",
        options=_options(entry.get("options", []), where) if kind in OPTION_TYPES else (),
        show_if=None if condition is None else _condition(condition, known, where),
        stale_after_days=_stale(entry, where),
        fact=fact,
        **_bounds(entry, kind, where),
    )


def _stale(entry: Mapping[str, Any], where: str) -> int | None:
    days = entry.get(STALE, 0)
    if days and not entry["required"]:
        raise BrokenQuestionnaire(f"{where}: only the answer to a required question is kept.")
    if days == "never":
        return None
    if not _whole(days) or days < 0:
        raise BrokenQuestionnaire(f"{where}: “{STALE}” is a number of days, or “never”.")
    return int(days)


def _bounds(entry: Mapping[str, Any], kind: str, where: str) -> dict[str, Any]:
    bounds = {name: entry[name] for name in BOUNDS.get(kind, ()) if name in entry}
    for name, bound in bounds.items():
        number = _whole(bound) or (kind == "number" and isinstance(bound, float))
        if not number or (name == "longest" and not 1 <= bound <= LONGEST_ANSWER):
            raise BrokenQuestionnaire(f"{where}: “{name}” cannot be {bound!r}.")
    for low, high in (("least", "most"), ("earliest_days", "latest_days")):
        if low in bounds and high in bounds and bounds[low] > bounds[high]:
            raise BrokenQuestionnaire(f"{where}: nothing lies from “{low}” to “{high}”.")
    return bounds


def _options(raw: object, where: str) -> tuple[tuple[str, str], ...]:
    entries = raw if isinstance(raw, list) else []
    options = [_object(one, where, needs={"value", "text"}) for one in entries]
    values = [one["value"] for one in options]
    named = all(isinstance(value, str) and NAME.fullmatch(value) for value in values)
    if len(options) < 2 or not named or len(set(values)) != len(values):
        raise BrokenQuestionnaire(f"{where}: needs two options or more, each with its own value.")
    return tuple((one["value"], _words(one["text"], where)) for one in options)


def _condition(raw: object, known: Mapping[str, Question], where: str) -> Condition:
    """A condition over questions that stand before: so no two can wait for each other."""
    if isinstance(raw, dict) and len(raw) == 1 and (set(raw) <= {"all", "any"}):
        ((word, parts),) = raw.items()
        if not isinstance(parts, list) or not parts:
            raise BrokenQuestionnaire(f"{where}: “{word}” needs a list of conditions.")
        return Group(word == "all", tuple(_condition(one, known, where) for one in parts))
    words = set(raw) - {"question"} if isinstance(raw, dict) else set()
    if not isinstance(raw, dict) or len(words) != 1 or not words <= set(TESTS):
        raise BrokenQuestionnaire(f"{where}: a condition has a question and one of {TESTS}.")
    asked = known.get(str(raw.get("question")))
    if asked is None:
        raise BrokenQuestionnaire(
            f"{where}: the condition looks at {raw.get('question')!r}, which is not asked before."
        )
    (test,) = words
    return Clause(asked.id, test, _values(raw[test], test, asked, where))


def _values(raw: object, test: str, asked: Question, where: str) -> tuple[object, ...]:
    """What is compared with: answers that the question can have."""
    if test == "present":
        if raw is not True:
            raise BrokenQuestionnaire(f"{where}: “present” is true, or left out.")
        return ()
    values = [raw] if test == "equals" else raw
    if not isinstance(values, list) or not values:
        raise BrokenQuestionnaire(f"{where}: “{test}” needs a list.")
    possible: list[object] = (
        [True, False] if asked.type == "boolean" else [value for value, _ in asked.options]
    )
    for value in values:
        if not any(_same(value, one) for one in possible):
            raise BrokenQuestionnaire(f"{where}: {asked.id} is never answered {value!r}.")
    return tuple(values)


def _object(
    raw: object, where: str, *, needs: set[str], may: set[str] | frozenset[str] = frozenset()
) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise BrokenQuestionnaire(f"{where}: is no object.")
    if missing := needs - set(raw):
        raise BrokenQuestionnaire(f"{where}: lacks {sorted(missing)}.")
    if unknown := set(raw) - needs - may:
        raise BrokenQuestionnaire(f"{where}: {sorted(unknown)} means nothing here.")
    return raw


def _words(raw: object, where: str) -> str:
    if not isinstance(raw, str) or not raw.strip():
        raise BrokenQuestionnaire(f"{where}: needs words.")
    return raw


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _same(one: object, other: object) -> bool:
    """Equal, and of one type: 1 is not true."""
    return type(one) is type(other) and one == other
