"""All bytes are read again within thirty days, and what is wrong is found, told apart and put right."""

import datetime as dt
import errno
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from django.conf import settings as django_settings
from django.db import connection

from apps.archive import copies, repairs, scrubbing
from apps.archive.models import Finding
from apps.catalog.models import Blob
from apps.lib import clock, storage, stores
from apps.lib.storage import COPY, MAIN
from tests.archive.places import DAMAGES, damage, everything, held, make_blob, make_blobs, overwrite, two_folders, use
from tests.servers import object_store  # noqa: F401  (asked for by name)

pytestmark = pytest.mark.django_db

DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)


@pytest.fixture
def places(settings, tmp_path):
    """Two folders."""
    two_folders(settings, tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def hurried(settings, monkeypatch):
    settings.SCRUB_BYTES_PER_SECOND = 0
    monkeypatch.setattr(storage, "pause", lambda seconds: None)


def cycle(days: int = 30, *, every: dt.timedelta = HOUR) -> dt.datetime:
    """What beat does in so many days, once an hour; the end of it."""
    now = clock.now()
    for _ in range(int(days * DAY / every)):
        now += every
        scrubbing.run(now=now)
    return now


def run(**how) -> scrubbing.Looked:
    return scrubbing.run(most=scrubbing.NO_END, **how)


def test_two_hundred_corruptions_are_found_and_repaired_within_one_cycle(places):
    """R14, F33: flipped, truncated, deleted, grown, replaced and swapped, in either place."""
    random.seed(7)
    made = make_blobs(240)
    keys = sorted(made)
    wrong = {
        MAIN: damage({key: made[key] for key in keys[:130]}, 120, MAIN),
        COPY: damage({key: made[key] for key in keys[130:]}, 80, COPY),
    }
    assert sum(map(len, wrong.values())) == 200
    cycle()
    found = Finding.objects.all()
    assert {(f.place, storage.key_for(f.sha256)) for f in found} == {(p, k) for p in wrong for k in wrong[p]}
    assert set(found.values_list("state", flat=True)) == {"repaired"}
    assert everything(MAIN) == everything(COPY) == made


def test_every_file_is_read_once_a_cycle_and_a_thirtieth_a_day(places):
    make_blobs(90)
    start = clock.now()
    total = sum(Blob.objects.values_list("size", flat=True))
    read = []
    for day in range(30):
        looked = [scrubbing.run(now=start + day * DAY + hour * HOUR, place=MAIN).bytes for hour in range(1, 25)]
        read.append(sum(looked))
    assert not Blob.objects.filter(verified_at__lt=start + HOUR).exists()
    assert max(read) <= total / 30 + 2 * 3000 and sum(read) <= 1.25 * total


def test_every_file_is_read_in_time_although_bytes_grow_and_runs_are_missed(places):
    start = clock.now()
    made = make_blobs(20)
    for day in range(60):
        make_blob()
        if day not in range(5, 20):
            for hour in range(0, 24, 6):
                scrubbing.run(now=start + day * DAY + hour * HOUR)
        late = start + (day - 30) * DAY
        assert not Blob.objects.filter(verified_at__lt=late).exists(), day
    assert len(made) == 20


@pytest.mark.parametrize(
    ("kind", "what"),
    [("flip", "altered"), ("truncate", "truncated"), ("delete", "missing"), ("grow", "grown")],
)
@pytest.mark.parametrize("place", [MAIN, COPY])
def test_damages_are_told_apart(places, kind, what, place):
    ((key, data),) = make_blobs(1).items()
    there = DAMAGES[kind](data, b"")
    overwrite(key, there, place)
    looked = run()
    finding = Finding.objects.get()
    assert (looked.damaged, looked.repaired) == (1, 1)
    assert (finding.place, finding.what, finding.size, finding.found_size) == (
        place,
        what,
        len(data),
        len(there or b""),
    )
    assert (finding.state, finding.repaired_from) == ("repaired", {MAIN: COPY, COPY: MAIN}[place])
    assert held(key, place) == data


def test_a_copy_that_is_damaged_too_repairs_nothing(places):
    """Never by wrong bytes: both findings stand, and both places are as they were."""
    ((key, data),) = make_blobs(1).items()
    overwrite(key, data[:-1] + bytes([data[-1] ^ 1]), MAIN)
    overwrite(key, data[:-1], COPY)
    before = held(key, MAIN), held(key, COPY)
    looked = run()
    assert (looked.damaged, looked.repaired) == (2, 0)
    assert (held(key, MAIN), held(key, COPY)) == before
    assert list(Finding.objects.order_by("place").values_list("place", "what", "state")) == [
        ("copy", "truncated", "unrepairable"), ("main", "altered", "unrepairable"),
    ]  # fmt: skip
    assert scrubbing.standing()["unrepairable_findings"] == 2


def test_what_stays_damaged_is_tried_again_every_day(places):
    ((key, data),) = make_blobs(1).items()
    for place in (MAIN, COPY):
        overwrite(key, None, place)
    now = clock.now()
    run(now=now)
    assert scrubbing.run(now=now + HOUR).files == 0
    overwrite(key, data, COPY)
    scrubbing.run(now=now + DAY)
    assert held(key, MAIN) == data
    assert set(Finding.objects.values_list("place", "state", "repaired_from")) == {
        ("main", "repaired", "copy"), ("copy", "repaired", "itself"),
    }  # fmt: skip


def test_without_a_second_place_a_damage_stands(settings, tmp_path):
    use(settings, f"file://{tmp_path}/main")
    blob = make_blob()
    overwrite(blob.key, b"x")
    run()
    assert Finding.objects.get().state == "unrepairable"
    assert not Blob.objects.exclude(copied_at=None).exists()


def test_one_damage_is_one_finding_however_often_it_is_seen(places):
    ((key, _),) = make_blobs(1).items()
    overwrite(key, b"x")
    for _ in range(3):
        run(repair=False)
    assert Finding.objects.get().state == "open"
    run()
    assert Finding.objects.get().state == "repaired"
    overwrite(key, b"x")
    run()
    assert Finding.objects.count() == 2


def test_one_wrong_answer_is_no_damage(places, monkeypatch):
    """The network's or the memory's: read once more, all is well."""
    make_blobs(1)
    real, lies = storage.examine, iter([storage.Verdict("altered", 5, "0" * 64)])
    monkeypatch.setattr(storage, "examine", lambda *key, **how: next(lies, None) or real(*key, **how))
    assert run().damaged == 0 and not Finding.objects.exists()


def test_a_store_that_fails_or_breaks_off_gives_no_finding(places, monkeypatch):
    """What was not read is read an hour later; a place that is away is left alone after a few."""
    make_blobs(8)
    now, honest = clock.now(), stores.Folder.open

    def failing(self, key):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(stores.Folder, "open", failing)
    looked = run(now=now)
    assert (looked.damaged, looked.unread) == (0, 2 * scrubbing.TIRED)
    assert Blob.objects.filter(check_at=now + HOUR).count() >= scrubbing.TIRED

    def cut(self, key):
        stored = honest(self, key)
        stored.read = lambda size: b""
        return stored

    monkeypatch.setattr(stores.Folder, "open", cut)
    assert run(now=now).damaged == 0
    monkeypatch.undo()
    assert run(now=now + HOUR).unread == 0
    assert not Finding.objects.exists() and not Blob.objects.filter(check_at__isnull=False).exists()


def test_a_disk_that_is_not_mounted_has_lost_nothing(places):
    make_blobs(3)
    (places / "main").rename(places / "elsewhere")
    (places / "main").mkdir()
    looked = run()
    assert (looked.damaged, looked.unread) == (0, 3)
    assert not Finding.objects.exists() and not list((places / "main").rglob("*"))


def test_a_file_that_is_stored_meanwhile_is_no_finding(places, monkeypatch):
    make_blobs(3)
    real = storage.examine

    def meanwhile(*key, **how):
        if Blob.objects.count() < 9:
            make_blob()
        return real(*key, **how)

    monkeypatch.setattr(storage, "examine", meanwhile)
    assert run().files == 6 and Blob.objects.count() == 9
    assert not Finding.objects.exists()


def test_a_file_that_the_sweeper_takes_meanwhile_is_no_finding(places, monkeypatch):
    ((key, _),) = make_blobs(1).items()
    real = storage.examine

    def meanwhile(*key_, **how):
        for place in (MAIN, COPY):
            overwrite(key, None, place)
        Blob.objects.all().delete()
        return real(*key_, **how)

    monkeypatch.setattr(storage, "examine", meanwhile)
    assert run().damaged == 0 and not Finding.objects.exists()


def test_what_was_asked_for_comes_first_and_in_every_place(places):
    made = make_blobs(5)
    now, blob = clock.now(), Blob.objects.latest("pk")
    overwrite(blob.key, b"x", COPY)
    blob.ask()
    looked = scrubbing.run(now=clock.now(), seconds=30)
    assert Finding.objects.get().state == "repaired" and looked.files >= 2
    blob.refresh_from_db()
    assert blob.check_at is None and min(blob.verified_at, blob.copy_verified_at) >= now
    assert held(blob.key, COPY) == made[blob.key]


@pytest.mark.parametrize("way", ["made", "made and damaged", "forgotten"])
def test_a_copy_that_is_made_or_forgotten_while_a_run_goes_on_does_not_end_it(places, monkeypatch, way):
    """A run's time is its beginning, and no copy was read before it was made."""
    now = clock.now()
    ((key, _),) = make_blobs(1).items()
    blob = Blob.objects.get()
    blob.ask()
    if way == "made and damaged":
        overwrite(key, b"x", COPY)
    if way == "forgotten":
        settle = repairs.settle_well
        monkeypatch.setattr(repairs, "settle_well", lambda *one, **how: settle(*one, **how) or copies.forget())
    looked = run(now=now)
    assert looked.files >= 2 and looked.repaired == (way == "made and damaged")
    blob.refresh_from_db()
    assert blob.copy_verified_at == blob.copied_at and (blob.copied_at is None) == (way == "forgotten")
    assert blob.check_at is None


def test_reading_keeps_to_its_speed(monkeypatch):
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    pace = scrubbing._Pace(1000)
    pace(5000)
    assert 4.9 < sum(slept) <= 5


def test_standing_tells_how_well_the_bytes_are_looked_after(places):
    now = clock.now()
    assert scrubbing.standing()["oldest_check"] is None
    make_blobs(3)
    without = make_blob()
    sizes = sum(Blob.objects.values_list("size", flat=True))
    Blob.objects.filter(pk=without.pk).update(verified_at=now - 31 * DAY)
    told = scrubbing.standing()
    assert told["bytes_total"] == 2 * sizes - without.size
    assert told["bytes_checked"] == 2 * (sizes - without.size)
    assert told["oldest_check"] == now - 31 * DAY
    assert (told["copies_missing"], told["bytes_without_copy"]) == (1, without.size)
    assert (told["open_findings"], told["unrepairable_findings"], told["to_check"]) == (0, 0, 0)


def test_two_at_once_are_one(places):
    from apps.lib import locks
    from tests.lib.threads import side_by_side

    with locks.alone("scrub"):
        assert side_by_side(lambda: scrubbing.run()) == [None]


@pytest.mark.django_db(transaction=True)
def test_a_scrub_that_is_killed_goes_on_where_it_was(places, settings):
    """SIGKILL of a real process: what it read stays read, and the next one begins behind it."""
    made = {}
    for number in range(40):
        made[make_blob(bytes([number]) * 5000).key] = bytes([number]) * 5000
    copies.run()
    damage(made, 20, MAIN, kinds=("flip",))
    before = clock.now()
    scrub = start_scrub("--bytes", "200000", "--place", "main", rate=50_000)
    try:
        until = time.monotonic() + 60
        while (done := Blob.objects.filter(verified_at__gt=before).count()) < 12:
            assert scrub.poll() is None and time.monotonic() < until
            time.sleep(0.02)
    finally:
        scrub.send_signal(signal.SIGKILL)
        scrub.wait()
    done = Blob.objects.filter(verified_at__gt=before).count()
    assert 12 <= done < 40
    told = start_scrub("--bytes", str((40 - done) * 5000), "--place", "main", "--json").communicate(timeout=60)[0]
    assert json.loads(told)["scrub"]["files"] == 40 - done
    assert set(Finding.objects.values_list("state", flat=True)) == {"repaired"} and Finding.objects.count() == 20
    assert not Blob.objects.filter(verified_at__lt=before).exists() and everything(MAIN) == made


def start_scrub(*words: str, rate: int = 0) -> subprocess.Popen:
    """The real command on the test's database and store, in a process of its own."""
    database = connection.settings_dict
    where = f"{database['HOST']}:{database['PORT']}" if database["PORT"] else ""
    access = f"{database['USER']}:{database['PASSWORD'] or ''}"
    host = "" if where else f"?host={database['HOST'] or database['OPTIONS'].get('host', '')}"
    main, copy = (django_settings.STORAGES[name]["OPTIONS"]["location"] for name in ("blobs", "copies"))
    env = {
        **os.environ,
        "DATABASE_URL": f"postgresql://{access}@{where}/{database['NAME']}{host}",
        "STORAGE_URL": f"file://{main}",
        "COPY_URL": f"file://{copy}",
        "SPOOL_DIR": str(django_settings.SPOOL),
        "SCRUB_BYTES_PER_SECOND": str(rate),
    }
    command = [sys.executable, "manage.py", "archive", "scrub", *words]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.servers
@pytest.mark.parametrize("way", ["copies in a bucket", "a bucket with copies in a folder"])
def test_a_real_object_store_is_scrubbed_alike(settings, tmp_path, object_store, way):  # noqa: F811
    random.seed(8)
    folder = f"file://{tmp_path}/folder"
    use(settings, *((folder, object_store) if way.startswith("copies") else (object_store, folder)))
    made = make_blobs(16)
    keys = sorted(made)
    wrong = {
        MAIN: damage({key: made[key] for key in keys[:8]}, 7, MAIN),
        COPY: damage({key: made[key] for key in keys[8:]}, 7, COPY),
    }
    looked = run()
    assert (looked.damaged, looked.repaired, looked.unread) == (14, 14, 0)
    assert {(f.place, storage.key_for(f.sha256)) for f in Finding.objects.all()} == {
        (place, key) for place in wrong for key in wrong[place]
    }
    for place in (MAIN, COPY):
        assert {key: held(key, place) for key in made} == made
