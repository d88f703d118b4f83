"""The arithmetic of a drawer: what went in and out adds up to what should be there. Pure."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from shop.payments.states import Tender
from shop.tills import money
from shop.tills.limits import LIMIT_CENTS
from shop.tills.money import DENOMINATIONS, Sums
from tests.tills.builders import fitting

CENTS = st.integers(min_value=-5_000_00, max_value=5_000_00)
MOVES = st.lists(st.tuples(st.sampled_from(list(Tender)), CENTS), max_size=60)
PIECES = st.dictionaries(
    st.sampled_from(DENOMINATIONS), st.integers(min_value=0, max_value=money.MOST_PIECES)
)


@settings(max_examples=200, deadline=None)
@given(MOVES, MOVES)
def test_sums_add_up_in_any_order_and_any_parts(
    morning: list[tuple[Tender, int]], evening: list[tuple[Tender, int]]
) -> None:
    whole = money.added([*morning, *evening])
    assert whole == money.added([*reversed(evening), *reversed(morning)])
    for tender in Tender:
        parts = money.added(morning).of(tender) + money.added(evening).of(tender)
        assert whole.of(tender) == parts
    every_cent = sum(cents for _, cents in [*morning, *evening])
    assert whole.cash + whole.terminal + whole.cheque == every_cent


@settings(max_examples=200, deadline=None)
@given(MOVES, CENTS, CENTS, CENTS)
def test_a_difference_is_what_was_found_over_what_should_be_there(
    moves: list[tuple[Tender, int]], cash: int, terminal: int, cheque: int
) -> None:
    expected = money.added(moves)
    found = Sums(expected.cash + cash, expected.terminal + terminal, expected.cheque + cheque)

    difference = found - expected

    assert difference == Sums(cash, terminal, cheque)
    assert difference.off_by == abs(cash) + abs(terminal) + abs(cheque)
    assert difference.takes_two == (difference.off_by > LIMIT_CENTS)
    assert (difference.off_by == 0) == (found == expected)


@settings(max_examples=200, deadline=None)
@given(PIECES)
def test_pieces_are_worth_what_they_say(pieces: dict[int, int]) -> None:
    assert money.wrong_pieces(pieces) == []
    assert money.worth(pieces) == sum(
        denomination for denomination, number in pieces.items() for _ in range(number)
    )
    assert money.worth(fitting(money.worth(pieces))) == money.worth(pieces)


def test_too_much_does_not_make_up_for_too_little() -> None:
    assert Sums(cash=-LIMIT_CENTS, terminal=LIMIT_CENTS).takes_two
    assert not Sums(cash=-LIMIT_CENTS).takes_two
