"""What is due again: when what a client uses runs out, and refills that are sent as she agreed."""
