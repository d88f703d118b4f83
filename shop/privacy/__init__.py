"""What clients may ask of what the clinic knows of them: a copy, or the end of the account."""
