"""From how much on a difference of a drawer takes a second person: what pages say.

The function `drawer_takes_two` of the database decides; a test compares the two.
"""

from __future__ import annotations

# Cash, slips and cheques each off by so much together, whichever way: too much does not make up
# for too little.
LIMIT_CENTS = 20_00
