"""What a list of tracks can be narrowed by (S4-15). Each filter is declared once, for reading, asking and describing.

Any of several values, by commas or by saying the filter again; a comma in a value is written `\\,`. Different filters
all hold. Words are compared without regard to case. What is not known here is refused: no lookup of the ORM gets in.
"""

import datetime as dt
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property, reduce
from operator import and_, or_
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import CharField, Exists, Lookup, OuterRef, Q, QuerySet

from apps.catalog import keys, search
from apps.catalog.keyset import ORDERS, Order, Reader, Stretch, stretches
from apps.catalog.models import Credit, Instrument, Section, Track, TrackFile
from apps.catalog.models.track import POPULAR
from apps.lib.errors import Refusal

VALUES_AT_MOST, VALUE_LENGTH, TEXT_LENGTH = 50, 255, 200


@CharField.register_lookup
class Alike(Lookup):
    """One of these words, without regard to case; its index is on `lower()` of the column."""

    lookup_name = "alike"
    prepare_rhs = False

    def as_sql(self, compiler, connection):
        column, values = self.process_lhs(compiler, connection)
        if len(self.rhs) == 1:  # of one word an index gives the rows in its order
            return f"lower({column}) = (catalog_folded(%s::text[]))[1]", [*values, list(self.rhs)]
        return f"lower({column}) = ANY(catalog_folded(%s::text[]))", [*values, list(self.rhs)]


@ArrayField.register_lookup
class AnyAlike(Lookup):
    """At least one of these words, without regard to case; its index is on `catalog_folded()` of the column."""

    lookup_name = "alike"
    prepare_rhs = False
    operator = "&&"

    def as_sql(self, compiler, connection):
        column, values = self.process_lhs(compiler, connection)
        return f"catalog_folded({column}::text[]) {self.operator} catalog_folded(%s::text[])", [
            *values,
            list(self.rhs),
        ]


@ArrayField.register_lookup
class AnyAlikeHere(AnyAlike):
    """The same without the index: sooner told of a row that is at hand than folding all that it says."""

    lookup_name = "alike_here"

    def as_sql(self, compiler, connection):
        column, values = self.process_lhs(compiler, connection)
        one = f"SELECT FROM unnest({column}) AS one WHERE lower(one) = ANY(catalog_folded(%s::text[]))"
        return f"EXISTS ({one})", [*values, list(self.rhs)]


@ArrayField.register_lookup
class AllAlike(AnyAlike):
    lookup_name = "all_alike"
    operator = "@>"


@dataclass(frozen=True)
class Takes:
    """What one value of a filter is: its reader raises ValueError. `says` ends the sentence "It takes …"."""

    says: str
    read: Callable[[str], Any]
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class Filter:
    """`where` gives the condition of all its values; without, another filter reads them. `here` gives the same, quick
    to tell of a row that is at hand.

    `apart` means that rows of other tables decide, which the database finds its own way to.
    """

    name: str
    takes: Takes
    help: str
    where: Callable[[tuple, "Wanted"], Q] | None = None
    here: Callable[[tuple, "Wanted"], Q] | None = None
    many: bool = True
    apart: bool = False


