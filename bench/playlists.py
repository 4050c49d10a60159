#!/usr/bin/env python3
"""A playlist of 1,000 tracks over a library that `bench/library.py` made, beside naive, usual and the limit in one run.

`-n 100000` tracks are enough of a library; the playlists are added to it when there are none. Row 6 as numbered in
docs/performance.md. Everything runs in this process through the whole stack of the site, with the same middleware for
ours and for theirs. Absolute figures are this machine's, ratios travel. Exit code 1 when a goal was missed.
"""

import argparse
import json
import os
import random
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SIZE, OTHERS, OF_OTHERS = 1_000, 2_000, 50


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("-n", type=int, default=20, metavar="ROUNDS", help="runs of each contender (20)")
    options.add_argument("--naive", action="store_true", help="also with a query per entry, which takes a minute")
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
    return run(options.n, options.naive)


def run(rounds: int, naive: bool) -> int:
    from apps.playlists import shape
    from bench.measure import Goals, compare, table
    from bench.rows import NOBODY, client

    pk = longest()
    visitor, goals = client(), Goals()
    known = visitor.get(f"/api/v1/playlists/{pk}").headers["ETag"]
    contenders = {"naive": lambda pk: answer(visitor, f"/bench/playlists/{pk}/naive")} if naive else {}
    contenders |= {
        "idiomatic": lambda pk: answer(visitor, f"/bench/playlists/{pk}"),
        "ours": lambda pk: answer(visitor, f"/api/v1/playlists/{pk}"),
        "ours, unchanged (304)": lambda pk: answer(visitor, f"/api/v1/playlists/{pk}", 304, If_None_Match=known),
        "limit: one statement": lambda pk: shape.whole(pk, viewer=NOBODY, base=""),
    }
    print(f"\nRow 6: a playlist of {SIZE:,} tracks with their cards")
    few = {**dict.fromkeys(contenders, rounds), "idiomatic": max(2, rounds // 3)} | ({"naive": 1} if naive else {})
    measured = compare(contenders, [pk], few)
    table(measured)
    ours, theirs = (json.loads(contenders[name](pk)) for name in ("ours", "idiomatic"))
    goals.check(f"both answer the same, field by field, {len(ours['tracks']):,} tracks", ours == theirs)
    ratio = measured["idiomatic"].median / measured["ours"].median
    goals.check(f"row 6: at least 15 times idiomatic ({ratio:.1f})", ratio >= 15)
    return bool(goals.missed)


def answer(visitor, address: str, status: int = 200, **headers) -> str:
    got = visitor.get(address, headers=headers)
    assert got.status_code == status, (address, got.status_code, got.content[:500])
    return got.content.decode()


def longest():
    """The playlist of 1,000 tracks; it and others that have some of its tracks are made once."""
    from django.contrib.auth.models import AnonymousUser
    from django.db import connection

    from apps.accounts.models import User
    from apps.catalog.models import Track
    from apps.playlists.models import Entry, Playlist

    names = Playlist.objects.filter(name="The long one")
    if not names.exists():
        owner, draw = User.objects.order_by("pk")[0], random.Random(1)
        tracks = list(Track.objects.visible_to(AnonymousUser()).order_by("pk").values_list("pk", flat=True))
        for number in range(OTHERS + 1):
            name, size = (f"Playlist {number}", OF_OTHERS) if number else ("The long one", SIZE)
            playlist = Playlist.objects.create(owner=owner, name=name, is_public=number % 3 == 0)
            drawn = draw.sample(tracks, size)
            Entry.objects.bulk_create(
                Entry(playlist=playlist, track_id=pk, position=1024 * place, added_by=owner)
                for place, pk in enumerate(drawn)
            )
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    return names.values_list("pk", flat=True).get()


if __name__ == "__main__":
    sys.exit(main())
