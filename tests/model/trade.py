"""The other half of the clinic in plain Python: the shelf, carts, orders, and the money for them."""

from __future__ import annotations

from tests.model.authority import Authority
from tests.model.machine import Fill, Line, Lot, Order, Payment, Prescription, Report, arrow, unless

TO_PAY, PAGE, LEAST_PAGE = 60, 35, 30  # minutes


TO_SPARE = 7  # days: for the parcel, and two


class Shop(Authority):
    """The world with its trade. The bank is in it too: each payment knows its page there."""

    # The shelf

    def reserved(self, lot: str) -> int:
        return sum(line.units.get(lot, 0) for order in self.orders for line in order.lines)

    def _pick(self, variant: str, units: int, own: dict[str, int]) -> dict[str, int]:
        """Units by lot, first expired first out; `own` are free to whoever asks."""
        picked = {}
        for lot in sorted(self.lots.values(), key=lambda lot: lot.expires):
            sold = self.day <= lot.expires - TO_SPARE
            if (lot.variant, lot.status) == (variant, "available") and sold:
                free = lot.on_hand - self.reserved(lot.id) + own.get(lot.id, 0)
                if taken := min(units, free):
                    picked[lot.id] = taken
                    units -= taken
        unless(units == 0, "not_enough_stock")
        return picked

    def move_lot(self, lot: Lot, to: str) -> None:
        """The verbs of a lot are named by where they lead."""
        unless(to != "available" or lot.expires >= self.day, "lot_expired")
        after = {"quarantine": ("available",), "on_hold": ("available",)}
        after["available"] = ("quarantine", "on_hold")
        unless(to in after.get(lot.status, ()), "wrong_state")
        lot.status = to

    # Commerce

    def put(self, client: str, variant: str, quantity: int) -> None:
        unless(1 <= quantity <= 20, "bad_quantity")
        self.carts.setdefault(client, {})[variant] = quantity

    def place(self, client: str, variants: list[str] | None, state: str) -> Order:
        cart = self.carts.get(client, {})
        unless(cart and variants != [], "cart_empty")
        unless(not set(variants or ()) - set(cart), "not_in_cart")
        named = {each: cart[each] for each in cart if variants is None or each in variants}
        found = {each: self._cover(client, each, named[each], state) for each in named}
        self._insist(why for _, why in found.values())
        picks = {each: self._pick(each, named[each], {}) for each in named}
        lines = []
        for each, (cover, _) in found.items():
            fill = None if cover is None else self._take(cover)
            lines.append(Line(each, cart.pop(each), fill, picks[each]))
        self.orders.append(Order(client, state, lines, self.now + TO_PAY))
        return self.orders[-1]

    def _take(self, p: Prescription) -> Fill:
        live = {fill.number for fill in p.taken if fill.status != "released"}
        fill = Fill(p, min(set(range(1, p.fills + 1)) - live), self.day)
        p.taken.append(fill)
        return fill

    def cancel(self, order: Order) -> None:
        unless(all(line.status != "shipped" for line in order.lines), "already_shipped")
        unless(order.status in ("awaiting_payment", "paid"), "wrong_state")
        self._end(order, "cancelled")

    def expire(self, order: Order) -> None:
        waits = order.status == "awaiting_payment"
        unless(not (waits and self.now < order.pay_by), "not_due_yet")
        unless(waits, "wrong_state")
        self._end(order, "expired")

    def revoke(self, p: Prescription, by: str) -> None:
        """Also what is under way of the earlier ones whose place it has taken."""
        unless(by in (p.by, p.request.client), "not_allowed")
        arrow("prescription", p.status, "revoke")
        every = self.prescriptions_of(p.request.client, p.variant)
        earlier = every[: every.index(p)] if p.accepted else []
        ends = [p] + [q for q in earlier if q.replaced and q.status in ("active", "on_hold")]
        for one in ends:
            one.to("revoked")
        self._orders_follow(ends)

    def confirm(self, said: Report, by: str) -> None:
        """A second person agrees that it should never have been."""
        self._decide(said, by, confirmed=True)
        said.of.to(arrow("prescription", said.of.status, "err"))
        self._orders_follow([said.of])

    def _orders_follow(self, ends: list[Prescription]) -> None:
        for order in self.orders:
            lines = [line for line in order.lines if line.fill and line.fill.of in ends]
            if lines and order.status == "awaiting_payment":
                self._end(order, "cancelled")
            for line in lines:
                if line.status in ("ready", "on_hold"):  # also what waited for a licence
                    line.status, line.units = "on_hold", {}

    def licences_followed(self) -> None:
        """What the worker does about licences: prescriptions first, then what rests on them."""
        self.follow_licences()
        for order in self.orders:
            if order.status in ("awaiting_payment", "paid"):
                self._follow_its_licences(order)

    def _follow_its_licences(self, order: Order) -> None:
        here = [line for line in order.lines if line.fill and line.status != "shipped"]
        lapsed = [line for line in here if not self._licensed(order, line)]
        if order.status == "awaiting_payment":
            if lapsed:
                self._end(order, "cancelled")
            return
        for line, answer in zip(here, self._answers(order, here), strict=True):
            if line in lapsed and line.status == "ready":
                line.status, line.waits = "on_hold", True
            elif line.waits and line not in lapsed and not answer:
                line.status, line.waits = "ready", False

    def _licensed(self, order: Order, line: Line) -> bool:
        assert line.fill is not None
        p = line.fill.of
        return all(self.licensed(p.by, state) for state in (order.state, p.home))

    def _end(self, order: Order, status: str) -> None:
        order.status = status
        for line in order.lines:
            line.status, line.units, line.waits = "cancelled", {}, False
            if line.fill is not None:
                line.fill.status = "released"
                line.fill.of.finish()

    def ship(self, order: Order, places: list[int] | None) -> None:
        unless(order.status == "paid", "not_paid")
        if places is None:
            lines = [line for line in order.lines if line.status == "ready"]
            unless(lines, "nothing_to_ship")
        else:
            lines = [order.lines[place] for place in places]
            unless(all(line.status == "ready" for line in lines), "line_not_ready")
        self._insist(self._answers(order, lines))
        picks = [self._pick(line.variant, line.quantity, line.units) for line in lines]
        for line, picked in zip(lines, picks, strict=True):
            line.status, line.units = "shipped", {}
            for lot, units in picked.items():
                self.lots[lot].on_hand -= units
            if line.fill is not None:
                line.fill.status = "dispensed"
                line.fill.of.finish()
        if all(line.status == "shipped" for line in order.lines):
            order.status = "closed"

    def night(self) -> None:
        """What the worker does once a day: old requests and lots past their last day end."""
        self.requests_end()
        for lot in self.lots.values():
            if lot.expires < self.day and lot.status in ("available", "on_hold", "quarantine"):
                lot.status = "expired"

    # Money

    def begin(self, order: Order, by: str) -> Payment:
        unless(by == order.client, "not_allowed")
        unless(order.status == "awaiting_payment", "order_not_payable")
        self._insist(self._answers(order, order.lines))
        for payment in order.payments:
            if payment.live:
                unless(self.now < payment.begun + PAGE, "payment_page_closed")
                return payment
        unless(self.now < order.pay_by, "too_late_to_pay")
        order.payments.append(Payment(self.now))
        order.pay_by = max(order.pay_by, self.now + PAGE)
        return order.payments[-1]

    def send(self, order: Order) -> None:
        """Every call about an order that waits goes to the bank, and what follows from that."""
        for payment in order.payments:
            if payment.open_call == "planned":
                self._open(order, payment)
            if payment.close_call == "planned":
                payment.close_call = "done"
                if self.page(payment) == "open":
                    payment.page = "expired"
                self.read(order, payment)
            for refund in payment.refunds.values():
                if refund == ["planned", ""]:
                    refund[:] = ["done", "succeeded"]

    def _open(self, order: Order, payment: Payment) -> None:
        in_time = self.now <= payment.begun + PAGE - LEAST_PAGE
        if order.status == "awaiting_payment" and in_time:
            payment.open_call, payment.page, payment.status = "done", "open", "open"
        else:
            payment.open_call, payment.status = "rejected", "cancelled"

    def page(self, payment: Payment) -> str:
        """How the bank's page stands now: it closes by itself."""
        over = payment.page == "open" and payment.begun + PAGE <= self.now
        return "expired" if over else payment.page

    def pay(self, payment: Payment, card: str) -> None:
        """At the bank: the shop hears of it later, or never."""
        unless(self.page(payment) == "open", "page_closed")
        payment.card = card
        if card == "paid":
            payment.page = "complete"

    def read(self, order: Order, payment: Payment, *, page: bool = True) -> None:
        """The shop reads the page, and the money where a card was tried; or the money alone."""
        state = self.page(payment)
        if page or not payment.intent_known:
            payment.intent_known = payment.card != ""
            wanted = payment.live and order.status == "awaiting_payment"
            if state == "open" and not wanted:
                payment.close_call = payment.close_call or "planned"
        if state == "expired" and payment.live:
            payment.status = "cancelled"
        if payment.card == "paid" and payment.status != "succeeded":
            self._arrived(order, payment)

    def _arrived(self, order: Order, payment: Payment) -> None:
        payment.status = "succeeded"
        if order.status == "awaiting_payment":
            if not any(self._answers(order, order.lines)):
                order.status = "paid"
                for line in order.lines:
                    line.status = "ready"
                    if line.fill is not None:
                        line.fill.status, line.fill.on = "consumed", self.day
                return
            self._end(order, "cancelled")
        kept = order.status in ("paid", "closed")
        payment.refunds.setdefault("paid_twice" if kept else "order_over", ["planned", ""])

    def refund_read(self, payment: Payment, key: str) -> None:
        here, bank = payment.refunds[key]
        payment.refunds[key][0] = "failed" if bank == "failed" else here

    def hear(self, order: Order, payment: Payment, of: str) -> None:
        """A webhook about the page, the money or a refund: the shop reads that again."""
        if of == "refund":
            for key in payment.refunds:
                self.refund_read(payment, key)
        else:
            self.read(order, payment, page=of == "checkout.session")
        self.send(order)

    def fail_refund(self, payment: Payment, key: str) -> None:
        """At the bank, days later."""
        payment.refunds[key][1] = "failed"

    def follow_end(self, order: Order) -> None:
        """An order that is over: its page closes and its money goes back. Then all calls go out."""
        if order.status in ("cancelled", "expired"):
            for payment in order.payments:
                if payment.status == "open":
                    payment.close_call = payment.close_call or "planned"
                if payment.status == "succeeded" and not payment.returned():
                    payment.refunds.setdefault("order_over", ["planned", ""])
        self.send(order)

    def reconcile(self, order: Order, payment: Payment) -> None:
        """No webhook told: whatever the bank knows of a payment is read."""
        if payment.open_call == "done":
            known = payment.intent_known
            self.read(order, payment)
            if known:
                for key in payment.refunds:
                    self.refund_read(payment, key)
            self.send(order)

    def chase(self, order: Order) -> None:
        """Nobody paid in time, as far as the shop knows: the page closes, then the order ends."""
        if order.status == "awaiting_payment" and order.pay_by <= self.now:
            for payment in order.payments:
                if payment.status == "open":
                    payment.close_call = payment.close_call or "planned"
            self.send(order)
            if order.status == "awaiting_payment":
                self._end(order, "expired")
