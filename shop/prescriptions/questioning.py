"""Questionnaires: versioned data that the shop ships, and what counts as an answer to one.

Each version is a file in `questionnaires/`; a file that was used once is never edited, a change is
a new file.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from shop.prescriptions.errors import AnswersRefused

CURRENT = "general-2026-1"
FOLDER = Path(__file__).parent / "questionnaires"
LONGEST_ANSWER = 2_000  # characters

Answers = Mapping[str, Any]


@dataclass(frozen=True)
class Question:
    """One question; `options` are (value, text), `show_if` is (question id, value)."""

    id: str
    type: str
    text: str
    required: bool
    help: str = ""
    options: tuple[tuple[str, str], ...] = ()
    show_if: tuple[str, object] | None = None
    least: float | None = None
    most: float | None = None

    def shown(self, answers: Answers) -> bool:
        """Whether it is asked, given the other answers."""
        return self.show_if is None or answers.get(self.show_if[0]) == self.show_if[1]


@dataclass(frozen=True)
class Questionnaire:
    version: str
    title: str
    questions: tuple[Question, ...]
    raw: Mapping[str, Any]


@functools.cache
def questionnaire(version: str = CURRENT) -> Questionnaire:
    """A version of the questionnaire. Raises KeyError for one that was never shipped."""
    if version not in _versions():
        raise KeyError(version)
    raw = json.loads((FOLDER / f"{version}.json").read_text(encoding="utf-8"))
    return Questionnaire(
        version=raw["version"],
        title=raw["title"],
        questions=tuple(_question(entry) for entry in raw["questions"]),
        raw={"version": raw["version"], "questions": raw["questions"]},
    )


def _versions() -> set[str]:
    return {path.stem for path in FOLDER.glob("*.json")}


def _question(entry: dict[str, Any]) -> Question:
    condition = entry.get("show_if")
    return Question(
        id=entry["id"],
        type=entry["type"],
        text=entry["text"],
        required=entry["required"],
        help=entry.get("help", ""),
        options=tuple((option["value"], option["text"]) for option in entry.get("options", ())),
        show_if=(condition["question"], condition["equals"]) if condition else None,
        least=entry.get("least"),
        most=entry.get("most"),
    )


def check(form: Questionnaire, answers: Answers, *, complete: bool) -> None:
    """Refuse what is not an answer to `form`; with `complete`, what is missing as well.

    Raises AnswersRefused, naming every question that is wrong (`answers.<id>`).
    """
    wrong: dict[str, list[str]] = {}
    known = {question.id for question in form.questions}
    for name in sorted(set(answers) - known):
        wrong[f"answers.{name[:80]}"] = ["This questionnaire does not ask that."]
    for question in form.questions:
        problem = _problem(form, question, answers, complete=complete)
        if problem:
            wrong[f"answers.{question.id}"] = [problem]
    if wrong:
        raise AnswersRefused("Some answers are missing or cannot be used.", fields=wrong)


def _problem(
    form: Questionnaire, question: Question, answers: Answers, *, complete: bool
) -> str | None:
    given = answers.get(question.id)
    shown = question.shown(answers)
    if given is None or given in ("", []):
        missing = complete and shown and question.required
        return "Please answer this." if missing else None
    if not shown:
        assert question.show_if is not None
        other = next(one.text for one in form.questions if one.id == question.show_if[0])
        return f"Leave this empty, or change your answer to “{other}”"
    return KINDS[question.type](question, given)


def _boolean(question: Question, given: object) -> str | None:
    return None if isinstance(given, bool) else "Answer true or false."


def _choice(question: Question, given: object) -> str | None:
    values = [value for value, _ in question.options]
    known = isinstance(given, str) and given in values
    return None if known else f"Choose one of: {', '.join(values)}."


def _choices(question: Question, given: object) -> str | None:
    values = [value for value, _ in question.options]
    if not isinstance(given, list) or not all(
        isinstance(one, str) and one in values for one in given
    ):
        return f"Give a list of: {', '.join(values)}."
    if len(set(given)) != len(given):
        return "Name each only once."
    if "none" in given and len(given) > 1:
        return "“None of these” stands alone."
    return None


def _text(question: Question, given: object) -> str | None:
    if not isinstance(given, str) or not given.strip():
        return "Write some words."
    if len(given) > LONGEST_ANSWER:
        return f"Use at most {LONGEST_ANSWER:,} characters."
    if any(ord(letter) < 32 and letter not in "\n\r\t" for letter in given) or not _utf8(given):
        return "Holds a character that cannot be kept."
    return None


def _utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _number(question: Question, given: object) -> str | None:
    if isinstance(given, bool) or not isinstance(given, int | float):
        return "Give a number."
    least, most = question.least or 0, question.most or 1_000_000
    return None if least <= given <= most else f"Give a number from {least:g} to {most:g}."


def _date(question: Question, given: object) -> str | None:
    try:
        read = date.fromisoformat(given) if isinstance(given, str) and len(given) == 10 else None
    except ValueError:
        read = None
    if read is None or not 1900 <= read.year <= 2200:
        return "Give a date as YYYY-MM-DD."
    return None


KINDS: dict[str, Callable[[Question, object], str | None]] = {
    "boolean": _boolean,
    "choice": _choice,
    "choices": _choices,
    "text": _text,
    "number": _number,
    "date": _date,
}


def given(answers: Answers) -> dict[str, Any]:
    """Only what was answered: blanks are no answers."""
    return {name: value for name, value in answers.items() if value not in (None, "", [])}