@dataclass(frozen=True)
class Wanted:
    """The filters that were asked for, with their values, in the order of FILTERS. `ordering` is empty by default."""

    chosen: tuple[tuple[str, tuple], ...] = ()
    ordering: str = ""

    def get(self, name: str) -> tuple:
        """The values of a filter; empty when it was not asked for."""
        return dict(self.chosen).get(name, ())

    def conditions(self) -> list[Q]:
        """One for each filter. What counts from memory reads them too, so they are plain where they can be."""
        return [*self._facts(), *([Q(self.text.anywhere())] if self.text else [])]

    def rows(self, base: QuerySet[Track]) -> QuerySet[Track]:
        """Of these rows those that are wanted, in no order."""
        return base.filter(*self.conditions())

    def reader(self, base: QuerySet[Track]) -> Reader:
        """Pages of those rows, in the order that was asked for: by relevance, what is in the names comes first."""
        text, others = self.text, self
        how = "gather" if text and text.few else "plan" if self._apart else "walk"
        if len(self.get("genre")) == 1 and self.order.column == "popularity_score":
            base = base.filter(genre__alike=self.get("genre"))  # has an index in this order: the walk is there alone
            others = replace(self, chosen=tuple(pair for pair in self.chosen if pair[0] != "genre"))
        facts, here = others._facts(), others._facts(here=True)
        if self.order.name != "relevance":
            said = [Q(text.anywhere())] if text else []
            wanted, seen = (_all([*each, *said]) if each or said else None for each in (facts, here))
            return Reader(base, self.order, stretches(self.order, wanted, seen), how, self._rungs)
        near = Q(text.near()) if text.near() else None
        names, seen = Q(text.in_names()), Q(text.seen_in_names())
        named = Stretch(wanted=_all([*facts, names]), seen=_all([*here, seen]), near=near)
        other = Stretch(wanted=_all([*facts, Q(text.anywhere()), ~seen]), near=near)
        return Reader(base, self.order, [named, other], how, self._rungs)

    def query(self) -> dict[str, str]:
        """The same as a query string's parameters: `read(wanted.query()) == wanted`."""
        said = {name: ",".join(_escaped(str(value)) for value in values) for name, values in self.chosen}
        if text := self.get("q"):
            said["q"] = text[0]
        return said | ({"ordering": self.ordering} if self.ordering else {})

    @cached_property
    def text(self) -> search.Understood | None:
        """`q` as it is searched for; None when there is none."""
        return search.understood(self.get("q")[0]) if self.get("q") else None

    def of(self, username: str) -> "Wanted":
        """Of these the tracks of one person."""
        return replace(self, chosen=(*self.chosen, ("owner", (username,))))

    @property
    def order(self) -> Order:
        return ORDERS[self.ordering or ("relevance" if self.get("q") else "-id")]

    def _facts(self, *, here: bool = False) -> list[Q]:
        """The conditions without `q`; `here` as they are quickest told of a row that is at hand."""
        known = ((FILTERS[name], values) for name, values in self.chosen)
        return [((here and of.here) or of.where)(values, self) for of, values in known if of.where]

    @property
    def _apart(self) -> bool:
        return any(FILTERS[name].apart for name, _ in self.chosen)

    @property
    def _rungs(self) -> tuple[int, ...]:
        return POPULAR if self.order.column == "popularity_score" and self.text and not self.text.rare else ()


def _all(conditions: list[Q]) -> Q:
    return reduce(and_, conditions, Q())


def read(params: Mapping[str, Any], *, beside: Collection[str] = ()) -> Wanted:
    """The filters of a query string. `beside` are parameters that the door reads itself.

    Refusals: UNKNOWN_FILTER with what there is, INVALID with every filter that is malformed.
    """
    said = {name: params.getlist(name) if hasattr(params, "getlist") else params[name] for name in params}
    unknown = sorted(set(said) - set(FILTERS) - {"ordering", *beside})
    if unknown:
        raise _unknown(unknown[0], beside)
    said = {name: [texts] if isinstance(texts, str) else list(texts) for name, texts in said.items()}
    chosen, wrong = {}, {}
    for name in filter(said.__contains__, FILTERS):
        try:
            chosen[name] = _values(FILTERS[name], said[name])
        except ValueError as malformed:
            wrong[name] = [f"{name}: {malformed}"]
    ordering = said.get("ordering", [""])[-1]
    if "ordering" in said and ordering not in ORDERS:
        wrong["ordering"] = [f"ordering: one of {', '.join(ORDERS)}."]
    elif ordering == "relevance" and "q" not in said:
        wrong["ordering"] = ["ordering: relevance needs q."]
    wrong = wrong or _contradictions(chosen)
    if wrong:
        raise Refusal("INVALID", next(iter(wrong.values()))[0], fields=wrong)
    return Wanted(tuple(chosen.items()), ordering)


def _unknown(name: str, beside: Collection[str]) -> Refusal:
    known = sorted({*FILTERS, "ordering", *beside})
    message = f"Unknown filter {name[:60]!r}. Known: {', '.join(known)}."
    takes = {known.name: f"{known.takes.says}. {known.help}" for known in FILTERS.values()}
    return Refusal("UNKNOWN_FILTER", message, fields={name[:60]: [message]}, known=takes)


def _values(known: Filter, said: list[str]) -> tuple:
    """Sorted and each once, so that what means the same is the same. ValueError says what it takes."""
    texts = [text for item in said for text in (_parts(item) if known.many else [item])]
    if len(texts) > (VALUES_AT_MOST if known.many else 1):
        raise ValueError(f"{VALUES_AT_MOST} values at most." if known.many else "say it once.")
    if not texts:
        raise ValueError(f"{known.takes.says}, or leave it out.")
    values = {}
    for text in texts:
        text = text.strip()
        if not text or "\x00" in text:
            raise ValueError(f"{known.takes.says}, or leave it out.")
        try:
            value = known.takes.read(text)
        except (ValueError, ArithmeticError) as malformed:
            raise ValueError(f"{known.takes.says}.") from malformed
        values.setdefault(str(value).casefold(), value)
    return tuple(values[name] for name in sorted(values))


