"""Numbers as bars of an SVG: what a template draws, measured out here so that pages need no script for it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

HEIGHT = 100
STEPS = (1, 2, 5, 10)


@dataclass(frozen=True)
class Bar:
    """One bar in a box that is as many units wide as there are bars, and HEIGHT high; `y` is its upper end."""

    x: float
    y: float
    width: float
    height: float
    label: str
    value: int


@dataclass(frozen=True)
class Chart:
    """Bars and the values of its lines, the upper one first; the line of 0 is the lower edge."""

    bars: list[Bar]
    width: int
    top: int
    middle: int | None
    height: int = HEIGHT


def chart(values: Sequence[tuple[str, int]]) -> Chart:
    """Bars for (label, value from 0 on), left to right, up to a round number above the highest."""
    top = round_up(max((value for _, value in values), default=0))
    bars = [_bar(at, label, value, top) for at, (label, value) in enumerate(values)]
    return Chart(bars, len(bars), top, top // 2 if top % 2 == 0 else None)


def _bar(at: int, label: str, value: int, top: int) -> Bar:
    height = round(HEIGHT * value / top, 2)
    return Bar(at + 0.125, round(HEIGHT - height, 2), 0.75, height, label, value)


def round_up(value: int) -> int:
    """The next of 1, 2, 5, 10, 20, 50 … that is not below the value."""
    if value <= 1:
        return 1
    power = 10 ** math.floor(math.log10(value))
    return next(power * step for step in STEPS if power * step >= value)


@dataclass(frozen=True)
class Part:
    """One part of a stacked bar; `name` is that of its row of values."""

    name: str
    x: float
    y: float
    width: float
    height: float
    value: int


@dataclass(frozen=True)
class Stack:
    """A stacked bar: its label, its parts from below, and their sum."""

    label: str
    parts: list[Part]
    value: int


@dataclass(frozen=True)
class Stacks:
    """Stacked bars and the values of their lines, as of a `Chart`."""

    bars: list[Stack]
    width: int
    top: int
    middle: int | None
    height: int = HEIGHT


def stacked(values: Sequence[tuple[str, dict[str, int]]]) -> Stacks:
    """Bars for (label, {name: value from 0 on}), left to right; the first name lies at the bottom."""
    sums = [sum(parts.values()) for _, parts in values]
    top = round_up(max(sums, default=0))
    bars = [Stack(label, _parts(at, parts, top), sums[at]) for at, (label, parts) in enumerate(values)]
    return Stacks(bars, len(bars), top, top // 2 if top % 2 == 0 else None)


def _parts(at: int, parts: dict[str, int], top: int) -> list[Part]:
    made, below = [], 0.0
    for name, value in parts.items():
        height = HEIGHT * value / top
        below += height
        made.append(Part(name, at + 0.125, round(HEIGHT - below, 2), 0.75, round(height, 2), value))
    return made
