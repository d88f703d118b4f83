"""What a chart tells windows of a client. Reads nothing: the chart was opened by who may."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from shop.charts.facts import ConditionCode, FactKind
from shop.charts.queries import Chart
from shop.treatments.windows import Conduct, Facts
from shop.treatments.windows.facts import Span

# By mouth against cold sores: the substances, and the names they were first sold by.
ANTIVIRALS = frozenset(
    {"aciclovir", "acyclovir", "valaciclovir", "valacyclovir", "famciclovir", "zovirax"}
    | {"valtrex", "famvir"}
)


def facts(
    chart: Chart,
    *,
    states: frozenset[str],
    uses: frozenset[str] | None = None,
    last_used: Mapping[str, date] | None = None,
    priming: Mapping[str, tuple[Span, ...]] | None = None,
) -> Facts:
    """The chart's part and what its caller knows of home care, as facts; see `Facts` for words.

    What was not said is not known. That she knows of no medicine she takes is no word about the
    isotretinoin of last winter, so it leaves that open.
    """
    skin, isotretinoin = chart.fitzpatrick, chart.isotretinoin
    last = isotretinoin.fact.last_taken_on if isotretinoin else None
    return Facts(
        fitzpatrick=skin.fact.phototype.number if skin else None,
        isotretinoin_now=last is None if isotretinoin else None,
        isotretinoin_last=last,
        cold_sores=_has(chart, ConditionCode.COLD_SORES),
        melasma=_has(chart, ConditionCode.MELASMA),
        uses=uses,
        last_used=last_used or {},
        priming=priming or {},
        states=states,
    )


def taken(chart: Chart) -> frozenset[str]:
    """What rules ask her to take, and the chart says that she takes now, by their word for it."""
    now = (one.fact for one in chart.medicines if one.fact.last_taken_on is None)
    words = {word for fact in now for word in f"{fact.name} {fact.inci_name or ''}".split()}
    found = {word.casefold().strip(".,;") for word in words} & ANTIVIRALS
    return frozenset({Conduct.ANTIVIRAL.value}) if found else frozenset()


def _has(chart: Chart, code: ConditionCode) -> bool | None:
    if any(one.fact.code is code for one in chart.conditions):
        return True
    return False if FactKind.CONDITION in chart.none_known else None
