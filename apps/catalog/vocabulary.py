"""The words of the catalogue: one spelling each, aliases for what they replaced, and how many tracks say them.

A word is renamed or merged over all tracks at once, as a changeset of kind `words`. Its rows are the tracks and credits
that say it, and the terms themselves: the old word becomes an alias when it is applied, and none when it is undone.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Lower
from django.utils import timezone

from apps.accounts.access import may
from apps.catalog import changesets
from apps.catalog.changesets import Row
from apps.catalog.models import Changeset, Credit, Term, Track
from apps.lib.errors import Conflict, Forbidden, Refusal

# Kind of word → the column that says it.
COLUMNS = {
    "genre": Track._meta.get_field("genre"),
    "subgenre": Track._meta.get_field("subgenre"),
    "mood": Track._meta.get_field("mood"),
    "tag": Track._meta.get_field("tags"),
    "creator": Credit._meta.get_field("name"),
}
KINDS = {column.name: kind for kind, column in COLUMNS.items() if column.model is Track}
# A word that nobody says, and that staff never touched, is forgotten after this.
KEPT = dt.timedelta(days=1)


def _said(kind: str) -> str:
    """SQL of (name, number of tracks) as they are spelled, over tracks that are in sight."""
    column = COLUMNS[kind]
    rows = f"SELECT {column.name} AS name FROM catalog_track WHERE removed_at IS NULL"
    if isinstance(column, ArrayField):
        rows = f"SELECT unnest({column.name}) AS name FROM catalog_track WHERE removed_at IS NULL"
    if column.model is Credit:
        rows = """SELECT DISTINCT catalog_credit.name, track_id FROM catalog_credit
            JOIN catalog_track ON catalog_track.id = track_id WHERE removed_at IS NULL"""
    return f"SELECT '{kind}' AS kind, name, count(*) AS uses FROM ({rows}) AS {kind} WHERE name <> '' GROUP BY name"


COUNT = f"""
WITH said AS MATERIALIZED ({" UNION ALL ".join(map(_said, COLUMNS))}),
words AS MATERIALIZED (
    SELECT kind, lower(name) AS word, (array_agg(name ORDER BY uses DESC, name))[1] AS name, sum(uses) AS uses
    FROM said GROUP BY kind, lower(name)
),
silent AS (
    UPDATE catalog_term AS t SET uses = 0
    WHERE uses > 0 AND NOT EXISTS (SELECT FROM words WHERE words.kind = t.kind AND word = lower(t.name))
),
counted AS (
    INSERT INTO catalog_term (id, created_at, updated_at, kind, name, is_curated, uses)
    SELECT gen_random_uuid(), now(), now(), kind, name, false, uses FROM words
    ON CONFLICT (kind, lower(name)) DO UPDATE SET uses = excluded.uses WHERE catalog_term.uses <> excluded.uses
)
SELECT count(*) FROM words"""

SPELLED = """
SELECT asked.kind, asked.word, coalesce(meant.name, term.name)
FROM unnest(%s::text[], %s::text[]) AS asked(kind, word)
JOIN catalog_term AS term ON term.kind = asked.kind AND lower(term.name) = lower(asked.word)
LEFT JOIN catalog_term AS meant ON meant.id = term.stands_for_id
WHERE term.is_curated OR meant.id IS NOT NULL"""


def count(*, now: dt.datetime | None = None) -> int:
    """Know the words in use and how many tracks say each; returns how many there are."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT)
        words = cursor.fetchone()[0]
    unused = Term.objects.filter(uses=0, is_curated=False, stands_for=None, aliases=None)
    unused.filter(updated_at__lt=(now or timezone.now()) - KEPT).delete()
    return words


