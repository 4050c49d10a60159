"""The listeners' catalogue page: what its form offers, how many tracks say each value, and what is on as chips."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import chain
from typing import NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q
from django.http import QueryDict

from apps.catalog import facets, keys
from apps.catalog.filters import Wanted
from apps.catalog.models import Track
from apps.catalog.search import Understood
from apps.catalog.words import Word
from apps.lib.errors import Refusal

MOST_SHOWN = 8
# Parameters that the page reads itself.
BESIDE = ("cursor",)


class Offer(NamedTuple):
    """A group of values: filter, heading, and the facet that counts them."""

    name: str
    title: str
    facet: str


OFFERS = (
    Offer("genre", "Genre", "genre"),
    Offer("mood", "Mood", "mood"),
    Offer("key", "Key", "camelot"),
    Offer("instrument", "Instrument", "instrument"),
    Offer("kind", "Kind", "kind"),
)
KINDS = {"uploaded": "Uploaded", "generated": "Generated", "gallery": "Gallery", "library": "House library"}
ORDERS = {
    "-id": "Newest",
    "-popularity": "Most popular",
    "-plays": "Most played",
    "title": "Title",
    "tempo": "Slowest",
    "-tempo": "Fastest",
    "duration": "Shortest",
    "-duration": "Longest",
    "-released": "Latest release",
}
# What chips say of filters that hold one number or switch.
PHRASES = {
    "tempo_min": "from {} BPM",
    "tempo_max": "to {} BPM",
    "duration_min": "{} or longer",
    "duration_max": "{} or shorter",
    "released_after": "released from {}",
    "released_before": "released to {}",
    "creator": "by {}",
    "owner": "added by {}",
    "tags": "#{}",
    "tags_all": "#{}",
}


@dataclass(frozen=True)
class Choice:
    """A value of the form, and how many tracks say it beside all other filters."""

    value: str
    words: str
    count: int | None
    on: bool
    title: str = ""


@dataclass(frozen=True)
class Group:
    name: str
    title: str
    choices: list[Choice] = field(default_factory=list)

    @property
    def first(self) -> list[Choice]:
        """What is on, and the most frequent."""
        return [choice for at, choice in enumerate(self.choices) if at < MOST_SHOWN or choice.on]

    @property
    def rest(self) -> list[Choice]:
        return [choice for at, choice in enumerate(self.choices) if at >= MOST_SHOWN and not choice.on]


class Chip(NamedTuple):
    """A filter that is on, in words, and the query string without it."""

    words: str
    without: str


def asked(query: QueryDict) -> dict[str, list[str]]:
    """The parameters without those that a form sends empty, and without neighbours of no key."""
    said = {name: [text for text in texts if text.strip()] for name, texts in query.lists() if name not in BESIDE}
    said = {name: texts for name, texts in said.items() if texts}
    return {name: texts for name, texts in said.items() if name != "harmonic" or "key" in said}


def query_of(wanted: Wanted, **more: str) -> str:
    """`?genre=House&…`, or `?` for everything."""
    return f"?{urlencode({**wanted.query(), **more})}"


def less(wanted: Wanted, name: str, value=None) -> Wanted:
    """The same without a filter, or without one of its values. Without a key its neighbours go too."""
    kept = {known: values for known, values in wanted.chosen if known != name or value is not None}
    if value is not None:
        kept[name] = tuple(each for each in kept[name] if each != value)
    kept = {known: values for known, values in kept.items() if values}
    if "key" not in kept:
        kept.pop("harmonic", None)
    ordering = "" if wanted.ordering == "relevance" and "q" not in kept else wanted.ordering
    return replace(wanted, chosen=tuple(kept.items()), ordering=ordering)


def counted(user, wanted: Wanted) -> tuple[int, list[Group]]:
    """How many tracks are wanted, and the groups of the form.

    The values of a group are counted as if nothing of it were chosen: its values are alternatives.
    """
    free = [offer for offer in OFFERS if not wanted.get(offer.name)]
    found = facets.count(user, wanted, [offer.facet for offer in free])
    counts = dict(found.facets)
    for offer in (offer for offer in OFFERS if offer not in free):
        counts |= facets.count(user, less(wanted, offer.name), [offer.facet]).facets
    return found.total, [Group(o.name, o.title, _choices(o, counts[o.facet], wanted)) for o in OFFERS]


def _choices(offer: Offer, counts: dict[str, int], wanted: Wanted) -> list[Choice]:
    """Every value that is counted, and those that are on though nothing says them."""
    on = {str(value).casefold(): str(value) for value in wanted.get(offer.name)}
    missing = [value for folded, value in on.items() if folded not in {each.casefold() for each in counts}]
    every = chain(counts.items(), ((value, 0) for value in missing))
    made = [_choice(offer.name, value, n, value.casefold() in on) for value, n in every]
    return sorted(made, key=_on_the_wheel) if offer.name == "key" else made


def _choice(name: str, value: str, count: int, on: bool) -> Choice:
    title = key_title(value) if name == "key" else ""
    return Choice(said(name, value), words(name, value), count, on, title)


def said(name: str, value) -> str:
    """A value as a query string says it, with its commas."""
    return Wanted(((name, (value,)),)).query()[name]


def _on_the_wheel(choice: Choice) -> tuple[int, str]:
    number = choice.value[:-1]
    return (int(number), choice.value[-1]) if number.isdecimal() else (99, choice.value)


def words(name: str, value) -> str:
    """How people say a value of a filter."""
    if name == "kind":
        return KINDS[str(value)]
    if name in ("duration_min", "duration_max"):
        minutes, seconds = divmod(float(value), 60)
        return f"{int(minutes)}:{int(seconds):02}"
    return str(value)


def key_title(code: str) -> str:
    """`A minor` of `8A`; of what is no Camelot code itself."""
    pitch, mode = keys.read(code)
    return f"{keys.key_name(pitch)} {mode}".strip()


def chips(wanted: Wanted) -> Iterator[Chip]:
    """What is on, one by one; the text that is searched for stands in its box."""
    for name, values in wanted.chosen:
        for value in values if name != "q" else ():
            yield Chip(_phrase(name, value), query_of(less(wanted, name, value)))


def _phrase(name: str, value) -> str:
    said = words(name, value)
    if name == "harmonic":
        return "with harmonic neighbours" if value else "without harmonic neighbours"
    if name == "pro_only":
        return "pro only" if value else "not pro only"
    plain = name in {offer.name for offer in OFFERS} | {"mood_all", "subgenre"}
    return said if plain else PHRASES.get(name, f"{name.replace('_', ' ')} {{}}").format(said)


def form(user, wanted: Wanted, ids: list[UUID]) -> dict:
    """Everything of the form and the head of its results, which are these tracks."""
    total, groups = counted(user, wanted)
    return {
        "total": total,
        "groups": groups,
        "chips": list(chips(wanted)),
        "read_as": read_as(wanted, ids),
        "others": [(name, said(name, v)) for name, values in wanted.chosen if name not in IN_FORM for v in values],
    }


def read_as(wanted: Wanted, ids: list[UUID]) -> str:
    """How the text was put right, where one of these tracks says it so; else empty.

    The words that searching knows are those of a while ago: one that only a track out of sight says is not told.
    """
    text = wanted.text
    if not (ids and text and text.corrected):
        return ""
    meant = Understood(tuple(Word(right.word, right.uses, 0, 1) for _, right in text.corrected))
    return text.read_as if Track.objects.filter(Q(meant.anywhere()), pk__in=ids).exists() else ""


IN_FORM = {"q", "harmonic", "tempo_min", "tempo_max", "duration_min", "duration_max", *(o.name for o in OFFERS)}


def orders(texts: dict[str, list[str]]) -> list[tuple[str, str, bool]]:
    """(value, words, chosen) of every order that makes sense here; the best match first where something is sought."""
    chosen = texts.get("ordering", [""])[-1] or ("relevance" if "q" in texts else "-id")
    offered = {"relevance": "Best match", **ORDERS} if "q" in texts else ORDERS
    return [(name, said, name == chosen) for name, said in offered.items()]


# What the form calls filters; the API's refusals call them by their names.
CALLED = {
    "tempo_min": "slowest tempo",
    "tempo_max": "fastest tempo",
    "duration_min": "shortest length",
    "duration_max": "longest length",
}


def refused(texts: dict[str, list[str]], refusal: Refusal) -> dict:
    """The form as it was sent, where that means nothing, and why."""
    said = reduce(lambda said, name: said.replace(name, CALLED[name]), CALLED, refusal.message)
    groups = [Group(o.name, o.title, [Choice(v, v, None, True) for v in texts.get(o.name, ())]) for o in OFFERS]
    return {"groups": groups, "total": None, "refusal": said[:1].upper() + said[1:]}


# --- Pages --------------------------------------------------------------------------------------------------------
def found(user, wanted: Wanted, *, size: int, cursor: str) -> tuple[list[UUID], dict[str, str]]:
    """The ids of a page, and the query strings of the pages around it. Refusal INVALID for a cursor that is none."""
    reader = wanted.reader(Track.objects.visible_to(user).live())
    page = reader.page(size, reader.place(cursor) if cursor else None)
    around = {"next": page.next, "previous": page.previous}
    return page.ids, {name: query_of(wanted, cursor=reader.cursor(at)) for name, at in around.items() if at}
