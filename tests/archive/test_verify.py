"""`manage.py archive verify`."""

import datetime as dt
import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.archive import manifests
from apps.archive.models import Manifest
from apps.catalog.models import Blob
from apps.lib import storage
from tests.archive.places import overwrite
from tests.archive.world import closed, entry_at, run_all, tomorrow
from tests.make import make_generated

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).parents[2]


def said(*words) -> str:
    out = StringIO()
    call_command("archive", "verify", *map(str, words), stdout=out)
    return out.getvalue()


def refused(*words) -> tuple[str, int]:
    out = StringIO()
    with pytest.raises(CommandError) as refusal:
        call_command("archive", "verify", *map(str, words), stdout=out)
    return out.getvalue(), refusal.value.returncode


def test_an_operator_closes_exports_and_proves(tmp_path):
    assert "nothing is closed yet" in said("--close")
    assert "nothing to export" in said("--export", tmp_path)
    entry_at(timezone.now() - dt.timedelta(days=1))
    head = said("--close").split()[-1]
    assert head == Manifest.objects.get().sha256
    assert "1 days in" in said("--export", tmp_path)
    assert "whole: nothing was changed" in said("--offline", tmp_path, "--head", head)
    assert json.loads(said("--offline", tmp_path, "--json"))["head"] == head


def test_an_export_that_the_store_breaks_off_is_refused_in_words(tmp_path, monkeypatch):
    day = closed(1)[0]
    overwrite(day.blob.key, b"x" * day.blob.size)
    monkeypatch.setattr(storage, "pause", lambda seconds: None)
    with pytest.raises(CommandError, match=f"^--export: {day.day}: The file store failed"):
        said("--export", tmp_path)
    assert not (tmp_path / f"{day.day}.ndjson").exists()
    assert Blob.objects.get(pk=day.blob_id).check_at, "it is read and repaired next"


def test_an_export_that_was_changed_is_refused_by_day_and_line(tmp_path):
    day = closed(2)[0]
    said("--export", tmp_path)
    path = tmp_path / f"{day.day}.ndjson"
    path.write_bytes(path.read_bytes().replace(b"archived", b"obtained", 1))
    words, status = refused("--offline", tmp_path)
    assert status == 1 and f"{day.day} line 2: changed" in words and "NOT WHOLE" in words
    assert refused("--offline", tmp_path, "--json")[1] == 1
    assert refused("--offline", tmp_path / "none")[1] == 1


def test_the_site_is_proven_and_what_was_done_to_it_is_refused(ana):
    make_generated(ana)
    run_all()
    manifests.close(now=tomorrow())
    words = said("--bytes")
    assert "1 closed days" in words and "1 assets against their last entries" in words
    assert json.loads(said("--json"))["good"] is True
    assert refused("--head", "0" * 64)[1] == 1
    assert said("--head", manifests.head()["sha256"])


def test_offline_needs_no_database(tmp_path):
    closed(2)
    said("--export", tmp_path)
    nowhere = {
        **os.environ,
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }

    def run(*command) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=nowhere, capture_output=True, text=True, check=False
        )

    for command in (["manage.py", "archive", "verify", "--offline"], ["-m", "apps.archive.verifying"]):
        done = run(*command, str(tmp_path))
        assert done.returncode == 0, done.stderr
        assert "whole: nothing was changed" in done.stdout
    next(tmp_path.glob("*.ndjson")).unlink()
    for command in (["manage.py", "archive", "verify", "--offline"], ["-m", "apps.archive.verifying"]):
        assert run(*command, str(tmp_path)).returncode == 1


@pytest.mark.parametrize("words", [["--head", "x"], ["--since", "yesterday"], ["--since", "2026-02-30"]])
def test_what_no_command_can_be_is_refused(words):
    with pytest.raises(CommandError):
        said(*words)
