"""Whose code a sample of the stack is."""

from __future__ import annotations

import sys
from types import FrameType

from werkzeug.utils import cached_property

from benchmarks.profile import _layer
from shop.core import numbers


class Caught:
    @cached_property
    def stack(self) -> list[FrameType]:
        """As werkzeug called us."""
        frame = sys._getframe(1)
        assert frame.f_back is not None
        return [frame, frame.f_back]


def test_a_librarys_time_is_the_librarys_wherever_it_is_installed() -> None:
    assert _layer(Caught().stack) == "Flask, werkzeug"


def test_our_time_is_ours() -> None:
    seen: list[FrameType] = []

    def watch(frame: FrameType, event: str, _arg: object) -> None:
        if event == "call" and frame.f_code is numbers.fresh.__code__:
            seen.append(frame)

    sys.setprofile(watch)
    try:
        numbers.fresh("Q")
    finally:
        sys.setprofile(None)
    assert _layer(seen) == "the shop"
