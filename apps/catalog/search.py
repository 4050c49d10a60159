"""Full text: what was asked for, as the index understands it, with accents and typing slips forgiven.

Words are ANDed; the last one may be typed in part, unless it is a word as it stands. A word that no public track has is
looked for as it is and as the nearest that one has: so a slip is forgiven, and an owner still finds the odd word of a
private track.
"""

from dataclasses import dataclass, replace
from uuid import UUID

from django.db.models import BooleanField, Expression, F, Func, Q, QuerySet, TextField, Value
from django.db.models.functions import Lower

from apps.catalog import words
from apps.catalog.words import Right, Word

PREFIX_FROM = 3
# Of so few tracks all are gathered and sorted; of more, the first ones are soon met on the way down the list.
FEW = 5_000
# What so few tracks have is gathered by that word alone: to look at them is quicker than an index of what is beside it.
RARE = 300


class Hit(Func):
    """Whether a search vector matches a query."""

    arg_joiner = " @@ "
    template = "(%(expressions)s)"
    output_field = BooleanField()


class Query(Func):
    template = "%(expressions)s::tsquery"
    output_field = TextField()


class Names(Func):
    """The words of title, artist and creators alone; its index is `track_search_names`."""

    template = "ts_filter(%(expressions)s, '{a,b}')"
    output_field = TextField()


@dataclass(frozen=True)
class Understood:
    """A text as it is searched for. `corrected` is word → what it was put right to."""

    words: tuple[Word, ...]
    corrected: tuple[tuple[str, Right], ...] = ()
    typed: bool = True  # whether the last word may still be in the typing

    @property
    def read_as(self) -> str:
        """The text with its words put right; empty when nothing was."""
        right = dict(self.corrected)
        said = (right[word.text].word if word.text in right else word.text for word in self.words)
        return " ".join(said) if right else ""

    @property
    def few(self) -> bool:
        """Whether few tracks are likely to have all these words, as if they knew nothing of each other."""
        likely = self.words[0].of if self.words else 0
        for at, word in enumerate(self.words):
            likely *= min(1, self._uses(at) / word.of)
        return likely <= FEW

    @property
    def rare(self) -> list[int]:
        """At which places the words are that hardly any track has."""
        return [at for at in range(len(self.words)) if self._uses(at) <= RARE]

    def anywhere(self) -> Expression:
        return Hit(F("search"), self._query())

    def in_names(self) -> Expression:
        """Every word in title, artist or creators; answered by an index of its own."""
        return Hit(Names(F("search")), self._query())

    def seen_in_names(self) -> Expression:
        """The same, quick to tell of a row that is at hand."""
        return Hit(F("search"), self._query("AB"))

    def near(self) -> Expression | None:
        """Fewer words, where few tracks have them: the others are then seen in the rows.

        The rare ones; else those before one that is typed in part, for the index would have to read every word that
        begins like it. None where it is as well to ask for all.
        """
        last = len(self.words) - 1
        kept = self.rare
        if not kept and self._begun(last) and any(self._uses(at) <= FEW for at in range(last)):
            kept = list(range(last))
        if not kept:
            return None
        fewer = replace(self, words=tuple(self.words[at] for at in kept), typed=self.typed and last in kept)
        return Hit(F("search"), fewer._query())

    def _query(self, weights: str = "") -> Expression:
        right, texts = dict(self.corrected), []
        for at, word in enumerate(self.words):
            said = [_marked(word.text, "*" * self._begun(at) + weights)]
            if word.text in right:
                said.append(_marked(right[word.text].word, weights))
            texts.append(f"({' | '.join(said)})")
        return Query(Value(" & ".join(texts)))

    def _begun(self, at: int) -> bool:
        """Whether this word may be typed in part: the last one, where nobody knows it as a whole word."""
        word = self.words[at]
        last = self.typed and at == len(self.words) - 1
        return last and len(word.text) >= PREFIX_FROM and not word.uses

    def _uses(self, at: int) -> int:
        word, right = self.words[at], dict(self.corrected)
        if word.text in right:
            return right[word.text].uses
        return word.begun if self._begun(at) else word.uses


def understood(text: str) -> Understood:
    """Two statements at most. No word at all is found nowhere."""
    said = words.read(text, begun_from=PREFIX_FROM)
    unknown = [word.text for at, word in enumerate(said) if not (word.uses or (at == len(said) - 1 and word.begun))]
    return Understood(tuple(said), tuple(words.put_right(unknown).items()) if unknown else ())


def _marked(word: str, marks: str) -> str:
    """A word of a query, with `*` for what begins like it and letters for the weights it counts with."""
    quoted = "'" + word.replace("\\", "\\\\").replace("'", "''") + "'"
    return f"{quoted}:{marks}" if marks else quoted


def for_staff(queryset: QuerySet, text: str) -> QuerySet:
    """The tracks that staff mean: by their words, or by an identifier that is this text as a whole.

    Identifiers: the track's id, ISRC, catalogue number, the provider's id, its owner's e-mail address.
    """
    text = text.strip()
    if not text:
        return queryset
    found = queryset.model.objects.order_by()
    named = [
        found.filter(~Q(isrc=""), isrc=text.upper().replace("-", "").replace(" ", "")),
        found.alias(number_=Lower("catalog_number")).filter(~Q(catalog_number=""), number_=Lower(Value(text))),
        found.filter(source__provider_track_id=text),
        found.alias(email_=Lower("owner__email")).filter(email_=Lower(Value(text))),
    ]
    if pk := _uuid(text):
        named.append(found.filter(pk=pk))
    # Looked up first: beside other conditions a common word would be gathered from all over the table.
    first, *others = (rows.values_list("pk", flat=True) for rows in named)
    known = Q(pk__in=list(first.union(*others, all=True)[:FEW]))
    said = understood(text)
    return queryset.filter(known | Q(said.anywhere()) if said.words else known)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
