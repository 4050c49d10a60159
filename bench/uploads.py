#!/usr/bin/env python3
"""What files cost on their way in, beside naive ways and the limit in one run.

Rows as numbered in docs/performance.md: 15 a file of 50 MiB hashed and stored by a server of its own, with the same
workers and threads as `bin/up` starts; 16 four minutes of WAV to an MP3, whose wall times need a second core that is
free. Absolute figures are this machine's, ratios travel. Exit code 1 when a goal was
missed.
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("-n", type=int, default=9, metavar="ROUNDS", help="runs of each case (9)")
    options.add_argument("rows", nargs="*", type=int, metavar="ROW", help="15, 16; all when none is given")
    options = options.parse_args()
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from bench.measure import Goals

    goals = Goals()
    for row in options.rows or list(ROWS):
        print(f"\nRow {row}: {ROWS[row].__doc__}")
        ROWS[row](options.n, goals)
    print("\nevery goal holds" if not goals.missed else f"\n{len(goals.missed)} missed: {'; '.join(goals.missed)}")
    return bool(goals.missed)


def coming_in(rounds: int, goals) -> None:
    """50 MiB hashed and stored"""
    from bench.coming_in import measure

    measure(rounds, goals)


def transcoding(rounds: int, goals) -> None:
    """four minutes of WAV to MP3"""
    from bench.transcoding import measure

    measure(rounds, goals)


ROWS: dict[int, Callable] = {15: coming_in, 16: transcoding}

if __name__ == "__main__":
    sys.exit(main())
