"""What the gate's workers take first, and which files one of them takes together."""

from __future__ import annotations

from xdist.scheduler import LoadFileScheduling

# Half a minute and more each (docs/figures.md): whoever took one last would work on alone.
LONG = """
browser/test_journeys browser/test_keyboard browser/test_pages browser/test_usability browser/test_watching
browser/test_weight kills/test_random demo/test_clinic attacks/test_mutation attacks/test_attacks races/test_health_news
races/test_revoking benchmarks/test_smoke catalog/test_loading model/test_model attacks/test_bypass
architecture/test_doors races/test_money races/test_refunds races/test_discounts
treatments/test_windows attacks/test_malformed races/test_invoices replenishment/test_charging
races/test_tills races/test_life
"""
PLACES = {f"tests/{name}.py": place for place, name in enumerate(LONG.split())}
# The attacks play on the stage, and the browser in a clinic with a story: half a minute to build each.
TOGETHER = dict.fromkeys(
    ["tests/attacks/test_mutation.py", "tests/attacks/test_attacks.py"], "stage"
) | {file: "browser" for file in PLACES if file.startswith("tests/browser/")}


def file_of(test: str) -> str:
    return test.partition("::")[0]


def place(test: str) -> int:
    """Sorted by this, tests of a file stay together and in their order."""
    return PLACES.get(file_of(test), len(PLACES))


class Scheduling(LoadFileScheduling):  # type: ignore[misc]
    """A file, or what goes together, is one worker's."""

    def _split_scope(self, nodeid: str) -> str:
        file = file_of(nodeid)
        return TOGETHER.get(file, file)
