"""What physicians have ordered to prepare skin for a procedure, read off the regimens of plans."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from uuid import UUID

from shop.catalog import queries as catalog
from shop.catalog.models import Variant
from shop.treatments import queries, regimens
from shop.treatments.windows import WindowRule
from shop.treatments.windows.facts import Span

Spans = Mapping[str, tuple[Span, ...]]
NONE: Spans = {}


def matters(rules: Iterable[WindowRule]) -> bool:
    """Whether one of them asks what primes skin."""
    return any(rule.when.primed is not None for rule in rules)


def of_each(clients: Collection[UUID]) -> Mapping[UUID, Spans]:
    """By client and class of active, for which days a running plan of hers orders it as priming.

    One statement, and one more where something is ordered. A plan runs only once a physician has
    started it, and only a physician marks a step. Raises sealed.NotOpened.
    """
    ordered = [
        (client_id, step)
        for client_id, version in queries.running(clients)
        for step in regimens.read(version.content)
        if step.priming
    ]
    classes = catalog.active_classes(Variant.sku, {step.sku for _, step in ordered})
    found: defaultdict[UUID, dict[str, tuple[Span, ...]]] = defaultdict(dict)
    for client_id, step in ordered:
        spans = found[client_id]
        for name in classes.get(step.sku, ()):
            spans[name] = (*spans.get(name, ()), (step.since, step.until))
    return found
