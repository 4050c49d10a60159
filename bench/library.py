#!/usr/bin/env python3
"""Fill the database at DATABASE_URL with a library to measure on: tracks with credits, instruments, sections, samples.

Of 1,000,000 tracks 20 % are the house's, the others belong to 300 people; 5 % are private, 10 % pro-only, 1 % removed.
About 3,000,000 instruments, 2,000,000 credits, 4,000,000 sections. The same seed makes the same library. One
transaction: broken off, it leaves nothing behind. Words for searching are learned as in a live system, so also run
`manage.py` tasks that count and learn, or let `bench/catalogue.py` do it. A database that holds tracks is refused.
"""

import argparse
import datetime as dt
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
GENRES = ("electronic", "hip hop", "rock", "pop", "ambient", "house", "techno", "jazz", "folk", "classical", "lo-fi",
          "soul", "funk", "metal", "reggae", "country", "drum and bass", "trap", "blues", "world")  # fmt: skip
SUBGENRES = ("deep", "dark", "melodic", "hard", "minimal")
MOODS = ("happy", "sad", "dark", "dreamy", "energetic", "calm", "tense", "romantic", "epic", "playful", "nostalgic",
         "hopeful")  # fmt: skip
INSTRUMENTS = ("drums", "synth", "bass", "guitar", "vocals", "piano", "strings", "brass", "percussion", "pad", "flute",
               "organ", "choir", "harp", "violin")  # fmt: skip
TYPES = ("", "electric", "acoustic", "808", "analog")
ONSETS = "b c d f g h j k l m n p r s t v w z br ch cl cr dr fl gl gr pl pr sh sk sl sp st str th tr"
VOWELS = "a e i o u a e i o ai ea ee ou"
CODAS = "l n r s t d m k nd st ng rk ll"
PARTS = ("intro", "verse", "chorus", "verse", "bridge", "chorus", "outro")
ROLES = ("composer", "producer", "performer", "lyricist")
SOCIETIES = ("", "ASCAP", "BMI", "PRS", "GEMA")
OWNERS, ARTISTS, CREATORS, WORDS, BLOBS = 300, 20_000, 50_000, 20_000, 1_000
FIRST_DAY = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
NULL = "\\N"
TABLES = ("catalog_track", "catalog_credit", "catalog_instrument", "catalog_section", "catalog_sample",
          "catalog_trackfile")  # fmt: skip


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("-n", type=int, default=1_000_000, metavar="TRACKS", help="tracks to make (1,000,000)")
    options.add_argument("--seed", type=int, default=1, help="another seed, another library (1)")
    options = options.parse_args()
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT FROM catalog_track LIMIT 1")
        if cursor.fetchone() is not None:
            print("This database holds tracks. Give an empty one that is migrated.", file=sys.stderr)
            return 2
        fill(cursor, Library(options.n, options.seed))
    with connection.cursor() as cursor:
        tell("statistics")
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("VACUUM ANALYZE")
    tell("done")
    return 0


def fill(cursor, library: "Library") -> None:
    """Triggers are off but the one that makes the search vector; indexes are made once the rows are there."""
    cursor.execute("SET LOCAL statement_timeout = 0; SET LOCAL session_replication_role = replica")
    cursor.execute("SET LOCAL maintenance_work_mem = '512MB'; SET LOCAL synchronous_commit = off")
    indexes = {table: dropped(cursor, table) for table in TABLES}
    for table, (columns, lines) in library.people().items():
        copy(cursor, table, columns, lines)
    copy(cursor, "catalog_credit", *library.credits())
    remade(cursor, indexes.pop("catalog_credit"))
    cursor.execute("ALTER TABLE catalog_track ENABLE ALWAYS TRIGGER track_search")
    copy(cursor, "catalog_track", *library.tracks())
    cursor.execute("ALTER TABLE catalog_track ENABLE TRIGGER track_search")
    cursor.execute("SELECT setval('catalog_track_number', %s)", [library.size])
    for table, rows in library.parts().items():
        copy(cursor, table, *rows)
    for statements in indexes.values():
        remade(cursor, statements)


