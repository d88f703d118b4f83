"""What the clinic buys: suppliers, purchase orders, and what arrived of them."""
