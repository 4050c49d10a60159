#!/usr/bin/env python3
"""The feed and likes over the posts that `bench/community.py` makes, beside naive, usual and the limit in one run.

Rows as numbered in docs/performance.md: 4 a feed of 20 posts, 7 a page 500,000 posts down, 11 likes of one hot post.
4 and 7 run in this process through the whole stack of the site, with the same middleware for ours and for theirs. 11
needs `pgbench` and a server that waits for its disk (fsync on, as always but in tests): without that wait a like is
next to nothing, and its count most of it. Absolute figures are this machine's, ratios travel. Exit code 1 when a goal
was missed.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEPTH, PAGE = 500_000, 20
# So short that no run gets through all people.
CLIENTS, SECONDS = 8, 2


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("-n", type=int, default=50, metavar="ROUNDS", help="runs of each case (50)")
    options.add_argument("rows", nargs="*", type=int, metavar="ROW", help="4, 7, 11; all when none is given")
    options = options.parse_args()
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.conf import settings

    settings.ROOT_URLCONF = "bench.idiomatic"
    # As the embedded server is set up: compiling takes longer than these statements.
    settings.DATABASES["default"]["OPTIONS"]["options"] += " -c jit=off"
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, 0)
    from bench.measure import Goals

    goals = Goals()
    for row in options.rows or list(ROWS):
        print(f"\nRow {row}: {ROWS[row].__doc__}")
        ROWS[row](options.n, goals)
    print("\nevery goal holds" if not goals.missed else f"\n{len(goals.missed)} missed: {'; '.join(goals.missed)}")
    return bool(goals.missed)


def the_feed(rounds: int, goals) -> None:
    """20 posts with author, track and its owner, counts, whether one likes it"""
    from apps.accounts.models import User
    from apps.social import feed, shape
    from bench.measure import compare, table
    from bench.rows import answer, client, same_rows

    for who, viewer in (("nobody", None), ("somebody signed in", User.objects.get(email="social7@bench.invalid"))):
        visitor = client(viewer)
        ids = feed.reader(viewer).page(PAGE).ids
        sight = viewer or client().get("/api/v1/feed?limit=1").wsgi_request.user
        case = {"limit": PAGE}
        contenders = {
            "naive": lambda case, visitor=visitor: answer(visitor, "/bench/feed/naive", case),
            "idiomatic": lambda case, visitor=visitor: answer(visitor, "/bench/feed", case),
            "ours": lambda case, visitor=visitor: answer(visitor, "/api/v1/feed", case),
            "limit: one statement": lambda case, ids=ids, sight=sight: shape.read(ids, viewer=sight, base=""),
        }
        print(f"  read by {who}")
        measured = compare(contenders, [case], {**dict.fromkeys(contenders, rounds), "naive": max(2, rounds // 10)})
        table(measured)
        same = same_rows(contenders["idiomatic"](case), contenders["ours"](case))
        goals.check(f"{who}: both answer the same, field by field", same)
        ratio = measured["idiomatic"].median / measured["ours"].median
        if viewer is None:
            goals.check(f"row 4: at least 8 times idiomatic ({ratio:.1f})", ratio >= 8)
        else:  # who that is, their session, roles and tier are four queries more for both
            print(f"          {ratio:.1f} times idiomatic")


def depth(rounds: int, goals) -> None:
    """a page 500,000 posts down beside the first one"""
    from apps.accounts.models import User
    from apps.catalog.keyset import Place
    from apps.social import feed
    from apps.social.models import Post
    from bench.measure import compare, table
    from bench.rows import answer, client

    shown, visitor = Post.objects.shown(), client()
    down = shown.order_by("-created_at", "-id").values_list("created_at", "id")[DEPTH]
    reader = feed.reader(None)
    cursor = reader.cursor(Place(0, *down))
    rows = shown.order_by("-created_at", "-id").values_list("id", flat=True)
    contenders = {
        "naive: OFFSET": lambda case: list(rows[DEPTH : DEPTH + PAGE]),
        "ours, first page": lambda case: answer(visitor, "/api/v1/feed", {"limit": PAGE}),
        "ours": lambda case: answer(visitor, "/api/v1/feed", {"limit": PAGE, "cursor": cursor}),
        "the ids, first page": lambda case: reader.page(PAGE),
        "the ids": lambda case: reader.page(PAGE, Place(0, *down)),
    }
    measured = compare(contenders, [None], {**dict.fromkeys(contenders, rounds), "naive: OFFSET": 3})
    table(measured)
    ratio = measured["ours"].median / measured["ours, first page"].median
    goals.check(f"row 7: at most 1.5 times the first page ({ratio:.2f})", ratio <= 1.5)
    ratio = measured["the ids"].median / measured["the ids, first page"].median
    goals.check(f"row 7: the ids alone: at most 1.5 times ({ratio:.2f})", ratio <= 1.5)
    somebody = User.objects.get(email="social7@bench.invalid")
    followed = feed.reader(somebody, following=True)
    case = {"limit": PAGE, "following": 1}
    old = followed.cursor(Place(0, *down))
    visitor = client(somebody)
    contenders = {
        "ours": lambda case: answer(visitor, "/api/v1/feed", case),
        "those one follows, deep": lambda case: answer(visitor, "/api/v1/feed", {**case, "cursor": old}),
    }
    measured = compare(contenders, [case], rounds)
    table(measured)
    ratio = measured["those one follows, deep"].median / measured["ours"].median
    goals.check(f"row 7: those one follows: at most 1.5 times ({ratio:.2f})", ratio <= 1.5)


LIKED = """
INSERT INTO social_like (post_id, user_id, created_at)
VALUES ({post}, ('00000000-0000-7000-80aa-' || lpad(to_hex(nextval('bench_people')), 12, '0'))::uuid, now())
ON CONFLICT DO NOTHING;
"""
# Some posts without likes, so that every like is a new one.
SPREAD = "\\set n random(0, 1999)\n"
NAIVE = "BEGIN;\n{like}UPDATE social_post SET like_count = like_count + 1 WHERE id = {post};\nCOMMIT;\n"
OFF, ON = (f"ALTER TABLE social_like {what} TRIGGER like_counted_in" for what in ("DISABLE", "ENABLE"))


def likes(rounds: int, goals) -> None:
    """likes a second by 8 at once, of one post and of 2,000, counted exactly"""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SHOW fsync")
        print(f"  fsync is {cursor.fetchone()[0]}, {CLIENTS} clients")
    for where in ("one hot post", "2,000 posts"):
        hot = where == "one hot post"
        runs = {"limit: insert only": (OFF, False), "usual: F() behind it": (OFF, True), "ours": (ON, False)}
        found: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(3):
            for name, (trigger, plus_one) in runs.items():
                rate, drift = _liked(hot, trigger, plus_one)
                found[name].append(rate)
                if name == "ours":
                    goals.check(f"row 11: {where}: drift {drift}", drift == 0)
        medians = {name: statistics.median(rates) for name, rates in found.items()}
        for name, rate in medians.items():
            print(f"  {where}: {name:24}{rate:8.0f} a second")
        ratio = medians["ours"] / medians["limit: insert only"]
        if hot:
            goals.check(f"row 11: {where}: at least 80 % of insert-only ({ratio:.0%})", ratio >= 0.8)
        else:
            print(f"  {where}: {ratio:.0%} of insert-only")


def _liked(hot: bool, trigger: str, plus_one: bool) -> tuple[float, int]:
    """How many likes a second, and by how many the counts are wrong afterwards. All is as it was then."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("DROP SEQUENCE IF EXISTS bench_people; CREATE SEQUENCE bench_people CACHE 100")
        cursor.execute(
            "CREATE TABLE IF NOT EXISTS bench_posts AS SELECT id, row_number() OVER () - 1 AS n FROM"
            " (SELECT id FROM social_post WHERE status = 'removed' ORDER BY id DESC LIMIT 2000) AS some_posts"
        )
        cursor.execute("DELETE FROM social_like WHERE post_id IN (SELECT id FROM bench_posts)")
        cursor.execute("DELETE FROM social_tally")
        cursor.execute("UPDATE social_post SET like_count = 0 WHERE id IN (SELECT id FROM bench_posts)")
        cursor.execute("SELECT id FROM bench_posts WHERE n = 0")
        post = f"'{cursor.fetchone()[0]}'" if hot else "(SELECT id FROM bench_posts WHERE n = :n)"
        for statement in (trigger, "VACUUM social_post", "VACUUM social_like", "VACUUM social_tally", "CHECKPOINT"):
            cursor.execute(statement)
        script = LIKED.format(post=post)
        script = NAIVE.format(like=script, post=post) if plus_one else script
        rate = _pgbench(script if hot else SPREAD + script)
        cursor.execute(
            "SELECT (SELECT count(*) FROM social_like WHERE post_id IN (SELECT id FROM bench_posts))"
            " - (SELECT sum(like_count) FROM social_post WHERE id IN (SELECT id FROM bench_posts))"
            " - (SELECT coalesce(sum(likes), 0) FROM social_tally)"
        )
        drift = cursor.fetchone()[0]
        cursor.execute(ON)
    return rate, drift


def _pgbench(script: str) -> float:
    from django.db import connection

    known = connection.get_connection_params()
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        where = ["-h", known.get("host") or "", "-p", str(known.get("port") or 5432), "-U", known.get("user") or ""]
        command = ["pgbench", *where, "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "1", "-T", str(SECONDS)]
        environment = {**os.environ, "PGPASSWORD": known.get("password") or ""}
        done = subprocess.run(
            [*command, "-f", file.name, known["dbname"]], capture_output=True, text=True, env=environment, check=True
        )
    [line] = (line for line in done.stdout.splitlines() if line.startswith("tps"))
    return float(line.split()[2])


ROWS: dict[int, Callable] = {4: the_feed, 7: depth, 11: likes}

if __name__ == "__main__":
    sys.exit(main())
