"""What the clients ask for and how they read it: of a good answer all, of a bad one an error that is declared."""

import datetime as dt
import json

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from apps.archive.providers import CLIENTS, Failed, Finished, ProviderError, Unfinished, base, client
from apps.archive.providers.mureka import song_query
from apps.archive.providers.replicate import prediction
from apps.archive.providers.suno import record_info
from deploy.demo.provider import Behaviour
from deploy.demo.provider_api import KEY, ROUTES, Made, Song
from tests.archive.providers.world import PROVIDERS, open_apis

READERS = {"suno": record_info, "mureka": song_query, "replicate": prediction}
URLS = {"audio": "https://cdn.example/a.mp3"}


@pytest.fixture
def apis(settings, provider):
    open_apis(settings, provider)
    return provider.generations


def whole(code: str) -> dict:
    """A finished generation as its API tells it."""
    songs = (Song(URLS, "a", "One", 2.0), Song({"audio": "https://cdn.example/b.mp3"}, "b", "Two", 3.5))
    return ROUTES[code][2](Made(code, "t1", songs, ready_at=1_700_000_000))


@pytest.mark.parametrize("code", PROVIDERS)
def test_a_client_asks_with_the_key_and_reads_each_state(apis, provider, code):
    apis.begin(code, "t1", [Song(URLS, "a", "One", 2.0)])
    asked = client(code)
    assert isinstance(asked.read("t1"), Unfinished)
    assert provider.log[-1].headers["authorization"] == f"Bearer {KEY}"
    apis.finish(code, "t1")
    (song,) = asked.read("t1").songs
    assert song.urls == URLS
    assert song.duration_ms == (None if code == "replicate" else 2000)
    apis.fail(code, "t1", "no words")
    assert asked.read("t1") == Failed("no words")


@pytest.mark.parametrize("code", PROVIDERS)
def test_the_demos_api_is_at_the_address_the_client_asks_for(apis, provider, code):
    """What stands in for the real service and what is asked of the real one hold each other."""
    apis.begin(code, "t1")
    client(code).read("t1/song")
    prefix, task_of, _ = ROUTES[code]
    assert provider.log[-1].path.startswith(prefix) and provider.log[-1].method == "GET"


@pytest.mark.parametrize("code", PROVIDERS)
def test_a_task_nobody_knows_and_a_wrong_key_are_told_apart(apis, code):
    with pytest.raises(ProviderError) as unknown:
        client(code).read("t9")
    apis.key = "another"
    with pytest.raises(ProviderError) as refused:
        client(code).read("t9")
    assert (unknown.value.code, refused.value.code) == ("UNKNOWN_GENERATION", "API_REFUSED")
    assert KEY not in str(unknown.value) + str(refused.value)


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [("429", "RATE_LIMITED"), ("500", "SOURCE_ERROR"), ("redirect", "SOURCE_ERROR"), ("truncated", "TRUNCATED"),
     ("html200", "UNREADABLE_ANSWER"), ("empty", "UNREADABLE_ANSWER"), ("endless", "TOO_LARGE"), ("reset", None),
     ("gzip_bomb", "ENCODED")],
)  # fmt: skip
def test_an_api_that_misbehaves_is_an_error_by_name(settings, provider, behaviour, code):
    open_apis(settings, provider)
    settings.PROVIDER_APIS["replicate"]["url"] = f"{provider.origin}/elsewhere"
    provider.behave("/elsewhere/", Behaviour(behaviour))
    with pytest.raises(ProviderError) as failure:
        client("replicate").read("t1")
    assert failure.value.code == (code or failure.value.code)
    assert failure.value.retry_after == (120 if behaviour == "429" else None)


def test_without_a_key_nobody_is_asked(settings, provider):
    open_apis(settings, provider)
    settings.PROVIDER_APIS["suno"]["key"] = ""
    with pytest.raises(ProviderError) as failure:
        client("suno").read("t1")
    assert failure.value.code == "NO_API" and not provider.log and not client("suno").can_read()


