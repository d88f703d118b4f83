"""Carts (a wish), orders (a promise), their lines, and the shipments that keep it."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.db import Base, Word, one_of, stamped
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key
from shop.discounts.models import DiscountUse
from shop.inventory.models import Location, Lot, Reservation
from shop.merchant.routes import Route
from shop.orders.states import LINE_ARROWS, ORDER_ARROWS, LineStatus, OrderStatus
from shop.prescriptions.models import Fill

MAX_QUANTITY = 20
STAMPED: dict[str, Any] = {  # a trigger fills it, the application may not
    "server_default": sa.FetchedValue(),
    "server_onupdate": sa.FetchedValue(),
}


class Cart(Base):
    """What a client would like. Holds nothing, promises nothing."""

    __tablename__ = "carts"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    client_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"), unique=True)

    client: Mapped[Person] = relationship()
    lines: Mapped[list[CartLine]] = relationship(
        back_populates="cart", order_by="CartLine.added_at", cascade="all, delete-orphan"
    )


class CartLine(Base):
    """So many of a variant."""

    __tablename__ = "cart_lines"
    __table_args__ = (
        sa.PrimaryKeyConstraint("cart_id", "variant_id"),
        sa.CheckConstraint(f"quantity BETWEEN 1 AND {MAX_QUANTITY}", name="cart_quantity_is_sane"),
    )

    cart_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("carts.id"))
    variant_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("variants.id"))
    quantity: Mapped[int]
    added_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())

    cart: Mapped[Cart] = relationship(back_populates="lines")
    variant: Mapped[Variant] = relationship()


class Order(Stateful, Base):
    """A promise: prices fixed, fills taken, stock reserved, all in one transaction."""

    machine = "order"
    __tablename__ = "orders"
    __table_args__ = (
        state_key("order"),
        sa.UniqueConstraint("id", "due_cents", name="orders_due_key"),
        sa.UniqueConstraint("id", "client_id", name="orders_client_key"),
        sa.UniqueConstraint(
            "id", "client_id", "ship_to_state", "placed_xid", name="orders_terms_key"
        ),
        sa.CheckConstraint(
            "total_cents = subtotal_cents + shipping_cents + tax_cents - discount_cents",
            name="total_is_the_sum",
        ),
        sa.CheckConstraint(
            "subtotal_cents >= 0 AND shipping_cents >= 0 AND tax_cents >= 0"
            " AND discount_cents BETWEEN 0 AND subtotal_cents",
            name="amounts_are_sane",
        ),
        sa.CheckConstraint(
            "credit_cents BETWEEN 0 AND total_cents", name="credit_pays_the_order_at_most"
        ),
        sa.CheckConstraint(
            "total_cents - credit_cents = 0 OR total_cents - credit_cents >= 50",
            name="what_is_due_can_be_paid",
        ),
        sa.CheckConstraint("currency = 'usd'", name="currency_is_usd"),
        sa.CheckConstraint("country = 'US'", name="ships_within_the_us"),
        sa.CheckConstraint(one_of("payment_route", Route), name="payment_route_is_known"),
        sa.CheckConstraint("ship_to_state ~ '^[A-Z]{2}$'", name="order_state_is_a_usps_code"),
        sa.CheckConstraint(
            "status NOT IN ('paid', 'closed') OR paid_at IS NOT NULL", name="paid_at_some_time"
        ),
        sa.CheckConstraint(
            "(status IN ('cancelled', 'expired')) = (ended_at IS NOT NULL)",
            name="ended_at_some_time",
        ),
        sa.CheckConstraint(
            "status <> 'expired' OR ended_at >= pay_by", name="expired_after_its_time_to_pay"
        ),
        sa.Index("orders_client_idx", "client_id", "placed_at"),
        sa.Index(
            "orders_open_idx",
            "pay_by",
            postgresql_where=sa.text("status = 'awaiting_payment'"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)
    client_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    status: Mapped[OrderStatus] = mapped_column(Word(OrderStatus))
    ship_to_state: Mapped[str]
    name: Mapped[str]
    line1: Mapped[str]
    line2: Mapped[str] = mapped_column(server_default="")
    city: Mapped[str]
    postal_code: Mapped[str]
    country: Mapped[str] = mapped_column(server_default="US", default="US")
    phone: Mapped[str] = mapped_column(server_default="")
    shipping_method: Mapped[str]
    subtotal_cents: Mapped[int]
    discount_cents: Mapped[int]
    shipping_cents: Mapped[int]
    tax_cents: Mapped[int]
    total_cents: Mapped[int]
    credit_cents: Mapped[int] = mapped_column(server_default=sa.text("0"))
    # What is left to pay, by card or at the desk: nothing, or what a card network takes.
    due_cents: Mapped[int] = mapped_column(
        sa.Computed("total_cents - credit_cents", persisted=True)
    )
    currency: Mapped[str] = mapped_column(server_default="usd", default="usd")
    # Its client's bank took its money back, or wants to: nothing of it leaves. A trigger says so.
    disputed: Mapped[bool] = mapped_column(server_default=sa.text("false"))
    placed_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    placed_xid: Mapped[str] = mapped_column(
        server_default=sa.text("pg_current_xact_id()::text")
    )  # only this transaction may add lines
    # How it was to be paid when it was placed; at the desk it may be paid in any case.
    payment_route: Mapped[Route] = mapped_column(
        Word(Route), server_default=Route.ONLINE.value, default=Route.ONLINE
    )
    pay_by: Mapped[datetime]
    # Stamped by the trigger `order_stamped`.
    paid_at: Mapped[datetime | None] = mapped_column(**STAMPED)
    ended_at: Mapped[datetime | None] = mapped_column(**STAMPED)

    client: Mapped[Person] = relationship()
    lines: Mapped[list[OrderLine]] = relationship(
        back_populates="order",
        order_by="OrderLine.position",
        foreign_keys="OrderLine.order_id",
        primaryjoin="Order.id == OrderLine.order_id",
    )
    shipments: Mapped[list[Shipment]] = relationship(
        back_populates="order", order_by="Shipment.shipped_at"
    )
    discount_use: Mapped[DiscountUse | None] = relationship(viewonly=True)

    @property
    def discount_code(self) -> str | None:
        """The code it was placed with, if any."""
        if self.discount_cents == 0 or self.discount_use is None:
            return None
        return self.discount_use.discount.code

    @validates("status")
    def _along_an_arrow(self, _key: str, new: OrderStatus) -> OrderStatus:
        if new not in ORDER_ARROWS[self.status]:
            raise WrongState(
                f"An order that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new


class OrderLine(Stateful, Base):
    """So many of a variant at a fixed price, with the fill and the reservation that back it."""

    machine = "order_line"
    __tablename__ = "order_lines"
    __table_args__ = (
        state_key("order_line"),
        sa.ForeignKeyConstraint(
            ["order_id", "client_id", "ship_to_state", "placed_xid"],
            ["orders.id", "orders.client_id", "orders.ship_to_state", "orders.placed_xid"],
            name="line_is_of_its_order",
        ),
        sa.ForeignKeyConstraint(
            ["price_id", "variant_id", "unit_price_cents"],
            ["prices.id", "prices.variant_id", "prices.cents"],
            name="line_has_the_listed_price",
        ),
        sa.ForeignKeyConstraint(
            ["fill_id", "client_id", "variant_id", "ship_to_state", "quantity"],
            ["fills.id", "fills.client_id", "fills.variant_id", "fills.state", "fills.quantity"],
            name="fill_covers_the_line",
        ),
        sa.ForeignKeyConstraint(
            ["reservation_id", "variant_id", "quantity"],
            ["reservations.id", "reservations.variant_id", "reservations.units"],
            name="reservation_is_for_the_line",
        ),
        sa.UniqueConstraint("order_id", "position", name="order_lines_position_key"),
        sa.UniqueConstraint("reservation_id", name="order_lines_reservation_key"),
        sa.CheckConstraint(f"quantity BETWEEN 1 AND {MAX_QUANTITY}", name="line_quantity_is_sane"),
        sa.CheckConstraint(
            "total_cents = unit_price_cents * quantity", name="line_total_is_the_product"
        ),
        sa.CheckConstraint(
            "discount_cents BETWEEN 0 AND greatest(total_cents, 0) AND tax_cents >= 0",
            name="line_amounts_are_sane",
        ),
        sa.CheckConstraint(
            "requires_prescription = (fill_id IS NOT NULL)", name="doctor_only_line_has_a_fill"
        ),
        # A live line keeps its fill to itself.
        sa.Index(
            "order_lines_one_per_fill",
            "fill_id",
            unique=True,
            postgresql_where=sa.text("status <> 'cancelled'"),
        ),
        sa.Index("order_lines_variant_idx", "variant_id"),
        # What was handed out to a client last.
        sa.Index(
            "order_lines_handed_out_idx",
            "client_id",
            "variant_id",
            "shipped_at",
            postgresql_where=sa.text("shipped_at IS NOT NULL"),
        ),
        sa.CheckConstraint(
            "(status = 'cancelled') = (cancelled_at IS NOT NULL)", name="cancelled_at_some_time"
        ),
        sa.CheckConstraint(
            "status NOT IN ('shipped', 'delivered', 'returned') OR shipped_at IS NOT NULL",
            name="shipped_at_some_time",
        ),
        sa.CheckConstraint(
            "(status = 'on_hold') = (held_at IS NOT NULL)", name="held_at_some_time"
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    order_id: Mapped[uuid.UUID] = mapped_column(index=True)
    position: Mapped[int]
    client_id: Mapped[uuid.UUID]
    ship_to_state: Mapped[str]
    placed_xid: Mapped[str] = mapped_column(
        server_default=sa.text("pg_current_xact_id()::text")
    )  # the key to the order carries it, so lines are born with their order or never
    variant_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("variants.id"))
    sku: Mapped[str]
    name: Mapped[str]
    quantity: Mapped[int]
    price_id: Mapped[uuid.UUID]
    unit_price_cents: Mapped[int]
    total_cents: Mapped[int]
    # Its shares of the order's discount and tax.
    discount_cents: Mapped[int] = mapped_column(server_default=sa.text("0"), default=0)
    tax_cents: Mapped[int] = mapped_column(server_default=sa.text("0"), default=0)
    requires_prescription: Mapped[bool]  # as it was when placed; a trigger compares it
    # The rule of its state that decided so, if one spoke of it; a trigger compares this, too.
    rule_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("legal_class_rules.id"))
    fill_id: Mapped[uuid.UUID | None]
    reservation_id: Mapped[uuid.UUID]
    status: Mapped[LineStatus] = mapped_column(Word(LineStatus))
    # Stamped by the trigger `order_line_stamped`.
    held_at: Mapped[datetime | None] = mapped_column(**STAMPED)
    cancelled_at: Mapped[datetime | None] = mapped_column(**STAMPED)
    shipped_at: Mapped[datetime | None] = mapped_column(**STAMPED)

    order: Mapped[Order] = relationship(
        back_populates="lines",
        foreign_keys=[order_id],
        primaryjoin="Order.id == OrderLine.order_id",
    )
    variant: Mapped[Variant] = relationship(foreign_keys=[variant_id])
    fill: Mapped[Fill | None] = relationship(
        foreign_keys="OrderLine.fill_id", primaryjoin="Fill.id == OrderLine.fill_id"
    )
    reservation: Mapped[Reservation] = relationship(
        foreign_keys="OrderLine.reservation_id",
        primaryjoin="Reservation.id == OrderLine.reservation_id",
    )
    parcels: Mapped[list[ShipmentLine]] = relationship(back_populates="line")

    @property
    def paid_cents(self) -> int:
        """What the client pays for this line, tax included; shipping is the order's."""
        return self.total_cents - self.discount_cents + self.tax_cents

    @validates("status")
    def _along_an_arrow(self, _key: str, new: LineStatus) -> LineStatus:
        if new not in LINE_ARROWS[self.status]:
            raise WrongState(
                f"A line that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new


class Identifier(StrEnum):
    """What a client says of herself at the desk, beside her name."""

    BIRTH_DATE = "birth_date"


class Shipment(Base):
    """A parcel, or a hand-over at the desk. Never changed."""

    __tablename__ = "shipments"
    __table_args__ = (
        sa.CheckConstraint(
            "(handed_to IS NULL) = (identified_by IS NULL)",
            name="handed_over_to_somebody_identified",
        ),
        sa.CheckConstraint(one_of("identified_by", Identifier), name="identifier_is_known"),
        sa.CheckConstraint(
            "(tracking = '') = (handed_to IS NOT NULL)", name="parcel_has_a_tracking_number"
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)
    order_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("orders.id"), index=True)
    carrier: Mapped[str]
    tracking: Mapped[str]
    handed_to: Mapped[str | None]  # the client's name, where she fetched it at the desk
    identified_by: Mapped[Identifier | None] = mapped_column(Word(Identifier))
    shipped_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    shipped_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())

    order: Mapped[Order] = relationship(back_populates="shipments")
    lines: Mapped[list[ShipmentLine]] = relationship(back_populates="shipment")


