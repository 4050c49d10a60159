"""Room for the community beside posts and playlists in use: the same tables however often a step is made, there and
back."""

from importlib import import_module

import pytest

from apps.social.models import Comment, Post
from tests.make import make_post, make_user
from tests.moves import world

pytestmark = pytest.mark.django_db
MIGRATION = import_module("apps.social.migrations.0005_community")
COUNTS = import_module("apps.social.migrations.0006_counts")
OWN_LINES = import_module("apps.social.migrations.0011_own_lines")
PLAYLISTS = import_module("apps.playlists.migrations.0003_playlists")
BOTH = pytest.mark.parametrize("migration", [MIGRATION, PLAYLISTS], ids=["social", "playlists"])


def shape() -> list[tuple]:
    return [row for row in world.rows(world.SHAPE) if "social_" in str(row) or "playlists_" in str(row)]


@pytest.mark.parametrize(
    ("there", "back"),
    [
        (MIGRATION.widen, MIGRATION.narrow),
        (PLAYLISTS.widen, PLAYLISTS.narrow),
        (OWN_LINES.forward, OWN_LINES.back),
    ],
    ids=["social", "playlists", "own lines"],
)
def test_each_step_may_be_made_again(there, back):
    """S0-36: a migration that was cut off is begun anew."""
    whole = shape()
    there()
    assert shape() == whole
    for _ in range(2):
        back()
    before = shape()
    assert before != whole
    for _ in range(2):
        there()
    assert shape() == whole
    back()
    assert shape() == before


def test_counting_may_be_begun_again():
    whole = shape()
    OWN_LINES.back()
    test_each_step_may_be_made_again(COUNTS.count, COUNTS.count_no_more)
    COUNTS.count()
    OWN_LINES.forward()
    assert shape() == whole


@BOTH
def test_no_row_is_read_under_a_lock_that_keeps_others_out(monkeypatch, migration):
    """Checks and keys are added for new rows first; whatever else is done at once is a change of the catalogue alone."""
    said = []
    monkeypatch.setattr(migration.ddl, "patiently", lambda work, name="": work(Listening(said)))
    migration.narrow()
    migration.widen()
    adding = [statement for statement in said if " ADD CONSTRAINT " in statement]
    assert len(adding) > 5 and all(statement.endswith("NOT VALID") for statement in adding)
    assert not [statement for statement in said if "ADD COLUMN" in statement and "CHECK" in statement]


def test_counting_waits_for_nobody_for_long():
    """Its triggers are made by statements that give up where others are in the way, and come back."""
    said = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(COUNTS.ddl, "patiently", lambda work, name="": said.append(name))
        COUNTS.count()
        COUNTS.count_no_more()
    assert len(said) == 6


def test_an_old_program_goes_on_posting_without_the_words_that_had_a_default():
    """Decision 0041: an old program that leaves a column to the database is served until `separation drop`."""
    ana, post = make_user("ana"), world.key("post", "of few words")
    rows = "INSERT INTO social_post (id, created_at, updated_at, author_id) VALUES (%s, now(), now(), %s)"
    world.rows(rows, [post, ana.pk])
    assert Post.objects.values_list("post_type", "content").get(pk=post) == ("text", "")


def answer_as_old(post: Post, name: str, to: str | None) -> None:
    """A comment of an old program, which knows of no depth."""
    world.rows(
        """INSERT INTO social_comment (id, created_at, updated_at, post_id, author_id, parent_id, content)
        VALUES (%s, now(), now(), %s, %s, %s, 'fine')""",
        [world.key(name), post.pk, post.author_id, to and world.key(to)],
    )


def thread(depths: int) -> list[tuple[str, str | None]]:
    """Each answers the one before."""
    return [(str(n), str(n - 1) if n else None) for n in range(depths)]


def placed() -> list[tuple]:
    found = {comment.pk: comment for comment in Comment.objects.all()}
    names = {world.key(str(n)): str(n) for n in range(9)}
    return sorted((names[pk], each.depth, names.get(each.parent_id)) for pk, each in found.items())


PLACED = [("0", 0, None), *[(str(n), n, str(n - 1)) for n in range(1, 6)], ("6", 5, "4"), ("7", 5, "4")]


def test_an_old_program_goes_on_answering():
    post = make_post(make_user("ana"))
    for name, to in thread(8):
        answer_as_old(post, name, to)
    assert placed() == PLACED


def test_answers_that_are_there_find_their_depth():
    post = make_post(make_user("ana"))
    world.rows("SET CONSTRAINTS ALL IMMEDIATE")
    MIGRATION.narrow()
    world.rows("ALTER TABLE social_comment DISABLE TRIGGER USER")  # those of later migrations
    for name, to in thread(8):
        answer_as_old(post, name, to)
    world.rows("ALTER TABLE social_comment ENABLE TRIGGER USER")
    MIGRATION.widen()
    assert placed() == PLACED


class Listening:
    """A cursor that keeps what it is told."""

    def __init__(self, said: list[str]) -> None:
        self.said = said

    def execute(self, statement: str) -> None:
        self.said.append(statement)
        world.rows(statement)
