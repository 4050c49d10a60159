"""A browser in two words, from what it says of itself. That may be anything: it helps people recognise, no more."""

# The first that is named counts: Edge says Chrome too, Chrome says Safari, Android says Linux.
BROWSERS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Vivaldi", "Vivaldi"),
    ("FxiOS", "Firefox"), ("Firefox", "Firefox"), ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Chromium", "Chromium"),
    ("Safari", "Safari"), ("curl", "curl"), ("python", "Python"),
)  # fmt: skip
SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("CrOS", "ChromeOS"), ("Windows", "Windows"),
    ("Mac OS X", "macOS"), ("Linux", "Linux"),
)  # fmt: skip


def name(agent: str) -> str:
    """`Firefox on Windows`, `curl`, `A browser on Linux`, or `An unknown browser`."""
    browser, system = _first(BROWSERS, agent), _first(SYSTEMS, agent)
    if system:
        return f"{browser or 'A browser'} on {system}"
    return browser or "An unknown browser"


def _first(table: tuple[tuple[str, str], ...], agent: str) -> str:
    return next((words for mark, words in table if mark in agent), "")
