"""Bars for a page: as high as their values, below a round number."""

import pytest

from apps.lib.charts import HEIGHT, chart, round_up, stacked


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


def test_parts_of_a_bar_lie_on_each_other_in_their_order_and_add_up():
    drawn = stacked([("Monday", {"archived": 12, "retried": 6, "lost": 2}), ("Tuesday", {"archived": 5})])
    assert (drawn.top, drawn.middle, drawn.width) == (20, 10, 2)
    first, second = drawn.bars
    assert (first.label, first.value, second.value) == ("Monday", 20, 5)
    assert [(part.name, part.value, part.height, part.y) for part in first.parts] == [
        ("archived", 12, 60, 40), ("retried", 6, 30, 10), ("lost", 2, 10, 0),
    ]  # fmt: skip
    assert all(0 < part.x < part.x + part.width < 1 for part in first.parts) and 1 < second.parts[0].x < 2


def test_stacks_of_nothing_have_no_height():
    drawn = stacked([("Monday", {"archived": 0, "lost": 0})])
    assert (drawn.top, drawn.bars[0].value) == (1, 0)
    assert [part.height for part in drawn.bars[0].parts] == [0, 0]
    assert stacked([]).bars == []
