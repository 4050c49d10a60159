"""What makes the demo a catalogue: who plays what in a track, how it is built, who owns which share of it."""

from apps.accounts.models import User
from apps.catalog import parts
from apps.catalog.models import Track

# title: sections by their share of the length, credits (role, share), instruments, samples (pack, cleared)
PARTS = {
    "Harbour Lights": (
        (("intro", 0.2), ("verse", 0.5), ("chorus", 0.8), ("outro", 1.0)),
        (("composer", 100), ("producer", 100)),
        (("keys", "felt piano"), ("synth", "pad")),
        (("Northern Harbours", True),),
    ),
    "Birch and Frost": (
        (("intro", 0.3), ("bridge", 0.7), ("outro", 1.0)),
        (("composer", 100),),
        (("tape", "loop"), ("keys", "harmonium")),
        (),
    ),
    "Market Day": (
        (("intro", 0.15), ("verse", 0.45), ("chorus", 0.75), ("outro", 1.0)),
        (("composer", 60), ("performer", None)),
        (("drums", "djembe"), ("brass", "trumpet"), ("bass", "electric bass")),
        (),
    ),
    "Night Bus Home": (
        (("intro", 0.25), ("chorus", 0.75), ("outro", 1.0)),
        (("composer", 100), ("producer", 100)),
        (("drums", "808"), ("bass", "synth bass"), ("keys", "electric piano")),
        (("Late Night Chords", False),),
    ),
}


def fill(owner: User, track: Track) -> None:
    """Give one of the demo's tracks its parts, as its owner would. The number of everybody is made up."""
    if track.title not in PARTS or track.sections.exists():
        return
    sections, credits, instruments, samples = PARTS[track.title]
    name = owner.profile.name
    rows = {
        "sections": list(_sections(sections, track.duration_ms)),
        "credits": [{"name": name, "role": role, "split": share, "ipi": "00000000199"} for role, share in credits],
        "instruments": [
            {"category": category, "type": kind, "is_primary": n == 0} for n, (category, kind) in enumerate(instruments)
        ],
        "samples": [{"pack_name": pack, "is_cleared": cleared} for pack, cleared in samples],
    }
    for kind, listed in rows.items():
        parts.replace(track=track, kind=kind, rows=listed, by=owner)


def _sections(shares, duration_ms: int):
    start = 0
    for name, share in shares:
        end = round(duration_ms * share)
        yield {"name": name, "start_ms": start, "end_ms": end}
        start = end
