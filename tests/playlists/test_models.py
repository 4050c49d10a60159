"""What the database itself keeps true of playlist files, whoever writes."""

import io

import pytest
from django.db import IntegrityError, transaction

from apps.playlists import importing
from apps.playlists.models import Import, ImportLine
from tests.make import make_playlist, make_track

pytestmark = pytest.mark.django_db


@pytest.fixture
def line(ana) -> ImportLine:
    imported = importing.begin(content=io.BytesIO(b"title,artist\nNight Train,Ana\n"), file_name="x.csv", by=ana)
    return imported.lines.get()


@pytest.mark.parametrize("facts", [{"outcome": "added"}, {"outcome": "lost"}, {"how": "luck"}, {"confidence": 2}])
def test_a_line_says_nothing_that_cannot_be(line, facts):
    with pytest.raises(IntegrityError), transaction.atomic():
        ImportLine.objects.update(**facts)


def test_a_line_has_a_track_as_long_as_it_is_found_alone(line, ana):
    with pytest.raises(IntegrityError), transaction.atomic():
        ImportLine.objects.update(track=make_track(ana))


def test_a_line_is_there_once(line):
    with pytest.raises(IntegrityError), transaction.atomic():
        ImportLine.objects.create(imported=line.imported, number=line.number)


def test_an_import_is_done_when_all_its_lines_are(line):
    Import.machine.move_all(Import.objects.all(), "running")
    with pytest.raises(IntegrityError), transaction.atomic():
        Import.machine.move_all(Import.objects.all(), "done", done_at=line.imported.created_at)


def test_an_import_goes_with_its_playlist(line):
    line.imported.playlist.delete()
    assert not Import.objects.exists() and not ImportLine.objects.exists()


def test_they_are_named_by_what_they_say(line, ana):
    assert (str(line), str(line.imported)) == ("1: Ana - Night Train", "x.csv")
    assert str(make_playlist(ana, name="Evening")) == "Evening"
