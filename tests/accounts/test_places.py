"""Countries, time zones and languages (S4-11)."""

import zoneinfo

import pytest
from django.core.exceptions import ValidationError

from apps.accounts import places


def test_the_table_holds_every_country_of_the_standard():
    assert len(places.COUNTRIES) == 249
    assert (places.COUNTRIES["PT"], places.COUNTRIES["CI"], places.COUNTRIES["ZW"]) == (
        "Portugal",
        "Côte d'Ivoire",
        "Zimbabwe",
    )
    assert all(len(code) == 2 and code.isupper() and name for code, name in places.COUNTRIES.items())


@pytest.mark.parametrize("code", ["", "PT", "pt", "JP"])
def test_a_country_may_be_said_or_not(code):
    places.check_country(code)


@pytest.mark.parametrize("code", ["XX", "UK", "P", "PRT", "P\x00", "Ö1"])
def test_what_is_no_country_is_refused(code):
    with pytest.raises(ValidationError):
        places.check_country(code)


@pytest.mark.parametrize("name", ["UTC", "Europe/Lisbon", "America/Argentina/Buenos_Aires"])
def test_a_zone_is_one_that_has_a_clock(name):
    places.check_timezone(name)
    zoneinfo.ZoneInfo(name)


@pytest.mark.parametrize(
    "name", ["", "Mars/Base", "localtime", "Factory", "../../etc/passwd", "europe/lisbon", "UTC\x00"]
)
def test_what_is_no_zone_is_refused(name):
    with pytest.raises(ValidationError):
        places.check_timezone(name)


@pytest.mark.parametrize("tag", ["en", "pt-BR", "zh-Hant", "zh-Hant-TW", "es-419", "de-CH-1996", "gsw"])
def test_a_language_is_formed_like_its_tag(tag):
    places.check_language(tag)


@pytest.mark.parametrize(
    "tag", ["", "e", "english language", "en_US", "en-", "-en", "x-klingon", "en-US-", "en\n", "ен"]
)
def test_what_is_no_tag_is_refused(tag):
    with pytest.raises(ValidationError):
        places.check_language(tag)
