"""A curator works through a queue of tracks without touching the mouse."""

import pytest

from apps.catalog.models import Track
from tests.browser.test_accounts import CHROMIUM, FLAGS, Person, browsing
from tests.make import PASSWORD, make_playable

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="No Chromium on the PATH."),
]

TITLES = ("First Light", "Glass Orchard", "Night Ferry")


@pytest.fixture
def curator(live_server, mod, ana):
    """A curator's browser on the newest of three tracks without metadata, opened from the queue."""
    for title in TITLES:
        make_playable(ana, title=title, derived=title == TITLES[-1])
    with browsing.sync_playwright() as running:
        started = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        person = Person(started.new_context(), live_server.url)
        person.open("/sign-in?next=/admin/catalog/track/?queue=missing")
        person.send(**{"E-mail": mod.email, "Password": PASSWORD})
        person.press(person.page.get_by_role("link", name=TITLES[-1]))
        yield person
        started.close()
    assert person.complaints == []


def titles() -> list[str]:
    return sorted(Track.objects.values_list("title", flat=True))


def press(person: Person, key: str) -> str:
    """A key that leads to another page; the title there."""
    with person.page.expect_navigation():
        person.page.keyboard.press(key)
    return person.page.locator("#id_title").input_value()


def test_a_track_is_heard_marked_and_saved_by_keys(curator):
    page = curator.page
    page.keyboard.press("k")
    page.wait_for_function("!document.querySelector('[data-listen] audio').paused")
    page.keyboard.press("k")
    page.wait_for_function("document.querySelector('[data-listen] audio').paused")
    page.evaluate("document.querySelector('[data-listen] audio').currentTime = 0.5")
    page.keyboard.press("[")
    page.keyboard.press("l")
    page.keyboard.press("]")
    row = page.locator("#sections-group tr.form-row").first
    assert row.locator("[name$=-start_ms]").input_value() == "0:00.500"
    assert row.locator("[name$=-end_ms]").input_value() == "0:02.000"
    row.locator("[name$=-name]").fill("intro s n p")
    page.keyboard.press("Escape")
    assert press(curator, "s") == TITLES[-1]
    assert page.locator(".marks button").inner_text() == "intro s n p"
    page.keyboard.press("?")
    assert page.get_by_role("dialog", name="Keys of this page").is_visible()


def test_the_next_of_the_queue_comes_although_this_one_has_left_it(curator):
    page = curator.page
    page.keyboard.press("e")
    for name, value in {"artist": "The Porters", "genre": "Folk", "tempo": "98"}.items():
        page.locator(f"#id_{name}").fill(value)
    page.locator("#id_pitch_class").select_option("3")
    page.keyboard.press("Escape")
    assert press(curator, "s") == TITLES[-1]
    assert [press(curator, key) for key in "nnpp"] == [TITLES[1], TITLES[0], TITLES[1], TITLES[2]]


def test_keys_that_are_typed_into_a_field_do_nothing_else_and_a_click_on_the_waveform_seeks(curator):
    page, wave = curator.page, curator.page.locator("wave-form")
    wave.click(position={"x": wave.bounding_box()["width"] / 2, "y": 10})
    assert abs(page.evaluate("document.querySelector('[data-listen] audio').currentTime") - 1) < 0.1
    assert wave.get_attribute("aria-valuenow") == "1"
    page.keyboard.press("e")
    page.keyboard.press("End")
    page.keyboard.type(" snpk?")
    assert page.locator("#id_title").input_value() == f"{TITLES[-1]} snpk?"
    assert page.evaluate("document.querySelector('[data-listen] audio').paused")


def test_a_phone_shows_all_of_it_without_scrolling_sideways(curator):
    page = curator.page
    page.set_viewport_size({"width": 390, "height": 844})
    for path in (curator.at, "/admin/", "/admin/catalog/track/"):
        curator.open(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
