"""Another community comes in whole: what came is here, or kept with its reason, however often it was cut off."""

import io
import json
import os
import signal

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from apps.accounts import letters
from apps.lib import batches, ddl
from apps.social import adoption, foreign
from tests.moves import foreigners, world
from tests.moves.test_cut_off import in_small_chunks
from tests.moves.world import key, one, rows

HERE = {
    **world.NEW_ROWS,
    "people": "SELECT id, created_at, email, email_verified_at, is_active, password FROM accounts_user",
    "profiles": "SELECT * FROM accounts_profile",
    "addresses": 'SELECT user_id, email, verified, "primary" FROM account_emailaddress',
    "follows": "SELECT follower_id, followed_id, created_at FROM social_follow",
    "likes": "SELECT post_id, user_id, created_at FROM social_like",
    "comments": "SELECT id, created_at, updated_at, post_id, author_id, parent_id, depth, content FROM social_comment",
    "counts": "SELECT id, like_count, comment_count FROM social_post",
    "kept": "SELECT of, why, left_out, said, person FROM adoption.kept",
}


@pytest.fixture(scope="module")
def empty_template(django_db_setup, django_db_blocker):
    """The name of a database of a new house."""
    usual = connection.settings_dict["NAME"]
    is_there = usual.startswith("test_")
    name = f"{usual if is_there else f'test_{usual}'}_empty"
    with django_db_blocker.unblock():
        connection.close()
        world.make_database(name, usual if is_there else "template0")
        with world.connected(name):
            world.to([])
        yield name
        world.drop_database(name)


@pytest.fixture(scope="module")
def source(empty_template, django_db_blocker):
    """Where the community is that has every defect."""
    name = f"{empty_template}_source"
    with django_db_blocker.unblock():
        world.make_database(name, "template0")
        foreigners.fill(name)
        yield foreigners.dsn(name)
        world.drop_database(name)


@pytest.fixture
def house(empty_template, django_db_blocker):
    """The default connection leads to a new house of this test's own."""
    name = f"{empty_template}_1"
    with django_db_blocker.unblock():
        world.make_database(name, empty_template)
        with world.connected(name):
            yield name
        world.drop_database(name)


@pytest.fixture
def untouched(empty_template, django_db_blocker):
    """The default connection leads to a new house in which nothing is changed."""
    with django_db_blocker.unblock(), world.connected(empty_template):
        yield
        assert not adoption.has_begun()


@pytest.fixture(scope="module")
def settled(empty_template, source, django_db_blocker):
    """(the name of a house into which the community came, what was planned, the report)."""
    name = f"{empty_template}_settled"
    with django_db_blocker.unblock():
        world.make_database(name, empty_template)
        with world.connected(name):
            planned, shape = run(source, "--dry-run"), world.shape()
            report = run(source)
            assert [row for row in world.shape() if "adoption" not in str(row)] == shape
        yield name, planned, report
        world.drop_database(name)


@pytest.fixture
def community(settled, django_db_blocker):
    """The default connection leads to the house with the community in it."""
    with django_db_blocker.unblock(), world.connected(settled[0]):
        yield


OURS = {
    *(table.name for table in foreign.TABLES),
    "open",
    "threads",
    "prepare",
    "move",
    "repoint",
    "require",
    "settled",
}


def run(source: str, *options: str) -> dict:
    said = io.StringIO()
    call_command("adopt", "community", "--source", source, "--json", *options, stdout=said)
    return json.loads(said.getvalue())


def test_what_came_in_is_here_or_kept_with_its_reason(community, settled, source):
    """S0-42; every row of every table, by number and by checksum."""
    _, planned, report = settled
    tables = report["tables"]
    assert planned["in the way"] == []
    assert planned["tables"]["posts"]["not brought"] == ["mood_ring"]
    assert report["holds"] and all(table["adds up"] for table in tables.values())
    assert {name: table["in"] for name, table in tables.items()} == {
        name: table["rows"] for name, table in planned["tables"].items()
    }
    assert {name: table["checksums"]["in"] for name, table in tables.items()} == {
        name: table["checksum"] for name, table in planned["tables"].items()
    }
    assert {name: table.get("why left out") for name, table in tables.items()} == {
        "profiles": {"bad_id": 1, "double": 1}, "posts": {"author_missing": 1, "double": 1},
        "playlists": {"owner_missing": 1}, "playlist_tracks": {"double": 1, "playlist_missing": 1},
        "post_likes": {"double": 1, "person_missing": 1, "post_missing": 1},
        "comments": {"author_missing": 1, "blank": 1, "post_missing": 1},
        "follows": {"double": 1, "person_missing": 1, "self_follow": 1},
    }  # fmt: skip
    assert tables["comments"]["mended"] == {"circle": 2, "parent_missing": 3, "too_deep": 4}
    assert report["posts"] == {
        "moved": 3, "shared": 1, "no_url": 1, "bad_url": 1, "text": 3, "of_tracks_since": 0, "deleted_since": 0,
    }  # fmt: skip
    assert report["entries"]["missing"] == 2 and report["entries"]["double"] == 1
    assert run(source) == report


