"""A waveform as a picture: the kept peaks drawn as one SVG path."""

import json

from django.utils.html import format_html
from django.utils.safestring import SafeString

from apps.catalog.models import Blob

HEIGHT = 256  # peaks go from -128 to 127
MOST_BYTES = 1_000_000


def picture(peaks: Blob) -> SafeString:
    """An `<svg>` in the text's colour that stretches to its box. Unreadable: Refusal, OSError, ValueError, KeyError."""
    with peaks.open() as file:
        data = json.loads(file.read(MOST_BYTES))["data"]
    label = "Waveform"
    return format_html(
        '<svg class="waveform" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<path fill="currentColor" d="{}"/></svg>',
        len(data) // 2 or 1, HEIGHT, label, outline(data),
    )  # fmt: skip


def outline(pairs: list[int]) -> str:
    """SVG path around `min, max, min, max, …`: along the maxima and back along the minima. Silence is a thin line."""
    middle = HEIGHT // 2
    above = [f"{x} {middle - max(int(high), 1)}" for x, high in enumerate(pairs[1::2])]
    below = [f"{x} {middle - min(int(low), -1)}" for x, low in enumerate(pairs[::2])]
    return f"M{' L'.join(above + below[::-1])}Z" if above else ""
