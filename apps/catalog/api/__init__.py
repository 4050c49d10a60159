"""The catalogue's part of `/api/v1/`."""

from apps.catalog.api import tracks

urls = [*tracks.urls]
