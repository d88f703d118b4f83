"""What pages call the subjects of windows, in the reader's language."""

from __future__ import annotations

from flask_babel import lazy_gettext as _

from shop.treatments.pages.blueprint import bp

NAMES = {
    "retinoid": _("retinoids"),
    "aha": _("AHAs"),
    "bha": _("BHA"),
    "pha": _("PHAs"),
    "benzoyl_peroxide": _("benzoyl peroxide"),
    "hydroquinone": _("hydroquinone"),
    "vitamin_c": _("vitamin C"),
    "azelaic_acid": _("azelaic acid"),
    "niacinamide": _("niacinamide"),
    "brightener": _("brighteners"),
    "sulfur": _("sulfur"),
    "resorcinol": _("resorcinol"),
    "peptide": _("peptides"),
    "uv_filter": _("sunscreen"),
    "skin_protectant": _("protective creams"),
    "corticosteroid": _("steroid creams"),
    "antibiotic": _("antibiotics on the skin"),
    "antifungal": _("creams against fungi"),
    "antiparasitic": _("creams against mites"),
    "antiseptic": _("antiseptics"),
    "calcineurin_inhibitor": _("calcineurin inhibitors"),
    "pde4_inhibitor": _("PDE4 inhibitors"),
    "jak_inhibitor": _("JAK inhibitors"),
    "antimitotic": _("fluorouracil"),
    "immune_modifier": _("imiquimod"),
    "antiandrogen": _("antiandrogens"),
    "vasoconstrictor": _("creams against redness"),
    "prostaglandin": _("lash serums"),
    "local_anesthetic": _("numbing creams"),
    "sun": _("sun and tanning"),
    "spf": _("sunscreen"),
    "wax": _("waxing and plucking"),
    "scrub": _("scrubs"),
    "exercise": _("hard exercise"),
    "heat": _("sauna and heat"),
    "antiviral": _("the medicine against cold sores"),
    "nsaid": _("ibuprofen and the like"),
    "photosensitiser": _("medicines that make skin sensitive to light"),
    "isotretinoin": _("isotretinoin"),
    "other_procedure": _("other treatments"),
    "release": _("a look at your skin in the clinic"),
}


@bp.app_template_filter("subject_name")
def subject_name(code: str) -> str:
    """ "retinoids"; of what has no name here, its code in words."""
    return str(NAMES.get(code) or code.replace("_", " "))
