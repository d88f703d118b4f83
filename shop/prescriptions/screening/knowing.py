"""What is known of a client who asks: her answers and her chart, each with the day it was said.

The two are joined so that nothing that speaks for care is lost: what either knows, she has. Where
they can only differ (pregnancy, isotretinoin) the later word counts, of one day the graver. What
neither says stays unknown.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from shop.accounts.models import Person
from shop.catalog.filings import normalised
from shop.catalog.models import ActiveClass, Ingredient, IngredientName
from shop.charts import queries as charts
from shop.charts.facts import ConditionCode, FactKind, PregnancyStatus
from shop.charts.queries import Chart
from shop.core.db import db
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.screening import facts as known
from shop.prescriptions.screening.facts import Taking

SIX_MONTHS = timedelta(days=183)
MONTH = timedelta(days=30)
LONGEST_NAME = 6  # words of a substance that are looked for in a text
NO_ALLERGEN = frozenset({"AQUA"})  # people mention water

CONDITIONS: Mapping[str, frozenset[ConditionCode]] = {
    "eczema": frozenset({ConditionCode.ECZEMA}),
    "psoriasis": frozenset({ConditionCode.PSORIASIS}),
    "rosacea": frozenset({ConditionCode.ROSACEA}),
    "cold_sores": frozenset({ConditionCode.COLD_SORES}),
    "open_skin": frozenset(
        {ConditionCode.OPEN_SKIN, ConditionCode.SUNBURN}
    ),  # asked in one question
}
ASKED_TODAY = CONDITIONS["open_skin"]
FITZPATRICK = {
    "always_burns": 1,
    "usually_burns": 2,
    "sometimes_burns": 3,
    "rarely_burns": 4,
    "never_burns": 5,
}
KNOWN_WORDS = frozenset(PregnancyStatus)
# What she may say she uses already: the substance, and its class.
USED_ALREADY: Mapping[str, tuple[str, ActiveClass]] = {
    "tretinoin": ("TRETINOIN", ActiveClass.RETINOID),
    "adapalene": ("ADAPALENE", ActiveClass.RETINOID),
    "tazarotene": ("TAZAROTENE", ActiveClass.RETINOID),
    "retinol": ("RETINOL", ActiveClass.RETINOID),
    "benzoyl_peroxide": ("BENZOYL PEROXIDE", ActiveClass.BENZOYL_PEROXIDE),
    "acids": ("GLYCOLIC ACID", ActiveClass.AHA),
}


@dataclass(frozen=True)
class Known:
    """The client, what she says she uses beside, and what she says she was given elsewhere."""

    client: known.Client
    uses: tuple[known.Product, ...]
    courses: tuple[known.Dispensed, ...]


def of(request: ApprovalRequest, *, at: datetime) -> Known:
    """All that is known of the client of a request at `at`. Two statements at most.

    Raises sealed.NotOpened where a key is missing: nothing is decided on half of what is known.
    """
    return of_each([request], charts.charts_of([(request.client, at)]))[0]


def of_each(requests: Sequence[ApprovalRequest], charted: Sequence[Chart]) -> list[Known]:
    """The same of many, each with its client's chart of its own moment. One statement at most."""
    told = [
        (request.client, _Answers(request), chart)
        for request, chart in zip(requests, charted, strict=True)
    ]
    meant = _meant(
        {
            name
            for _, said, chart in told
            for part in _unread_parts(said, chart)
            for name in _names_in(part)
        }
    )
    return [_known(client, said, chart, meant) for client, said, chart in told]


def _known(client: Person, said: _Answers, chart: Chart, meant: Mapping[str, str]) -> Known:
    has, has_not = _conditions(said, chart)
    return Known(
        known.Client(
            birth_date=client.birth_date,
            **_pregnancy(said, chart),
            allergies=_allergies(said, chart, meant),
            has=has,
            has_not=has_not,
            medicines=_medicines(said, chart),
            isotretinoin=_isotretinoin(said, chart),
            fitzpatrick=chart.fitzpatrick.fact.phototype.number
            if chart.fitzpatrick
            else FITZPATRICK.get(said.get("sunburns", "")),
        ),
        tuple(_uses(said)),
        tuple(_courses(said)),
    )


