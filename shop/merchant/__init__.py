"""How money may be taken for what is sold: payment routes, and the permissions they need."""
