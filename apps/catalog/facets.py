"""How many tracks of a filtered list say what: exact, and of the same gated rows as the list (decision 0033).

From bits in memory where the catalogue is large, else by SQL, which is also what the bits are tested against.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import NamedTuple

import numpy as np
from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q

from apps.catalog import facet_index, filters
from apps.catalog.bits import Bits, NotKept, mask_of, total
from apps.catalog.facet_index import FACTS, said
from apps.catalog.filters import Wanted
from apps.catalog.keys import camelot, key_name
from apps.catalog.models import Track
from apps.lib.errors import Refusal

VALUES_AT_MOST = 100


class Facet(NamedTuple):
    """A column of the index, and how its words are shown; words that look the same are counted together."""

    column: str
    shown: Callable[[str], str] = str


FACETS = {
    "genre": Facet("genre"),
    "subgenre": Facet("subgenre"),
    "mood": Facet("mood"),
    "tags": Facet("tags"),
    "key": Facet("pitch_class", lambda pitch: key_name(int(pitch))),
    "scale": Facet("mode"),
    "camelot": Facet("camelot", lambda key: camelot(int(key.split()[0]), key.split()[1])),
    "instrument": Facet("instrument"),
    "kind": Facet("kind"),
    "clearance": Facet("clearance"),
    "pro_only": Facet("is_pro_only"),
    "tempo": Facet("tempo_band"),
    "year": Facet("year"),
    "decade": Facet("year", lambda year: f"{year[:-1]}0"),
}


# Filters that other tables decide, where the index knows: as conditions on its columns.
_MISSING = filters.MISSING | {
    "instruments": Q(instrument=""), "credits": Q(credits=""), "sections": Q(sections="")
}  # fmt: skip
KEPT: dict[str, Callable[[tuple], Q]] = {
    "instrument": lambda values: Q(instrument__alike=values) | Q(instrument_type__alike=values),
    "missing": lambda values: reduce(or_, map(_MISSING.__getitem__, values)),
}


class Condition(NamedTuple):
    """The same for the bits and for SQL."""

    kept: Q
    sql: Q


class Counts(NamedTuple):
    """`facets`: name → value → tracks, the most frequent first and of each facet a hundred values at most."""

    total: int
    facets: dict[str, dict[str, int]]


def known(names: Iterable[str]) -> list[str]:
    """The facets of these names, each once; Refusal INVALID when one is unknown."""
    names = list(dict.fromkeys(names))
    if unknown := [name for name in names if name not in FACETS]:
        message = f"Unknown facet {unknown[0]!r}. Known: {', '.join(FACETS)}."
        raise Refusal("INVALID", message, fields={"facets": [message]})
    return names


def count(user, wanted: Wanted, names: Iterable[str]) -> Counts:
    """What there is of the tracks that this person may see and wants: in total, and by the named facets."""
    names, conditions = known(names), _conditions(wanted)
    with facet_index.present() as bits:
        mask, others = _met(bits, user, conditions)
        if mask is not None and not others:
            return _from_bits(bits, mask, names)
    if mask is None:
        return from_sql(user, wanted, names)
    # Words are searched for by SQL, outside the lock; then the bits are brought to the moment after that.
    found = _numbers(user, others)
    with facet_index.present() as bits:
        mask, _ = _met(bits, user, conditions)
        if mask is not None:
            return _from_bits(bits, mask & mask_of(found[found < bits.width * 64], bits.width), names)
    return from_sql(user, wanted, names)


def _conditions(wanted: Wanted) -> list[Condition]:
    elsewhere = [pair for pair in wanted.chosen if pair[0] in KEPT]
    here = replace(wanted, chosen=tuple(pair for pair in wanted.chosen if pair[0] not in KEPT)) if elsewhere else wanted
    found = [Condition(each, each) for each in here.conditions()]
    for name, values in elsewhere:
        (alone,) = replace(wanted, chosen=((name, values),)).conditions()
        found.append(Condition(KEPT[name](values), alone))
    return found


def _met(bits: Bits | None, user, conditions: Iterable[Condition]) -> tuple[np.ndarray | None, list[Q]]:
    """The mask of what this person's list holds, as far as the bits know, and the conditions that they do not know."""
    if bits is None:
        return None, []
    others, tracks = [], Track.objects.all()
    mask = bits.where(tracks.view_rule(user)) & bits.where(tracks.live_rule())
    for condition in conditions:
        try:
            mask &= bits.where(condition.kept)
        except NotKept:
            others.append(condition.sql)
    return mask, others


def _numbers(user, conditions: Iterable[Q]) -> np.ndarray:
    """The numbers of the tracks that this person may see and that meet these conditions."""
    try:
        tracks, values = Track.objects.visible_to(user).filter(*conditions).values("number").query.sql_with_params()
    except EmptyResultSet:
        return facet_index.ints(None)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {facet_index.sent('number')} FROM ({tracks}) AS track", values)
        return facet_index.ints(cursor.fetchone()[0])


def _from_bits(bits: Bits, mask: np.ndarray, names: Iterable[str]) -> Counts:
    chosen = {name: FACETS[name] for name in names}
    return Counts(
        total(mask), {name: _shown(chosen[name], bits.words[chosen[name].column].counts(mask)) for name in chosen}
    )


def from_sql(user, wanted: Wanted, names: Iterable[str]) -> Counts:
    """The same from the rows themselves, in one statement."""
    rows = wanted.rows(Track.objects.visible_to(user).live())
    try:
        tracks, values = rows.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:
        return Counts(0, {name: {} for name in names})
    parts = [f"SELECT '{name}', value, count(DISTINCT number) FROM ({said(FACETS[name].column)}) AS said"
             " GROUP BY value" for name in names]  # fmt: skip
    track = f"track AS MATERIALIZED (SELECT {', '.join(FACTS)} FROM catalog_track WHERE id IN ({tracks}))"
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {track} {' UNION ALL '.join(['SELECT NULL, NULL, count(*) FROM track', *parts])}", values)
        rows = cursor.fetchall()
    facets = {name: _shown(FACETS[name], [(value, n) for facet, value, n in rows if facet == name]) for name in names}
    return Counts(next(n for facet, _, n in rows if facet is None), facets)


def _shown(facet: Facet, counted: Iterable[tuple[str, int]]) -> dict[str, int]:
    """By value, the most frequent first; the empty word is no value."""
    sums: Counter[str] = Counter()
    for word, tracks in counted:
        if word:
            sums[facet.shown(word)] += tracks
    return dict(sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))[:VALUES_AT_MOST])
