"""What every verb of the shop does in every state, as text.

A cell that begins with ">" is the state a success leads to; any other is the code of the refusal,
or the name of what in PostgreSQL refuses where the code leaves it to PostgreSQL. `test_pairs.py`
tries every cell; the model of the walks reads from here where a request or a prescription goes.
"""

from __future__ import annotations

import functools

TABLES = {
    "approval_request": """
state          answer      submit      withdraw    claim           release    refuse          sign            inquire         reply       change          accept      refer           examine         expire
draft          >draft      >queued     >withdrawn  wrong_state     claim_lost wrong_state     wrong_state     wrong_state     wrong_state wrong_state     wrong_state wrong_state     >draft          >expired
queued         wrong_state wrong_state >withdrawn  >in_review      claim_lost claim_lost      claim_lost      claim_lost      wrong_state claim_lost      wrong_state claim_lost      >queued         >queued
in_review      wrong_state wrong_state wrong_state >in_review      >queued    >declined       >approved       >info_requested wrong_state >pending_client wrong_state >referred       >in_review      >in_review
info_requested wrong_state wrong_state >withdrawn  wrong_state     claim_lost wrong_state     wrong_state     wrong_state     >queued     wrong_state     wrong_state wrong_state     >info_requested >expired
referred       wrong_state wrong_state >withdrawn  wrong_state     claim_lost wrong_state     wrong_state     wrong_state     wrong_state wrong_state     wrong_state wrong_state     >queued         >expired
pending_client wrong_state wrong_state >withdrawn  already_decided claim_lost already_decided already_decided already_decided wrong_state already_decided >approved   already_decided >pending_client >expired
approved       wrong_state wrong_state wrong_state already_decided claim_lost already_decided already_decided already_decided wrong_state already_decided wrong_state already_decided >approved       >approved
declined       wrong_state wrong_state wrong_state already_decided claim_lost already_decided already_decided already_decided wrong_state already_decided wrong_state already_decided >declined       >declined
withdrawn      wrong_state wrong_state wrong_state wrong_state     claim_lost wrong_state     wrong_state     wrong_state     wrong_state wrong_state     wrong_state wrong_state     >withdrawn      >withdrawn
expired        wrong_state wrong_state wrong_state wrong_state     claim_lost wrong_state     wrong_state     wrong_state     wrong_state wrong_state     wrong_state wrong_state     >expired        >expired
""",
    "prescription": """
state            hold        resume      revoke      replace             err               fill
active           >on_hold    wrong_state >revoked    >superseded         >entered_in_error >active
on_hold          wrong_state >active     >revoked    predecessor_on_hold >entered_in_error prescription_not_held
revoked          wrong_state wrong_state wrong_state >revoked            >entered_in_error prescription_not_revoked
superseded       wrong_state wrong_state wrong_state >superseded         >entered_in_error prescription_not_superseded
entered_in_error wrong_state wrong_state wrong_state >entered_in_error   already_reported  prescription_is_active
""",
    "fill": """
state     consume     dispense    release
reserved  >consumed   wrong_state >released
consumed  wrong_state >dispensed  >released
dispensed wrong_state wrong_state wrong_state
released  wrong_state wrong_state wrong_state
""",
    "lot": """
state      release     quarantine  hold        expire
quarantine >available  wrong_state wrong_state >expired
available  wrong_state >quarantine >on_hold    >expired
on_hold    >available  wrong_state wrong_state >expired
recalled   wrong_state wrong_state wrong_state >recalled
returned   wrong_state wrong_state wrong_state >returned
expired    wrong_state wrong_state wrong_state >expired
destroyed  wrong_state wrong_state wrong_state >destroyed
""",
    "order": """
state            begin             pay       cancel          expire      overdue     ship
awaiting_payment >awaiting_payment >paid     >cancelled      not_due_yet >expired    not_paid
paid             order_not_payable >paid     >cancelled      wrong_state wrong_state >closed
closed           order_not_payable >closed   already_shipped wrong_state wrong_state not_paid
cancelled        order_not_payable >cancelled wrong_state    wrong_state wrong_state not_paid
expired          order_not_payable >expired  wrong_state     wrong_state wrong_state not_paid
""",
    "order_line": """
state     pay        ship           revoke      cancel
placed    >ready     not_paid       >cancelled  >cancelled
ready     >ready     >shipped       >on_hold    >cancelled
on_hold   >on_hold   line_not_ready wrong_state >cancelled
packed    >packed    line_not_ready >on_hold    >cancelled
shipped   >shipped   line_not_ready >shipped    already_shipped
delivered >delivered line_not_ready >delivered  already_shipped
returned  >returned  line_not_ready >returned   already_shipped
cancelled >cancelled not_paid       >cancelled  wrong_state
""",
    "payment": """
state      page_open   page_expired other_amount money      money_cancelled to_capture  card_refused
created    >open       >cancelled   >questioned  >succeeded >cancelled      >questioned >created
open       >open       >cancelled   >questioned  >succeeded >cancelled      >questioned >open
questioned >questioned >questioned  >questioned  >succeeded >questioned     >questioned >questioned
cancelled  >cancelled  >cancelled   >cancelled   >succeeded >cancelled      >cancelled  >cancelled
succeeded  >succeeded  >succeeded   >succeeded   >succeeded >succeeded      >succeeded  >succeeded
""",
    "refund": """
state    pending   action_needed succeeded failed    cancelled given_up  sign        decline
proposed >proposed >proposed     >proposed >proposed >proposed >proposed >planned    >declined
planned  >planned  >planned      >done     >failed   >failed   >failed   wrong_state wrong_state
done     >done     >done         >done     >failed   >failed   >failed   wrong_state wrong_state
failed   >failed   >failed       >failed   >failed   >failed   >failed   wrong_state wrong_state
declined >declined >declined     >declined >declined >declined >declined wrong_state wrong_state
""",
}


@functools.cache
def cells(machine: str) -> dict[str, dict[str, str]]:
    """state → verb → what comes of it."""
    head, *rows = [line.split() for line in TABLES[machine].strip().splitlines()]
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}
