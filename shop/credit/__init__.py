"""Store credit: an account a client, gift cards redeemed into it, a ledger of what was spent."""
