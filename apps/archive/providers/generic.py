"""Any other service: it has hosts and lifetimes in its row, and nothing that could be asked.

Staff add its row in the admin; programs register finished generations with their addresses. What the other clients
have in common with it, they inherit.
"""

import datetime as dt
from collections.abc import Mapping

from apps.archive.providers import answers
from apps.archive.providers.base import Answer, Delivery, NotAudio, ProviderError, Song


class Generic:
    hosts: tuple[str, ...] = ()
    lifetimes: Mapping[str, dt.timedelta] = {}
    asks_a_minute = 0

    def can_read(self) -> bool:
        return False

    def hears(self) -> bool:
        return False

    def read(self, provider_track_id: str) -> Answer:
        raise ProviderError("NO_API", "This provider has no API that is known here.")

    def fresh_urls(self, provider_track_id: str) -> Song | None:
        return None

    def hook(self, headers: Mapping[str, str], body: bytes, *, now: dt.datetime) -> Delivery:
        raise ProviderError("HOOK_REFUSED", "Deliveries of this provider cannot be verified, so none is taken.")

    def is_not_audio(self, head: bytes, content_type: str) -> NotAudio | None:
        return answers.named(head, content_type)
