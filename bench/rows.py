"""The rows of `bench/catalogue.py`: what is asked, who answers, and which goal it has."""

import json
import random
from collections.abc import Callable
from urllib.parse import urlencode

from django.contrib.auth.models import AnonymousUser
from django.contrib.postgres.search import TrigramWordSimilarity
from django.db.models import Count, F, Func, Q
from django.test import Client

from apps.accounts import actions as people
from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.catalog import cards, facet_index, facets, filters, search, words
from apps.catalog.models import Track, Word
from bench.measure import Goals, compare, table

NOBODY = AnonymousUser()
# With the tempo that most of its tracks are about.
GENRES = {"electronic": 70, "rock": 82, "house": 100, "lo-fi": 130, "world": 184}
SIXTY_TWO = ("genre", "mood", "key", "instrument", "kind")
STAFF = "staff@bench.invalid"


def run(rows: list[int], rounds: int) -> int:
    goals = Goals()
    for row in rows:
        print(f"\nRow {row}: {ROWS[row].__doc__}")
        ROWS[row](rounds, goals)
    print("\nevery goal holds" if not goals.missed else f"\n{len(goals.missed)} missed: {'; '.join(goals.missed)}")
    return bool(goals.missed)


def client(user=None) -> Client:
    made = Client(SERVER_NAME="127.0.0.1")
    if user:
        made.force_login(user)
    return made


def answer(visitor: Client, address: str, params: dict) -> str:
    got = visitor.get(f"{address}?{urlencode(params)}")
    assert got.status_code == 200, (address, params, got.status_code, got.content[:500])
    return got.content.decode()


