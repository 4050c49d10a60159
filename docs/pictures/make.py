#!/usr/bin/env python3
"""Takes the tour's pictures from a running `bin/up`. `docs/pictures/make.py --help` says what it needs.

It signs in as staff, registers three private tracks that the demo's provider does not hand out, so that the archive has
something to show, uploads one private track, and writes one picture per shot. Run it on a demo made for it:
`bin/up --data DIR --port 8001`. Pages with covers are JPEG, the others PNG of 256 colours; none is larger than 100 kB.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WIDE, TALL, NARROW = (1440, 900), (1440, 1400), (390, 844)
MOST_BYTES = 100_000
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]
# provider, path at the demo's provider, how it answers there (None: nothing stands there), title
TROUBLES = (
    ("suno", "/suno/tour-1.mp3", "503", "Paper Moon Over Porto"),
    ("mureka", "/mureka/song/tour-2.mp3", "html200", "Night Ferry"),
    ("replicate", "/replicate/tour-3/output.wav", None, "Glass Orchard"),
)
NEEDS = """This needs Playwright for Python and a Chromium:

  .venv/bin/pip install playwright
  Debian, Ubuntu: apt install chromium; or .venv/bin/playwright install chromium

and then: .venv/bin/python docs/pictures/make.py --password PASSWORD"""


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Take the pictures of the tour from a running bin/up with its demo community.",
        epilog=NEEDS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--site", default="http://127.0.0.1:8000", help="address of the site (%(default)s)")
    parser.add_argument("--provider", default="http://127.0.0.1:8901", help="the demo's provider (%(default)s)")
    parser.add_argument("--email", default="admin@keeptrack.local", help="the staff account (%(default)s)")
    parser.add_argument("--password", required=True, help="its password, as bin/up printed it")
    parser.add_argument("--browser", default=found_browser(), help="path of a Chromium (%(default)s)")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for the pictures (%(default)s)")
    parser.add_argument("shots", nargs="*", metavar="SHOT", help="only these, by name; all without")
    return parser.parse_args()


def found_browser() -> str | None:
    """A Chromium on PATH; None leaves it to Playwright, which may have its own."""
    return next((path for path in map(shutil.which, BROWSERS) if path), None)


class Tour:
    """One browser, one person, one folder of pictures."""

    def __init__(self, browser, options: argparse.Namespace):
        self.browser, self.options = browser, options
        self.state = None

    def open(self, path: str, *, size=WIDE, dark: bool = False, staff: bool = True):
        """A page at `path`, loaded and at rest; in the dark scheme on demand; anonymous unless `staff`."""
        context = self.browser.new_context(
            viewport=dict(zip(("width", "height"), size, strict=True)),
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            storage_state=self.state if staff else None,
        )
        page = context.new_page()
        page.goto(self.options.site + path, wait_until="networkidle")
        return page

    def sign_in(self) -> None:
        page = self.open("/sign-in", staff=False)
        page.fill("input[type=email]", self.options.email)
        page.fill("input[type=password]", self.options.password)
        page.click("main button[type=submit], main form button")
        page.wait_for_load_state("networkidle")
        if page.get_by_role("link", name="Admin").count() == 0:
            sys.exit(f"{self.options.email} could not sign in as staff at {self.options.site}.")
        self.state = page.context.storage_state()
        page.context.close()

    def trouble(self) -> None:
        """Three generated tracks whose files the provider does not hand out, each brought before a worker once."""
        page = self.open("/")
        for provider, path, answer, title in TROUBLES:
            if answer:
                page.request.post(f"{self.options.provider}/_control", data={"behave": {"path": path, "as": answer}})
            url = self.options.provider + path
            body = {"provider": provider, "provider_track_id": f"tour-{title}", "title": title, "audio_url": url}
            answered = self.post(page, "/api/v1/tracks", {**body, "is_public": False})
            if answered.status == 201:
                self.post(page, "/api/v1/archive/run", {"track_id": answered.json()["id"], "wait": 5})
        page.context.close()

    def post(self, page, path: str, body: dict):
        host = urlsplit(self.options.site).hostname
        cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies() if cookie["domain"] == host}
        headers = {"X-CSRFToken": cookies.get("csrftoken", ""), "Referer": self.options.site + "/"}
        return page.request.post(self.options.site + path, data=body, headers=headers)

    def first(self, kind: str) -> str:
        """Id of the oldest public track of a kind that has its waveform and, if it is generated, its cover."""
        page = self.open("/", staff=False)
        tracks = page.request.get(f"{self.options.site}/api/v1/tracks?kind={kind}").json()["results"]
        page.context.close()
        chosen = [
            track["id"] for track in tracks if track["waveform_url"] and (kind == "uploaded" or track["cover_url"])
        ]
        if not chosen:
            sys.exit("The demo's tracks are not ready yet. Wait a minute and try again.")
        return chosen[-1]

    def found(self, path: str, **facts) -> str:
        """Id of the first of the API's rows at `path` with these facts."""
        page = self.open("/")
        rows = page.request.get(f"{self.options.site}/api/v1/{path}").json()["results"]
        page.context.close()
        chosen = [row["id"] for row in rows if facts.items() <= row.items()]
        if not chosen:
            sys.exit(f"The demo has none of {path} with {facts}.")
        return chosen[0]

    def keep(self, name: str, page) -> None:
        page.wait_for_timeout(400)  # fonts and the last picture
        path = self.options.out / name
        quality = {"type": "jpeg", "quality": 66} if path.suffix == ".jpg" else {"type": "png"}
        page.screenshot(path=path, animations="disabled", **quality)
        page.context.close()
        if path.suffix == ".png":
            with Image.open(path) as picture:
                picture.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
        size = path.stat().st_size
        print(f"{path.name:<28} {size / 1000:6.0f} kB{'  TOO LARGE' if size > MOST_BYTES else ''}", flush=True)