def test_people_come_with_names_of_their_own_and_without_passwords(community):
    people = {pk: (email, name, shown) for pk, email, name, shown in rows(
        "SELECT u.id, email, username, display_name FROM accounts_user AS u JOIN accounts_profile ON user_id = u.id"
    )}  # fmt: skip
    by = {name: people[key("user", name)] for name in foreigners.PEOPLE}
    assert by["ana"] == ("ana@example.org", "ana", "")
    assert by["cleo"][0].endswith(f"@{letters.PLACEHOLDER}") and by["cleo"][1].startswith("ANA-")
    assert by["bob"][0] == f"{key('user', 'bob')}@{letters.PLACEHOLDER}"
    assert by["admin"][1].startswith("admin-") and by["odd"] == ("odd@example.org", "OlaStrae", "Öla Straße!")
    assert by["blank"][1].startswith("listener")
    assert not rows("SELECT FROM accounts_user WHERE password NOT LIKE '!%'")
    assert not rows("SELECT FROM accounts_user WHERE email_verified_at IS NULL"), "they would be swept as unproven"
    with_mail = {row[0] for row in rows("SELECT user_id FROM account_emailaddress WHERE verified")}
    assert with_mail == {key("user", name) for name in ("ana", "odd", "blank", "nameless")}


def test_threads_hold_and_counts_are_right(community):
    depths = dict(rows("SELECT id, depth FROM social_comment"))
    assert [depths[key("comment", f"deep {n}")] for n in range(9)] == [1, 2, 3, 4, 5, 5, 5, 5, 5]
    assert {depths[key("comment", name)] for name in ("orphan", "elsewhere", "round", "and round")} == {0}
    assert rows("SELECT like_count, comment_count FROM social_post WHERE id = %s", [key("post", "first")]) == [(1, 12)]


def test_killed_at_every_checkpoint_it_ends_as_if_nobody_had_disturbed_it(house, source, empty_template, tmp_path):
    with in_small_chunks(4), small_takes():
        undisturbed = f"{empty_template}_2"
        connection.close()
        world.make_database(undisturbed, empty_template)
        with world.connected(undisturbed):
            report, sums = run(source), world.checksums(HERE)
        world.drop_database(undisturbed)
        names = killed_at_each(lambda: run(source), tmp_path / "died")
        again = run(source)
    assert len(names) >= 35 and {"posts copied", "posts", "threads", "move, not written down", "settled"} <= names
    assert world.checksums(HERE) == sums
    assert {**again, "begun": ""} == {**report, "begun": ""}


def killed_at_each(work, died) -> set[str]:
    """Run `work` in processes, each of which is killed at the first checkpoint that killed none before; their names."""
    died.touch()
    while True:
        connection.close()
        pid = os.fork()
        if not pid:
            _die_somewhere_new(work, died)
        status = os.waitpid(pid, 0)[1]
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "it failed by itself"
        if not os.WIFSIGNALED(status):
            return set(died.read_text().splitlines())


def _die_somewhere_new(work, died) -> None:
    known = set(died.read_text().splitlines())

    def cut_off(name: str) -> None:
        # Inside the phases of the move others kill it.
        if name not in known and name.split(",")[0].removesuffix(" copied") in OURS:
            died.write_text("\n".join([*known, name]))
            os.kill(os.getpid(), signal.SIGKILL)

    batches.cut_off = cut_off
    try:
        work()
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
        os._exit(1)
    os._exit(0)


class small_takes:
    """As many chunks as a big community has."""

    def __enter__(self):
        self.before = adoption.AT_ONCE, adoption.PEOPLE_AT_ONCE
        adoption.AT_ONCE = adoption.PEOPLE_AT_ONCE = 5

    def __exit__(self, *_):
        adoption.AT_ONCE, adoption.PEOPLE_AT_ONCE = self.before


