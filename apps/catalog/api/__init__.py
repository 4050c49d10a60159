"""The catalogue's part of `/api/v1/`."""

from apps.catalog.api import changesets, duplicates, listing, parts, plays, sheets, tracks, vocabulary

urls = [
    *changesets.urls,
    *duplicates.urls,
    *listing.urls,
    *parts.urls,
    *plays.urls,
    *sheets.urls,
    *tracks.urls,
    *vocabulary.urls,
]
