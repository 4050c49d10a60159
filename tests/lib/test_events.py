import datetime as dt

import pytest

from apps.lib import events
from apps.lib.errors import Refusal

LONG, SHORT = dt.timedelta(seconds=60), dt.timedelta(0)


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(events, "EVERY", dt.timedelta(milliseconds=1))


def told(*seen, lasts: dt.timedelta = LONG) -> list[str]:
    looks = iter(seen)
    stream = events.Stream(lambda: next(looks), name="progress", lasts=lasts, leave=lambda: None)
    return [line for line in stream if not line.startswith("retry")]


def test_what_is_new_is_told_once_until_it_is_over():
    lines = told(("1", False), ("1", False), ("2", False), ("3", True), ("4", True))
    assert lines == [f"event: progress\ndata: {fact}\n\n" for fact in "123"]


def test_a_row_that_is_gone_ends_the_stream():
    assert len(told(("1", False), None)) == 1


def test_a_stream_ends_with_its_time_although_nothing_is_over():
    assert len(told(("1", False), ("2", False), lasts=SHORT)) == 1


def test_silence_is_broken_so_that_a_listener_who_left_is_noticed():
    lines = told(*[("1", False)] * (events.SILENT_TURNS + 1), ("2", True))
    assert lines[1] == ": nothing new\n\n"


def test_seats_are_few_and_come_back_even_when_nobody_began_to_read():
    seats = events.Seats(1)
    stream = events.Stream(lambda: None, name="progress", lasts=LONG, leave=seats.take())
    with pytest.raises(Refusal) as refused:
        seats.take()
    assert (refused.value.code, refused.value.status) == ("EVENTS_BUSY", 429)
    stream.close()
    stream.close()
    again = seats.take()
    with pytest.raises(Refusal):
        seats.take()
    again()


def test_a_stream_that_is_dropped_unclosed_keeps_no_seat():
    """What fails between the view and the server leaves it so."""
    seats = events.Seats(1)
    stream = events.Stream(lambda: None, name="progress", lasts=LONG, leave=seats.take())
    with pytest.raises(Refusal):
        seats.take()
    del stream
    seats.take()


def test_no_seats_are_a_refusal_for_everyone():
    with pytest.raises(Refusal, match="Too many"):
        events.Seats(0).take()
