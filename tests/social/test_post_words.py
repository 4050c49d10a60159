"""Addresses in a text become links; everything else stays text. What pages do with it is in test_views.py."""

import pytest

from apps.social.templatetags.post_words import said


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://a.example", "https://a.example"),
        ("(https://a.example)", "https://a.example"),
        ("https://a.example/b_(c)", "https://a.example/b_(c)"),
        ("https://a.example/b).", "https://a.example/b"),
        ("HTTPS://A.example/x?!", "HTTPS://A.example/x"),
        ("see https://a.example/b, c", "https://a.example/b"),
    ],
)
def test_an_address_ends_where_the_sentence_goes_on(text, address):
    assert f'href="{address}"' in said(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://",
        "http://.",
        "HTTPS://!)",
        "https:// x",
        "xhttps://a.example",
        "javascript:x",
        "mailto:a@b.example",
        "a.example",
    ],
)
def test_what_is_no_address_of_the_web_is_no_link(text):
    assert "<a" not in said(text)


def test_paragraphs_and_lines_stay():
    assert said("a\nb\n\nc") == "<p>a<br>b</p>\n\n<p>c</p>"


def test_a_long_address_is_shown_short_and_followed_whole():
    address = f"https://a.example/{'x' * 200}"
    assert f'href="{address}"' in said(address) and f">{address[:57]}…<" in said(address)


def test_half_a_million_characters_take_no_time():
    assert said("https://" * 60_000 + "a)" * 1_000)
