"""What counts as an answer to a questionnaire."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from shop.prescriptions.errors import AnswersRefused
from shop.prescriptions.intake.forms import Answers, Question, Questionnaire, questionnaire

__all__ = ["KINDS", "Answers", "Question", "Questionnaire", "check", "given", "questionnaire"]

BLANKS: tuple[object, ...] = (None, "", [])
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def check(form: Questionnaire, answers: Answers, *, complete: bool, today: date) -> None:
    """Refuse what is not an answer to `form`; with `complete`, what is missing as well.

    `today` is the day of the answers, for days that must not lie ahead or too far back. Raises
    AnswersRefused, naming every question that is wrong (`answers.<id>`), and nothing else.
    """
    if not isinstance(answers, dict):
        raise AnswersRefused(
            "These are no answers.", fields={"answers": ["Give each answer by its question's id."]}
        )
    wrong: dict[str, list[str]] = {}
    for name in sorted(set(answers) - set(form.by_id)):
        wrong[f"answers.{_printable(name)}"] = ["This questionnaire does not ask that."]
    heard: dict[str, Any] = {}  # what stands so far: who hangs on a wrong answer is not shown
    for question in form.questions:
        said = answers.get(question.id)
        problem = (
            _gap(question, heard, complete=complete)
            if said in BLANKS
            else _misplaced(form, question, heard) or problem_with(question, said, today=today)
        )
        if problem:
            wrong[f"answers.{question.id}"] = [problem]
        elif said not in BLANKS:
            heard[question.id] = said
    if wrong:
        raise AnswersRefused("Some answers are missing or cannot be used.", fields=wrong)


def problem_with(question: Question, said: object, *, today: date) -> str | None:
    """What is wrong with one answer, None where nothing is."""
    return KINDS[question.type](question, said, today)


def given(answers: Answers) -> dict[str, Any]:
    """Only what was answered: blanks are no answers."""
    return {name: value for name, value in answers.items() if value not in BLANKS}


def _gap(question: Question, heard: Answers, *, complete: bool) -> str | None:
    missing = complete and question.required and question.shown(heard)
    return "Please answer this." if missing else None


def _misplaced(form: Questionnaire, question: Question, heard: Answers) -> str | None:
    if question.shown(heard):
        return None
    other = form.by_id[question.parents[0]].text
    return f"Leave this empty, or change your answer to “{other}”"


def _printable(name: object) -> str:
    return str(name)[:80].encode(errors="replace").decode()


def _boolean(question: Question, said: object, today: date) -> str | None:
    return None if isinstance(said, bool) else "Answer true or false."


def _choice(question: Question, said: object, today: date) -> str | None:
    values = [value for value, _ in question.options]
    known = isinstance(said, str) and said in values
    return None if known else f"Choose one of: {', '.join(values)}."


def _choices(question: Question, said: object, today: date) -> str | None:
    values = [value for value, _ in question.options]
    if not isinstance(said, list) or not all(
        isinstance(one, str) and one in values for one in said
    ):
        return f"Give a list of: {', '.join(values)}."
    if len(set(said)) != len(said):
        return "Name each only once."
    if "none" in said and len(said) > 1:
        return "“None of these” stands alone."
    return None


def _text(question: Question, said: object, today: date) -> str | None:
    if not isinstance(said, str) or not said.strip():
        return "Write some words."
    if len(said) > question.longest:
        return f"Use at most {question.longest:,} characters."
    if any(ord(letter) < 32 and letter not in "\n\r\t" for letter in said) or not _utf8(said):
        return "Holds a character that cannot be kept."
    return None


def _utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _number(question: Question, said: object, today: date) -> str | None:
    if isinstance(said, bool) or not isinstance(said, int | float):
        return "Give a number."
    least = 0 if question.least is None else question.least
    most = 1_000_000 if question.most is None else question.most
    return None if least <= said <= most else f"Give a number from {least:g} to {most:g}."


def _date(question: Question, said: object, today: date) -> str | None:
    day = _day(said)
    if day is None or not 1900 <= day.year <= 2200:
        return "Give a date as YYYY-MM-DD."
    if question.latest_days is not None and day > today + timedelta(days=question.latest_days):
        if question.latest_days == 0:
            return "Give a day that is not in the future."
        return f"Give a day until {today + timedelta(days=question.latest_days)}."
    if question.earliest_days is not None and day < today + timedelta(days=question.earliest_days):
        return f"Give a day from {today + timedelta(days=question.earliest_days)}."
    return None


def _day(said: object) -> date | None:
    if not isinstance(said, str) or not DAY.fullmatch(said):
        return None
    try:
        return date.fromisoformat(said)
    except ValueError:
        return None


KINDS: dict[str, Callable[[Question, object, date], str | None]] = {
    "boolean": _boolean,
    "choice": _choice,
    "choices": _choices,
    "text": _text,
    "number": _number,
    "date": _date,
}