def _parts(text: str) -> list[str]:
    """Between commas; `\\,` is a comma and `\\\\` a backslash of the value itself."""
    return [re.sub(r"\\([\\,])", r"\1", part) for part in re.findall(r"(?:[^\\,]|\\.?)+", text, re.DOTALL)]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace(",", "\\,")


def _contradictions(chosen: dict[str, tuple]) -> dict[str, list[str]]:
    """What each filter says well and all of them cannot mean."""
    for least, most in (
        ("tempo_min", "tempo_max"),
        ("duration_min", "duration_max"),
        ("released_after", "released_before"),
    ):
        if least in chosen and most in chosen and chosen[least] > chosen[most]:
            return {least: [f"{least}: not beyond {most}."]}
    if chosen.get("harmonic") == (1,):
        if "key" not in chosen:
            return {"harmonic": ["harmonic: say key too."]}
        if len(chosen.get("scale", ())) != 1 and not all(mode for _, mode in map(keys.read, chosen["key"])):
            return {"harmonic": ["harmonic: say key as a Camelot code, or one scale with it."]}
    return {}


def _text(longest: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        if len(text) > longest:
            raise ValueError
        return text

    return read


def _choice(*values: str) -> Takes:
    def read(text: str) -> str:
        if text.lower() not in values:
            raise ValueError
        return text.lower()

    return Takes(f"one of {', '.join(values)}", read, {"type": "string", "enum": list(values)})


def _number(most: int, unit: str, digits: int) -> Takes:
    def read(text: str) -> Decimal:
        if not re.fullmatch(rf"[0-9]{{1,9}}(\.[0-9]{{1,{digits}}})?", text) or Decimal(text) > most:
            raise ValueError
        return Decimal(format(Decimal(text).normalize(), "f"))

    schema = {"type": "number", "minimum": 0, "maximum": most}
    return Takes(f"{unit}, a number from 0 to {most} such as 120 or 120.5", read, schema)


def _day(text: str) -> dt.date:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise ValueError
    return dt.date.fromisoformat(text)


def _yes_or_no(text: str) -> int:
    if text.lower() not in ("1", "true", "0", "false"):
        raise ValueError
    return int(text.lower() in ("1", "true"))


def _key(text: str) -> str:
    pitch, mode = keys.read(text)
    return keys.camelot(pitch, mode) or keys.key_name(pitch)


def _isrc(text: str) -> str:
    compact = re.sub(r"[\s-]", "", text).upper()
    if not re.fullmatch(r"[0-9A-Z]{1,20}", compact):
        raise ValueError
    return compact


WORD = Takes("a word or several", _text(VALUE_LENGTH), {"type": "string", "maxLength": VALUE_LENGTH})
TEXT = Takes(
    f"a text of {TEXT_LENGTH} characters at most", _text(TEXT_LENGTH), {"type": "string", "maxLength": TEXT_LENGTH}
)
BPM, SECONDS = _number(1000, "BPM", 2), _number(1_000_000, "seconds", 3)
DAY = Takes("a day such as 2024-02-29", _day, {"type": "string", "format": "date"})
SWITCH = Takes("1 or 0", _yes_or_no, {"type": "string", "enum": ["1", "0", "true", "false"]})
KEY = Takes("a key such as C# or Db, or a Camelot code such as 8A", _key, {"type": "string"})
ISRC = Takes("an ISRC such as USS1Z2400001", _isrc, {"type": "string"})


def _alike(column: str, how: str = "alike") -> Callable:
    return lambda values, wanted: Q(**{f"{column}__{how}": list(values)})


def _said(column: str) -> Callable:
    """The same, where the index leaves out what is empty."""
    return lambda values, wanted: Q(**{f"{column}__alike": list(values)}) & ~Q(**{column: ""})


def _among(column: str) -> Callable:
    return lambda values, wanted: Q(**{f"{column}__in": list(values)})


def _bound(column: str, how: str, times: int = 1) -> Callable:
    return lambda values, wanted: Q(**{f"{column}__{how}": values[0] * times if times > 1 else values[0]})


def _of_part(model, *columns: str) -> Callable:
    """Rows of another table that belong to the track and say the word in one of the columns."""

    def where(values: tuple, wanted: Wanted) -> Q:
        said = reduce(or_, (_said(column)(values, wanted) for column in columns))
        return Q(Exists(model.objects.filter(said, track=OuterRef("pk"))))

    return where


def _in_key(values: tuple, wanted: Wanted) -> Q:
    """With `harmonic` all that mixes with one of the keys; `scale` then says of which mode they are."""
    pairs = [keys.read(value) for value in values]
    if wanted.get("harmonic") == (1,):
        (only,) = wanted.get("scale")[:1] or [""]
        pairs = [near for pitch, mode in pairs for near in keys.harmonic(pitch, mode or only)]
    named = (Q(pitch_class=pitch) & (Q(mode=mode) if mode else Q()) for pitch, mode in dict.fromkeys(pairs))
    return reduce(or_, named)


def _in_scale(values: tuple, wanted: Wanted) -> Q:
    return Q() if wanted.get("harmonic") == (1,) else Q(mode__in=list(values))


def _without(*roles: str) -> Q:
    return ~Q(Exists(TrackFile.objects.filter(track=OuterRef("pk"), role__in=roles)))


def _without_part(model) -> Q:
    return ~Q(Exists(model.objects.filter(track=OuterRef("pk"))))


MISSING = {
    **{name: Q(**{name: ""}) for name in ("artist", "description", "genre", "subgenre", "isrc", "catalog_number")},
    **{name: Q(**{f"{name}__len": 0}) for name in ("mood", "tags")},
    "key": Q(pitch_class__isnull=True), "scale": Q(mode=""), "tempo": Q(tempo__isnull=True),
    "duration": Q(duration_ms__isnull=True), "released": Q(release_date__isnull=True),
    "cover": _without("cover"), "preview": _without("preview"), "waveform": _without("waveform"),
    "audio": _without("original", "audio"), "credits": _without_part(Credit),
    "instruments": _without_part(Instrument), "sections": _without_part(Section),
}  # fmt: skip

FILTERS = {
    known.name: known
    for known in (
        Filter("q", TEXT, "Title, artist, creators, tags, mood and description; accents and typing slips are forgiven, "
               "and the last word may be typed in part", many=False),
        Filter("genre", WORD, "The whole name", _alike("genre")),
        Filter("subgenre", WORD, "The whole name", _said("subgenre")),
        Filter("tempo_min", BPM, "At least", _bound("tempo", "gte"), many=False),
        Filter("tempo_max", BPM, "At most", _bound("tempo", "lte"), many=False),
        Filter("key", KEY, "A Camelot code also says the scale", _in_key),
        Filter("scale", _choice(*keys.MODES), "The mode", _in_scale),
        Filter("harmonic", SWITCH, "With `key`: also the keys that mix with it, a fifth up and down and its relative; "
               "`key` is then a Camelot code, or `scale` says its mode", many=False),
        Filter("mood", WORD, "At least one of them", _alike("mood"), _alike("mood", "alike_here")),
        Filter("mood_all", WORD, "All of them", _alike("mood", "all_alike")),
        Filter("tags", WORD, "At least one of them", _alike("tags"), _alike("tags", "alike_here")),
        Filter("tags_all", WORD, "All of them", _alike("tags", "all_alike")),
        Filter("instrument", WORD, "Category or type", _of_part(Instrument, "category", "type"), apart=True),
        Filter("creator", WORD, "The whole name of somebody with a part in it", _of_part(Credit, "name"), apart=True),
        Filter("duration_min", SECONDS, "At least", _bound("duration_ms", "gte", 1000), many=False),
        Filter("duration_max", SECONDS, "At most", _bound("duration_ms", "lte", 1000), many=False),
        Filter("isrc", ISRC, "With or without hyphens", _among("isrc")),
        Filter("catalog_number", WORD, "The whole number", _said("catalog_number")),
        Filter("released_after", DAY, "On that day or later", _bound("release_date", "gte"), many=False),
        Filter("released_before", DAY, "On that day or earlier", _bound("release_date", "lte"), many=False),
        Filter("kind", _choice(*Track.Kind.values), "How it came here", _among("kind")),
        Filter("owner", WORD, "A username",
               lambda values, wanted: Track.objects.all().named_rule(list(values)), apart=True),
        Filter("pro_only", SWITCH, "Whether the full file is for pro members",
               lambda values, wanted: Track.objects.all().pro_only_rule(bool(values[0])), many=False),
        Filter("clearance", _choice(*Track.Clearance.values), "The verdict on its rights", _among("clearance")),
        Filter("missing", _choice(*MISSING), "At least one of these facts is missing",
               lambda values, wanted: reduce(or_, (MISSING[value] for value in values)), apart=True),
    )
}  # fmt: skip
