"""The migrations: none is missing, none is irreversible, and the whole history runs forward, back and forward.

So it does over the rows that a house had at the time.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, migrations
from django.db.migrations.exceptions import IrreversibleError
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.utils import timezone

from apps.accounts import departure
from apps.archive import auditing
from tests.make import make_generated, make_user

BEFORE_PEOPLE = [("accounts", "0001_initial"), ("catalog", "0002_providers"), ("archive", "0001_initial")]
BEFORE_THE_LEDGER = [("catalog", "0008_loudness_and_former_files"), ("archive", "0002_without_owner")]
BEFORE_THE_WHOLE_TRACK = [("catalog", "0003_without_owner")]
OWN = [config.label for config in apps.get_app_configs() if config.name.startswith("apps.")]

SCHEMA = """
SELECT 'column', table_name || '.' || column_name, data_type || ' ' || is_nullable || coalesce(column_default, '')
  FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid)
  FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'function', p.proname, md5(pg_get_functiondef(p.oid))
  FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.prokind = 'f'
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
ORDER BY 1, 2, 3
"""


def irreversible(history: Iterable[migrations.Migration]) -> list[str]:
    return [
        f"{migration.app_label}.{migration.name}: {operation.describe()}"
        for migration in history
        for operation in flat(migration.operations)
        if not operation.reversible
    ]


def flat(operations) -> Iterator:
    for operation in operations:
        yield operation
        yield from flat(getattr(operation, "database_operations", ()))


@contextmanager
def a_database_of_its_own(blocker, *, like_ours: bool = False) -> Iterator[None]:
    """The default connection leads to an empty database while the block runs, or to a copy of the tests'; then it is
    dropped."""
    usual, name = connection.settings_dict["NAME"], f"{connection.settings_dict['NAME']}_history"
    # Where no test of the run asked for the usual test database, there is none to copy.
    copied = like_ours and usual.startswith("test_")
    quoted, template = (connection.ops.quote_name(each) for each in (name, usual if copied else "template1"))
    with blocker.unblock():
        connection.close()
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {quoted} WITH (FORCE)")
            cursor.execute(f"CREATE DATABASE {quoted} TEMPLATE {template}")
        connection.settings_dict["NAME"] = name
        try:
            if like_ours and not copied:
                forward()
            yield
        finally:
            connection.close()
            connection.settings_dict["NAME"] = usual
            with connection._nodb_cursor() as cursor:
                cursor.execute(f"DROP DATABASE {quoted} WITH (FORCE)")


def forward() -> None:
    call_command("migrate", verbosity=0, interactive=False)


def back() -> None:
    MigrationExecutor(connection).migrate([(app, None) for app in OWN])


def to(targets: list[tuple[str, str]]):
    """The models as they are there."""
    MigrationExecutor(connection).migrate(targets)
    return MigrationLoader(connection).project_state(targets).apps


def schema() -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(SCHEMA)
        return cursor.fetchall()


def own_tables() -> set[str]:
    found = connection.introspection.table_names()
    return {table for table in found if table.startswith(tuple(f"{app}_" for app in OWN))}


@pytest.mark.django_db
def test_no_migration_is_missing(capsys):
    try:
        call_command("makemigrations", check=True, dry_run=True, interactive=False)
    except SystemExit:
        pytest.fail(f"run makemigrations: {capsys.readouterr().out}")


def test_every_migration_can_be_undone():
    history = MigrationLoader(None, ignore_no_migrations=True).disk_migrations.values()
    assert irreversible(m for m in history if m.app_label in OWN) == []


@pytest.mark.parametrize(
    "operation",
    [
        migrations.RunPython(migrations.RunPython.noop),
        migrations.RunSQL("SELECT 1"),
        migrations.SeparateDatabaseAndState([migrations.RunSQL("SELECT 1")]),
    ],
)
def test_a_migration_that_cannot_be_undone_is_caught(operation):
    migration = migrations.Migration("0009_one_way", "catalog")
    migration.operations = [operation]
    assert irreversible([migration])


def test_the_whole_history_runs_forward_back_to_nothing_and_forward(django_db_setup, django_db_blocker):
    with a_database_of_its_own(django_db_blocker, like_ours=True):
        first = schema()
        assert {f"{app}_" for app in OWN if apps.get_app_config(app).models} <= {
            f"{table.partition('_')[0]}_" for table in own_tables()
        }
        back()
        assert own_tables() == set()
        forward()
        assert schema() == first


def test_the_rows_of_a_house_from_before_people_go_forward_and_back(django_db_setup, django_db_blocker):
    with a_database_of_its_own(django_db_blocker):
        old = to([*BEFORE_PEOPLE, ("sessions", "0001_initial")])
        user = old.get_model("accounts", "User").objects.create(email="Ana@example.org", password="x")
        old.get_model("accounts", "Profile").objects.create(user=user, username="ana")
        twice = {"user": user, "plan": "pro", "status": "expired", "stripe_subscription_id": "sub_1"}
        rows = [old.get_model("accounts", "Subscription").objects.create(**twice) for _ in range(3)]
        old.get_model("sessions", "Session").objects.create(session_key="k", expire_date=timezone.now())
        forward()
        now = apps.get_model("accounts", "Subscription").objects.order_by("id")
        assert [(r.pk, r.stripe_subscription_id) for r in now] == [
            (row.pk, "sub_1" if row is rows[-1] else "") for row in rows
        ]
        assert not apps.get_model("sessions", "Session").objects.exists()
        profiles = apps.get_model("accounts", "Profile").objects
        profiles.update(language="zh-Hant-TW")
        old = to(BEFORE_PEOPLE)
        assert old.get_model("accounts", "Profile").objects.get().language == "zh"


def test_the_way_back_names_the_rows_that_nobody_owns_any_more(django_db_setup, django_db_blocker):
    with a_database_of_its_own(django_db_blocker, like_ours=True):
        ana = make_user("ana")
        for _ in range(2):
            make_generated(ana)
        apps.get_model("archive", "ArchiveJob").objects.create(track=make_generated(ana), user=ana)
        departure.part(user=ana, tracks="remove")
        to([("catalog", "0003_without_owner"), ("archive", "0002_without_owner")])
        before = schema()
        for target, words in (
            (("catalog", "0002_providers"), "3 sources and 3 removed tracks are without the owner"),
            (("archive", "0001_initial"), "1 jobs are without the person"),
        ):
            with pytest.raises(IrreversibleError, match=words):
                to([target])
        assert schema() == before


def test_the_tracks_of_a_house_from_before_the_whole_track_go_forward_and_back(django_db_setup, django_db_blocker):
    with a_database_of_its_own(django_db_blocker):
        old = to(BEFORE_THE_WHOLE_TRACK)
        ana = old.get_model("accounts", "User").objects.create(email="ana@example.org", password="x")
        for kind, status, owner, title in (
            ("uploaded", "ready", ana, "Café"), ("generated", "pending", ana, "Rain"), ("uploaded", "failed", ana, "Noise"),
            ("library", "ready", None, "Air"), ("uploaded", "removed", None, ""),
        ):  # fmt: skip
            gone = {"removed_at": timezone.now()} if status == "removed" else {}
            rows = old.get_model("catalog", "Track").objects
            rows.create(kind=kind, status=status, owner=owner, title=title, duration_ms=1000, tags=["Lo-Fi"], **gone)
        before = old_tracks(old)
        forward()
        now = apps.get_model("catalog", "Track").objects
        assert old_tracks(apps) == before
        assert sorted(now.values_list("number", flat=True)) == [1, 2, 3, 4, 5]
        assert now.get(search="cafe lo fi").title == "Café"
        air, cafe = now.get(title="Air"), now.get(title="Café")
        apps.get_model("catalog", "Credit").objects.create(track=air, name="Bo", role="composer", split=50)
        now.filter(pk=cafe.pk).update(status="merged", merged_into=air, removed_at=timezone.now())
        to([("catalog", "0005_watched")])
        watched = schema()
        with pytest.raises(IrreversibleError, match="1 tracks are merged into others"):
            to(BEFORE_THE_WHOLE_TRACK)
        assert schema() == watched
        now.filter(pk=cafe.pk).update(status="ready", merged_into=None, removed_at=None)
        assert old_tracks(to(BEFORE_THE_WHOLE_TRACK)) == before


def old_tracks(models) -> list[tuple]:
    facts = ("id", "kind", "status", "owner_id", "title", "tags", "removed_at", "updated_at")
    return list(models.get_model("catalog", "Track").objects.order_by("id").values_list(*facts))


def test_the_archive_of_a_house_from_before_its_ledger_goes_forward_back_and_forward(
    django_db_setup, django_db_blocker
):
    with a_database_of_its_own(django_db_blocker):
        old = to(BEFORE_THE_LEDGER)
        make_old_archive(old)
        before = old_assets(old)
        to([("archive", "0005_ledger")])
        with connection.cursor() as cursor:  # the house goes on meanwhile
            cursor.execute("UPDATE archive_archiveasset SET state = 'lost', next_at = NULL WHERE kind = 'video'")
        forward()
        hosts = dict(apps.get_model("archive", "ArchiveAsset").objects.values_list("kind", "host"))
        assert hosts == {"audio": "cdn1.suno.ai", "cover": "cdn2.suno.ai:8443", "video": ""}
        entries = apps.get_model("archive", "LedgerEntry").objects.order_by("kind")
        assert [(e.kind, e.event, e.state_to, e.sha256) for e in entries] == [
            ("audio", "begun", "archived", "a" * 64), ("cover", "begun", "retrying", ""), ("video", "lost", "lost", ""),
        ]  # fmt: skip
        assert not any(problem.day.startswith("asset") for problem in auditing.audit().problems)
        lives = dict(apps.get_model("catalog", "Provider").objects.values_list("code", "video_lifetime"))
        assert lives == {"suno": timedelta(days=14), "mureka": None, "replicate": None}
        blob = apps.get_model("catalog", "Blob").objects.get()
        assert (blob.copied_at, blob.copy_verified_at, blob.check_at) == (None, None, None)
        whole = schema()
        apps.get_model("catalog", "Blob").objects.update(copied_at=timezone.now(), copy_verified_at=timezone.now())
        apps.get_model("archive", "Alarm").objects.create(kind="lost", message="One.")
        assert old_assets(to(BEFORE_THE_LEDGER)) == [(*row[:2], "lost" if row[1] == "video" else row[2], *row[3:])
                                                     for row in before]  # fmt: skip
        forward()
        assert schema() == whole
        assert set(entries.values_list("event", flat=True)) == {"begun"}


def make_old_archive(models) -> None:
    """A track with a file of each kind: archived, waiting, and one whose address was forgotten."""
    now = timezone.now()
    ana = models.get_model("accounts", "User").objects.create(email="ana@example.org", password="x")
    suno = models.get_model("catalog", "Provider").objects.get(pk="suno")
    track = models.get_model("catalog", "Track").objects.create(
        kind="generated", status="ready", owner=ana, title="Rain"
    )
    where = {"provider": suno, "provider_track_id": "t1", "audio_url": "https://CDN1.suno.ai:443/a.mp3"}
    until = now + timedelta(days=15)
    models.get_model("catalog", "ProviderSource").objects.create(track=track, owner=ana, expires_at=until, **where)
    bytes_ = {"key": f"blobs/sha256/aa/{'a' * 64}", "size": 1, "mime": "audio/mpeg", "extension": "mp3"}
    blob = models.get_model("catalog", "Blob").objects.create(sha256="a" * 64, **bytes_)
    for kind, url, facts in (
        ("audio", where["audio_url"], {"state": "archived", "blob": blob, "archived_at": now}),
        ("cover", "https://cdn2.Suno.ai:8443/c.jpeg?sig=x", {"state": "retrying", "attempts": 2, "next_at": now}),
        ("video", "", {"state": "quarantined", "crashes": 5, "next_at": now}),
    ):
        rows = models.get_model("archive", "ArchiveAsset").objects
        rows.create(track=track, kind=kind, source_url=url, expires_at=until, **facts)


def old_assets(models) -> list[tuple]:
    facts = ("id", "kind", "state", "source_url", "expires_at", "attempts", "crashes", "blob_id", "archived_at")
    return list(models.get_model("archive", "ArchiveAsset").objects.order_by("kind").values_list(*facts))
