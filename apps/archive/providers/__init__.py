"""The providers of generated tracks, one client each; a provider without one of its own is a generic one."""

from apps.archive.providers.base import (
    Answer,
    Client,
    Delivery,
    Failed,
    Finished,
    NotAudio,
    ProviderError,
    Song,
    Unfinished,
)
from apps.archive.providers.generic import Generic
from apps.archive.providers.mureka import Mureka
from apps.archive.providers.replicate import Replicate
from apps.archive.providers.suno import Suno

__all__ = [
    "CLIENTS", "Answer", "Client", "Delivery", "Failed", "Finished", "NotAudio", "ProviderError", "Song", "Unfinished",
    "client",
]  # fmt: skip

CLIENTS: dict[str, Client] = {"suno": Suno(), "mureka": Mureka(), "replicate": Replicate()}
_GENERIC = Generic()


def client(code: str) -> Client:
    return CLIENTS.get(code, _GENERIC)