def test_the_api_alone_is_asked_and_by_https(settings):
    settings.PROVIDER_APIS = {"suno": {"url": "http://169.254.169.254", "key": "k"}}
    with pytest.raises(ProviderError) as failure:
        client("suno").read("t1")
    assert failure.value.code == "URL_REFUSED"


def test_a_key_is_in_no_text_of_the_settings():
    assert "secret" not in repr(base.Access("https://x", "secret", "secret"))


@pytest.mark.parametrize("code", PROVIDERS)
def test_songs_are_told_apart_and_named_by_it(code):
    answer = READERS[code](whole(code))
    names = [base.named("t1", song, answer) for song in answer.songs]
    assert names == (["t1/0", "t1/1"] if code == "replicate" else ["t1/a", "t1/b"])
    assert base.the_song(answer, "") is None
    assert base.the_song(answer, answer.songs[1].key).urls["audio"] == "https://cdn.example/b.mp3"


def test_a_song_that_may_not_be_downloaded_is_no_song():
    told = whole("suno")
    for song in told["data"]["response"]["sunoData"]:
        song["audioUrl"] = "https://studio-api.prod.suno.com/api/forbidden"
    assert isinstance(record_info(told), Unfinished)


def test_of_mureka_the_lossless_file_is_taken():
    told = whole("mureka")
    told["choices"][0]["flac_url"] = "https://cdn.example/a.flac"
    assert song_query(told).songs[0].urls == {"audio": "https://cdn.example/a.flac"}


@pytest.mark.parametrize(
    ("output", "urls"),
    [
        ("https://r.example/a.wav", [{"audio": "https://r.example/a.wav"}]),
        (["https://r.example/a.wav", "https://r.example/c.png", "https://r.example/v.mp4"],
         [{"audio": "https://r.example/a.wav", "cover": "https://r.example/c.png", "video": "https://r.example/v.mp4"}]),
        ({"audio": "https://r.example/a.wav", "meta": {"seed": 3}}, [{"audio": "https://r.example/a.wav"}]),
        ({"stems": ["https://r.example/1.wav", "https://r.example/2.wav"]},
         [{"audio": "https://r.example/1.wav"}, {"audio": "https://r.example/2.wav"}]),
    ],
)  # fmt: skip
def test_the_output_of_replicate_is_the_models(output, urls):
    told = {"id": "p1", "status": "succeeded", "completed_at": "2026-11-21T12:00:00Z", "output": output}
    answer = prediction(told)
    assert [dict(song.urls) for song in answer.songs] == urls
    assert answer.finished_at == dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("query", "until"),
    [
        ("Expires=1800000000&Key-Pair-Id=K", dt.datetime(2027, 1, 15, 8, tzinfo=dt.UTC)),
        ("X-Amz-Date=20270115T080000Z&X-Amz-Expires=3600", dt.datetime(2027, 1, 15, 9, tzinfo=dt.UTC)),
        ("X-Amz-Expires=3600", None), ("X-Amz-Date=x&X-Amz-Expires=3600", None), ("Expires=soon", None),
        ("Expires=-5", None), ("Expires=" + "9" * 400, None), ("Expires=" + "9" * 5000, None), ("", None), ("&" * 200, None),
    ],
)  # fmt: skip
def test_a_signed_address_says_until_when_it_works(query, until):
    told = {"status": "succeeded", "output": f"https://r.example/a.wav?{query}"}
    assert base.signed_until(told["output"]) == until
    assert len(query) > 1900 or prediction(told).songs[0].expires_at == until


def test_what_replicate_has_removed_will_not_come():
    assert isinstance(prediction({"status": "succeeded", "output": None, "data_removed": True}), Failed)


def paths(value, at=()):
    """Where something stands in a JSON value."""
    yield at
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inside:
        yield from paths(below, (*at, key))


def put(value, at, new):
    """A copy of the value with something else at this place."""
    if not at:
        return new
    made = dict(value) if isinstance(value, dict) else list(value)
    made[at[0]] = put(value[at[0]], at[1:], new)
    return made