class _Answers:
    """The answers of a request, and the day each was first said."""

    def __init__(self, request: ApprovalRequest) -> None:
        self._answers: Mapping[str, Any] = request.answers or {}
        self._days: Mapping[str, str] = request.answered_on or {}
        handed_in = request.submitted_at or request.created_at
        self._handed_in = handed_in.astimezone(UTC).date()

    def get(self, name: str, default: Any = None) -> Any:
        return self._answers.get(name, default)

    def on(self, name: str) -> date:
        """The day on which it was first said."""
        day = self._days.get(name)
        return date.fromisoformat(day) if day else self._handed_in


def _pregnancy(said: _Answers, chart: Chart) -> dict[str, Any]:
    words: list[tuple[date, bool, PregnancyStatus]] = []
    if said.get("pregnancy") in KNOWN_WORDS:  # another questionnaire's word is no answer
        status = PregnancyStatus(said.get("pregnancy"))
        words.append((said.on("pregnancy"), status is not PregnancyStatus.NONE, status))
    if chart.pregnancy is not None:
        status = chart.pregnancy.fact.status
        day = chart.pregnancy.fact.said_on or _day(chart.pregnancy.stated_at)
        words.append((day, status is not PregnancyStatus.NONE, status))
    if not words:
        return {}
    day, _, status = max(words, key=lambda word: word[:2])
    return {"pregnancy": status, "pregnancy_on": day}


def _conditions(
    said: _Answers, chart: Chart
) -> tuple[frozenset[ConditionCode], frozenset[ConditionCode]]:
    """What she has, and what she said she has not."""
    has, has_not = set[ConditionCode](), set[ConditionCode]()
    chosen = said.get("skin_conditions")
    if chosen is not None:
        has |= {one for word in chosen for one in CONDITIONS.get(word, ())}
        has_not |= {one for ones in CONDITIONS.values() for one in ones}
    for name, ones in (("asthma", {ConditionCode.ASTHMA}), ("skin_today", ASKED_TODAY)):
        if said.get(name) is not None:
            (has if said.get(name) else has_not).update(ones)
    has |= {one.fact.code for one in chart.conditions}
    if FactKind.CONDITION in chart.none_known:
        has_not |= set(ConditionCode) - ASKED_TODAY  # skin changes from one day to the next
    return frozenset(has), frozenset(has_not - has)


def _medicines(said: _Answers, chart: Chart) -> tuple[str, ...] | None:
    """As written; () where she takes none, None where nobody asked."""
    found = [one.fact.name for one in chart.medicines if one.fact.last_taken_on is None]
    asked = said.get("takes_medicines") is not None or FactKind.MEDICINE in chart.none_known
    if said.get("takes_medicines"):
        found.append(said.get("medicines", ""))
    return tuple(dict.fromkeys(found)) if found or asked else None


def _isotretinoin(said: _Answers, chart: Chart) -> known.Isotretinoin | None:
    """The gravest that either knows: taken now, else the latest last day, else never."""
    found = []
    answer = said.get("isotretinoin")
    if answer is not None:
        taking = {"never": Taking.NEVER, "now": Taking.NOW}.get(answer, Taking.PAST)
        ended = said.get("isotretinoin_ended")
        last = date.fromisoformat(ended) if ended else None
        if last is None and answer == "earlier":
            last = said.on("isotretinoin") - SIX_MONTHS
        found.append(known.Isotretinoin(taking, last if taking is Taking.PAST else None))
    if chart.isotretinoin is not None:
        last = chart.isotretinoin.fact.last_taken_on
        found.append(known.Isotretinoin(Taking.PAST if last else Taking.NOW, last))
    order = (Taking.NEVER, Taking.PAST, Taking.NOW)
    return max(
        found, key=lambda one: (order.index(one.taking), one.last_day or date.max), default=None
    )


