"""How the clinic shows itself: its name, logo, accent and the words at the shop's door."""
