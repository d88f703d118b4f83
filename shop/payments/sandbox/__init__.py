"""A stand-in for Stripe that speaks Stripe's own HTTP protocol.

It imports nothing of the shop, runs as a process of its own and keeps its state in a database
schema of its own, so that the real Stripe library can be used against it unchanged.
"""
