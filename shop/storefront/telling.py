"""What a product's page tells beside what was filed: what for, how it is used, what to mind.

Pure. Only from what the dictionary knows of its actives and from the leaflets the clinic ships;
what nobody knows is not said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shop.catalog.concerns import Concern, SkinType
from shop.catalog.models import Ingredient, Irritancy, Pregnancy, Product
from shop.prescriptions.paper import leaflets
from shop.prescriptions.paper.leaflets import Subject
from shop.treatments.course import SHIELDING

GRAVEST = (Pregnancy.AVOID, Pregnancy.CAUTION)
READ_BEFORE = ("what_it_does", "how_to_use", "do_not_use", "pregnancy", "sun", "side_effects")


@dataclass(frozen=True)
class About:
    """`sections` are of the leaflet (key, paragraphs), for what a physician prescribes.

    `pregnancy`: the gravest word about any of its actives, None where none is known to be grave.
    `rests`: it has actives that a treatment may ask to leave off.
    """

    concerns: tuple[Concern, ...]
    skin_types: tuple[SkinType, ...]
    sections: tuple[tuple[str, tuple[str, ...]], ...]
    pregnancy: Pregnancy | None
    irritates: bool
    rests: bool


def about(product: Product) -> About:
    """What is known of it. Its ingredients are loaded."""
    actives = [line.ingredient for line in product.ingredients if line.active and line.ingredient]
    classes = {one.active_class for one in actives if one.active_class is not None}
    said = {one.pregnancy for one in actives}
    return About(
        concerns=tuple(Concern(word) for word in product.concerns),
        skin_types=tuple(SkinType(word) for word in product.skin_types),
        sections=tuple(_sections(actives)) if product.doctor_only else (),
        pregnancy=next((word for word in GRAVEST if word in said), None),
        irritates=any(one.irritancy is Irritancy.HIGH for one in actives),
        rests=bool(classes - SHIELDING),
    )


def _sections(actives: Sequence[Ingredient]) -> list[tuple[str, tuple[str, ...]]]:
    """Of the leaflet of its actives; the general one speaks of a prescription, so not that."""
    version = leaflets.version_for({one.active_class for one in actives})
    if version == leaflets.CURRENT[Subject.GENERAL]:
        return []
    keys = {heading: key for key, heading in leaflets.HEADINGS.items()}
    merged: dict[str, tuple[str, ...]] = {}
    for part in leaflets.leaflet(version).parts:
        for heading, texts in part.sections:
            key = keys[heading]
            if key in READ_BEFORE:
                merged[key] = tuple(dict.fromkeys(merged.get(key, ()) + texts))
    return [(key, merged[key]) for key in READ_BEFORE if key in merged]
