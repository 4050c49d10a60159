import datetime as dt
import subprocess
import sys
import traceback
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env
from tests.house.reading import ROOT

NAME = "KEEPTRACK_THING"
SECRET = "hunter2-hunter2"


@pytest.fixture
def given(monkeypatch):
    """`given("1")` sets the variable, `given(None)` unsets it."""

    def give(value: str | None, name: str = NAME) -> None:
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)

    give(None)
    give(None, f"{NAME}_FILE")
    return give


def refusal(read) -> str:
    """What an operator sees: the whole traceback."""
    with pytest.raises(ImproperlyConfigured) as wrong:
        read()
    return "".join(traceback.format_exception(wrong.value))


@pytest.mark.parametrize(("value", "meant"), [(None, "x"), ("", "x"), ("  ", "x"), (" a b ", "a b")])
def test_a_text_is_trimmed_and_an_empty_one_is_the_default(given, value, meant):
    given(value)
    assert env.text(NAME, "x") == meant


@pytest.mark.parametrize("value", ["1", "true", "Yes", " ON "])
def test_what_means_yes(given, value):
    given(value)
    assert env.flag(NAME) is True


@pytest.mark.parametrize("value", ["0", "false", "No", "off", ""])
def test_what_means_no(given, value):
    given(value)
    assert env.flag(NAME, True) is False


def test_a_day_is_the_moment_it_begins_and_anything_else_stops_the_start(given):
    given("2027-02-01")
    assert env.day(NAME, "2000-01-01") == dt.datetime(2027, 2, 1, tzinfo=dt.UTC)
    given(None)
    assert env.day(NAME, "2000-01-01").year == 2000
    given("soon")
    assert "a day such as 2027-06-30" in refusal(lambda: env.day(NAME, "2000-01-01"))


def test_an_unset_flag_is_its_default(given):
    assert env.flag(NAME) is False
    assert env.flag(NAME, True) is True


@pytest.mark.parametrize("value", ["maybe", "2", "y", "truth"])
def test_a_flag_that_is_neither_stops_the_start(given, value):
    given(value)
    assert NAME in refusal(lambda: env.flag(NAME))


@pytest.mark.parametrize(("value", "meant"), [(None, 5), ("", 5), ("3", 3), (" 7 ", 7), ("10", 10)])
def test_a_number_within_its_bounds(given, value, meant):
    given(value)
    assert env.number(NAME, 5, least=3, most=10) == meant


@pytest.mark.parametrize("value", ["2", "11", "-3", "ten", "5.0", "1e1", "50MB", "0x5", "9" * 5000])
def test_a_number_out_of_its_bounds_stops_the_start_and_tells_them(given, value):
    given(value)
    assert f"{NAME}: expected a whole number from 3 to 10" in refusal(lambda: env.number(NAME, 5, least=3, most=10))


@pytest.mark.parametrize(("value", "meant"), [(None, ("x",)), ("", ()), (" a , ,b,", ("a", "b"))])
def test_words_are_separated_by_commas_and_an_empty_list_can_be_said(given, value, meant):
    given(value)
    assert env.words(NAME, ("x",)) == meant


def test_a_folder_is_absolute(given, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert env.folder(NAME, Path("kept")) == tmp_path / "kept"
    given("~/kept")
    assert env.folder(NAME, tmp_path) == Path("~/kept").expanduser()


def url() -> str:
    return env.url(NAME, "redis://127.0.0.1/0", schemes=("redis", "unix"))


@pytest.mark.parametrize("value", ["redis://:a%2Fb@host:6379/1", "unix:///run/valkey.sock"])
def test_an_address_of_a_known_kind_is_taken(given, value):
    assert url() == "redis://127.0.0.1/0"
    given(value)
    assert url() == value


@pytest.mark.parametrize(
    "value",
    [
        f"http://:{SECRET}@host",
        f"{SECRET}@host",
        f"//user:{SECRET}@host",
        f"redis://user:{SECRET}@host:port",
        f"redis://user:{SECRET}/x@host",
        f"redis://user:{SECRET}#x@host",
        f"redis://user:[{SECRET}@host",
    ],
)
def test_an_unreadable_address_stops_the_start_without_a_word_of_its_secret(given, value):
    given(value)
    said = refusal(url)
    assert NAME in said
    assert SECRET not in said


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (None, ()),
        ("", ()),
        ("http://127.0.0.1:8901", ("http://127.0.0.1:8901",)),
        ("http://[::1]:8901, https://demo.example", ("http://[::1]:8901", "https://demo.example")),
    ],
)
def test_origins_are_exact(given, value, meant):
    given(value)
    assert env.origins(NAME) == meant


