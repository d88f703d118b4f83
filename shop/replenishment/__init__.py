"""What is due again: kits for the phase of a plan, packs that run out, refills as she agreed."""
