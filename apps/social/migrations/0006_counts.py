"""Likes and comments are counted by the database, whichever door they come through (performance row 11)."""

import django.db.models.deletion
from django.db import migrations, models

from apps.lib import ddl
from apps.lib.ddl import MakeTable, Steps

# Nobody waits for a count. Whoever finds the post's row in somebody's hands takes a free line of the tally, or adds
# one: there are as many lines as people who like the post at the same moment. What would make a count fall below zero
# goes there too, for what was added before it stands in another line.
FUNCTIONS = """
CREATE OR REPLACE FUNCTION social_add(of uuid, more_likes bigint, more_comments bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE social_tally SET likes = likes + more_likes, comments = comments + more_comments
    WHERE id = (SELECT id FROM social_tally WHERE post_id = of LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED);
    IF NOT FOUND THEN
        UPDATE social_post SET like_count = like_count + more_likes, comment_count = comment_count + more_comments
        WHERE id = (SELECT id FROM social_post WHERE id = of FOR NO KEY UPDATE SKIP LOCKED)
            AND like_count + more_likes >= 0 AND comment_count + more_comments >= 0;
    END IF;
    IF NOT FOUND THEN
        INSERT INTO social_tally (post_id, likes, comments) VALUES (of, more_likes, more_comments);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION social_count_likes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM social_add(post_id, CASE TG_OP WHEN 'INSERT' THEN count(*) ELSE -count(*) END, 0)
    FROM changed GROUP BY post_id;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION social_count_comments() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM social_add(post_id, 0, count(*)) FROM come WHERE status = 'shown' GROUP BY post_id;
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM social_add(post_id, 0, -count(*)) FROM gone WHERE status = 'shown' GROUP BY post_id;
    ELSE
        PERFORM social_add(post_id, 0, sum(more)) FROM (
            SELECT post_id, -1 AS more FROM gone WHERE status = 'shown'
            UNION ALL SELECT post_id, 1 FROM come WHERE status = 'shown') AS changed
        GROUP BY post_id HAVING sum(more) <> 0;
    END IF;
    RETURN NULL;
END $$;
"""
LIKES = """
CREATE OR REPLACE TRIGGER like_counted_in AFTER INSERT ON social_like
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION social_count_likes();
CREATE OR REPLACE TRIGGER like_counted_out AFTER DELETE ON social_like
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION social_count_likes();
"""
COMMENTS = """
CREATE OR REPLACE TRIGGER comment_counted_in AFTER INSERT ON social_comment
    REFERENCING NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION social_count_comments();
CREATE OR REPLACE TRIGGER comment_counted_out AFTER DELETE ON social_comment
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION social_count_comments();
CREATE OR REPLACE TRIGGER comment_counted_again AFTER UPDATE ON social_comment
    REFERENCING OLD TABLE AS gone NEW TABLE AS come FOR EACH STATEMENT EXECUTE FUNCTION social_count_comments();
"""
NO_LIKES = """
DROP TRIGGER IF EXISTS like_counted_in ON social_like;
DROP TRIGGER IF EXISTS like_counted_out ON social_like;
"""
NO_COMMENTS = """
DROP TRIGGER IF EXISTS comment_counted_in ON social_comment;
DROP TRIGGER IF EXISTS comment_counted_out ON social_comment;
DROP TRIGGER IF EXISTS comment_counted_again ON social_comment;
"""
NO_FUNCTIONS = """
DROP FUNCTION IF EXISTS social_count_likes(), social_count_comments(), social_add(uuid, bigint, bigint);
"""


def count() -> None:
    """One table after the other, so that nobody waits for both; what was said before is counted by the next one."""
    ddl.brief(FUNCTIONS, name="functions that count")
    ddl.brief(LIKES, name="likes counted")
    ddl.brief(COMMENTS, name="comments counted")


def count_no_more() -> None:
    ddl.brief(NO_LIKES, name="likes counted no more")
    ddl.brief(NO_COMMENTS, name="comments counted no more")
    ddl.brief(NO_FUNCTIONS, name="no functions that count")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("social", "0005_community")]

    operations = [
        MakeTable(
            name="Tally",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("likes", models.IntegerField(editable=False)),
                ("comments", models.IntegerField(editable=False)),
                (
                    "post",
                    models.ForeignKey(
                        db_constraint=False,
                        editable=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="social.post",
                    ),
                ),
            ],
        ),
        Steps(count, count_no_more),
    ]
