import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fdtrace.comparison import chance


def test_none_seen_needs_three_expected() -> None:
    assert chance.expected_for(0) == pytest.approx(-math.log(0.05), abs=0.01)
    assert chance.at_most(0, 3.0) < chance.DOUBT < chance.at_most(0, 2.9)


@pytest.mark.parametrize(("seen", "expected"), [(1, 4.744), (2, 6.296), (5, 10.513)])
def test_more_seen_needs_more_expected(seen: int, expected: float) -> None:
    assert chance.expected_for(seen) == pytest.approx(expected, abs=0.01)


@settings(deadline=None)
@given(st.integers(0, 300), st.floats(0.01, 2000))
def test_likelihoods_are_likelihoods_and_grow_with_what_is_seen(seen: int, expected: float) -> None:
    few, more = chance.at_most(seen, expected), chance.at_most(seen + 1, expected)
    assert 0 <= few <= more + 1e-9 <= 1 + 1e-9


def test_large_and_small_numbers_agree_where_they_meet() -> None:
    for seen in (650, 690, 720):
        assert chance.at_most(seen, 699.9) == pytest.approx(chance.at_most(seen, 700.1), abs=0.01)


@pytest.mark.parametrize(
    ("numbers", "direction"),
    [
        ((24, 24, 12, 24), -1),
        ((24, 24, 24, 24), 0),
        ((24, 24, 60, 60), 0),
        ((10, 100, 12, 100), 0),
        ((10, 100, 40, 100), 1),
        ((3, 4, 2, 4), 0),
        ((500, 1000, 450, 1000), 0),
        ((0, 50, 50, 50), 1),
    ],
)
def test_a_share_differs_beyond_chance_and_by_a_quarter(
    numbers: tuple[int, int, int, int], direction: int
) -> None:
    assert chance.share_differs(*numbers) == direction


@pytest.mark.parametrize(
    ("numbers", "direction"),
    [
        ((24, 100.0, 24, 100.0), 0),
        ((24, 100.0, 24, 400.0), -1),
        ((24, 100.0, 96, 100.0), 1),
        ((2, 10.0, 1, 10.0), 0),
        ((0, 10.0, 0, 10.0), 0),
        ((5, 0.0, 5, 10.0), 0),
        ((30_000, 10.0, 60_000, 10.0), 1),
        ((30_000, 10.0, 30_100, 10.0), 0),
    ],
)
def test_a_rate_differs_beyond_chance_and_by_a_quarter(
    numbers: tuple[int, float, int, float], direction: int
) -> None:
    assert chance.rate_differs(*numbers) == direction


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(1, 40), st.integers(0, 40), st.integers(1, 40))
def test_the_same_two_sides_the_other_way_round_give_the_opposite(
    a: int, of_a: int, b: int, of_b: int
) -> None:
    a, b = min(a, of_a), min(b, of_b)
    assert chance.share_differs(a, of_a, b, of_b) == -chance.share_differs(b, of_b, a, of_a)
