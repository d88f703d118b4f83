"""What is due again: kits and refills."""