class ShipmentLine(Base):
    """Units of a line that left from one lot: the recall trace, lot → order → client and back."""

    __tablename__ = "shipment_lines"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["movement_id", "lot_id"],
            ["movements.id", "movements.lot_id"],
            name="shipped_by_this_movement",
        ),
        sa.UniqueConstraint("movement_id", name="shipment_lines_movement_key"),
        sa.UniqueConstraint("id", "order_line_id", "lot_id", name="shipment_lines_lot_key"),
        sa.CheckConstraint("units > 0", name="shipped_something"),
        sa.Index("shipment_lines_lot_idx", "lot_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    shipment_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("shipments.id"), index=True)
    order_line_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("order_lines.id"), index=True)
    lot_id: Mapped[uuid.UUID]
    movement_id: Mapped[uuid.UUID]
    fill_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("fills.id"))
    units: Mapped[int]

    shipment: Mapped[Shipment] = relationship(back_populates="lines")
    line: Mapped[OrderLine] = relationship(back_populates="parcels")
    lot: Mapped[Lot] = relationship(
        foreign_keys="ShipmentLine.lot_id",
        primaryjoin="ShipmentLine.lot_id == Lot.id",
        viewonly=True,
    )


class Picked(Base):
    """Units of a line that were taken from their place and scanned.

    They leave with their line, or are put back; then they are nobody's again.
    """

    __tablename__ = "picks"
    __table_args__ = (
        sa.CheckConstraint("units > 0", name="picked_something"),
        sa.CheckConstraint(
            "(put_back_at IS NULL) = (put_back_by_id IS NULL)", name="put_back_by_someone"
        ),
        sa.Index("picks_line_idx", "order_line_id"),
        sa.Index("picks_aside_idx", "lot_id", postgresql_where=sa.text("put_back_at IS NULL")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    order_line_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("order_lines.id"))
    lot_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("lots.id"))
    location_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("locations.id"))
    units: Mapped[int]
    picked_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    picked_at: Mapped[datetime] = stamped()
    put_back_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=sa.FetchedValue()
    )
    put_back_at: Mapped[datetime | None] = mapped_column(**STAMPED)

    line: Mapped[OrderLine] = relationship()
    lot: Mapped[Lot] = relationship()
    location: Mapped[Location] = relationship()
    picked_by: Mapped[Person] = relationship(foreign_keys=[picked_by_id])


class Shortage(Base):
    """Units that the ledger has in a place and that a picker did not find there. Never changed."""

    __tablename__ = "shortages"
    __table_args__ = (
        sa.CheckConstraint("units > 0", name="something_is_short"),
        sa.Index("shortages_line_idx", "order_line_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    order_line_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("order_lines.id"))
    lot_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("lots.id"))
    location_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("locations.id"))
    units: Mapped[int]
    said_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    said_at: Mapped[datetime] = stamped()

    lot: Mapped[Lot] = relationship()
    location: Mapped[Location] = relationship()
    said_by: Mapped[Person] = relationship()


def arrows() -> dict[str, dict[Any, set[Any]]]:
    """This package's machines, for the test that compares them with the database."""
    return {"order": ORDER_ARROWS, "order_line": LINE_ARROWS}