ODD = [
    None, True, 0, -1, 10**30, 10**400, 1e308, float("nan"), float("inf"), "", " ", "x" * 100_000, "\x00\ud800", [], {}, [[]],
    {"a": {"b": []}}, "javascript:alert(1)", "http://127.0.0.1/", "https://[::1", "https://a b/", ["https://x/" * 999],
]  # fmt: skip


def read(code: str, told) -> None:
    """It is an answer or the declared error, and what it says is of the declared types."""
    try:
        answer = READERS[code](told)
    except ProviderError as failure:
        assert isinstance(failure.message, str) and len(failure.message) < 500
        return
    assert isinstance(answer, Finished | Unfinished | Failed)
    if isinstance(answer, Finished):
        assert answer.songs and answer.listed >= len(answer.songs)
        assert answer.finished_at is None or answer.finished_at.tzinfo
        for song in answer.songs:
            assert song.urls["audio"].startswith("http") and all(len(url) <= 2000 for url in song.urls.values())
            assert len(base.named("t" * 90, song, answer)) <= 200 and song.duration_ms != 0


@pytest.mark.parametrize("code", PROVIDERS)
def test_every_field_may_be_missing_or_anything_else(code):
    told = whole(code)
    for at in paths(told):
        for odd in ODD:
            read(code, put(told, at, odd))
        if at and isinstance(at[-1], str):
            parent = told
            for key in at[:-1]:
                parent = parent[key]
            read(code, put(told, at[:-1], {name: value for name, value in parent.items() if name != at[-1]}))


NAMES = st.sampled_from(
    ["code", "msg", "data", "response", "sunoData", "audioUrl", "imageUrl", "videoUrl", "id", "duration", "status",
     "choices", "url", "flac_url", "output", "error", "completed_at", "finished_at", "title", "data_removed"]
)  # fmt: skip
WORDS = st.sampled_from(
    [
        "SUCCESS",
        "succeeded",
        "failed",
        "PENDING",
        "https://x.example/a.mp3",
        "https://x.example/c.png",
        "2026-01-01",
        "a",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | WORDS | st.just(200),
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(NAMES | st.text(max_size=5), inside, max_size=8),
    max_leaves=40,
)


@pytest.mark.parametrize("code", PROVIDERS)
@examples(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(told=VALUES)
def test_whatever_json_comes_nothing_undeclared_is_raised(code, told):
    """Three times 400, and as many with it in the places where songs stand."""
    read(code, told)
    good = whole(code)
    if code == "suno":
        good["data"]["response"] = {"sunoData": [told] if not isinstance(told, list) else told}
    else:
        good["choices" if code == "mureka" else "output"] = told
    read(code, good)


@examples(max_examples=300, deadline=None)
@given(body=st.binary(max_size=200) | st.text(max_size=100).map(lambda text: json.dumps(text).encode()))
def test_whatever_bytes_come_they_are_json_or_the_declared_error(body):
    try:
        base.parsed(body)
    except ProviderError as failure:
        assert failure.code == "UNREADABLE_ANSWER"


@pytest.mark.parametrize("body", [b"[" * 200_000, b"1" * 10_000, b"\xef\xbb\xbf{}", b"{", b"NaN", b'{"a":1}x'])
def test_json_made_to_break_parsers_is_an_error_by_name(body):
    try:
        base.parsed(body)
    except ProviderError as failure:
        assert failure.code == "UNREADABLE_ANSWER"


def test_every_client_says_where_files_are_and_how_long():
    for code, each in CLIENTS.items():
        assert each.hosts and each.lifetimes["audio"] > dt.timedelta(0) and each.asks_a_minute > 0, code


def test_any_other_provider_is_read_by_nobody_and_its_bytes_are_told_all_the_same():
    other = client("udio")
    assert (other.can_read(), other.hears(), other.fresh_urls("x")) == (False, False, None)
    assert other.is_not_audio(b"<html>", "text/html").code == "PROVIDER_REFUSED"
    with pytest.raises(ProviderError):
        other.read("x")