def test_a_source_that_changed_while_it_was_copied_is_refused_until_copied_afresh(house, source):
    with cut_off_at("posts copied"), pytest.raises(KeyboardInterrupt):
        run(source)
    with psycopg.connect(source) as there:
        there.execute("UPDATE profiles SET bio = 'changed' WHERE username = 'bob'")
    try:
        with pytest.raises(CommandError, match=r"changed since it was copied: profiles.*--afresh"):
            run(source)
        assert run(source, "--afresh")["holds"]
        with pytest.raises(CommandError, match="being taken over already"):
            run(source, "--afresh")
    finally:
        with psycopg.connect(source) as there:
            there.execute("UPDATE profiles SET bio = 'I am bob' WHERE username = 'bob'")


class cut_off_at:
    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self):
        batches.cut_off = self.cut

    def cut(self, name: str) -> None:
        if name == self.name:
            raise KeyboardInterrupt

    def __exit__(self, *_):
        batches.cut_off = None


def test_a_house_with_something_in_it_is_refused_by_name(house, source):
    world.add_user("somebody")
    with pytest.raises(CommandError, match="not empty: 1 people without a role"):
        run(source)
    assert run(source, "--dry-run")["in the way"] == ["1 people without a role"]
    assert not adoption.has_begun()


def test_what_an_earlier_move_left_is_in_the_way(house, source):
    rows(f"""INSERT INTO social_postmove (post_id, fate) VALUES ('{key("post", "plain")}', 'no_url')""")
    rows("""INSERT INTO playlists_entrymove (entry_id, playlist_id, post_id, position, added_at, fate)
        SELECT id, id, id, 0, now(), 'missing' FROM gen_random_uuid() AS id""")
    with pytest.raises(CommandError, match="1 posts of an earlier move, 1 playlist entries of an earlier move"):
        run(source)


def test_of_two_runs_at_once_one_is_told_of_the_other(house, source, monkeypatch):
    monkeypatch.setattr(adoption, "PATIENCE_S", 1)
    with psycopg.connect(foreigners.dsn(house)) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [adoption.LOCK])
        with pytest.raises(CommandError, match="Another run of this is at work"):
            run(source)


def test_what_fails_here_while_it_is_copied_is_not_blamed_on_the_source(house, source):
    with cut_off_at("profiles copied"), pytest.raises(KeyboardInterrupt):
        run(source)
    rows("ALTER TABLE adoption.in_posts ADD CONSTRAINT full_disk CHECK (n < 3)")
    with pytest.raises(CommandError, match="^The database of this house: .*full_disk"):
        run(source)
    rows("ALTER TABLE adoption.in_posts DROP CONSTRAINT full_disk")
    assert run(source)["holds"]


def test_a_source_that_dies_is_named_and_the_next_run_goes_on(house, source, monkeypatch):
    stream = foreign.Source.stream

    def dying(there, found):
        for data in stream(there, found):
            with psycopg.connect(source) as killer:
                killer.execute("SELECT pg_terminate_backend(%s, 5000)", [there.connection.info.backend_pid])
            yield data

    with monkeypatch.context() as patch, pytest.raises(CommandError, match=f"{house.removesuffix('_1')}.* read: term"):
        patch.setattr(foreign.Source, "stream", dying)
        run(source)
    assert run(source)["holds"]


class odd_source:
    """A source of this test's own, with every defect and what these statements do to it."""

    def __init__(self, template: str, *statements: str, made: str = "") -> None:
        self.name, self.statements, self.made = f"{template}_odd", statements, made

    def __enter__(self) -> str:
        with connection._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")
            cursor.execute(f"CREATE DATABASE {self.name} TEMPLATE template0 {self.made}")
        foreigners.fill(self.name)
        with psycopg.connect(foreigners.dsn(self.name)) as there:
            for statement in self.statements:
                there.execute(statement)
        return foreigners.dsn(self.name)

    def __exit__(self, *_):
        world.drop_database(self.name)


def test_letters_of_another_encoding_add_up(house, empty_template):
    """S0-42; sums of bytes would differ between two encodings of the same words."""
    words = f"UPDATE posts SET content = 'déjà vu' WHERE id = '{key('post', 'plain')}'"
    with odd_source(empty_template, words, made="ENCODING 'LATIN1' LOCALE 'C'") as source:
        assert run(source)["holds"]
    assert rows("SELECT content FROM social_post WHERE id = %s", [key("post", "plain")]) == [("déjà vu",)]


