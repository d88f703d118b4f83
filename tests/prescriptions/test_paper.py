"""The papers as they are drawn: what stands on them, and always in the same bytes."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from shop.prescriptions import issuing
from shop.prescriptions.paper import label, leaflet_sheet, leaflets, sheet, written
from shop.prescriptions.paper.clinic import Clinic
from shop.prescriptions.paper.label import Label, Package
from shop.prescriptions.paper.marking import Mark
from shop.prescriptions.paper.written import Licence, Written

DAY = date(2026, 11, 27)
FIRST = Mark(1, original=True, first_on=DAY, first_by="SO")
COPY = Mark(2, original=False, first_on=DAY, first_by="SO")
CLINIC = Clinic("Luminescence", "1400 Grand Avenue, Oakland, CA 94610", "+1 510 555 0142")
LABEL = Label(
    clinic=CLINIC,
    prescription="RX-7K2M9QXA",
    prescribed_on=date(2026, 11, 20),
    prescriber="Dr Wei Chen, NPI 2345678901",
    patient="Zoë Ångström-Łukasiewicz",
    patient_address="12 Alder Street, Oakland, CA 94607",
    drug="Tretinoin Cream 0.025 %",
    description="Cream, topical",
    strength="0.25 mg/g",
    manufacturer="Mylan Pharmaceuticals Inc.",
    ndc="0378-8082-20",
    pack="20 g tube",
    quantity=2,
    directions="A pea-sized amount at night.",
    cautions=("For use on the skin only.", "Wear sunscreen."),
    fill_number=2,
    fill=2,
    fills=3,
    fills_left=1,
    packages=(Package("A004", date(2027, 5, 3)), Package("B777", date(2029, 5, 3))),
)
WRITTEN = Written(
    clinic=CLINIC,
    number="RX-7K2M9QXA",
    patient="Zoë Ångström-Łukasiewicz",
    birth_date=date(1990, 5, 4),
    patient_address="12 Alder Street, Oakland, CA 94607",
    prescriber="Dr Wei Chen",
    npi="2345678901",
    licences=(Licence("CA", "MD", "A123456"), Licence("NV", "MD", "N98765")),
    drug="Tretinoin Cream 0.025 %",
    strength="0.25 mg/g",
    form="Cream, topical",
    pack="20 g tube",
    quantity=1,
    fills=3,
    days_supply=60,
    interval_days=23,
    directions="A pea-sized amount at night.",
    indication="Acne vulgaris",
    issued_on=date(2026, 11, 20),
    last_day=date(2027, 5, 18),
    signed_at=datetime(2026, 11, 20, 18, 3, 4, tzinfo=UTC),
    statement_hash="ab" * 32,
    taken_on=DAY,
)


def texts(made: bytes) -> list[str]:
    """The text of each page, with single spaces."""
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(made)).pages]


def letters(made: bytes) -> str:
    """All text, without the spaces that a line's end may have taken."""
    return "".join("".join(page.split()) for page in texts(made))


# What stands on them.


def test_a_written_prescription_says_what_the_law_asks() -> None:
    (page,) = texts(written.draw(WRITTEN, FIRST))

    for said in (
        *("Luminescence", "1400 Grand Avenue", "+1 510 555 0142"),
        *("Zoë Ångström-Łukasiewicz", "4 May 1990", "12 Alder Street, Oakland, CA 94607"),
        *("Dr Wei Chen", "2345678901", "CA: MD A123456; NV: MD N98765"),
        *("Tretinoin Cream 0.025 %", "0.25 mg/g", "Cream, topical", "20 g tube, for 60 days"),
        *("A pea-sized amount at night.", "Acne vulgaris", "2 (3 fills; at least 23 days apart)"),
        *("20 Nov 2026", "18 May 2027", "not restricted by the prescriber"),
        "not applicable: not a controlled substance",
        *("20 Nov 2026, 18:03:04 UTC", "Approval of this prescription", "ab" * 32),
        "RX-7K2M9QXA · taken out 27 Nov 2026",
    ):
        assert said in page, said
    assert "COPY" not in page


