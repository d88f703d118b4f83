"""Tables, bars and files of reports: what they say and what a spreadsheet may not run. Pure."""

from __future__ import annotations

import csv
import io

from shop.reports import drawing, tabulating
from shop.reports.figures import Column, Figures, Unit, share

FIGURES = Figures(
    columns=(Column("name", "Name"), Column("cents", "Worth", Unit.CENTS)),
    rows=[('=HYPERLINK("x")', 12_50), ('Cream, "rich"\nof 2', None), ("Soap", -300)],
    drawn="cents",
)


def test_a_file_is_read_back_as_it_was_and_a_spreadsheet_runs_nothing_of_it() -> None:
    text = "".join(tabulating.written(FIGURES))
    assert text.startswith("name,cents\r\n")
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["name", "cents"],
        ['\'=HYPERLINK("x")', "1250"],
        ['Cream, "rich"\nof 2', ""],
        ["Soap", "-300"],
    ]


def test_what_is_not_known_is_said_and_has_no_bar() -> None:
    worth = FIGURES.columns[1]
    assert [worth.said(row[1]) for row in FIGURES.rows] == ["$12.50", "not known", "-$3.00"]
    assert FIGURES.bars() == [('=HYPERLINK("x")', 1250), ("Soap", -300)]
    assert share(1, 3) == 33
    assert share(0, 0) is None


def test_bars_are_as_long_as_their_share_of_the_longest() -> None:
    drawn = drawing.draw([("a", 50), ("b" * 40, -100), ("c", 0)])
    assert drawn is not None
    assert [bar.width for bar in drawn.bars] == [175.0, 350.0, 0.0]
    assert [bar.loss for bar in drawn.bars] == [False, True, False]
    assert drawn.bars[1].label == "b" * 27 + "…"
    many = drawing.draw([(str(number), 1) for number in range(25)])
    assert many is not None
    assert (len(many.bars), many.left_out) == (20, 5)
    assert drawing.draw([("a", 0)]) is None
