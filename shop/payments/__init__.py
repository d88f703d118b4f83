"""Money: what the shop wants from a payment provider, and how it gets it."""
