"""A provider that charges saved cards, each key once, or says no; enough of `Gateway` for refills."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from shop.payments.gateway import CURRENCY, Declined, Intent, IntentState, ProviderRefused


class Killed(BaseException):
    """The process ends here: nothing after it runs, and nothing catches it."""


@dataclass
class Bank:
    """`charged` is what it took, by key. `refuses`: it says no. `dies`: we never hear its answer."""

    refuses: bool = False
    dies: bool = False
    intents: dict[str, Intent] = field(default_factory=dict)
    by_key: dict[str, str] = field(default_factory=dict)

    def charge_card(
        self, *, order_ref: str, payment_ref: str, amount_cents: int, key: str, **_names: Any
    ) -> Intent:
        if key not in self.by_key:
            state = IntentState.REQUIRES_PAYMENT_METHOD if self.refuses else IntentState.SUCCEEDED
            intent = Intent(
                id=f"pi_{uuid.uuid4().hex}",
                state=state,
                amount_cents=amount_cents,
                received_cents=0 if self.refuses else amount_cents,
                currency=CURRENCY,
                order_ref=order_ref,
                livemode=False,
                failure_code="card_declined" if self.refuses else None,
                payment_ref=payment_ref,
            )
            self.intents[intent.id] = intent
            self.by_key[key] = intent.id
        made = self.intents[self.by_key[key]]
        if self.dies:
            raise Killed
        if made.state is not IntentState.SUCCEEDED:
            raise Declined("The card was refused.", code="insufficient_funds", intent=made)
        return made

    def intent(self, intent_id: str) -> Intent:
        return self.intents[intent_id]

    def open_setup(self, **_terms: Any) -> Any:
        """Cards of these tests were saved before."""
        raise ProviderRefused("No page is opened here.", code="closed")

    def took(self, order_ref: str) -> int:
        """Cents of one order, however often."""
        return sum(
            one.received_cents for one in self.intents.values() if one.order_ref == order_ref
        )
