"""Adverse reactions to what the shop sells: product, lot, how grave, and by when it is reported."""