def test_views_names_in_quotes_and_odd_types_are_read(house, empty_template):
    with odd_source(
        empty_template,
        'CREATE SCHEMA "Odd ""%s"',
        *[f'ALTER TABLE {table.name} SET SCHEMA "Odd ""%s"' for table in foreign.TABLES],
        'SET search_path = "Odd ""%s"',
        'ALTER TABLE comments RENAME TO "Comments"',
        "ALTER TABLE follows RENAME TO those; CREATE VIEW follows AS SELECT * FROM those",
        "ALTER TABLE post_likes RENAME TO these; CREATE MATERIALIZED VIEW likes AS SELECT * FROM these",
        "CREATE TYPE kind AS ENUM ('audio', 'text', 'Track'); ALTER TABLE posts ALTER post_type TYPE kind USING "
        "post_type::kind, ALTER audio_file_size TYPE float8 USING 'NaN', ALTER content TYPE json USING to_json(content)",
        "ALTER TABLE playlists ALTER is_public TYPE integer USING is_public::integer",
        "UPDATE playlist_tracks SET added_at = 'infinity'",
    ) as source:
        report = run(source, "--schema", 'Odd "%s')
    came = {name: table["in"] for name, table in report["tables"].items()}
    assert report["holds"] and (came["comments"], came["follows"], came["post_likes"]) == (18, 4, 5)


@pytest.mark.parametrize(
    ("sees", "words"),
    [
        ("profiles, posts", "permission denied for table playlists"),
        ("ALL TABLES IN SCHEMA public", "row-level security policy for table .comments"),
    ],
)
def test_what_is_hidden_from_the_account_is_an_error_and_not_missing(untouched, empty_template, sees, words):
    reader = "keeptrack_test_reader"
    with odd_source(
        empty_template, f"DROP ROLE IF EXISTS {reader}", f"CREATE ROLE {reader} LOGIN",
        f"GRANT SELECT ON {sees} TO {reader}", "ALTER TABLE comments ENABLE ROW LEVEL SECURITY",
    ) as source:  # fmt: skip
        try:
            with pytest.raises(CommandError, match=words):
                run(f"{source} options='-c role={reader}'", "--dry-run")
        finally:
            with psycopg.connect(source) as there:
                there.execute(f"DROP OWNED BY {reader}; DROP ROLE {reader}")


def test_bytes_that_nobody_ever_checked_are_read(house, empty_template):
    """A source of SQL_ASCII: what is UTF-8 is read as that, the rest as Latin-1."""
    name = f"{empty_template}_ascii"
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'")
    try:
        foreigners.fill(name)
        with psycopg.connect(foreigners.dsn(name)) as there:
            for pk, spelled in ((key("post", "text"), "caf\\351"), (key("post", "timeless"), "caf\\303\\251")):
                there.execute("SET client_encoding = 'SQL_ASCII'")
                there.execute(
                    f"UPDATE posts SET content = E'{spelled}' WHERE id = '{pk}' AND content <> 'the same key'"
                )
        assert run(foreigners.dsn(name))["holds"]
        contents = dict(rows("SELECT id, content FROM social_post"))
        assert contents[key("post", "text")] == contents[key("post", "timeless")] == "café"
    finally:
        world.drop_database(name)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("nonsense", "no address of a database"),
        ("postgresql://reader:x@geheim@127.0.0.1:1/x", "no address of a database"),
        ("host=127.0.0.1 port=1 dbname=x password=geheim", "cannot be reached"),
    ],
)
def test_a_source_that_is_none_is_a_clear_error(untouched, source, words):
    with pytest.raises(CommandError, match=words) as error:
        run(source)
    assert "geheim" not in str(error.value)


def test_a_database_of_another_shape_is_a_clear_error(untouched, empty_template):
    with pytest.raises(CommandError, match="has no table profiles and no posts"):
        run(foreigners.dsn(empty_template))


def test_the_source_cannot_be_written_to(source):
    with foreign.opened(source, "public") as there, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        there.connection.execute("DELETE FROM posts")


def test_what_was_left_out_of_a_person_goes_with_them_and_all_of_it_when_asked(community):
    [[kept]] = rows("SELECT count(*) FROM adoption.kept WHERE person = %s", [key("user", "odd")])
    assert kept
    rows("DELETE FROM accounts_profile WHERE user_id = %s", [key("user", "odd")])
    rows("DELETE FROM account_emailaddress WHERE user_id = %s", [key("user", "odd")])
    rows("DELETE FROM accounts_user WHERE id = %s", [key("user", "odd")])
    assert not one("SELECT count(*) FROM adoption.kept WHERE person = %s", [key("user", "odd")])
    call_command("adopt", "community", "--forget", stdout=io.StringIO())
    assert not ddl.has_table("adoption.kept")
