"""The same bytes again: one person's are the track they have (S0-29); several people's share one Blob and no word."""

from apps.catalog.models import Track
from apps.lib import locks
from apps.uploads.models import Upload

DUPLICATE = "Track already exists in your library"


def existing(upload: Upload, sha256: str) -> Track | None:
    """The track in sight, of the person or for staff's uploads of the library, that these bytes are the original of.

    Inside a transaction it is the only one who asks for these bytes and this owner until the transaction ends: of two
    who bring them at once the second finds the first one's track. A replacement is only the same as what it replaces.
    """
    owner = owner_of(upload)
    locks.until_commit(f"bytes {sha256} of {owner and owner.pk}")
    tracks = Track.objects.live().of(owner) if upload.replaces_id is None else Track.objects.live()
    if upload.replaces_id:
        tracks = tracks.filter(pk=upload.replaces_id)
    return tracks.filter(files__role="original", files__blob__sha256=sha256).order_by("pk").first()


def owner_of(upload: Upload):
    """Whose track comes in: the person's, nobody's when it is for the house's library."""
    return None if upload.facts.get("library") else upload.user
