"""Room for uploads of many ways beside uploads in use: the same table however often a step is made, there and back."""

import datetime as dt
from collections.abc import Callable
from importlib import import_module

import pytest

from apps.lib import clock
from apps.uploads import intake
from apps.uploads.models import Check, Upload
from tests.make import make_user
from tests.moves import world
from tests.moves.test_community import Listening

pytestmark = pytest.mark.django_db
UPLOADS = import_module("apps.uploads.migrations.0002_many_ways_in")
LOUDNESS = import_module("apps.catalog.migrations.0008_loudness_and_former_files")
BOTH = pytest.mark.parametrize("migration", [UPLOADS, LOUDNESS], ids=["uploads", "loudness"])
# As the program of before says it: nothing of the new columns.
OLD_UPLOAD = """
INSERT INTO uploads_upload (id, created_at, updated_at, state, file_key, file_name, content_type, size_bytes, sha256,
    title, error_code, error_message, user_id)
VALUES (%s, now(), now(), %s, %s, 'a.wav', 'audio/wav', 9, %s, 'a', %s, '', %s)"""


def shape() -> list[tuple]:
    return [row for row in world.rows(world.SHAPE) if "upload" in str(row) or "catalog_trackfile" in str(row)]


def made(step: Callable[[], None]) -> None:
    """With the keys of this test's rows looked at, as at the end of a transaction."""
    world.rows("SET CONSTRAINTS ALL IMMEDIATE")
    step()


def old_upload(user, state: str, error_code: str = "") -> None:
    world.rows(OLD_UPLOAD, [world.key(state), state, f"uploads/{state}", "ab" * 32, error_code, user.pk])


@BOTH
def test_each_step_may_be_made_again(migration):
    whole = shape()
    migration.widen()
    assert shape() == whole
    for _ in range(2):
        migration.narrow()
    before = shape()
    assert before != whole
    for _ in range(2):
        migration.widen()
    assert shape() == whole


@BOTH
def test_no_row_is_read_under_a_lock_that_keeps_others_out(monkeypatch, migration):
    said = []
    migration.narrow()
    monkeypatch.setattr(migration.ddl, "patiently", lambda work, name="": work(Listening(said)))
    migration.widen()
    assert said and all(one.count("NOT VALID") == one.count("ADD CONSTRAINT") for one in said)
    assert not [one for one in said if "ADD COLUMN" in one and ("CHECK" in one or "REFERENCES" in one)]


def test_uploads_of_before_stay_and_an_old_program_goes_on():
    ana = make_user("ana")
    made(UPLOADS.narrow)
    old_upload(ana, "received")
    made(UPLOADS.widen)
    old_upload(ana, "refused", "INVALID_FORMAT")
    assert list(Upload.objects.order_by("state").values_list("state", "way", "reserved_bytes", "facts")) == [
        ("received", "form", 0, {}), ("refused", "form", 0, {})
    ]  # fmt: skip
    assert intake.expire() == 0  # its server may still be at it
    assert intake.expire(clock.now() + dt.timedelta(hours=2)) == 1


def test_the_way_back_ends_what_is_on_its_way_and_keeps_the_rest():
    ana = make_user("ana")
    old_upload(ana, "received")
    under_way = intake.begin(user=ana, way="tus", size=9, file_name="b.wav")
    Check.objects.all().delete()
    made(UPLOADS.narrow)
    assert world.rows("SELECT id::text, state, error_code FROM uploads_upload ORDER BY state") == [
        (str(world.key("received")), "received", ""), (str(under_way.pk), "refused", "ABANDONED")
    ]  # fmt: skip
    made(UPLOADS.widen)
    assert Upload.objects.get(pk=under_way.pk).reserved_bytes == 0
