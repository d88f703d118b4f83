"""Screening: what speaks against (or for care with) these products for this client, on this day.

Pure: facts, rules and a day give hits, always the same ones in the same order. A physician decides;
a hard stop nobody overrides, a soft one only with a reason. A fact that a rule needs and nobody
knows is a hit, too: unknown is never "no".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from shop.core.rules import Grade, Severity
from shop.prescriptions.screening.facts import Facts
from shop.prescriptions.screening.kinds import Found
from shop.prescriptions.screening.rules import Rule

SHORTEST_REASON = 10  # letters

# What is asked where a fact is missing: of the client, and what the physician reads.
UNKNOWN: Mapping[str, tuple[str, str]] = {
    "age": ("Please tell us your date of birth.", "Her date of birth is not known."),
    "allergies": ("Please tell us about your allergies.", "Her allergies are not known."),
    "condition_asthma": ("Please tell us whether you have asthma.", "Asthma is not known."),
    "condition_cold_sores": (
        "Please tell us whether you get cold sores.",
        "Cold sores are not known.",
    ),
    "condition_eczema": ("Please tell us whether you have eczema.", "Eczema is not known."),
    "condition_open_skin": (
        "Please tell us whether the skin is open or infected.",
        "Whether the skin is open or infected is not known.",
    ),
    "condition_keloids": (
        "Please tell us whether your scars grow thick.",
        "Keloids are not known.",
    ),
    "condition_melasma": ("Please tell us whether you have melasma.", "Melasma is not known."),
    "condition_other": (
        "Please tell us what else you have.",
        "Her other conditions are not known.",
    ),
    "condition_psoriasis": (
        "Please tell us whether you have psoriasis.",
        "Psoriasis is not known.",
    ),
    "condition_rosacea": ("Please tell us whether you have rosacea.", "Rosacea is not known."),
    "condition_sunburn": (
        "Please tell us whether the skin is sunburnt.",
        "Sunburn is not known.",
    ),
    "course": (
        "Please tell us how long you have used a product like it.",
        "How long she has used the active is not known.",
    ),
    "ingredients": (
        "A physician has to compare the whole list of ingredients with your answers.",
        "The filing does not list all ingredients: read the label.",
    ),
    "isotretinoin": (
        "Please tell us whether you take or took isotretinoin.",
        "Isotretinoin is not known.",
    ),
    "medicines": ("Please tell us which medicines you use.", "Her medicines are not known."),
    "pregnancy": (
        "Please tell us whether you are pregnant, breastfeeding or trying to become pregnant.",
        "Pregnancy is not known, or the answer is too old.",
    ),
    "skin_type": (
        "Please tell us how your skin takes the sun.",
        "Her Fitzpatrick type is not known.",
    ),
    "strength": (
        "A physician has to read the strength on the label.",
        "The strength is not clear from the filing: read the label.",
    ),
}


@dataclass(frozen=True)
class Hit:
    """A rule that fired. `about` are keys of products; `until` the first day on which it is over.

    `unknown` names the fact that is missing where the rule fired for that; else it is empty.
    `declines`: it is enough to decline a request that is handed in, without a physician.
    """

    rule: str
    version: int
    severity: Severity
    client_text: str
    physician_text: str
    source: str
    grade: Grade
    about: tuple[str, ...]
    fired_by: tuple[str, ...]
    until: date | None = None
    unknown: str = ""
    declines: bool = False

    @property
    def order(self) -> tuple[object, ...]:
        """Worst first, then by number; the same facts always give the same order."""
        return (-self.severity, self.rule, self.about, self.fired_by, str(self.until), self.unknown)


def screen(facts: Facts, rules: Iterable[Rule], *, on: date) -> tuple[Hit, ...]:
    """Every rule in force asked about the candidates; worst hits first."""
    return tuple(sorted(_hits(facts, rules, on), key=lambda hit: hit.order))


def _hits(facts: Facts, rules: Iterable[Rule], on: date) -> set[Hit]:
    return {
        _hit(rule, found)
        for rule in rules
        if rule.in_force(on, facts.states)
        for found in rule.question.look(facts, on)
        if rule.asks or not found.unknown
    }


def _hit(rule: Rule, found: Found) -> Hit:
    client, physician = rule.client_text, rule.physician_text
    severity = rule.severity
    if found.unknown:
        client, missing = UNKNOWN[found.unknown]
        physician = f"{missing} {physician}"
        severity = min(severity, Severity.SOFT_STOP)
    return Hit(
        rule=rule.number,
        version=rule.version,
        severity=severity,
        client_text=client,
        physician_text=physician,
        source=rule.source,
        grade=rule.grade,
        about=found.about,
        fired_by=found.fired_by,
        until=found.until,
        unknown=found.unknown,
        declines=rule.auto_decline and not found.unknown,
    )


def worst(hits: Iterable[Hit]) -> Severity | None:
    """The gravest severity among them; None where there is no hit."""
    return max((hit.severity for hit in hits), default=None)


def may_be_signed(hits: Iterable[Hit], overrides: Mapping[str, str]) -> bool:
    """Whether nothing stands against a signature; `overrides` are reasons by rule number."""
    return not unresolved(hits, overrides)


def unresolved(hits: Iterable[Hit], overrides: Mapping[str, str]) -> dict[str, list[str]]:
    """What stands against a signature, by field (`overrides.<rule number>`).

    A hard stop always does, a soft one without a reason of at least ten letters, and an override of
    a rule that did not fire.
    """
    by_rule: dict[str, Severity] = {}
    for hit in hits:
        by_rule[hit.rule] = max(hit.severity, by_rule.get(hit.rule, hit.severity))
    return {f"overrides.{rule}": [problem] for rule, problem in _problems(by_rule, overrides)}


def _problems(
    by_rule: Mapping[str, Severity], overrides: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    for rule in sorted(by_rule.keys() | overrides.keys()):
        problem = _problem(by_rule.get(rule), overrides.get(rule))
        if problem:
            yield rule, problem


def _problem(severity: Severity | None, reason: str | None) -> str | None:
    if severity is None:
        return "This rule did not fire: leave its override out."
    if severity is Severity.HARD_STOP:
        return "Nobody may override this. Refuse the request, or change what is asked for."
    if reason is None:
        stops = severity is Severity.SOFT_STOP
        return "Say why it may be signed all the same." if stops else None
    enough = sum(letter.isalpha() for letter in reason) >= SHORTEST_REASON
    return None if enough else f"Write a reason of at least {SHORTEST_REASON} letters."
