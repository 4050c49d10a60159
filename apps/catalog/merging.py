"""Two tracks become one: what was asked for becomes the rows of a changeset, so it is previewed and can be undone.

The track that goes is out of sight and keeps its files, parts and plays; what it was worth is added to the one that
stays. Apps above bring their rows along: `register`.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F, Model
from django.db.models.functions import Greatest

from apps.catalog import changesets, plays
from apps.catalog.changesets import Row
from apps.catalog.models import (
    Changeset,
    Credit,
    Duplicate,
    Instrument,
    Play,
    PlayDay,
    Sample,
    Section,
    Track,
    TrackFile,
)
from apps.lib import clock
from apps.lib.errors import Conflict, NotFound, Refusal

# What may be taken from the track that goes → its columns.
FACTS = {
    "title": ("title",),
    "artist": ("artist",),
    "description": ("description",),
    "genre": ("genre",),
    "subgenre": ("subgenre",),
    "tempo": ("tempo",),
    "key": ("pitch_class", "mode"),
    "mood": ("mood",),
    "tags": ("tags",),
    "catalog_number": ("catalog_number",),
    "isrc": ("isrc",),
    "release_date": ("release_date",),
}
PARTS: dict[str, type[Model]] = {
    "sections": Section,
    "credits": Credit,
    "instruments": Instrument,
    "samples": Sample,
}
COVER = "cover"
CHOICES = (*FACTS, *PARTS, COVER)
NOT_COPIED = {"id", "track_id", "created_at", "updated_at"}

Mover = Callable[[Track, Track], Iterator[Row]]
Guard = Callable[[Track, Track], None]
Holder = Callable[[Changeset], None]

_movers: dict[str, Mover] = {}
_guards: dict[str, Guard] = {}
_holders: dict[str, Holder] = {}


def register(name: str, mover: Mover | None = None, *, guard: Guard | None = None, first: Holder | None = None) -> None:
    """What an app above has at tracks. Mover and guard are called with the track that goes and the one that stays.

    `mover` yields the changeset's rows that let its rows point to the one that stays; where both have what may exist
    once, that of the one that goes is a row without `new`. `guard` raises a Refusal when they cannot be merged now.
    `first` is called with the changeset before its rows are applied or undone, while both tracks are locked: it locks
    what the rows of its app hang on.
    """
    if mover:
        _movers[name] = mover
    if first:
        _holders[name] = first
    if guard:
        _guards[name] = guard


def ask(*, pair: Duplicate, keep: UUID, facts: Iterable[str], by) -> Changeset:
    """A changeset that merges the pair into `keep`, which takes `facts` (of CHOICES) from the other one.

    Refusals: INVALID 400, NOT_FOUND 404, CONFLICT (settled already), TWO_OWNERS, GALLERY_STAYS, NOT_READY and those of
    the guards, all 409.
    """
    chosen = sorted(set(facts), key=_place)
    if keep not in (pair.first_id, pair.second_id):
        raise _invalid("keep", "Name one of the two tracks of this pair.")
    if pair.state != "open":
        raise Conflict(f"This pair is {pair.state}. Open it again to merge it.")
    lose = pair.second_id if keep == pair.first_id else pair.first_id
    loser, winner = _checked(lose, keep, by)
    title = f"Merge “{loser.title[:80]}” into “{winner.title[:80]}”"
    order = {"keep": str(keep), "lose": str(lose), "pair": str(pair.pk), "facts": chosen}
    return changesets.ask(kind=Changeset.Kind.MERGE, title=title, order=order, by=by)


def _place(name: str) -> int:
    if name not in CHOICES:
        raise _invalid("facts", f"Unknown fact {name!r}. Known: {', '.join(CHOICES)}.")
    return CHOICES.index(name)


def _invalid(field: str, message: str) -> Refusal:
    return Refusal("INVALID", message, fields={field: [message]})


def _checked(lose: UUID, keep: UUID, by) -> tuple[Track, Track]:
    """The track that goes and the one that stays, if they can be one now."""
    rows = Track.objects.editable_by(by).with_page().in_bulk([lose, keep])
    if len(rows) < 2:
        raise NotFound("One of the two tracks is not there any more.")
    loser, winner = rows[lose], rows[keep]
    refuse(loser, winner)
    return loser, winner


def refuse(loser: Track, winner: Track) -> None:
    """Raise what stands in the way of merging the two, if anything does."""
    if loser.owner_id != winner.owner_id:
        raise Conflict("These tracks have two owners; each keeps their own.", "TWO_OWNERS")
    if Track.Kind.GALLERY in (loser.kind, winner.kind):
        raise Conflict("The gallery's tracks stay as they are.", "GALLERY_STAYS")
    if {loser.status, winner.status} != {"ready"}:
        raise Conflict("Both tracks must be ready.", "NOT_READY")
    _ask_guards(loser, winner)


def _ask_guards(loser: Track, winner: Track) -> None:
    for guard in _guards.values():
        guard(loser, winner)


# --- Proposing ----------------------------------------------------------------------------------------------------
def better(first: Track, second: Track) -> Track:
    """The one to stay: the better sound, then what more people heard, then the older one."""
    return max((first, second), key=lambda track: (_sound(track), track.play_count, track.pk == first.pk))


def _sound(track: Track) -> int:
    original = track.file("original")
    return (original.bit_rate or 1) if original else 0


def fuller(first: Track, second: Track, name: str) -> Track | None:
    """Whose fact (of CHOICES) says more: filled over empty, the longer of texts and lists. None when neither does."""
    one, other = (_says(track, name) for track in (first, second))
    if one == other:
        return None
    return first if one > other else second


def _says(track: Track, name: str) -> int:
    if name == COVER:
        return track.file("cover") is not None
    if name in PARTS:
        return getattr(track, name).count()
    values = [getattr(track, column) for column in FACTS[name]]
    if name in ("description", "mood", "tags"):
        return len(values[0])
    return sum(value not in (None, "") for value in values)


# --- Planning -----------------------------------------------------------------------------------------------------
def plan(changeset: Changeset) -> Iterator[Row]:
    """The rows of a merge. Refusals as `ask`: between the two somebody may have been faster."""
    order = changeset.order
    loser, winner = _checked(UUID(order["lose"]), UUID(order["keep"]), changeset.made_by)
    yield from _facts(loser, winner, order["facts"])
    for name in (name for name in PARTS if name in order["facts"]):
        yield from _parts(loser, winner, PARTS[name])
    if COVER in order["facts"]:
        yield from _cover(loser, winner)
    for mover in _movers.values():
        yield from mover(loser, winner)
    yield from _gone(loser, winner)
    settled = {"state": "merged", "settled_by_id": changeset.made_by_id}
    yield Row(None, Duplicate._meta.db_table, UUID(order["pair"]), {"state": "open", "settled_by_id": None}, settled)


def _facts(loser: Track, winner: Track, chosen: list[str]) -> Iterator[Row]:
    names = [column for name in chosen for column in FACTS.get(name, ())]
    old, new = _values(winner, names), _values(loser, names)
    differing = [name for name in names if old[name] != new[name]]
    if differing:
        pairs = ({name: side[name] for name in differing} for side in (old, new))
        yield Row(winner.pk, Track._meta.db_table, winner.pk, *pairs)


def _values(track: Track, names: list[str]) -> dict[str, Any]:
    return {name: getattr(track, name) for name in names}


def _parts(loser: Track, winner: Track, model: type[Model]) -> Iterator[Row]:
    """The winner's own go and copies of the loser's come, so that both histories say what happened."""
    table = model._meta.db_table
    for pk in model.objects.filter(track=winner).order_by("pk").values_list("pk", flat=True):
        yield Row(winner.pk, table, pk, {}, None)
    for part in model.objects.filter(track=loser).order_by("pk"):
        yield Row(winner.pk, table, None, None, _copied(part), problem=_too_long(part, winner))


def _copied(row: Model) -> dict[str, Any]:
    return {f.attname: getattr(row, f.attname) for f in row._meta.concrete_fields if f.attname not in NOT_COPIED}


def _too_long(part: Model, winner: Track) -> str:
    beyond = isinstance(part, Section) and winner.duration_ms is not None and part.end_ms > winner.duration_ms
    return f"{part} ends behind the end of the track that stays." if beyond else ""


def _cover(loser: Track, winner: Track) -> Iterator[Row]:
    """Only where the winner has none: bytes that nothing holds are gone in two days, and no undo brings them back."""
    picture = loser.file("cover")
    if picture and not winner.file("cover"):
        yield Row(winner.pk, TrackFile._meta.db_table, None, None, _copied(picture))


def _gone(loser: Track, winner: Track) -> Iterator[Row]:
    """The loser, and what was merged into it before: a merged track points to one that is there."""
    table = Track._meta.db_table
    for pk in Track.objects.filter(merged_into=loser).order_by("pk").values_list("pk", flat=True):
        yield Row(None, table, pk, {"merged_into_id": loser.pk}, {"merged_into_id": winner.pk})
    old = {"status": loser.status, "removed_at": None, "merged_into_id": None}
    new = {"status": "merged", "removed_at": clock.now(), "merged_into_id": winner.pk}
    yield Row(loser.pk, table, loser.pk, old, new)


def hold(changeset: Changeset) -> None:
    """Before the rows of apply and undo. Refusal CONTRADICTS 409 for the undo of a merge that others were built on."""
    if changeset.step == "undo" and (later := _later(changeset.order["keep"])):
        message = f"What stayed then was merged itself since. Undo “{later.title}” first, then this one."
        raise Conflict(message, "CONTRADICTS")
    for holder in _holders.values():
        holder(changeset)


def _later(keep: str) -> Changeset | None:
    """The merge by which the track that stayed went."""
    if not Track.objects.filter(pk=keep, status="merged").exists():
        return None
    merges = Changeset.objects.filter(kind=Changeset.Kind.MERGE, state="applied", order__lose=keep)
    return merges.order_by("applied_at").last()


# --- Plays --------------------------------------------------------------------------------------------------------
ADD_DAYS = """
INSERT INTO catalog_playday (track_id, day, plays) SELECT %s, * FROM unnest(%s::date[], %s::bigint[])
ON CONFLICT (track_id, day) DO UPDATE SET plays = catalog_playday.plays + excluded.plays
"""
TAKE_DAYS = """
UPDATE catalog_playday SET plays = greatest(0, catalog_playday.plays - moved.plays)
FROM unnest(%s::date[], %s::bigint[]) AS moved (day, plays)
WHERE catalog_playday.track_id = %s AND catalog_playday.day = moved.day
"""


def move_plays(changeset: Changeset) -> None:
    """In the transaction that merges or parts the two: the winner's plays have the loser's in them, or no longer.

    As sums and not as old → new: people hear the one that stays while somebody looks at a preview, and after it. What
    was added is kept with the changeset, so that its undo takes away as much.
    """
    lose, keep = (UUID(changeset.order[name]) for name in ("lose", "keep"))
    merged = Track.objects.filter(pk=lose, merged_into=keep).exists()
    if merged and changeset.step == "apply":
        tracks = Track.objects.in_bulk([lose, keep])
        _ask_guards(tracks[lose], tracks[keep])  # once more, now that nobody else can change the two
        _add_plays(changeset, lose, keep)
    elif not merged and changeset.step == "undo":
        _take_plays(changeset.order["plays"], keep)


def _add_plays(changeset: Changeset, lose: UUID, keep: UUID) -> None:
    waiting = Play.objects.filter(track=lose, counted_at__isnull=True)
    list(waiting.select_for_update().values_list("pk"))  # whoever counts some of them at this moment, finishes first
    while plays.count(track=lose):
        pass
    total = Track.objects.filter(pk=lose).values_list("play_count", flat=True).get()
    days = {day.isoformat(): n for day, n in PlayDay.objects.filter(track=lose).values_list("day", "plays")}
    popularity = Track.objects.filter(pk=keep).values_list("popularity_score", flat=True).get()
    changeset.order["plays"] = {"total": total, "days": days, "popularity": str(popularity)}
    changeset.save(update_fields=["order"])
    with connection.cursor() as cursor:
        cursor.execute(ADD_DAYS, [keep, list(days), list(days.values())])
    Track.objects.filter(pk=keep).update(play_count=F("play_count") + total)
    plays.weigh(tracks=[keep])


def _take_plays(moved: dict, keep: UUID) -> None:
    days = moved["days"]
    with connection.cursor() as cursor:
        cursor.execute(TAKE_DAYS, [list(days), list(days.values()), keep])
    PlayDay.objects.filter(track=keep, plays=0).delete()
    facts = {"popularity_score": moved["popularity"]} if days else {}
    Track.objects.filter(pk=keep).update(play_count=Greatest(0, F("play_count") - moved["total"]), **facts)
    plays.weigh(tracks=[keep])


changesets.register(Changeset.Kind.MERGE, plan, also=move_plays, first=hold)
