#!/usr/bin/env python3
"""The catalogue's pages over the library that `bench/library.py` makes, beside naive, usual and the limit in one run.

Rows as numbered in docs/performance.md: 5 a page of 50 tracks with their parts, 8 a filter with its total and facets,
9 searching for words, 10 mistyped words, 12 the admin's lists. Everything runs in this process through the whole stack
of the site, with the same middleware for ours and for theirs. Absolute figures are this machine's, ratios travel.
Exit code 1 when a goal was missed.
"""

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("-n", type=int, default=30, metavar="ROUNDS", help="runs of each case (30)")
    options.add_argument("rows", nargs="*", type=int, metavar="ROW", help="5, 8, 9, 10, 12; all when none is given")
    options = options.parse_args()
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ["FACETS_IN_MEMORY_FROM"] = "1"
    import django

    django.setup()
    from django.conf import settings

    settings.ROOT_URLCONF = "bench.idiomatic"
    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    # As the embedded server is set up: compiling takes longer than these statements.
    settings.DATABASES["default"]["OPTIONS"]["options"] += " -c jit=off"
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, 0)
    from bench import rows

    return rows.run(options.rows or list(rows.ROWS), options.n)


if __name__ == "__main__":
    sys.exit(main())
