import re

import pytest

from apps.catalog import waveform
from apps.catalog.models import Blob
from apps.lib import storage
from tests.make import make_playable


def test_the_outline_runs_along_the_maxima_and_back_along_the_minima():
    assert waveform.outline([-10, 20, -30, 40]) == "M0 108 L1 88 L1 158 L0 138Z"


def test_silence_is_a_thin_line_and_nothing_is_nothing():
    assert waveform.outline([0, 0]) == "M0 127 L0 129Z"
    assert waveform.outline([]) == ""


@pytest.mark.django_db
def test_a_picture_shows_every_pair_of_the_stored_peaks(ana):
    svg = waveform.picture(make_playable(ana, derived=True).file("waveform").blob)
    path = re.search(r' d="([^"]+)"', svg)[1]
    width = int(re.search(r'viewBox="0 0 (\d+) 256"', svg)[1])
    assert path.count(" L") + 1 == 2 * width > 100


@pytest.mark.django_db
@pytest.mark.parametrize("content", [b"no json", b"{}", b'{"data": ["<script>"]}'])
def test_peaks_that_are_none_are_refused_and_never_drawn(content):
    stored = storage.put_bytes(content)
    blob = Blob(key=stored.key, sha256=stored.sha256)
    with pytest.raises((ValueError, KeyError)):
        waveform.picture(blob)
