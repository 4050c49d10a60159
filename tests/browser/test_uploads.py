"""Somebody uploads in a real browser whose network breaks: nothing is lost, nothing is sent twice over."""

import hashlib
from pathlib import Path

import pytest

from apps.uploads import tasks
from apps.uploads.models import Upload
from tests.browser.test_accounts import CHROMIUM, FLAGS, Person, browsing
from tests.lib.threads import side_by_side
from tests.make import PASSWORD, make_audio

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="No Chromium on the PATH."),
]

PACE = 4_000_000  # bytes a second that go out, so that there is time to cut the network


@pytest.fixture
def song(tmp_path) -> Path:
    return make_audio(tmp_path / "Low Sun.wav", seconds=75.0)


@pytest.fixture
def uploader(live_server, ana):
    """Ana's browser on the upload page."""
    with browsing.sync_playwright() as running:
        started = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        person = Person(started.new_context(), live_server.url)
        person.line = person.page.context.new_cdp_session(person.page)
        person.line.send("Network.enable")
        person.open("/sign-in?next=/upload")
        person.send(**{"E-mail": ana.email, "Password": PASSWORD})
        yield person
        started.close()
    assert [said for said in person.complaints if "ERR_INTERNET_DISCONNECTED" not in said] == []


def line(person: Person, *, cut: bool = False) -> None:
    """The browser's network: slow enough to watch, or gone."""
    pace = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": PACE}
    person.line.send("Network.emulateNetworkConditions", {"offline": cut, **pace})


def choose(person: Person, path: Path) -> None:
    person.page.get_by_label("Choose files or drop them here").set_input_files(path)
    person.page.get_by_role("button", name="Upload", exact=True).click()


def wait_for_share(person: Person, least: int) -> None:
    """Until so much of the file is sent, in per cent."""
    shown = "[...document.querySelectorAll('[data-sent]')].map(one => parseInt(one.textContent) || 0)"
    for _ in range(400):
        if max(person.page.evaluate(shown), default=0) >= least:
            return
        person.page.wait_for_timeout(50)
    raise AssertionError(f"{least} % were not sent in time")


def finished(person: Person, *, files: int = 1) -> Upload:
    """All of the files is here: the workers do their part, the page sees it, the one that is music is ready."""
    here = Upload.objects.filter(state="received")
    for _ in range(400):
        if side_by_side(here.count)[0] == files:
            break
        person.page.wait_for_timeout(50)
    side_by_side(tasks.sweep)
    for upload in side_by_side(lambda: list(Upload.objects.filter(state="checked")))[0]:
        side_by_side(lambda pk=str(upload.pk): tasks.compress(pk))
    person.page.get_by_text("Your track is ready.").wait_for(timeout=20_000)
    return side_by_side(lambda: Upload.objects.get(state="ready"))[0]


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_upload_comes_to_its_end_although_the_network_is_cut_twice(uploader, song):
    line(uploader)
    choose(uploader, song)
    for share in (20, 60):
        wait_for_share(uploader, share)
        line(uploader, cut=True)
        uploader.page.get_by_text("The connection broke off.").wait_for(timeout=10_000)
        line(uploader)
    upload = finished(uploader)
    assert (upload.sha256, upload.way, upload.title) == (sha256(song), "tus", "Low Sun")
    for name in ("Open the track", "Post it", "Add to a playlist"):
        assert uploader.page.get_by_role("link", name=name).is_visible()
    assert uploader.press(uploader.page.get_by_role("link", name="Post it")) == f"/feed?new={upload.track_id}#new"


def test_it_pauses_and_after_a_reload_the_same_file_goes_on_from_where_it_was(uploader, song):
    page = uploader.page
    line(uploader)
    choose(uploader, song)
    wait_for_share(uploader, 20)
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("Paused.").wait_for()
    page.get_by_role("button", name="Go on").click()
    wait_for_share(uploader, 45)
    page.reload()
    page.get_by_text("Choose the same file again and it goes on.").wait_for(timeout=10_000)
    begun = side_by_side(Upload.objects.get)[0]
    assert begun.state == "receiving" and begun.received_bytes > 0.3 * begun.size_bytes
    line(uploader)
    choose(uploader, song)
    assert (upload := finished(uploader)).pk == begun.pk
    assert upload.sha256 == sha256(song)


def test_a_refusal_says_what_to_do_and_the_next_file_still_goes(uploader, tmp_path, song):
    page = uploader.page
    wrong = tmp_path / "notes.wav"
    wrong.write_bytes(b"no music at all " * 5000)
    page.get_by_label("Choose files or drop them here").set_input_files([wrong, song])
    page.get_by_role("button", name="Upload", exact=True).click()
    assert finished(uploader, files=2).sha256 == sha256(song)
    row = page.get_by_role("listitem").filter(has_text="notes")
    row.get_by_text("Invalid audio format.").wait_for()
    assert "Save it as MP3, WAV or FLAC" in row.inner_text()
    assert "your time" in page.locator(".quota").inner_text()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