def test_a_record_is_not_to_be_filled() -> None:
    (page,) = texts(written.draw(replace(WRITTEN, taken_on=None), FIRST))

    assert "Record of a prescription" in page
    assert "not to be filled from this sheet" in page
    assert "asks for ink" not in page


def test_a_label_bears_the_union_of_the_states_fields() -> None:
    first, second = texts(label.draw(LABEL, FIRST))

    for said in (
        *("Luminescence", "1400 Grand Avenue, Oakland, CA 94610 · +1 510 555 0142"),
        *("RX-7K2M9QXA · fill 2 of 3 · 1 refill left", "RX-7K2M9QXA-F2"),
        *("Zoë Ångström-Łukasiewicz", "12 Alder Street, Oakland, CA 94607"),
        *("Tretinoin Cream 0.025 %", "0.25 mg/g", "Cream, topical", "20 g tube"),
        *("A pea-sized amount at night.", "For use on the skin only.", "Wear sunscreen."),
        *("Made by Mylan Pharmaceuticals Inc.", "NDC 0378-8082-20"),
        *("Dr Wei Chen, NPI 2345678901 on 20 Nov 2026", "packed by SO", "27 Nov 2026"),
        "Federal law prohibits the transfer of this drug",
    ):
        assert said in first, said
        assert said in second, said
    assert "A004" in first
    assert "3 May 2027" in first
    assert "package 1 of 2" in first
    assert "B777" in second
    assert "package 2 of 2" in second


@pytest.mark.parametrize(
    ("expires_on", "last"),
    [
        (date(2027, 11, 26), date(2027, 11, 26)),
        (date(2027, 11, 27), date(2027, 11, 27)),
        (date(2027, 11, 28), date(2027, 11, 27)),
        (date(2030, 1, 1), date(2027, 11, 27)),
    ],
)
def test_it_is_discarded_by_its_expiry_or_after_a_year(expires_on: date, last: date) -> None:
    assert Package("A", expires_on).discard_after(DAY) == last


def test_a_label_is_four_by_six_inches() -> None:
    boxes = [page.mediabox for page in PdfReader(io.BytesIO(label.draw(LABEL, FIRST))).pages]

    assert [(float(box.width), float(box.height)) for box in boxes] == [(288, 432)] * 2


def test_a_leaflet_says_everything_and_its_sources() -> None:
    version = leaflets.version_for(["retinoid", "hydroquinone", "corticosteroid"])
    told, choice = leaflets.leaflet(version), leaflets.choice()

    made = letters(leaflet_sheet.draw(told, choice, CLINIC))

    sections = [text for part in told.parts for _heading, texts in part.sections for text in texts]
    sources = [source for part in told.parts for source in part.sources]
    for text in (*sections, *sources, *choice.paragraphs, version):
        assert "".join(text.split()) in made, text


def test_a_character_that_the_font_lacks_is_seen_to_be_missing() -> None:
    assert sheet.printable("Zoe\u0308  中\tLi") == "Zoë □ Li"


# The same bytes.

DRAWN: dict[str, Callable[[], bytes]] = {
    "label": lambda: label.draw(LABEL, FIRST),
    "written": lambda: written.draw(WRITTEN, FIRST),
    "leaflet": lambda: leaflet_sheet.draw(
        leaflets.leaflet("retinoid-2026-1"), leaflets.choice(), CLINIC
    ),
}


@pytest.mark.parametrize("kind", DRAWN)
def test_the_same_facts_give_the_same_bytes_in_another_process(kind: str) -> None:
    here = hashlib.sha256(DRAWN[kind]()).hexdigest()
    script = (
        "import hashlib; from tests.prescriptions.test_paper import DRAWN;"
        f"print(hashlib.sha256(DRAWN[{kind!r}]()).hexdigest())"
    )

    there = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert there.stdout.strip() == here
    assert hashlib.sha256(DRAWN[kind]()).hexdigest() == here


def test_other_facts_give_other_bytes_and_another_hash() -> None:
    other = replace(LABEL, directions="Twice a day.")

    assert label.draw(other, FIRST) != label.draw(LABEL, FIRST)
    assert issuing.facts_hash(other) != issuing.facts_hash(LABEL)
    assert issuing.facts_hash(replace(other, directions=LABEL.directions)) == issuing.facts_hash(
        LABEL
    )


