"""Staff's desk for the catalogue. Apps above add their part to a track's pages through `TrackAdmin.extend`."""

from apps.catalog.admin.blobs import BlobAdmin
from apps.catalog.admin.changesets import ChangesetAdmin
from apps.catalog.admin.duplicates import DuplicateAdmin
from apps.catalog.admin.history import ChangeAdmin
from apps.catalog.admin.providers import ProviderAdmin
from apps.catalog.admin.terms import TermAdmin
from apps.catalog.admin.tracks import TrackAdmin

__all__ = ["BlobAdmin", "ChangeAdmin", "ChangesetAdmin", "DuplicateAdmin", "ProviderAdmin", "TermAdmin", "TrackAdmin"]
