"""A paper as PDF, from what was frozen when it was issued and from nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from reportlab.lib.pagesizes import letter
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, KeepTogether, Table, TableStyle

from shop.catalog.models import LegalClass
from shop.core.money import dollars
from shop.invoices.content import CLASSES, Body
from shop.invoices.models import Paper, Series
from shop.orders.pricing import PICKUP
from shop.prescriptions.paper.sheet import HAIRLINE, QUIET, TIMES, day, line, pages, said, style

WIDTH, HEIGHT = letter
MARGIN, HEAD, FOOT = 60.0, 90.0, 60.0
ROOM = WIDTH - 2 * MARGIN
TITLES = {
    Series.INVOICE: "Invoice",
    Series.RECEIPT: "Receipt",
    Series.CREDIT_NOTE: "Credit note",
    Series.REVERSAL: "Reversal of a credit note",
}
BRANDS = {"amex": "American Express", "mastercard": "Mastercard", "visa": "Visa"}
# Of the 1.0 of a line's width: what each column of a table takes.
LINES = (0.40, 0.10, 0.13, 0.12, 0.12, 0.13)
SUMS = (0.20, 0.63, 0.17)


def draw(paper: Paper) -> bytes:
    """Letter paper; the same paper is the same bytes."""
    clinic, title = paper.body["clinic"], f"{TITLES[paper.series]} {paper.number}"

    def decorate(canvas: Canvas, number: int) -> None:
        line(canvas, MARGIN, HEIGHT - 44, clinic["name"], 11, bold=True)
        canvas.setFillColor(QUIET)
        line(canvas, MARGIN, HEIGHT - 57, f"{clinic['address']} · {clinic['phone']}", 8.5)
        line(canvas, MARGIN, FOOT - 28, f"{title} · page {number}", 8)

    made, _ = pages(
        list(_story(paper)),
        size=letter,
        frame=(MARGIN, FOOT, ROOM, HEIGHT - HEAD - FOOT),
        title=title,
        decorate=decorate,
    )
    return made


def _story(paper: Paper) -> Iterator[Flowable]:
    body = paper.body
    yield said(TITLES[paper.series], style(18, bold=True, spaceAfter=4))
    told = f"{paper.number} · {day(paper.issued_on)} · order {body['order']}"
    yield said(told, style(10))
    if body.get("invoice"):
        undoes = body.get("undoes")
        of = f"Undoes {undoes}, of invoice" if undoes else "Of invoice"
        yield said(f"{of} {body['invoice']}", style(10))
    yield from _addresses(body)
    yield from STORIES[paper.series](body)


def _addresses(body: Body) -> Iterator[Flowable]:
    client, fetched = body["client"], body["shipping_method"] == PICKUP
    goes = "Picked up at the clinic" if fetched else "Ship to"
    for heading, rows in (("For", [client["name"]]), (goes, client["ship_to"])):
        yield said(heading, style(8.5, quiet=True, spaceBefore=10))
        for row in rows:
            yield said(row, style(10))


def _invoice(body: Body) -> Iterator[Flowable]:
    head = ("What", "Packs", "Each", "Discount", "Tax", "Total")
    rows = [
        (
            f"{each['name']}\n{each['sku']}",
            str(each["quantity"]),
            dollars(each["unit_cents"]),
            dollars(-each["discount_cents"]) if each["discount_cents"] else "",
            dollars(each["tax_cents"]),
            dollars(each["cents"] - each["discount_cents"] + each["tax_cents"]),
        )
        for each in body["lines"]
    ]
    yield _table(head, rows, LINES, space=14)
    sums = [("", "Subtotal", dollars(body["subtotal_cents"]))]
    if body["discount_cents"]:
        sums.append(("", "Discount", dollars(-body["discount_cents"])))
    sums.append(("", "Shipping", dollars(body["shipping_cents"])))
    sums += [("", _taxed(tax), dollars(tax["tax_cents"])) for tax in body["taxes"]]
    sums.append(("", "Total", dollars(body["total_cents"])))
    if body["credit_cents"]:
        sums.append(("", "Store credit used", dollars(-body["credit_cents"])))
        sums.append(("", "Due", dollars(body["due_cents"])))
    sums.append(("", "Paid", dollars(body["paid_cents"])))
    yield KeepTogether([_table((), sums, SUMS, space=10, bold={"Total"})])


def _taxed(tax: Body) -> str:
    kind = CLASSES[LegalClass(tax["class"])].lower()
    return f"Sales tax {tax['state']}, {kind}, on {dollars(tax['base_cents'])}"


def _receipt(body: Body) -> Iterator[Flowable]:
    yield from _paid("Paid with", body)
    yield said("Received with thanks.", style(10, spaceBefore=16))


def _credit_note(body: Body) -> Iterator[Flowable]:
    for each in body["items"] or [{"name": "Of the order as a whole", "quantity": 0}]:
        many = f"{each['quantity']} {TIMES} " if each["quantity"] else ""
        yield said(f"{many}{each['name']}", style(10, spaceBefore=12))
    yield from _paid("Sent back to", body)


def _reversal(body: Body) -> Iterator[Flowable]:
    told = "The bank did not accept this money. It is owed to you until it is sent another way."
    yield said(told, style(10, spaceBefore=12))
    yield from _paid("Could not be sent back to", body)


def _paid(heading: str, body: Body) -> Iterator[Flowable]:
    rows = [("", tender(each), dollars(each["cents"])) for each in body["tenders"]]
    rows.append(("", "Total", dollars(body["total_cents"])))
    yield _table(("", heading, ""), rows, SUMS, space=14, bold={"Total"})


STORIES = {
    Series.INVOICE: _invoice,
    Series.RECEIPT: _receipt,
    Series.CREDIT_NOTE: _credit_note,
    Series.REVERSAL: _reversal,
}
# How something was paid, in words; a way that a later edition knows is told as it is.
WAYS = {
    "card": "Card",
    "credit": "Store credit",
    "cash": "Cash",
    "terminal": "Card, at the clinic's desk",
    "cheque": "Cheque",
}


def tender(each: Body) -> str:
    """With what a part was paid: "Visa ending in 4242", "Card", "Store credit"."""
    way = WAYS.get(each["how"]) or each["how"].replace("_", " ").capitalize()
    if not each["last4"]:
        return way
    brand = BRANDS.get(each["brand"]) or each["brand"].replace("_", " ").capitalize()
    return f"{brand or way} ending in {each['last4']}"


def _table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    widths: Sequence[float],
    *,
    space: float,
    bold: frozenset[str] | set[str] = frozenset(),
) -> Flowable:
    """The last columns are amounts: everything but the first is set to the right margin."""
    cells: list[list[Any]] = []
    if head:
        cells.append([_cell(text, place, quiet=True) for place, text in enumerate(head)])
    for row in rows:
        strong = any(text in bold for text in row)
        cells.append([_cell(text, place, strong=strong) for place, text in enumerate(row)])
    table = Table(cells, colWidths=[part * ROOM for part in widths], repeatRows=1 if head else 0)
    table.spaceBefore = space
    first = 0 if len(widths) == len(LINES) else 1  # a sum's first column is empty room
    table.setStyle(
        TableStyle(
            [
                ("LINEBELOW", (first, 0), (-1, -1), 0.5, HAIRLINE),
                ("LEFTPADDING", (0, 0), (-1, -1), 0),
                ("RIGHTPADDING", (0, 0), (-1, -1), 4),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ]
        )
    )
    return table


def _cell(text: str, place: int, *, quiet: bool = False, strong: bool = False) -> list[Flowable]:
    """A name may be followed by a number, in small letters beneath."""
    name, _, under = text.partition("\n")
    side: dict[str, Any] = {"alignment": 2 if place else 0}
    cell: list[Flowable] = [
        said(name, style(8.5 if quiet else 10, bold=strong, quiet=quiet, **side))
    ]
    if under:
        cell.append(said(under, style(8, quiet=True, **side)))
    return cell
