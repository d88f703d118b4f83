"""Treatment plans: what is done in the clinic, and what it asks of home care around it."""
