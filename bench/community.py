#!/usr/bin/env python3
"""Add people, posts, likes, comments and follows to a library that `bench/library.py` made, to measure on.

Of 1,000,000 posts by 50,000 people 70 % show one of the library's tracks, 1 % are hidden and 1 % removed. 3,000,000
likes, and everybody likes one post; 500,000 comments; everybody follows 30 others. The same numbers make the same
community. One transaction: broken off, it leaves nothing behind. A database that holds posts is refused.
"""

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEOPLE, LIKES_EACH, FOLLOWS = 50_000, 3, 30
# `person(n)`, `post(n)`, `comment(n)` are ids; `drawn(text, n)` a number from 0 on that is always the same for a text.
WORDS = """
CREATE FUNCTION pg_temp.person(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
    $$ SELECT ('00000000-0000-7000-80aa-' || lpad(to_hex(n), 12, '0'))::uuid $$;
CREATE FUNCTION pg_temp.post(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
    $$ SELECT ('00000000-0000-7000-80bb-' || lpad(to_hex(n), 12, '0'))::uuid $$;
CREATE FUNCTION pg_temp.comment(n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
    $$ SELECT ('00000000-0000-7000-80cc-' || lpad(to_hex(n), 12, '0'))::uuid $$;
CREATE FUNCTION pg_temp.drawn(said text, below bigint) RETURNS int LANGUAGE sql IMMUTABLE AS
    $$ SELECT ((hashtextextended(said, 1) & 2147483647) % below)::int $$;
"""
# What fills each table, in order. Posts lie a minute apart, the last one is of this minute.
FILL = {
    "accounts_user": """INSERT INTO accounts_user (id, created_at, updated_at, password, email, is_active)
        SELECT pg_temp.person(n), now(), now(), '!', 'social' || n || '@bench.invalid', true
        FROM generate_series(1, {people}) AS n""",
    "accounts_profile": """INSERT INTO accounts_profile (id, created_at, updated_at, user_id, username, display_name,
            first_name, last_name, bio, country, timezone, language, digest)
        SELECT pg_temp.person(n), now(), now(), pg_temp.person(n), 'social' || n,
            CASE n % 2 WHEN 0 THEN 'Person ' || n ELSE '' END, '', '', '', '', 'UTC', 'en', 'off'
        FROM generate_series(1, {people}) AS n""",
    "social_post": """INSERT INTO social_post (id, created_at, updated_at, author_id, content, post_type, track_id,
            status, like_count, comment_count)
        SELECT pg_temp.post(n), at, at, pg_temp.person(1 + pg_temp.drawn('by' || n, {people})),
            repeat('What a day it was, and more of it. ', 1 + n % 6),
            CASE WHEN n % 10 < 7 THEN 'audio' ELSE 'text' END,
            CASE WHEN n % 10 < 7 THEN library.ids[1 + pg_temp.drawn('of' || n, cardinality(library.ids))] END,
            CASE n % 100 WHEN 7 THEN 'hidden' WHEN 8 THEN 'removed' ELSE 'shown' END, 0, 0
        FROM generate_series(1, {posts}) AS n, (SELECT array_agg(id ORDER BY id) AS ids FROM catalog_track) AS library,
            LATERAL (SELECT now() - ({posts} - n) * interval '1 minute' AS at) AS moment""",
    "social_like": """INSERT INTO social_like (post_id, user_id, created_at)
        SELECT pg_temp.post(n), pg_temp.person(1 + (pg_temp.drawn('like' || n, {people}) + m * 7) % {people}), now()
        FROM generate_series(1, {posts}) AS n, generate_series(1, {likes}) AS m WHERE n <> {posts} - 5
        UNION ALL SELECT pg_temp.post({posts} - 5), pg_temp.person(n), now() FROM generate_series(1, {people}) AS n""",
    "social_comment": """INSERT INTO social_comment (id, created_at, updated_at, post_id, author_id, depth, content,
            status)
        SELECT pg_temp.comment(n), now(), now(), pg_temp.post(n),
            pg_temp.person(1 + pg_temp.drawn('say' || n, {people})), 0, 'Nice one', 'shown'
        FROM generate_series(2, {posts}, 2) AS n""",
    "social_follow": """INSERT INTO social_follow (follower_id, followed_id, created_at)
        SELECT pg_temp.person(n), pg_temp.person(1 + (n + m * 613) % {people}), now()
        FROM generate_series(1, {people}) AS n, generate_series(1, {follows}) AS m""",
    "counts": """UPDATE social_post SET like_count = coalesce(likes.n, 0), comment_count = coalesce(comments.n, 0)
        FROM social_post AS post
            LEFT JOIN (SELECT post_id, count(*) AS n FROM social_like GROUP BY 1) AS likes ON likes.post_id = post.id
            LEFT JOIN (SELECT post_id, count(*) AS n FROM social_comment GROUP BY 1) AS comments
                ON comments.post_id = post.id
        WHERE post.id = social_post.id""",
}


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("-n", type=int, default=1_000_000, metavar="POSTS", help="posts to make (1,000,000)")
    options = options.parse_args()
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM social_post), EXISTS (SELECT FROM catalog_track)")
        if cursor.fetchone() != (False, True):
            print("Give a database that bench/library.py filled and that holds no posts.", file=sys.stderr)
            return 2
        fill(cursor, options.n)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("VACUUM (FULL, ANALYZE) social_post")
        cursor.execute("VACUUM ANALYZE")
    return 0


def fill(cursor, posts: int) -> None:
    """Triggers are off; what they would have counted is counted at the end."""
    from bench.library import dropped, remade, tell

    cursor.execute("SET LOCAL statement_timeout = 0; SET LOCAL session_replication_role = replica")
    cursor.execute("SET LOCAL maintenance_work_mem = '512MB'; SET LOCAL synchronous_commit = off")
    tables = ("social_post", "social_like", "social_comment", "social_follow")
    again = {table: dropped(cursor, table) for table in tables}
    cursor.execute(WORDS)
    for name, statement in FILL.items():
        tell(name)
        cursor.execute(statement.format(people=PEOPLE, posts=posts, likes=LIKES_EACH, follows=FOLLOWS))
    for indexes in again.values():
        remade(cursor, indexes)
    tell("done")


if __name__ == "__main__":
    sys.exit(main())
