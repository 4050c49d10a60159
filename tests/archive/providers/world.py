"""The three APIs at the demo's provider, and generations that it makes."""

from django.conf import LazySettings

from deploy.demo.provider import Provider
from deploy.demo.provider_api import KEY, SECRETS, Song
from tests.make import audio, make_providers

PROVIDERS = ("suno", "mureka", "replicate")


def open_apis(settings: LazySettings, provider: Provider) -> None:
    """The clients ask this provider, and believe what it signs."""
    settings.PROVIDER_APIS = {
        code: {"url": provider.origin, "key": KEY, "webhook_secret": SECRETS.get(code, "")} for code in PROVIDERS
    }


def song(provider: Provider, code: str, name: str, *, seed: int = 1, **facts) -> Song:
    """A song whose audio is served; `key` and `title` as the provider tells them."""
    url = provider.publish(code, f"{name}.mp3", audio("mp3", seed=seed), "audio/mpeg", expires_in=None)
    return Song({"audio": url}, **{"key": name, "seconds": 2.0, **facts})


def begin(provider: Provider, code: str, task: str, *songs: Song, finished: bool = False) -> None:
    make_providers()
    provider.generations.begin(code, task, list(songs), finish_in=0 if finished else None)


def deliver(client, provider: Provider, code: str, task: str, **sent):
    """The provider's webhook, posted as it would be; the answer."""
    headers, body = provider.generations.delivery(code, task, **sent)
    return post(client, code, body, headers)


def post(client, code: str, body: bytes, headers: dict[str, str]):
    return client.generic("POST", f"/api/v1/hooks/{code}", body, content_type="application/json", headers=headers)