# --- The shots ----------------------------------------------------------------------------------------------
def front(tour: Tour, **how):
    return tour.open("/", staff=False, **how)


def browsing(tour: Tour, **how):
    """Found in spite of a typing slip, narrowed by a filter."""
    return tour.open("/tracks?q=nigth+bus&tempo_min=100", staff=False, **how)


def playing(tour: Tour, kind: str, **how):
    """A track's page a few seconds into the track."""
    page = tour.open(f"/tracks/{tour.first(kind)}", staff=False, **how)
    page.locator(".deck .play").first.click()
    page.wait_for_timeout(4000)
    return page


def uploading(tour: Tour):
    """The upload page once a file went through, and another one, which is no music, did not."""
    sys.path.insert(0, str(ROOT))
    from deploy.demo import synth  # needs the project's packages

    page = tour.open("/upload", size=(1440, 1260))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "First Light.wav"
        synth.write_wav(path, synth.compose(7, 30, tempo=112, pitch_class=2, mode="minor"))
        lyrics = path.with_name("Second Light.mp3")
        lyrics.write_text("the light comes in again\n")
        page.set_input_files("#id_file", [path, lyrics])
        page.locator("[name=is_public]").set_checked(False, force=True)
        page.click("[data-send]")
        page.wait_for_selector("[data-open]:visible", timeout=60_000)
        page.wait_for_selector(".sendings progress:visible", state="hidden", timeout=60_000)
    return page


def post(tour: Tour, **how):
    """The post with the longest thread."""
    return tour.open(f"/posts/{tour.found('feed?limit=200', comment_count=6)}", **how)


def playlist(tour: Tour, **how):
    """One that several people fill."""
    return tour.open(f"/playlists/{tour.found('playlists?show=joined', name='Two rooms')}", **how)


def importing(tour: Tour, **how):
    """The report of the demo's playlist file, with a line that is being settled."""
    report = tour.found("playlists/imports", file_name="Radio night.m3u8")
    return tour.open(f"/playlists/imports/{report}?show=all&line=3", **how)


def api_docs(tour: Tour):
    """Once it has drawn itself."""
    page = tour.open("/api/v1/docs/")
    page.wait_for_selector(".opblock", timeout=60_000)
    return page


def admin(path: str) -> Callable:
    return lambda tour: tour.open(f"/admin/{path}")


def desk_track(tour: Tour, **how):
    return tour.open(f"/admin/catalog/track/{tour.first('uploaded')}/change/", **how)


def desk_person(tour: Tour):
    """Somebody of the community, as staff see them."""
    page = tour.open("/admin/accounts/user/?q=mira")
    page.locator("#result_list a[href*='/change/']").first.click()
    page.wait_for_load_state("networkidle")
    return page


def desk_duplicates(tour: Tour, **how):
    """The likeliest open pair; the desk itself while there is none."""
    page = tour.open("/admin/catalog/duplicate/", **how)
    pair = page.locator("#result_list a[href*='/change/']").first
    if pair.count():
        pair.click()
        page.wait_for_load_state("networkidle")
    return page


def desk_report(tour: Tour, **how):
    """What somebody else is said to have made."""
    page = tour.open("/admin/social/report/", **how)
    page.locator("#result_list tr", has_text="somebody else").locator("a[href*='/change/']").first.click()
    page.wait_for_load_state("networkidle")
    return page