def _uses(said: _Answers) -> Iterator[known.Product]:
    """What she says she puts on her skin already; when in the day, nobody knows."""
    for word in said.get("other_retinoids") or ():
        if word in USED_ALREADY:
            name, active_class = USED_ALREADY[word]
            active = known.Active(name, active_class)
            title = f"{word.replace('_', ' ')} (she says)"
            yield known.Product(key=f"said:{word}", name=title, actives=(active,))


def _courses(said: _Answers) -> Iterator[known.Dispensed]:
    """Hydroquinone that she says she used, from wherever."""
    months = said.get("hydroquinone_months")
    if said.get("hydroquinone_used") in (None, "never") or months is None:
        return
    length = timedelta(days=round(float(months) * MONTH.days))
    ended = said.get("hydroquinone_ended")
    last = date.fromisoformat(ended) if ended else said.on("hydroquinone_used")
    yield known.Dispensed(ActiveClass.HYDROQUINONE, length.days, last - length, "what she used")


# --- allergies -----------------------------------------------------------------------------------


def _allergies(
    said: _Answers, chart: Chart, meant: Mapping[str, str]
) -> tuple[known.Allergy, ...] | None:
    """All she reacts to, with the substances it means; () for nothing, None where unasked."""
    asked = said.get("has_allergies") is not None or FactKind.ALLERGY in chart.none_known
    found = {
        known.Allergy(part, frozenset(meant[name] for name in _names_in(part) if name in meant))
        for part in _unread_parts(said, chart)
    }
    found |= {
        known.Allergy(one.fact.substance, frozenset({one.fact.inci_name}))
        for one in chart.allergies
        if one.fact.inci_name is not None
    }
    if not found and not asked:
        return None
    return tuple(sorted(found, key=lambda one: (one.text, sorted(one.substances))))


def _unread_parts(said: _Answers, chart: Chart) -> list[str]:
    """What she reacts to, one by one, where nobody has read yet which substance is meant."""
    parts = [part for text in _texts(said) for part in _parts(text)]
    noted = (one.fact for one in chart.allergies)
    return parts + [
        part for fact in noted if fact.inci_name is None for part in _parts(fact.substance)
    ]


def _texts(said: _Answers) -> Iterator[str]:
    """Her words about what she reacts to, and the words of what she chose."""
    if said.get("has_allergies"):
        yield said.get("allergies", "")
        yield from (
            word.replace("_", " ") for word in said.get("allergens") or () if word != "none"
        )
    if said.get("sulfite_reaction"):
        yield "sulfites"
    if said.get("antibiotic_reaction"):
        yield said.get("antibiotic_reaction_what", "")


def _parts(text: str) -> list[str]:
    """ "Sulfites, nickel and latex" is three; a text without a word is one."""
    parts = re.split(r"[,;:.!?\n()/&+]+|\b(?:and|or)\b", text, flags=re.IGNORECASE)
    return [part.strip() for part in parts if part.strip()] or [text]


def _names_in(part: str) -> set[str]:
    """Every stretch of words that could be a name of the dictionary."""
    words = [normalised(word) for word in part.split()]
    ends: Iterable[int] = range(1, LONGEST_NAME + 1)
    return {" ".join(words[at : at + end]) for at in range(len(words)) for end in ends} - {""}


def _meant(names: Collection[str]) -> dict[str, str]:
    """Name → INCI name, of those that the dictionary or a person knows."""
    if not names:
        return {}
    listed = sa.cast(sorted(names), ARRAY(sa.Text()))  # one parameter, however many
    rows = db.session.execute(
        sa.select(IngredientName.name, Ingredient.inci_name)
        .join(Ingredient, Ingredient.id == IngredientName.ingredient_id)
        .where(IngredientName.name == sa.any_(listed), Ingredient.inci_name.not_in(NO_ALLERGEN))
    )
    return {row.name: row.inci_name for row in rows}


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()