@pytest.mark.parametrize(
    "value",
    ["127.0.0.1:8901", "ftp://host", "http://", "http://host/path", "http://host?x=1", "*", "http://a,b",
     "http://host:port", "http://[host"],
)  # fmt: skip
def test_what_is_no_origin_stops_the_start(given, value):
    given(value)
    assert NAME in refusal(lambda: env.origins(NAME))


def test_a_given_secret_is_used_and_nothing_is_kept(given, tmp_path):
    given(SECRET * 3)
    assert env.secret(NAME, kept_in=tmp_path / "key") == SECRET * 3
    assert list(tmp_path.iterdir()) == []


def test_a_secret_can_come_from_a_file(given, tmp_path):
    (tmp_path / "mounted").write_text(f"{SECRET * 3}\n")
    given(str(tmp_path / "mounted"), f"{NAME}_FILE")
    assert env.secret(NAME, kept_in=tmp_path / "key") == SECRET * 3


def test_a_file_that_is_named_and_not_there_stops_the_start(given, tmp_path):
    given(str(tmp_path / "missing"), f"{NAME}_FILE")
    assert f"{NAME}_FILE" in refusal(lambda: env.secret(NAME, kept_in=tmp_path / "key"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kept", [False, True])
def test_a_short_secret_stops_the_start_and_is_not_shown(given, tmp_path, kept):
    if kept:
        (tmp_path / "key").write_text(SECRET)
    else:
        given(SECRET)
    said = refusal(lambda: env.secret(NAME, kept_in=tmp_path / "key"))
    assert NAME in said
    assert SECRET not in said


def test_a_secret_nobody_gave_is_made_once_and_closed_to_others(given, tmp_path):
    path = tmp_path / "deep" / "key"
    made = env.secret(NAME, kept_in=path)
    assert len(made) >= 50
    assert path.stat().st_mode & 0o777 == 0o600
    assert env.secret(NAME, kept_in=path) == made
    assert env.secret(NAME, kept_in=tmp_path / "other") != made


def test_whoever_keeps_a_secret_first_decides_for_those_who_were_making_one(given, tmp_path, monkeypatch):
    path = tmp_path / "key"

    def overtaken(size: int) -> str:
        path.write_text(SECRET * 3)
        return "too late" * 8

    monkeypatch.setattr(env.secrets, "token_urlsafe", overtaken)
    assert env.secret(NAME, kept_in=path) == path.read_text() == SECRET * 3
    assert list(tmp_path.iterdir()) == [path]


RACER = f"""
import pathlib, sys, time
from config import env
folder = pathlib.Path(sys.argv[1])
(folder / f"ready-{{sys.argv[2]}}").touch()
while not (folder / "go").exists():
    time.sleep(0.001)
print(env.secret({NAME!r}, kept_in=folder / "kept" / "key"))
"""


def test_processes_that_start_at_once_agree_on_the_secret(given, tmp_path):
    racers = [
        subprocess.Popen([sys.executable, "-c", RACER, tmp_path, str(n)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for n in range(4)
    ]
    while len(list(tmp_path.glob("ready-*"))) < len(racers):
        assert all(racer.poll() is None for racer in racers)
    (tmp_path / "go").touch()
    secrets = {racer.communicate(timeout=30)[0].strip() for racer in racers}
    assert len(secrets) == 1
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["key"]
    assert secrets == {(tmp_path / "kept" / "key").read_text()}
    assert (tmp_path / "kept" / "key").stat().st_mode & 0o777 == 0o600


def test_pairs_are_a_mapping(given):
    given(" price_1=pro , price_2 = enterprise,")
    assert env.pairs(NAME, of=("pro", "enterprise")) == {"price_1": "pro", "price_2": "enterprise"}
    given(None)
    assert env.pairs(NAME) == {}


@pytest.mark.parametrize("value", ["price_1", "price_1=", "=pro", "price_1=gold", "a=pro,b"])
def test_what_is_no_pair_of_known_words_stops_the_start(given, value):
    given(value)
    assert NAME in refusal(lambda: env.pairs(NAME, of=("pro", "enterprise")))


def test_limits_stand_over_their_defaults(given):
    usual = {"read": 5, "write": 3}
    assert env.limits(NAME, usual) == usual
    given("write=0")
    assert env.limits(NAME, usual) == {"read": 5, "write": 0}
    assert usual == {"read": 5, "write": 3}


@pytest.mark.parametrize("value", ["reading=5", "read=-1", "read=5/s", "read=1.5", "read=", "read=99999999999", "read"])
def test_what_is_no_limit_stops_the_start(given, value):
    given(value)
    assert NAME in refusal(lambda: env.limits(NAME, {"read": 5, "write": 3}))


def test_a_choice_is_one_of_its_words_in_any_case(given):
    given("warning")
    assert env.choice(NAME, "INFO", of=("INFO", "WARNING")) == "WARNING"
    given("loud")
    with pytest.raises(ImproperlyConfigured, match="INFO, WARNING"):
        env.choice(NAME, "INFO", of=("INFO", "WARNING"))


@pytest.mark.parametrize("value", ["https://api.example", "https://api.example:443/base/", "http://127.0.0.1:8901"])
def test_an_api_is_https_or_an_origin_that_is_exempt(given, value):
    given(value)
    assert env.api(NAME, "https://usual", exempt=("http://127.0.0.1:8901",)) == value.rstrip("/")


@pytest.mark.parametrize(
    "value",
    ["http://api.example", "https://api.example:8443", "https://", "https://x?y=1", "https://user:pass@x",
     "http://127.0.0.1:8902", "ftp://x", "x"],
)  # fmt: skip
def test_an_api_anywhere_else_stops_the_start(given, value):
    given(value)
    said = refusal(lambda: env.api(NAME, "https://usual", exempt=("http://127.0.0.1:8901",)))
    assert NAME in said and "pass@" not in said


def test_a_token_is_what_a_header_can_carry(given):
    given(" sk-1/a+b= ")
    assert env.token(NAME) == "sk-1/a+b="


@pytest.mark.parametrize("value", [f"{SECRET} x", f"{SECRET}\nx", f"{SECRET}ü"])
def test_a_token_that_no_header_can_carry_stops_the_start_and_is_not_shown(given, value):
    given(value)
    assert SECRET not in refusal(lambda: env.token(NAME))


@pytest.mark.parametrize(("value", "meant"), [(None, "0.021"), ("0", "0"), ("0.5", "0.5"), ("12", "12")])
def test_a_price_is_an_amount_kept_to_the_last_digit(given, value, meant):
    given(value)
    assert env.price(NAME, "0.021") == Decimal(meant)


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "1e9", "0,021", "$1", "free"])
def test_a_price_that_is_no_amount_stops_the_start(given, value):
    given(value)
    assert f"{NAME}: expected an amount such as 0.021" in refusal(lambda: env.price(NAME, "0.021"))


def test_an_address_that_is_called_may_be_left_out_and_is_of_the_web(given):
    given(None)
    assert env.call(NAME) == ""
    for value in ("https://ping.example/abc?x=1", "http://10.0.0.7:9000/hook"):
        given(value)
        assert env.call(NAME) == value
    for value in ("ftp://example.org", "ping.example", "file:///etc/passwd", f"https://u:{SECRET}@h:99999999"):
        given(value)
        assert SECRET not in refusal(lambda: env.call(NAME))