def desk_bulk(tour: Tour, **how):
    """The preview of a bulk edit: the demo's own, or one of every track in sight."""
    page = tour.open("/admin/catalog/changeset/", **how)
    previewed = page.locator("#result_list tr", has_text="previewed").locator("a[href*='/change/']")
    if not previewed.count():
        page.goto(tour.options.site + "/admin/catalog/track/")
        for box in page.locator("#result_list input.action-select").all():
            box.check()
        page.locator("select[name=action]").select_option("bulk_action")
        page.locator("[name=index]").first.click()
        page.fill("[name=add_tags]", "tour")
        page.locator("button[name=preview]").click()
        page.wait_for_selector("text=previewed", timeout=60_000)
        page.goto(tour.options.site + "/admin/catalog/changeset/")
    previewed.first.click()
    page.wait_for_load_state("networkidle")
    return page


def archive(tour: Tour, **how):
    """The archive on one page."""
    return tour.open("/admin/archive/archiveasset/desk/", **how)


def archive_risks(tour: Tour):
    page = archive(tour, size=(1440, 480))
    page.evaluate("document.querySelector('section[aria-label=\"Files in danger\"]').scrollIntoView()")
    return page


def archive_ledger(tour: Tour):
    """What happened to the files of a track that is archived."""
    page = tour.open(f"/admin/catalog/track/{tour.first('generated')}/change/")
    page.evaluate("document.querySelector('section[aria-label=Ledger]').scrollIntoView({block: 'center'})")
    return page


DESK: dict[str, Callable] = {
    "queues": lambda tour, **how: tour.open("/admin/", **how),
    "track": desk_track,
    "bulk": desk_bulk,
    "duplicates": desk_duplicates,
    "report": desk_report,
}
LOOKS = {
    "": {},
    "-dark": {"dark": True},
    "-phone": {"size": NARROW},
    "-phone-dark": {"size": NARROW, "dark": True},
}

SHOTS: dict[str, Callable] = {
    "front.jpg": front,
    "front-phone-dark.jpg": lambda tour: front(tour, size=NARROW, dark=True),
    "browse.png": browsing,
    "browse-phone.png": lambda tour: browsing(tour, size=NARROW),
    "track.png": lambda tour: playing(tour, "generated", size=(1440, 960)),
    "track-phone.png": lambda tour: playing(tour, "uploaded", size=NARROW),
    "track-phone-dark.png": lambda tour: playing(tour, "uploaded", size=NARROW, dark=True),
    "feed.png": lambda tour: tour.open("/feed"),
    "feed-phone-dark.png": lambda tour: tour.open("/feed?following=1", size=NARROW, dark=True),
    "post.png": lambda tour: post(tour, size=(1440, 1080)),
    "post-phone.png": lambda tour: post(tour, size=NARROW),
    "person.png": lambda tour: tour.open("/people/mira", size=(1440, 1000)),
    "playlist.png": playlist,
    "playlist-dark.png": lambda tour: playlist(tour, dark=True),
    "playlist-phone.png": lambda tour: playlist(tour, size=NARROW),
    "import.png": importing,
    "import-phone.png": lambda tour: importing(tour, size=NARROW),
    "admin-archive.png": admin("archive/archiveasset/"),
    "archive.png": lambda tour: archive(tour, size=TALL),
    "archive-dark.png": lambda tour: archive(tour, size=TALL, dark=True),
    "archive-risks.png": archive_risks,
    "archive-ledger.png": archive_ledger,
    "account.png": lambda tour: tour.open("/account"),
    "sessions-phone.png": lambda tour: tour.open("/account/sessions", size=NARROW),
    "admin-person.png": desk_person,
    "api.png": api_docs,
    "upload.png": uploading,
    "desk-uploads.png": admin("uploads/upload/"),
    "desk-tracks.png": admin("catalog/track/"),
    "desk-reports.png": admin("social/report/"),
    **{f"desk-{name}{look}.png": partial(shot, **how) for name, shot in DESK.items() for look, how in LOOKS.items()},
}


def main() -> int:
    options = parse()
    try:
        from playwright.sync_api import Error, sync_playwright  # no requirement of the project
    except ImportError:
        print(NEEDS, file=sys.stderr)
        return 2
    unknown = set(options.shots) - set(SHOTS)
    if unknown:
        print(f"Unknown: {', '.join(sorted(unknown))}. There are {', '.join(SHOTS)}.", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=options.browser, args=FLAGS)
        except Error as error:
            print(f"{NEEDS}\n\n{error.message.splitlines()[0]}", file=sys.stderr)
            return 2
        tour = Tour(browser, options)
        tour.sign_in()
        tour.trouble()
        for name in options.shots or SHOTS:
            tour.keep(name, SHOTS[name](tour))
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