def page(rounds: int, goals: Goals) -> None:
    """a page of 50 tracks with credits, sections, instruments, samples; genre, tempo range, moods any"""
    visitor = client()
    filtered = [
        {"genre": genre, "tempo_min": tempo - 15, "tempo_max": tempo + 15, "mood": "dark,calm"}
        for genre, tempo in GENRES.items()
    ]
    more = {"expand": "sections,credits,instruments,samples", "ordering": "-popularity"}
    parts = frozenset(more["expand"].split(","))
    ids = {
        case["genre"]: [row["id"] for row in json.loads(answer(visitor, "/api/v1/tracks", case | more))["results"]]
        for case in filtered
    }
    contenders = {
        "naive": lambda case: answer(visitor, "/bench/naive", case),
        "idiomatic": lambda case: answer(visitor, "/bench/idiomatic", case),
        "ours": lambda case: answer(visitor, "/api/v1/tracks", case | more),
        "limit: one statement": lambda case: cards.read(ids[case["genre"]], viewer=NOBODY, base="", expand=parts),
    }
    measured = compare(contenders, filtered, {**dict.fromkeys(contenders, rounds), "naive": max(1, rounds // 10)})
    table(measured)
    same = all(same_rows(contenders["idiomatic"](case), contenders["ours"](case)) for case in filtered)
    goals.check("both answer the same, field by field", same)
    ratio = measured["idiomatic"].median / measured["ours"].median
    goals.check(f"row 5: at least 10 times idiomatic ({ratio:.1f})", ratio >= 10)


def same_rows(theirs: str, ours: str) -> bool:
    theirs, ours = (json.loads(text)["results"] for text in (theirs, ours))
    for one, other in zip(theirs, ours, strict=True):
        for name in one.keys() | other.keys():
            if one.get(name, "none") != other.get(name, "none"):
                print(f"  differs: {name}: {one.get(name)!r} {other.get(name)!r}")
                return False
    return True


def counts(rounds: int, goals: Goals) -> None:
    """a filter with its exact total and 62 facet counts"""
    if facet_index.index.bits is None:
        facet_index.index.build()
    owner = User.objects.get(email="owner7@bench.invalid")
    between = {"tempo_min": "100", "tempo_max": "128.5"}
    shapes = {
        "no filter": (NOBODY, {}),
        "genre": (NOBODY, {"genre": "house"}),
        "genre, tempo, mood": (NOBODY, {"genre": "house", "mood": "dark,calm", **between}),
        "moods all, key": (NOBODY, {"mood_all": "dark,calm", "key": "C#"}),
        "harmonic, released": (NOBODY, {"key": "8A", "harmonic": "1", "released_after": "2015-01-01"}),
        "instrument, cleared": (NOBODY, {"instrument": "synth", "clearance": "cleared"}),
        "ISRC missing, owner": (NOBODY, {"missing": "isrc", "owner": "owner7"}),
        "own, also private": (owner, {"kind": "uploaded"}),
    }
    worst = 0.0
    for name, (user, params) in shapes.items():
        wanted = filters.read({key: [value] for key, value in params.items()})
        contenders = {
            "naive: five GROUP BYs": lambda case: group_bys(*case),
            "usual: one statement": lambda case: facets.from_sql(*case, SIXTY_TWO),
            "ours": lambda case: facets.count(*case, SIXTY_TWO),
            "limit: the bits alone": lambda case: bits_alone(*case),
        }
        few = dict.fromkeys(contenders, rounds) | dict.fromkeys(list(contenders)[:2], 1)
        measured = compare(contenders, [(user, wanted)], few)
        found = facets.count(user, wanted, SIXTY_TWO)
        print(f"  {name}: {found.total:,} tracks, {sum(map(len, found.facets.values()))} counts")
        table(measured)
        goals.check(f"{name}: counts equal those by SQL", found == facets.from_sql(user, wanted, SIXTY_TWO))
        worst = max(worst, measured["ours"].median)
    goals.check(f"row 8: at most 5 ms for any filter ({worst:.1f})", worst <= 5)
    print(f"  memory of the index: {facet_index.index.bits.bytes() / 1e6:.0f} MB")


def group_bys(user, wanted) -> None:
    rows = wanted.rows(Track.objects.visible_to(user).live()).order_by()
    rows.count()
    for column in ("genre", "pitch_class", "kind", "instruments__category"):
        list(rows.values(column).annotate(tracks=Count("id", distinct=True)))
    list(rows.annotate(one=Func(F("mood"), function="unnest")).values("one").annotate(tracks=Count("id")))


def bits_alone(user, wanted) -> None:
    """Without a look at what has changed."""
    bits = facet_index.index.bits
    mask, _ = facets._met(bits, user, facets._conditions(wanted))
    facets._from_bits(bits, mask, SIXTY_TWO)


def searching(rounds: int, goals: Goals) -> None:
    """the first 20 tracks for words, by relevance"""
    known()
    drawn = Track.objects.public().filter(number__in=range(1_000, 1_000_000, 20_011)).values_list("title", "artist")
    titles = [(title.split(), artist.split()) for title, artist in drawn]
    shapes = {
        "a common word": ["kar", "lee", "van", "red", "pan"],
        "two common words": ["kar lee", "van red", "pan mon", "win spa", "bea gre"],
        "three, one a mood": ["kar lee dark", "van red calm", "pan mon epic"],
        "a rare word": [max(title, key=len) for title, _ in titles],
        "a whole title": [" ".join(title) for title, _ in titles],
        "title and artist": [" ".join([*title, *artist]) for title, artist in titles],
        "the last one begun": [" ".join([*title[:-1], title[-1][:3]]) for title, _ in titles if len(title[-1]) > 2],
        "a tag and a word": [f"ki {title[0]}" for title, _ in titles],
        "nothing has it": ["qqzzx", "xxyyzz qqq"],
    }
    for name, texts in shapes.items():
        contenders = {
            "ours": lambda text: first_page(filters.read({"q": [text]})),
            "ours, of one genre": lambda text: first_page(filters.read({"q": [text], "genre": ["house"]})),
            "limit: the index, unsorted": by_index,
        }
        turns = dict.fromkeys(contenders, max(1, rounds * 5 // len(texts)))
        measured = compare({"naive: ILIKE": by_ilike}, texts[:2], 1) | compare(contenders, texts, turns)
        print(f"  {name}")
        table(measured)
        goals.check(f"row 9: {name}: p99 at most 10 ms ({measured['ours'].p99:.1f})", measured["ours"].p99 <= 10)


def known() -> None:
    """The words that searching corrects to, as the worker learns them."""
    if not Word.objects.exists():
        words.learn()


def first_page(wanted, viewer=NOBODY) -> list:
    return wanted.reader(Track.objects.visible_to(viewer).live()).page(20).ids


def by_ilike(text: str) -> list:
    rows = Track.objects.public()
    for word in text.split():
        rows = rows.filter(Q(title__icontains=word) | Q(artist__icontains=word))
    return list(rows.order_by("-popularity_score", "-id").values_list("id", flat=True)[:20])


def by_index(text: str) -> list:
    said = search.understood(text)
    return list(Track.objects.public().filter(said.anywhere()).values_list("id", flat=True)[:20])


def slips(rounds: int, goals: Goals) -> None:
    """words with one letter wrong"""
    known()
    draw = random.Random(1)
    right = [word for word in vocabulary() if len(word) >= 5]
    pairs = [(word, slip(word, draw)) for word in draw.sample(right, 240)]
    pairs = [(word, wrong) for word, wrong in pairs if wrong not in right]
    contenders = {
        "naive: pg_trgm on titles": by_trigram,
        "ours": lambda pair: first_page(filters.read({"q": [pair[1]]})),
        "ours, the word alone": lambda pair: words.put_right([pair[1]]),
        "limit: it was right": lambda pair: first_page(filters.read({"q": [pair[0]]})),
    }
    few = dict.fromkeys(contenders, max(1, rounds // 10))
    measured = compare({name: contenders[name] for name in list(contenders)[1:]}, pairs, few)
    measured = compare({"naive: pg_trgm on titles": by_trigram}, pairs[:5], 1) | measured
    table(measured)
    put = sum(words.put_right([wrong]).get(wrong, ("",))[0] == word for word, wrong in pairs)
    goals.check(f"row 10: at most 5 ms ({measured['ours'].median:.1f})", measured["ours"].median <= 5)
    goals.check(f"row 10: at least 95 % put right ({put} of {len(pairs)})", put >= 0.95 * len(pairs))


def vocabulary() -> list[str]:
    return list(Word.objects.order_by("word").values_list("word", flat=True))


def slip(word: str, draw: random.Random) -> str:
    """One letter too many, too few, another one, or two exchanged."""
    at, letter = draw.randrange(1, len(word)), draw.choice("abcdefghijklmnopqrstuvwxyz")
    return draw.choice([
        word[:at] + letter + word[at:], word[:at] + word[at + 1 :], word[:at] + letter + word[at + 1 :],
        word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :],
    ])  # fmt: skip


def by_trigram(pair: tuple[str, str]) -> list:
    rows = Track.objects.public().annotate(near=TrigramWordSimilarity(pair[1], "title"))
    return list(rows.filter(near__gt=0.5).order_by("-near").values_list("id", flat=True)[:20])


def staff() -> User:
    found = User.objects.filter(email=STAFF).first()
    if found is None:
        found = people.register(email=STAFF, password=None, username="bench-staff", vouched=True)
        people.grant(user=found, role=Role.ADMIN, by=None)
    return found


def lists(rounds: int, goals: Goals) -> None:
    """the admin's list of tracks: plain, filtered, searched, sorted"""
    visitor = client(staff())
    word, rare = "kar", Track.objects.filter(number=4_711).values_list("title", flat=True)[0]
    asked = {
        "list": ({}, {}),
        "filter by genre": ({"genre": "house"}, {"genre": "house"}),
        "rare search": ({"q": rare}, {"q": rare}),
        "common search": ({"q": word}, {"q": word}),
        "sorted by title": ({"o": "2"}, {"o": "1"}),
        "page 100": ({"p": "100"}, {"p": "100"}),
    }
    slow, many = 0.0, 0
    for name, (ours, theirs) in asked.items():
        contenders = {
            "default ModelAdmin": lambda case: answer(visitor, "/bench/admin/catalog/track/", case[1]),
            "ours": lambda case: answer(visitor, "/admin/catalog/track/", case[0]),
        }
        measured = compare(contenders, [(ours, theirs)], {"ours": rounds, "default ModelAdmin": max(1, rounds // 10)})
        print(f"  {name}")
        table(measured)
        slow, many = max(slow, measured["ours"].median), max(many, measured["ours"].queries)
    goals.check(f"row 12: at most 60 ms ({slow:.0f})", slow <= 60)
    goals.check(f"row 12: at most 10 queries ({many})", many <= 10)


ROWS: dict[int, Callable[[int, Goals], None]] = {5: page, 8: counts, 9: searching, 10: slips, 12: lists}
