"""Bars for a page: as high as their values, below a round number."""

import pytest

from apps.lib.charts import HEIGHT, chart, round_up


@pytest.mark.parametrize(
    ("value", "top"),
    [(0, 1), (1, 1), (2, 2), (3, 5), (6, 10), (10, 10), (11, 20), (999, 1000), (1001, 2000), (10**9 + 1, 2 * 10**9)],
)
def test_the_upper_line_is_a_round_number_not_below_the_highest_bar(value, top):
    assert round_up(value) == top


def test_bars_stand_side_by_side_on_the_lower_edge():
    drawn = chart([("a", 0), ("b", 5), ("c", 20)])
    assert (drawn.top, drawn.middle, drawn.width) == (20, 10, 3)
    assert [bar.height for bar in drawn.bars] == [0, HEIGHT / 4, HEIGHT]
    assert all(bar.y + bar.height == HEIGHT for bar in drawn.bars)
    assert all(at < bar.x and bar.x + bar.width < at + 1 for at, bar in enumerate(drawn.bars))


def test_nothing_draws_an_empty_box_and_a_half_is_no_line():
    assert (chart([]).bars, chart([]).top) == ([], 1)
    assert (chart([("a", 1)]).middle, chart([("a", 4)]).middle) == (None, None)
