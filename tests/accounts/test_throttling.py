"""Whose tries are counted together."""

from __future__ import annotations

import pytest

from shop.accounts import throttling

ADDRESSES = {
    "two addresses of one household": ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
    "two households": ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
    "two IPv4 addresses": ("192.0.2.1", "192.0.2.2", False),
    "no address": ("", "unix", False),
}


@pytest.mark.parametrize("case", ADDRESSES)
def test_where_tries_come_from(case: str) -> None:
    one, other, same = ADDRESSES[case]

    assert (throttling.address_key(one) == throttling.address_key(other)) is same
