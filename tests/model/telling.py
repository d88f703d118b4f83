"""The model's states in the words of `Clinic.look`, so that the two can be compared."""

from __future__ import annotations

from tests.model import machine
from tests.model.clinic import Clinic, Row
from tests.model.trade import Shop


def told(model: Shop, clinic: Clinic) -> set[Row]:
    """All of them."""
    ids = {name: str(known) for name, known in clinic.ids.items()}
    rows: set[Row] = set()
    for r in model.requests:
        due = "" if r.due is None else str(r.due // 10)
        rows.add(("request", r.id, r.status, ids.get(r.claimed_by, ""), due))
    for client, known in model.examinations.items():
        rows |= {("examination", ids[client], mode, str(day), "") for mode, day in known}
    for p in model.prescriptions:
        rows |= prescription_told(p, ids)
    for client, wishes in model.carts.items():
        rows |= {("cart", ids[client], ids[each], str(many), "") for each, many in wishes.items()}
    for order in model.orders:
        rows.add(("order", order.id, order.status, "", ""))
        rows |= {
            ("line", order.id, *line_told(place, each)) for place, each in enumerate(order.lines)
        }
        for payment in order.payments:
            rows |= payment_told(payment)
    for lot in model.lots.values():
        rows.add(("lot", lot.id, lot.status, str(lot.on_hand), str(model.reserved(lot.id))))
    return rows


def prescription_told(p: machine.Prescription, ids: dict[str, str]) -> set[Row]:
    flags = " ".join(name for name in ("replaced", "taken_away") if getattr(p, name))
    rows: set[Row] = {("prescription", p.id, f"{p.status} {p.held_for}", str(p.left()), flags)}
    for said in p.reports:
        confirmed = "" if said.confirmed is None else str(said.confirmed).lower()
        rows.add(("report", said.id, p.id, ids[said.by], confirmed))
    return rows


def line_told(place: int, line: machine.Line) -> tuple[str, str, str]:
    fill = line.fill
    return (
        f"{place + 1} {line.status} {line.quantity}",
        "" if fill is None else f"{fill.status} {fill.number} {fill.of.id}",
        ",".join(f"{lot} {units}" for lot, units in sorted(line.units.items())),
    )


def payment_told(payment: machine.Payment) -> set[Row]:
    money = ("true" if payment.status == "succeeded" else "false", payment.returned())
    rows = {("payment", payment.id, payment.status, money[0], "true" if money[1] else "false")}
    for key, (here, _) in payment.refunds.items():
        rows.add(("refund", payment.id, key, here, ""))
    return rows
