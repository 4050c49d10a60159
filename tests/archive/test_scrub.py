"""`manage.py archive scrub`."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.archive.management import scrub
from apps.archive.models import Finding
from apps.lib import locks, storage
from apps.lib.storage import COPY, MAIN
from tests.archive.places import everything, make_blob, make_blobs, overwrite, two_folders, use
from tests.lib.threads import side_by_side

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def places(settings, tmp_path):
    two_folders(settings, tmp_path)
    settings.SCRUB_BYTES_PER_SECOND = 0


def said(*words: str) -> str:
    out = StringIO()
    call_command("archive", "scrub", *words, stdout=out)
    return out.getvalue()


def test_it_reads_all_repairs_and_says_so():
    made = make_blobs(4)
    overwrite(min(made), b"x")
    told = said("--all", "--orphans")
    assert "8 files" in told and "1, repaired 1" in told and "nobody's in copy" in told
    assert everything(MAIN) == made


def test_it_ends_with_one_while_anything_stays_damaged():
    made = make_blobs(2)
    overwrite(min(made), b"x")
    with pytest.raises(CommandError, match="1 damaged") as ended:
        said("--all", "--no-repair")
    assert ended.value.returncode == 1 and Finding.objects.get().state == "open"
    with pytest.raises(CommandError):
        said()
    assert "stay damaged       0" in said("--all")


def test_it_tells_programs():
    make_blobs(2)
    storage.put_bytes(b"nobody's")
    told = json.loads(said("--all", "--orphans", "--json"))
    assert told["scrub"]["files"] == 4 and told["orphans"]["main"]["orphans"] == 1 and told["standing"] == 0


def test_without_all_it_reads_what_is_due_and_with_bytes_so_many():
    make_blobs(6)
    assert json.loads(said("--bytes", "1", "--place", "main", "--json"))["scrub"]["files"] == 1
    assert json.loads(said("--json"))["scrub"]["files"] <= 2


def test_it_makes_the_copies_that_are_missing_and_all_of_them_for_another_place(settings, tmp_path):
    made = make_blobs(3)
    make_blob(b"late")
    assert json.loads(said("--copies", "--json"))["copies"]["files"] == 1
    use(settings, f"file://{tmp_path}/main", f"file://{tmp_path}/other")
    assert "forgotten copies   4" in said("--copy-anew")
    assert set(everything(COPY)) >= set(made)


def test_it_shows_its_progress(monkeypatch):
    monkeypatch.setattr(scrub, "EVERY_S", 0)
    make_blobs(2)
    told = said("--all", "--orphans")
    assert "/s" in told and "to go" in told and "listed  main" in told


@pytest.mark.django_db(transaction=True)
def test_one_is_at_work_at_a_time():
    with locks.alone("scrub"):
        (refused,) = side_by_side(lambda: said("--all"))
    assert isinstance(refused, CommandError) and refused.returncode == 2


def test_a_place_that_is_not_set_is_refused(settings, tmp_path):
    use(settings, f"file://{tmp_path}/main")
    with pytest.raises(CommandError, match="COPY_URL"):
        said("--place", "copy")
