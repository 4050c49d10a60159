"""The words: one name for each thing, none that says nothing, no leftovers, nothing of any one machine."""

import ast
import re
import weakref
from collections.abc import Iterator

import pytest
from django.db.models import signals

from tests.house.reading import Offence, Source, caught, offences, python, texts

THIS = "tests/house/test_words.py"

# The product's words, used everywhere and only so: Track, Post, audio post, Playlist, Upload, Archive, Gallery.
MISNAMED = re.compile(
    r"(?i:audio[ _-]?tracks?)(?![a-z])"
    r"|(?<![a-z])track[ _-]?posts?(?![a-z])|Track[ _-]?[Pp]osts?(?![a-z])"
    r"|(?<![a-z])post[ _-]?tracks?(?![a-z])|Post[ _-]?[Tt]racks?(?![a-z])"
)
# The titles that older clients gave and still expect (S0-32, S0-38).
SAID_BY_CLIENTS = re.compile(r"[\"'`]Audio Track\b")
SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "services", "managers", "misc"}
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
PRODUCT = {
    "track", "tracks", "playlist", "playlists", "gallery", "isrc", "suno", "mureka", "replicate", "spotify",
    "soundcharts",
}  # fmt: skip
OF_ONE_MACHINE = re.compile(r"(?<![\w.*}-])/(work|root|home/\w+|Users/\w+|tmp/\w+)(/|\b)")
# A container's paths are its own.
CONTAINERS = {"Dockerfile", "compose.yaml"}


def matches(pattern: re.Pattern, but: re.Pattern | None = None):
    """A rule that no line may match the pattern, once what `but` matches is taken out."""

    def rule(source: Source) -> Iterator[Offence]:
        for number, line in enumerate(source.text.splitlines(), 1):
            if found := pattern.search(but.sub("", line) if but else line):
                yield number, f"says {found[0]!r}"

    return rule


misnames = matches(MISNAMED, but=SAID_BY_CLIENTS)
unfinished = matches(UNFINISHED)
names_a_machine = matches(OF_ONE_MACHINE)


def says_nothing(source: Source) -> Iterator[Offence]:
    for part in source.path.removesuffix(".py").split("/"):
        if part in SAY_NOTHING:
            yield 1, f"a module or folder called {part}"


def knows_the_product(source: Source) -> Iterator[Offence]:
    """Product words in identifiers; prose may give an example."""
    for node in ast.walk(source.tree):
        for name in (getattr(node, field, None) for field in ("id", "attr", "name", "arg", "module")):
            words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name) if isinstance(name, str) else []
            yield from ((getattr(node, "lineno", 1), name) for word in words if word.lower() in PRODUCT)


def receives(source: Source) -> Iterator[Offence]:
    """Receivers of Django's or a library's signals; Celery's tell a process of its own life and are its only hooks."""
    for node in source.nodes(ast.Import, ast.ImportFrom):
        names = [alias.name for alias in node.names]
        modules = [node.module or "", *(f"{node.module}.{n}" for n in names)] if hasattr(node, "module") else names
        for name in modules:
            if name == "django.dispatch" or (name.endswith(".signals") and not name.startswith("celery.")):
                yield node.lineno, f"imports {name}"
    for node in source.nodes(ast.Attribute):
        if node.attr == "signals":
            yield node.lineno, f"reaches for {ast.unparse(node)}"


def ours() -> list[Source]:
    return [source for source in texts() if source.path != THIS]


def test_the_products_words_are_used():
    assert offences(misnames, ours()) == []


def test_guides_templates_and_code_are_all_read():
    """S0-40."""
    read = {source.path for source in ours()}
    assert {"docs/guides/posts.md", "templates/social/post.html", "apps/social/shape.py", "README.md"} <= read


def test_modules_have_names_that_say_something():
    assert offences(says_nothing, python()) == []


def test_nothing_is_left_for_later():
    assert offences(unfinished, ours()) == []


def test_lib_knows_no_product():
    assert offences(knows_the_product, python("apps/lib")) == []


def test_nobody_receives_signals():
    assert offences(receives, python("apps", "config")) == []


MODEL_SIGNALS = [signal for signal in vars(signals).values() if isinstance(signal, signals.ModelSignal)]


def connected(signal: signals.ModelSignal) -> list:
    """The receivers of ours that are connected, however it was done."""
    held = (receiver() if isinstance(receiver, weakref.ref) else receiver for _, receiver, *_ in signal.receivers)
    return [receiver for receiver in held if getattr(receiver, "__module__", "").startswith(("apps.", "config."))]


def test_no_receiver_of_ours_is_connected():
    assert len(MODEL_SIGNALS) >= 7
    assert [receiver for signal in MODEL_SIGNALS for receiver in connected(signal)] == []


def test_a_connected_receiver_is_caught():
    def receiver(**what): ...

    receiver.__module__ = "apps.catalog.actions"
    signals.post_save.connect(receiver)
    try:
        assert connected(signals.post_save) == [receiver]
    finally:
        signals.post_save.disconnect(receiver)


def test_no_path_of_one_machine_is_named():
    assert offences(names_a_machine, [source for source in ours() if source.path not in CONTAINERS]) == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (misnames, "An audio track is uploaded."),
        (misnames, "class AudioTrack(Record):"),
        (misnames, "def make_track_post():"),
        (misnames, "class MyTrackPostView:"),
        (misnames, "Post Tracks"),
        (unfinished, "# TODO: later"),
        (names_a_machine, "ROOT = '/root/project'"),
        (names_a_machine, "see /tmp/notes"),
        (receives, "from django.dispatch import receiver"),
        (receives, "from django.db.models.signals import post_save"),
        (receives, "from django.db.models import signals"),
        (receives, "models.signals.post_save.connect(f)"),
        (receives, "import allauth.account.signals"),
        (knows_the_product, "def keep(track): ..."),
        (knows_the_product, "class PlaylistPage: ..."),
        (knows_the_product, "from apps.catalog.tracks import x"),
    ],
)
def test_a_wrong_word_is_caught(rule, text):
    assert caught(rule, text, "apps/lib/records.py")


def test_a_module_with_an_empty_name_is_caught():
    assert caught(says_nothing, "", "apps/catalog/utils.py")
    assert caught(says_nothing, "", "apps/common/models.py")


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (misnames, 'title = name or "Audio Track - 2024-01-31"'),
        (misnames, "An audio post shows a track; a playlist of tracks, and the tracks of a post."),
        (unfinished, "ISRC USXXX2400001"),
        (names_a_machine, "path('tracks/home/', view); /admin/; ./work/x"),
        (receives, "from celery.signals import worker_process_init"),
        (knows_the_product, '"""A queue row, such as a track."""'),
    ],
)
def test_a_right_word_is_no_offence(rule, text):
    assert not caught(rule, text, "apps/lib/records.py")
