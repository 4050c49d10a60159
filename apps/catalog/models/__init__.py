"""Tracks with their parts, their bytes, where generated ones come from, and the curation of it all."""

from apps.catalog.models.blob import Blob
from apps.catalog.models.changeset import Change, Changeset, ChangesetRow
from apps.catalog.models.derivation import Derivation
from apps.catalog.models.duplicate import Duplicate
from apps.catalog.models.file import FormerFile, TrackFile
from apps.catalog.models.parts import Credit, Instrument, Sample, Section
from apps.catalog.models.play import Play, PlayDay
from apps.catalog.models.source import Provider, ProviderSource
from apps.catalog.models.term import Term, Word
from apps.catalog.models.track import Track

__all__ = [
    "Blob", "Change", "Changeset", "ChangesetRow", "Credit", "Derivation", "Duplicate", "FormerFile", "Instrument",
    "Play", "PlayDay", "Provider", "ProviderSource", "Sample", "Section", "Term", "Track", "TrackFile", "Word",
]  # fmt: skip
