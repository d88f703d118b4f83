"""The stateful model: random walks through the shop, every step held against the model.

`AFTERCARE_SEED` and the shard make the walks: the same two, the same sizes, the same walks. A
failure prints the steps of the shortest walk that was found and the blob that replays it alone
(`@reproduce_failure` on `Walk`); the line below it names seed and shard.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests import regime
from tests.model.clinic import Clinic
from tests.model.walk import walk


@pytest.mark.parametrize("shard", range(regime.MODEL_SHARDS))
def test_the_shop_is_its_model(clinic: Clinic, shard: int) -> None:
    """I1 to I22, as far as six life cycles, a shelf and a bank can break them."""
    counts: Counter[tuple[str, str]] = Counter()
    try:
        walk(
            clinic,
            seed=regime.SEED + shard,
            examples=regime.MODEL_EXAMPLES,
            steps=regime.MODEL_STEPS,
            counts=counts,
        )
    except BaseException as error:
        error.add_note(f"AFTERCARE_SEED={regime.SEED} AFTERCARE_SOAK={int(regime.SOAK)}, [{shard}]")
        raise
    walks, steps = counts.pop(("walk", "")), counts.pop(("step", ""))
    regime.counted(
        "model",
        walks=walks,
        steps=steps,
        acts=counts.total(),
        refusals=sum(many for (_, code), many in counts.items() if code),
        differences=0,
    )
    if regime.SOAK:  # a verb that never goes well is a hole in the walks
        assert not {verb for verb, _ in counts} - {verb for verb, code in counts if not code}
