"""A curator edits in bulk in a real browser: ticks, fills in, watches the progress, takes it back."""

import threading

import pytest
from django.db import connection

from apps.catalog import changerows, changesets
from apps.catalog.models import Track
from tests.browser.test_accounts import CHROMIUM, FLAGS, Person, browsing
from tests.catalog.test_changesets import make_tracks
from tests.lib.threads import side_by_side
from tests.make import PASSWORD

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="No Chromium on the PATH."),
]

ROWS = 5


@pytest.fixture
def curator(live_server, mod, ana):
    """A curator's browser at the list of Ana's tracks. While it runs, only threads may ask the database."""
    make_tracks(ana, ROWS)
    with browsing.sync_playwright() as running:
        started = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        person = Person(started.new_context(), live_server.url)
        person.open("/sign-in?next=/admin/catalog/track/")
        person.send(**{"E-mail": mod.email, "Password": PASSWORD})
        yield person
        started.close()
    assert person.complaints == []


@pytest.fixture
def slow_worker(monkeypatch):
    """`slow_worker()` works off one changeset beside the test; it stops after two rows until it is let go."""
    monkeypatch.setattr(changerows, "AT_ONCE", 2)
    report, go, threads = changesets._report, threading.Event(), []

    def stop_at_two(changeset, done, total):
        report(changeset, done, total)
        if done == 2 and changeset.state == "running":
            assert go.wait(20)
            go.clear()

    def work():
        try:
            changesets.work(seconds=60)
        finally:
            connection.close()

    def start() -> threading.Event:
        threads.append(threading.Thread(target=work))
        threads[-1].start()
        return go

    monkeypatch.setattr(changesets, "_report", stop_at_two)
    yield start
    go.set()
    for thread in threads:
        thread.join()


def watch(page, slow_worker, work: str, end: str) -> None:
    """The bar stands at two of five while nothing is written for others, and ends by itself, without a reload."""
    page.evaluate("window.sameVisit = true")
    go = slow_worker()
    page.get_by_text(f"{work}: 2 of {ROWS} rows").wait_for()
    assert page.get_by_role("progressbar").get_attribute("value") == "2"
    go.set()
    page.get_by_text(end).wait_for()
    assert page.get_by_role("progressbar").count() == 0
    assert page.evaluate("window.sameVisit")


def standing(**facts) -> int:
    """How many tracks are so."""
    return side_by_side(lambda: Track.objects.filter(**facts).count())[0]


def test_a_bulk_edit_from_the_ticked_rows_to_its_undo(curator, slow_worker):
    page = curator.page
    page.locator("#action-toggle").check()
    page.get_by_role("combobox", name="Action").select_option(label="Edit in bulk…")
    curator.press(page.get_by_role("button", name="Run"))
    page.get_by_label("Genre", exact=True).fill("House")
    page.get_by_label("Add tags").fill("rain")
    curator.press(page.get_by_role("button", name="Preview"))

    watch(page, slow_worker, "Comparing old and new", f"{ROWS} rows would change")
    assert page.locator(".preview tbody").count() == ROWS
    assert page.locator(".preview ins").first.inner_text() == "House"

    curator.press(page.get_by_role("link", name="Apply"))
    watch(page, slow_worker, "Writing the changes", f"{ROWS} rows changed on")
    assert standing(genre="House", tags=["rain"]) == ROWS

    curator.press(page.get_by_role("link", name="Undo"))
    curator.press(page.get_by_role("button", name="Undo"))
    watch(page, slow_worker, "Putting everything back", "Put back by mod")
    assert standing(genre="Techno", tags=[]) == ROWS