def test_who_draws_at_once_draws_the_same() -> None:
    with ThreadPoolExecutor(8) as drawers:
        made = set(drawers.map(lambda _: label.draw(LABEL, FIRST), range(24)))

    assert made == {label.draw(LABEL, FIRST)}


# Copies.


def test_a_copy_says_so_on_every_page() -> None:
    pages = texts(label.draw(LABEL, COPY)) + texts(written.draw(WRITTEN, COPY))

    assert all("COPY 2 · first printed 27 Nov 2026" in page for page in pages)
    assert "not valid for dispensing" in pages[-1]


def test_a_label_of_another_lot_says_what_it_replaces() -> None:
    mark = Mark(3, original=True, first_on=DAY, first_by="SO", replaces=date(2026, 11, 26))

    assert all(
        "REPLACES the print of 26 Nov 2026" in page for page in texts(label.draw(LABEL, mark))
    )


# Long texts.

PRINTED = st.characters(codec="latin-1", categories=["L", "N", "P", "S", "Zs"])
WORDS = st.text(PRINTED, max_size=400) | st.text(st.sampled_from("WM"), max_size=400)
DIRECTIONS = st.text(PRINTED, max_size=2000) | st.text(st.sampled_from("W m"), max_size=2000)
LONG = dict.fromkeys(
    ("patient", "patient_address", "drug", "strength", "description", "manufacturer"), WORDS
) | {"directions": DIRECTIONS, "cautions": st.tuples(WORDS, WORDS)}


@given(given_facts=st.fixed_dictionaries({}, optional=LONG))
@settings(max_examples=25, deadline=None)
def test_nothing_leaves_the_label_however_long_the_texts(given_facts: dict[str, Any]) -> None:
    facts = replace(LABEL, **given_facts)

    made = label.draw(facts, COPY)

    assert_nothing_leaves_the_page(made)
    printed = letters(made)
    for text in (facts.directions, facts.drug, *facts.cautions):
        assert in_pieces(sheet.printable(text), printed), text


@given(directions=DIRECTIONS, patient=WORDS, indication=WORDS)
@settings(max_examples=10, deadline=None)
def test_nothing_leaves_the_prescription(directions: str, patient: str, indication: str) -> None:
    made = written.draw(
        replace(WRITTEN, directions=directions, patient=patient, indication=indication), COPY
    )

    assert_nothing_leaves_the_page(made)
    assert in_pieces(sheet.printable(directions), letters(made))


def test_a_text_that_leaves_the_page_would_be_seen() -> None:
    buffer = io.BytesIO()
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(buffer, pagesize=label.SIZE, invariant=1)
    sheet.line(canvas, 200, 100, "W" * 40, 11)
    canvas.save()

    with pytest.raises(AssertionError):
        assert_nothing_leaves_the_page(buffer.getvalue())


def assert_nothing_leaves_the_page(made: bytes) -> None:
    """Every piece of text begins and ends within its page."""
    from reportlab.pdfbase import pdfmetrics

    for page in PdfReader(io.BytesIO(made)).pages:
        width, height = float(page.mediabox.width), float(page.mediabox.height)

        def look(
            text: str, cm: Any, tm: Any, font: Any, size: float, w: float = width, h: float = height
        ) -> None:
            if not text.strip():
                return
            x, y = tm[4] * cm[0] + cm[4], tm[5] * cm[3] + cm[5]
            bold = font is not None and "Bold" in str(font.get("/BaseFont"))
            name = sheet.BOLD if bold else sheet.REGULAR
            widest = max(pdfmetrics.stringWidth(one, name, size) for one in text.split("\n"))
            assert x >= 0, (text, x)
            assert x + widest <= w + 0.5, (text, x, widest)
            assert 0 <= y <= h, (text, y)

        page.extract_text(visitor_text=look)


def in_pieces(text: str, printed: str) -> bool:
    """Whether all of the text is printed, in order; page feet may stand between its lines."""
    rest = printed
    for word in text.split():
        for letter in word:
            _before, found, rest = rest.partition(letter)
            if not found:
                return False
    return True
