"""Staff's desk for the catalogue. Apps above add their part to a track's pages through `TrackAdmin.extend`."""

from apps.catalog.admin.blobs import BlobAdmin
from apps.catalog.admin.providers import ProviderAdmin
from apps.catalog.admin.tracks import TrackAdmin

__all__ = ["BlobAdmin", "ProviderAdmin", "TrackAdmin"]
