"""The catalogue's part of `/api/v1/`."""

from apps.catalog.api import changesets, duplicates, listing, parts, plays, sheets, tracks, vocabulary

urls = [
    *listing.urls,
    *tracks.urls,
    *parts.urls,
    *plays.urls,
    *changesets.urls,
    *duplicates.urls,
    *sheets.urls,
    *vocabulary.urls,
]
