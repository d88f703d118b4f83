"""The shop's own source, parsed, for the rules that watch over it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "shop"

EDGES = frozenset({"api", "pages", "cli", "schemas", "jobs"})
NO_FEATURE = frozenset({"core", "web", "demo"})  # packages without the rooms of a feature


@dataclass(frozen=True)
class Module:
    """One module: its dotted name and its text."""

    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def edge(self) -> bool:
        """A room on the ring around the features: it speaks HTTP, to a terminal, to the worker.

        A large one is a package, all of which is the edge.
        """
        parts = self.name.split(".")
        if self.name == "shop.cli":
            return True
        return len(parts) >= 3 and parts[2] in EDGES and parts[1] not in NO_FEATURE

    def within(self, *packages: str) -> bool:
        """Is one of these modules, or inside one of these packages."""
        return any(self.name == name or self.name.startswith(name + ".") for name in packages)

    @cached_property
    def imports(self) -> frozenset[str]:
        """Everything imported, dotted: `from a import b` counts as `a` and as `a.b`."""
        names: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                start = self._from(node)
                names |= {start} | {f"{start}.{alias.name}" for alias in node.names}
        return frozenset(names)

    def imports_any(self, *packages: str) -> bool:
        """Whether one of these packages, or something inside them, is imported."""
        return any(
            name == package or name.startswith(package + ".")
            for name in self.imports
            for package in packages
        )

    def calls(self) -> Iterator[ast.Call]:
        return (node for node in ast.walk(self.tree) if isinstance(node, ast.Call))

    def _from(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        base = self.name.split(".")[: -node.level]
        return ".".join([*base, *filter(None, [node.module])])


def name_of(node: ast.expr) -> str:
    """`a.b.c` as text; "" where it is more than names and dots."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{name_of(node.value)}.{node.attr}"
    return ""


def shop_modules() -> list[Module]:
    """Every module of the shop."""
    return [
        Module(_dotted(path), path.read_text(encoding="utf-8"))
        for path in sorted(SHOP.rglob("*.py"))
    ]


def _dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