def dropped(cursor, table: str) -> list[str]:
    """Drops what the table's rows need not pass while they come, and returns the statements that bring it back."""
    cursor.execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = %s::regclass AND contype IN ('u', 'x')",
        [table],
    )
    again = []
    for name, definition in cursor.fetchall():
        cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        again.append(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}')
    cursor.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
        " WHERE indrelid = %s::regclass AND NOT indisprimary",
        [table],
    )
    for name, definition in cursor.fetchall():
        cursor.execute(f"DROP INDEX {name}")
        again.append(definition)
    return again


def remade(cursor, statements: list[str]) -> None:
    for statement in statements:
        tell(statement.split(" (")[0])
        cursor.execute(statement)


def copy(cursor, table: str, columns: str, lines: Iterable[str]) -> None:
    tell(table)
    block: list[str] = []
    with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as into:
        for line in lines:
            block.append(line)
            if len(block) == 5_000:
                into.write("".join(block))
                block.clear()
        into.write("".join(block))


def tell(what: str, started: float = time.monotonic()) -> None:
    print(f"{time.monotonic() - started:7.1f} s  {what}", flush=True)


class Library:
    """What is in it, drawn from one seed. Each method gives (columns, lines of COPY's text) of a table."""

    def __init__(self, size: int, seed: int):
        self.size = size
        self.random = np.random.default_rng(seed)
        self.words = self._words()
        self.tags = self.words[40:140]
        self.durations = self._durations()
        self.gone = self.random.random(size) < 0.01

    def _words(self) -> list[str]:
        """Distinct words that can be spoken, the shorter the more common."""
        onsets, vowels, codas = ONSETS.split(), VOWELS.split(), ["", "", "", *CODAS.split()]
        found: dict[str, None] = {}
        while len(found) < WORDS:
            drawn = (self.random.choice(each) for _ in range(self.random.choice(3, p=(0.1, 0.6, 0.3)) + 1)
                     for each in (onsets, vowels, codas))  # fmt: skip
            found.setdefault("".join(map(str, drawn)))
        return sorted(found, key=len)

    def _durations(self) -> list[int | None]:
        drawn = self.random.normal(210_000, 60_000, self.size).clip(30_000, 900_000).astype(int).tolist()
        for unknown in self.random.integers(0, self.size, self.size // 100).tolist():
            drawn[unknown] = None
        return drawn

    def common(self, many: int, count: int, exponent: float = 0.8) -> list[int]:
        """`count` numbers below `many`, the lower the more common, as words and genres are."""
        weights = 1 / np.arange(1, many + 1) ** exponent
        return self.random.choice(many, count, p=weights / weights.sum()).tolist()

    def phrases(self, count: int, least: int, most: int) -> Iterator[str]:
        lengths = self.random.integers(least, most + 1, count).tolist()
        drawn = iter(self.common(WORDS, sum(lengths)))
        for length in lengths:
            yield " ".join(self.words[next(drawn)] for _ in range(length)).title()

    def people(self) -> dict:
        now = FIRST_DAY.isoformat()
        users = (f"{person(i)}\t{now}\t{now}\t!\towner{i}@bench.invalid\tt\t{now}\n" for i in range(OWNERS))
        profiles = (
            f"{person(i)}\t{now}\t{now}\towner{i}\t\t\t\t\t\tUTC\ten\toff\t{person(i)}\n" for i in range(OWNERS)
        )
        blobs = (
            f"{uuid('b', i)}\t{now}\t{now}\t{i:064x}\tbench/{i}\t{4_000_000 + i}\taudio/mpeg\tmp3\t{now}\n"
            for i in range(BLOBS)
        )
        return {
            "accounts_user": ("id,created_at,updated_at,password,email,is_active,email_verified_at", users),
            "accounts_profile": (
                "id,created_at,updated_at,username,display_name,first_name,last_name,bio,country,timezone,language,"
                "digest,user_id", profiles,
            ),
            "catalog_blob": ("id,created_at,updated_at,sha256,key,size,mime,extension,verified_at", blobs),
        }  # fmt: skip

    def tracks(self) -> tuple[str, Iterator[str]]:
        columns = (
            "id,created_at,updated_at,number,owner_id,kind,status,removed_at,merged_into_id,title,artist,description,"
            "is_public,is_pro_only,genre,subgenre,tempo,pitch_class,mode,mood,tags,catalog_number,isrc,release_date,"
            "popularity_score,play_count,duration_ms,clearance,clearance_reasons"
        )
        rows = zip(self._standing(), self._said(), self._music(), self._papers(), strict=True)
        return columns, ("\t".join(parts) for parts in rows)

    def _standing(self) -> Iterator[str]:
        """Identity, time, number, owner, kind, status and what goes with it."""
        draw = self.random.random((3, self.size)).tolist()
        owners = self.common(OWNERS, self.size, 0.5)
        for i, (kind, state, other) in enumerate(zip(*draw, strict=True)):
            at = (FIRST_DAY + dt.timedelta(minutes=i)).isoformat()
            owner = NULL if kind < 0.2 else person(owners[i])
            kind = "library" if kind < 0.2 else "generated" if kind < 0.5 else "uploaded"
            status, removed, into = "ready", NULL, NULL
            if self.gone[i]:
                status, removed = "removed", at
            elif state < 0.005 and i:
                status, removed, into = "merged", at, track(int(other * i))
            elif state < 0.01:
                status = "pending"
            elif state < 0.015:
                status = "failed"
            yield f"{track(i)}\t{at}\t{at}\t{i + 1}\t{owner}\t{kind}\t{status}\t{removed}\t{into}"

    def _said(self) -> Iterator[str]:
        """Title, artist, description, the two switches of access."""
        artists = list(self.phrases(ARTISTS, 1, 2))
        played_by = self.common(ARTISTS, self.size)
        switches = self.random.random((3, self.size)).tolist()
        long = self.phrases(self.size, 8, 16)
        for i, title in enumerate(self.phrases(self.size, 1, 4)):
            public, pro, says = (row[i] for row in switches)
            description = next(long)
            words = "\t\t" if self.gone[i] else f"{title}\t{artists[played_by[i]]}\t{description if says < 0.3 else ''}"
            yield f"{words}\t{'ft'[public >= 0.05]}\t{'tf'[pro >= 0.1]}"

    def _music(self) -> Iterator[str]:
        """Genre, subgenre, tempo, key, scale, moods, tags. What is removed says nothing."""
        genres = self.common(len(GENRES), self.size)
        tempos = self.random.normal(0, 12, self.size).tolist()
        subgenres = self.random.integers(0, 2 * len(SUBGENRES), self.size).tolist()
        pitches = self.random.integers(0, 13, self.size).tolist()
        minor = (self.random.random(self.size) < 0.55).tolist()
        moods, tags = self._lists(MOODS, 0, 3), self._lists(self.tags, 0, 6)
        for i, genre in enumerate(genres):
            subgenre = f"{SUBGENRES[subgenres[i]]} {GENRES[genre]}" if subgenres[i] < len(SUBGENRES) else ""
            tempo = NULL if i % 50 == 0 else f"{max(40.0, 70 + 6 * genre + tempos[i]):.{(0, 0, 0, 2)[i % 4]}f}"
            key = f"{pitches[i]}\t{('major', 'minor')[minor[i]]}" if pitches[i] < 12 else f"{NULL}\t"
            facts = f"{GENRES[genre]}\t{subgenre}\t{tempo}\t{key}\t{next(moods)}\t{next(tags)}"
            yield f"\t\t{NULL}\t{NULL}\t\t{{}}\t{{}}" if self.gone[i] else facts

    def _lists(self, words, least: int, most: int) -> Iterator[str]:
        lengths = self.random.integers(least, most + 1, self.size).tolist()
        drawn = iter(self.common(len(words), sum(lengths)))
        for length in lengths:
            yield "{" + ",".join({words[next(drawn)]: 0 for _ in range(length)}) + "}"

    def _papers(self) -> Iterator[str]:
        """Catalogue number, ISRC, release date, popularity with ties, plays, duration, verdict."""
        draw = self.random.random((4, self.size)).tolist()
        plays = self.random.pareto(1.2, self.size).clip(0, 1e6).astype(int).tolist()
        for i, (number, isrc, released, verdict) in enumerate(zip(*draw, strict=True)):
            number = f"KT-{i:07d}" if number < 0.7 else ""
            twin = i if i % 500 else i // 2
            isrc = f"QZK{twin // 100_000:02d}{twin % 25 + 1:02d}{twin % 100_000:05d}" if isrc < 0.6 else ""
            date = dt.date(2026, 11, 1) - dt.timedelta(days=int(released**3 * 24_000))
            date = NULL if released > 0.9 else date.isoformat()
            popularity = 0 if plays[i] == 0 else min(100, round(np.log1p(plays[i]) * 8, 2))
            clear = "cleared" if verdict < 0.6 else "unknown" if verdict < 0.9 else "blocked"
            yield f"{number}\t{isrc}\t{date}\t{popularity}\t{plays[i]}\t{self.durations[i] or NULL}\t{clear}\t{{}}\n"

    def of_tracks(self, fewest: int, most: int) -> Iterator[tuple[int, int, int]]:
        """(row, track, which of the track's rows) of a table of parts; what is removed has none."""
        row = 0
        counts = self.random.integers(fewest, most + 1, self.size).tolist()
        for i, count in enumerate(counts):
            for each in range(0 if self.gone[i] else count):
                yield row, i, each
                row += 1

    def credits(self) -> tuple[str, Iterator[str]]:
        names = list(self.phrases(CREATORS, 2, 2))
        who = self.common(CREATORS, self.size * 4)
        now = FIRST_DAY.isoformat()
        lines = (
            f"{uuid('c', row)}\t{now}\t{now}\t{names[who[row]]}\t{ROLES[each]}\t"
            f"{'00' + str(100_000_000 + who[row]) if who[row] % 3 else ''}\t{SOCIETIES[who[row] % 5]}\t"
            f"{('100.00', '50.00', NULL)[row % 3]}\t\t\t{track(i)}\n"
            for row, i, each in self.of_tracks(0, 4)
        )
        return "id,created_at,updated_at,name,role,ipi,pro,split,contact_email,contact_phone,track_id", lines

    def parts(self) -> dict[str, tuple[str, Iterator[str]]]:
        now = FIRST_DAY.isoformat()
        kinds = self.common(len(INSTRUMENTS), self.size)
        instruments = (
            f"{uuid('1', row)}\t{now}\t{now}\t{INSTRUMENTS[(kinds[i] + 2 * each) % 15]}\t{TYPES[row % 5]}\t"
            f"{'ft'[each == 0]}\t{track(i)}\n"
            for row, i, each in self.of_tracks(0, 6)
        )
        sections = (
            f"{uuid('5', row)}\t{now}\t{now}\t{PARTS[each]}\t{each * self.durations[i] // 7}\t"
            f"{(each + 1) * self.durations[i] // 7}\t\t{track(i)}\n"
            for row, i, each in self.of_tracks(1, 7) if self.durations[i]
        )  # fmt: skip
        samples = (
            f"{uuid('a', row)}\t{now}\t{now}\tPack {i % 500}\t\t{'ft'[row % 3 > 0]}\t\t{track(i)}\n"
            for row, i, each in self.of_tracks(-9, 2) if each >= 0
        )  # fmt: skip
        files = (
            f"{uuid('f', row)}\t{now}\t{now}\t{('original', 'preview')[each]}\tmp3\t{self.durations[i] or NULL}\t44100"
            f"\t2\t192000\t1\tf\t{uuid('b', row % BLOBS)}\t{track(i)}\n"
            for row, i, each in self.of_tracks(1, 2)
        )
        base = "id,created_at,updated_at,"
        return {
            "catalog_instrument": (base + "category,type,is_primary,track_id", instruments),
            "catalog_section": (base + "name,start_ms,end_ms,description,track_id", sections),
            "catalog_sample": (base + "pack_name,description,is_cleared,clearance_notes,track_id", samples),
            "catalog_trackfile": (
                base + "role,codec,duration_ms,sample_rate,channels,bit_rate,compression_ratio,compression_applied,"
                "blob_id,track_id", files,
            ),
        }  # fmt: skip


def uuid(letter: str, number: int) -> str:
    """Time-ordered as ours are, told apart by a letter of its table."""
    return f"018cc251-f400-7000-800{letter}-{number:012x}"


def person(number: int) -> str:
    return uuid("e", number)


def track(number: int) -> str:
    """As `uuid7` makes them, one a minute from the first day on."""
    milliseconds = f"{1_704_067_200_000 + number * 60_000:012x}"
    return f"{milliseconds[:8]}-{milliseconds[8:]}-7000-8000-{number:012x}"


if __name__ == "__main__":
    sys.exit(main())
