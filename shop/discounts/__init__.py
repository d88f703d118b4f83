"""Discount codes: their terms, where none may be given, and the numbered uses of each."""