def canonical(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts with genre, subgenre, mood and tags as staff spell them; a word that staff never touched stays.

    Words that tracks merely use decide nothing: they may be those of somebody's private tracks.
    """
    return canonical_all([facts])[0]


def canonical_all(many: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As `canonical`, for any number of tracks in one statement."""
    asked = {(kind, word) for facts in many for name, kind in KINDS.items() for word in _words(facts.get(name))}
    known = spelled(asked) if asked else {}
    return [_put_right(facts, known) for facts in many]


def _words(value: Any) -> list[str]:
    return [value] if isinstance(value, str) and value else list(value or ())


def spelled(asked: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """(kind, word) → how staff spell it, of those that staff know."""
    pairs = list(asked)
    with connection.cursor() as cursor:
        cursor.execute(SPELLED, [[kind for kind, _ in pairs], [word for _, word in pairs]])
        return {(kind, word): name for kind, word, name in cursor.fetchall()}


def _put_right(facts: dict[str, Any], known: dict[tuple[str, str], str]) -> dict[str, Any]:
    right = dict(facts)
    for name in KINDS.keys() & facts.keys():
        kind, value = KINDS[name], facts[name]
        if isinstance(value, str):
            right[name] = known.get((kind, value), value)
        elif value:
            right[name] = list(dict.fromkeys(known.get((kind, word), word) for word in value))
    return right


def curate(*, terms: QuerySet[Term], curated: bool, by, now: dt.datetime | None = None) -> int:
    """Say of words that staff have looked at them, or have not; returns of how many that is new."""
    _curator(by)
    return terms.exclude(is_curated=curated).update(is_curated=curated, updated_at=now or timezone.now())


def free(*, term: Term, by) -> None:
    """An alias becomes a word of its own again. Tracks stay as they are."""
    _curator(by)
    if not Term.objects.filter(pk=term.pk, stands_for__isnull=False).update(stands_for=None, updated_at=timezone.now()):
        raise Conflict("It is no alias.")


def replace(*, term: Term, word: str, by) -> Changeset:
    """Ask for a changeset that puts another word in its place, wherever it is said: a new one or one in use.

    Other spellings of either go with it. Refusals: INVALID, CONFLICT.
    """
    _curator(by)
    word = _checked(term.kind, word)
    if term.stands_for_id:
        raise Conflict(f"It is an alias of “{term.stands_for}” already.")
    meant = _known(term.kind, word)
    if meant.stands_for_id not in (None, term.pk):
        meant = meant.stands_for
    if meant.pk != term.pk:
        word = meant.name
    order = {"kind": term.kind, "term": str(term.pk), "meant": str(meant.pk), "old": term.name, "new": word}
    title = f"{term.get_kind_display().capitalize()} “{term.name}” → “{word}”"
    return changesets.ask(kind="words", title=title[:200], order=order, by=by)


def _curator(by) -> None:
    if not may(by, "catalog.curate"):
        raise Forbidden


def _checked(kind: str, word: str) -> str:
    column = COLUMNS[kind]
    most = (column.base_field if isinstance(column, ArrayField) else column).max_length
    word = " ".join(word.replace("\0", "").split())
    if not 1 <= len(word) <= most or (isinstance(column, ArrayField) and "," in word):
        message = f"A {kind} has 1 to {most} characters{' and no comma' if isinstance(column, ArrayField) else ''}."
        raise Refusal("INVALID", message, fields={"word": [message]})
    return word


def _known(kind: str, word: str) -> Term:
    """The term of this word, made if there is none."""
    Term.objects.bulk_create([Term(kind=kind, name=word)], ignore_conflicts=True)
    found = Term.objects.select_related("stands_for").annotate(low=Lower("name"))
    return found.get(kind=kind, low=Lower(Value(word)))


def plan(changeset: Changeset) -> Iterator[Row]:
    """The terms first, then every track or credit that spells it otherwise."""
    order = changeset.order
    terms = Term.objects.in_bulk([order["term"], order["meant"]], field_name="pk")
    if len(terms) != len({order["term"], order["meant"]}):
        raise Conflict("One of the two words is not there any more.")
    yield from _terms(*(next(t for t in terms.values() if str(t.pk) == order[n]) for n in ("term", "meant")), order)
    spellings = _spellings(order["kind"], order["old"], order["new"]) - {order["new"]}
    yield from _saying(order["kind"], spellings, order["new"], changeset.made_by)


def _terms(term: Term, meant: Term, order: dict) -> Iterator[Row]:
    yield from _term(meant, name=order["new"], is_curated=True, stands_for_id=None)
    if term.pk != meant.pk:
        yield from _term(term, stands_for_id=meant.pk)
        for alias in term.aliases.exclude(pk=meant.pk):
            yield from _term(alias, stands_for_id=meant.pk)


def _term(term: Term, **new) -> Iterator[Row]:
    new = {name: value for name, value in new.items() if getattr(term, name) != value}
    if new:
        yield Row(None, Term._meta.db_table, term.pk, {name: getattr(term, name) for name in new}, new)


def _spellings(kind: str, *words: str) -> set[str]:
    """How tracks spell these words."""
    with connection.cursor() as cursor:
        wanted = "SELECT lower(word) FROM unnest(%s::text[]) AS word"
        cursor.execute(f"SELECT name FROM ({_said(kind)}) AS said WHERE lower(name) IN ({wanted})", [list(words)])
        return {name for (name,) in cursor.fetchall()}


def _saying(kind: str, spellings: set[str], word: str, by) -> Iterator[Row]:
    column, list_of = COLUMNS[kind], isinstance(COLUMNS[kind], ArrayField)
    rows = column.model.objects.editable_by(by).filter(
        **{f"{column.name}__{'overlap' if list_of else 'in'}": sorted(spellings)}
    )
    of = "track_id" if column.model is Credit else "pk"
    for track, row, old in rows.order_by("pk").values_list(of, "pk", column.name).iterator(1000):
        new = list(dict.fromkeys(word if each in spellings else each for each in old)) if list_of else word
        yield Row(track, column.model._meta.db_table, row, {column.name: old}, {column.name: new})


def offered(*, user, kind: str, q: str = "") -> QuerySet[Term]:
    """Words to choose from: staff get all, most used first; others those that public tracks say, and curated ones.

    Names of creators are offered to others from public tracks alone. Aliases are not offered.
    """
    rows = Term.objects.filter(kind=kind, stands_for=None)
    rows = rows.filter(name__icontains=q) if q else rows
    if may(user, "catalog.see_all"):
        return rows.order_by("-uses", "name")
    column, public = COLUMNS[kind], Track.objects.public()
    if column.model is Credit:
        said = Credit.objects.filter(name=OuterRef("name"), track__in=public.values("pk"))
        return rows.filter(Exists(said)).order_by("name")
    lookup = {f"{column.name}__contains": [OuterRef("name")]} if isinstance(column, ArrayField) else {
        column.name: OuterRef("name")
    }  # fmt: skip
    return rows.filter(Q(is_curated=True) | Exists(public.filter(**lookup))).order_by("name")


changesets.register("words", plan)
