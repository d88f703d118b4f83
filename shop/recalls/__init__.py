"""Recalls: lots that must come back, everybody who got units of them, and what became of each."""
