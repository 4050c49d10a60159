"""A playlist is put in order by pointer, by keys and by buttons, and plays in the order that it has then."""

import pytest

from apps.playlists import actions
from apps.playlists.models import Entry
from tests.browser.test_accounts import CHROMIUM, FLAGS, Person, browsing
from tests.lib.threads import side_by_side
from tests.make import PASSWORD, make_playable, make_playlist

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="No Chromium on the PATH."),
]

TITLES = ("Amber", "Birch", "Cedar", "Dune")


@pytest.fixture
def owner(live_server, ana):
    """The owner's browser on a playlist of four tracks."""
    playlist = make_playlist(ana, *(make_playable(ana, title=title) for title in TITLES))
    with browsing.sync_playwright() as running:
        started = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        person = Person(started.new_context(), live_server.url)
        person.open(f"/sign-in?next=/playlists/{playlist.pk}")
        person.send(**{"E-mail": ana.email, "Password": PASSWORD})
        yield person
        started.close()
    assert [said for said in person.complaints if "412" not in said] == []


def kept() -> list[str]:
    rows = Entry.objects.order_by("position").values_list("track__title", flat=True)
    return side_by_side(lambda: list(rows))[0]


def shown(page) -> list[str]:
    return page.locator("[data-entry-title]").all_inner_texts()


def settled(page, words: str) -> None:
    page.get_by_text(words).wait_for()


def test_an_entry_is_dragged_stepped_and_taken_out(owner):
    page = owner.page
    grip, target = page.get_by_label("Move Amber", exact=True), page.get_by_text("Cedar")
    start, end = grip.bounding_box(), target.bounding_box()
    page.mouse.move(start["x"] + 10, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(start["x"] + 10, end["y"] + end["height"], steps=12)
    page.mouse.up()
    settled(page, "Amber is number 3 now.")
    assert shown(page) == kept() == ["Birch", "Cedar", "Amber", "Dune"]

    page.get_by_label("Move Dune", exact=True).focus()
    page.keyboard.press("ArrowUp")
    settled(page, "Dune is number 3 now.")
    page.keyboard.press("ArrowUp")
    settled(page, "Dune is number 2 now.")
    assert shown(page) == kept() == ["Birch", "Dune", "Cedar", "Amber"]

    page.get_by_label("Move Birch down").click()
    settled(page, "Birch is number 2 now.")
    assert page.get_by_label("Move Dune up").is_disabled()
    page.get_by_label("Take Cedar out").click()
    settled(page, "Cedar is out of the playlist.")
    assert shown(page) == kept() == ["Dune", "Birch", "Amber"]

    page.get_by_role("button", name="Play Dune").first.click()
    page.get_by_label("Next track").click()
    page.wait_for_function("document.querySelector('[data-now-title]').textContent === 'Birch'")


def test_what_somebody_else_changed_meanwhile_is_not_moved_over(owner):
    page = owner.page
    side_by_side(lambda: actions.move(entry=Entry.objects.get(track__title="Dune"), position=0))
    page.get_by_label("Move Amber down").click()
    settled(page, "Somebody else changed this playlist.")
    assert shown(page) == list(TITLES)
    assert kept() == ["Dune", "Amber", "Birch", "Cedar"]
