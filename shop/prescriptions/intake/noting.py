"""Write into the client's chart what she said in a questionnaire, in the role `intake`.

Only what a chart keeps: allergies, lasting conditions, pregnancy, medicines. How the skin is today,
what she puts on it beside, and what was over long ago stay answers. A chart never learns less than
it knew: what stands about the same thing is left alone unless the answer adds to it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from shop.accounts.models import Person, Role
from shop.charts import charting, queries
from shop.charts.facts import (
    LONGEST_NAME,
    Allergy,
    Condition,
    ConditionCode,
    Fact,
    FactKind,
    Medicine,
    NoneKnown,
    Pregnancy,
    PregnancyStatus,
)
from shop.charts.queries import Chart, Said
from shop.prescriptions.models import ApprovalRequest

# What she has, by question and chosen word ("" where the answer is yes).
CONDITIONS: Mapping[tuple[str, str], Condition] = {
    ("skin_conditions", "eczema"): Condition(ConditionCode.ECZEMA),
    ("skin_conditions", "psoriasis"): Condition(ConditionCode.PSORIASIS),
    ("skin_conditions", "rosacea"): Condition(ConditionCode.ROSACEA),
    ("skin_conditions", "cold_sores"): Condition(ConditionCode.COLD_SORES),
    ("asthma", ""): Condition(ConditionCode.ASTHMA),
    ("antibiotic_conditions", "bowel_inflammation"): Condition(
        ConditionCode.OTHER, "Inflammation of the bowel"
    ),
    ("antibiotic_conditions", "antibiotic_colitis"): Condition(
        ConditionCode.OTHER, "Colitis from an antibiotic"
    ),
    ("antibiotic_conditions", "g6pd"): Condition(ConditionCode.OTHER, "G6PD deficiency"),
    ("steroid_conditions", "perioral_dermatitis"): Condition(
        ConditionCode.OTHER, "Perioral dermatitis"
    ),
    ("steroid_conditions", "diabetes"): Condition(ConditionCode.OTHER, "Diabetes"),
    ("steroid_conditions", "glaucoma"): Condition(ConditionCode.OTHER, "Glaucoma"),
    ("skin_darkened", ""): Condition(
        ConditionCode.OTHER, "Skin got darker, blue or grey on hydroquinone"
    ),
    ("steroid_thinning", ""): Condition(
        ConditionCode.OTHER, "Skin got thin, red or bruised on a steroid"
    ),
}


def note(request: ApprovalRequest, *, by: Person, at: datetime) -> None:
    """Write what the answers of a request add to its client's chart; nothing is written twice.

    Takes the lock on her chart.
    """
    if request.client.role is not Role.CLIENT:  # only clients have a chart
        return
    queries.lock_chart(request.client)
    chart = queries.standing(request.client)
    for fact in added(_Answers(request, at), chart):
        charting.state(request.client, fact, by=by, at=at, intake=True)


class _Answers:
    """What was answered, and the day on which each was first said."""

    def __init__(self, request: ApprovalRequest, at: datetime) -> None:
        self._answers: Mapping[str, Any] = request.answers or {}
        self._days: Mapping[str, str] = request.answered_on or {}
        self._begun = request.created_at.astimezone(UTC).date()
        self.today = at.astimezone(UTC).date()

    def get(self, name: str, default: Any = None) -> Any:
        return self._answers.get(name, default)

    def on(self, name: str) -> date:
        """The day on which it was first said."""
        return date.fromisoformat(self._days.get(name) or self.today.isoformat())

    def denied(self, name: str) -> bool:
        """She said no, and said it for this request: an old no is nothing new."""
        return self.get(name) is False and self.on(name) >= self._begun

    def chose(self, name: str, word: str) -> bool:
        """Among several; without a word, whether she said yes."""
        said = self.get(name)
        return said is True if not word else isinstance(said, list) and word in said


def added(said: _Answers, chart: Chart) -> Iterator[Fact]:
    """The facts that the chart does not have, or has with less."""
    yield from _pregnancy(said, chart.pregnancy)
    yield from _new(_allergies(said), chart.allergies)
    yield from _new(_conditions(said), chart.conditions)
    yield from _new(_medicines(said), chart.medicines, renewed=True)
    yield from _isotretinoin(said, chart)
    yield from _none_known(said, chart)


def _pregnancy(said: _Answers, stands: Said[Pregnancy] | None) -> Iterator[Pregnancy]:
    """The later word; of one day the graver."""
    words = {status.value: status for status in PregnancyStatus}
    status = words.get(said.get("pregnancy"))  # another questionnaire's word is no answer
    if status is None:
        return
    day, due_on = said.on("pregnancy"), _due(said)
    if stands is not None:
        same = stands.fact.status is status
        due_on = due_on or (stands.fact.due_on if same else None)
        last = stands.fact.said_on or stands.stated_at.astimezone(UTC).date()
        more = due_on != stands.fact.due_on if same else status is not PregnancyStatus.NONE
        if day < last or (day == last and not more):
            return
    fact = Pregnancy(status, due_on, None if day == said.today else day)
    yield fact if not fact.problems(said.today) else Pregnancy(status, None, fact.said_on)


def _due(said: _Answers) -> date | None:
    due = said.get("due_date")
    return date.fromisoformat(due) if due else None


def _allergies(said: _Answers) -> Iterator[Allergy]:
    if said.get("has_allergies"):
        chosen = (word for word in said.get("allergens") or () if word != "none")
        yield from (Allergy(word.replace("_", " ")) for word in chosen)
        yield from map(Allergy, _pieces(said.get("allergies", "")))
    if said.get("sulfite_reaction"):
        yield Allergy("sulfites")
    if said.get("antibiotic_reaction"):
        yield from map(Allergy, _pieces(said.get("antibiotic_reaction_what", "")))


def _conditions(said: _Answers) -> Iterator[Condition]:
    for (name, word), condition in CONDITIONS.items():
        if said.chose(name, word):
            yield condition


def _medicines(said: _Answers) -> Iterator[Medicine]:
    if said.get("takes_medicines"):
        yield from map(Medicine, _pieces(said.get("medicines", "")))


def _isotretinoin(said: _Answers, chart: Chart) -> Iterator[Medicine]:
    """Taken now, or until a day; without the day nobody can say that it is over, or is not."""
    answer, ended = said.get("isotretinoin"), said.get("isotretinoin_ended")
    if answer != "now" and not ended:
        return
    last = date.fromisoformat(ended) if answer != "now" else None
    known = chart.isotretinoin
    if known is not None:
        until = known.fact.last_taken_on or date.max
        later = known.stated_at.astimezone(UTC).date() >= said.on("isotretinoin")
        if until == (last or date.max) or (until > (last or date.max) and later):
            return
    yield Medicine("isotretinoin", last_taken_on=last)


def _none_known(said: _Answers, chart: Chart) -> Iterator[NoneKnown]:
    """Of what she was asked about as a whole; nothing that stands is denied by it."""
    allergic = said.get("sulfite_reaction") or said.get("antibiotic_reaction")
    asked = {
        FactKind.ALLERGY: said.denied("has_allergies") and not (chart.allergies or allergic),
        FactKind.MEDICINE: said.denied("takes_medicines")
        and not (chart.medicines or any(_isotretinoin(said, chart))),
    }
    for kind, none in asked.items():
        if none and kind not in chart.none_known:
            yield NoneKnown(kind)


def _new(
    facts: Iterator[Any], stand: tuple[Said[Any], ...], *, renewed: bool = False
) -> Iterator[Fact]:
    """Those about which nothing stands; where `renewed`, also what was over by then."""
    over = {one.fact.about for one in stand if getattr(one.fact, "last_taken_on", None)}
    known = {one.fact.about for one in stand} - (over if renewed else set())
    for fact in map(charting.understood, facts):
        if fact.about not in known:
            known.add(fact.about)
            yield fact


def _pieces(text: str) -> list[str]:
    """Her words, whole where they fit into an entry, and nothing of them lost where they do not."""
    return textwrap.wrap(text, LONGEST_NAME)
