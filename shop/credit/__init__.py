"""Store credit: one account a client, gift cards redeemed into it, and a ledger of what was spent."""
