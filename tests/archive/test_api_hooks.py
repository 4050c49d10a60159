"""The providers' door: believed by its signature alone, harmless when it repeats itself."""

import json
import secrets
import time

import pytest
import time_machine

from apps.archive import generations
from apps.archive.models import Generation
from apps.catalog.models import ProviderSource, Track
from apps.lib import clock, rates
from deploy.demo.provider_api import SECRETS, Song, signed
from tests.archive.providers.world import begin, deliver, open_apis, post, song
from tests.make import make_providers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def apis(settings, provider):
    make_providers()
    open_apis(settings, provider)


@pytest.fixture
def waiting(ana, provider):
    """A prediction of Ana's that is finished at its provider."""
    begin(provider, "replicate", "p1", song(provider, "replicate", "a"), finished=True)
    return generations.announce(owner=ana, provider="replicate", provider_track_id="p1", title="To Come")[0]


def said(answer) -> tuple[int, str]:
    body = answer.json()
    return answer.status_code, body.get("outcome") or body["code"]


def test_a_signed_prediction_is_a_track_at_once_and_nobody_is_asked(as_, provider, waiting):
    assert said(deliver(as_(None), provider, "replicate", "p1")) == (202, "finished")
    assert waiting.tracks.get().title == "To Come"
    assert provider.requests["/v1/predictions/p1"] == 0


def test_a_repeated_delivery_changes_nothing(as_, provider, waiting):
    headers, body = provider.generations.delivery("replicate", "p1")
    assert [said(post(as_(None), "replicate", body, headers)) for _ in range(3)] == [(202, "finished")] * 3
    assert Track.objects.count() == 1


def test_what_only_the_id_is_signed_of_is_asked_for(as_, ana, provider):
    """What its body says of addresses is nobody's word."""
    begin(provider, "suno", "t1", song(provider, "suno", "a"), finished=True)
    row = generations.announce(owner=ana, provider="suno", provider_track_id="t1", title="To Come")[0]
    Generation.objects.update(next_at=clock.now() + generations.LATEST)
    body = json.dumps({"data": {"task_id": "t1", "data": [{"audio_url": "https://cdn1.suno.ai/planted.mp3"}]}}).encode()
    headers = signed("suno", "t1", body, said=str(int(time.time())))
    assert said(post(as_(None), "suno", body, headers)) == (202, "due")
    assert Generation.objects.get().next_at <= clock.now() and not Track.objects.exists()
    generations.work(seconds=10)
    assert "planted" not in row.tracks.get().source.audio_url


def test_a_failure_that_is_delivered_ends_it(as_, provider, waiting):
    provider.generations.begin("replicate", "p1")
    provider.generations.fail("replicate", "p1", "out of memory")
    assert said(deliver(as_(None), provider, "replicate", "p1")) == (202, "failed")
    assert Generation.objects.get().error_message == "out of memory"


def test_what_was_never_announced_has_no_effect(as_, provider):
    begin(provider, "replicate", "p9", song(provider, "replicate", "a"), finished=True)
    assert said(deliver(as_(None), provider, "replicate", "p9")) == (202, "unknown")
    assert not Track.objects.exists()


def test_progress_is_taken_note_of_and_nothing_else(as_, provider, waiting):
    provider.generations.begin("replicate", "p1")
    assert said(deliver(as_(None), provider, "replicate", "p1")) == (202, "waiting")


@pytest.mark.parametrize("off", [-301, -86_400, 301, 10**9])
@pytest.mark.parametrize("code", ["replicate", "suno"])
def test_a_signature_of_another_time_is_refused(as_, provider, waiting, code, off):
    begin(provider, code, "p1", song(provider, code, "b"), finished=True)
    assert said(deliver(as_(None), provider, code, "p1", at=time.time() + off)) == (400, "SIGNATURE_INVALID")
    assert not Track.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda headers, body: ({}, body),
        lambda headers, body: (headers, body + b" "),
        lambda headers, body: (headers, body.replace(b"p1", b"p2")),
        lambda headers, body: ({**headers, "webhook-id": "another"}, body),
        lambda headers, body: ({**headers, "webhook-id": ""}, body),
        lambda headers, body: ({**headers, "webhook-timestamp": str(int(time.time()) + 1)}, body),
        lambda headers, body: ({**headers, "webhook-timestamp": "now"}, body),
        lambda headers, body: ({**headers, "webhook-timestamp": "١٢"}, body),
        lambda headers, body: ({**headers, "webhook-signature": "v1,"}, body),
        lambda headers, body: ({**headers, "webhook-signature": headers["webhook-signature"][3:]}, body),
        lambda headers, body: ({**headers, "webhook-signature": "v2" + headers["webhook-signature"][2:]}, body),
        lambda headers, body: ({**headers, "webhook-signature": "v1,ÿÿ"}, body),
        lambda headers, body: (signed("replicate", "p1", body, said=str(int(time.time())), secret="whsec_AAAA"), body),
    ],
)
def test_whatever_is_changed_the_signature_is_refused_and_nothing_happens(as_, provider, waiting, change):
    headers, body = change(*provider.generations.delivery("replicate", "p1"))
    assert said(post(as_(None), "replicate", body, headers)) == (400, "SIGNATURE_INVALID")
    assert Generation.objects.get().state == "waiting" and not Track.objects.exists()


def test_one_right_signature_among_several_is_enough(as_, provider, waiting):
    headers, body = provider.generations.delivery("replicate", "p1")
    headers["webhook-signature"] = f"v1,AAAA {headers['webhook-signature']} v2,BBBB"
    assert said(post(as_(None), "replicate", body, headers)) == (202, "finished")


def test_a_suno_delivery_signed_for_another_task_is_refused(as_, ana, provider):
    begin(provider, "suno", "t1", song(provider, "suno", "a"), finished=True)
    body = json.dumps({"data": {"task_id": "t2"}}).encode()
    headers = signed("suno", "t1", body, said=str(int(time.time())))
    assert said(post(as_(None), "suno", body, headers)) == (400, "SIGNATURE_INVALID")


@pytest.mark.parametrize("code", ["suno", "mureka", "replicate"])
def test_without_a_secret_nothing_is_believed(as_, provider, settings, waiting, code):
    """An empty secret would be one that everybody knows."""
    settings.PROVIDER_APIS = {name: facts | {"webhook_secret": ""} for name, facts in settings.PROVIDER_APIS.items()}
    body = json.dumps({"id": "p1", "status": "failed", "data": {"task_id": "p1"}}).encode()
    now = str(int(time.time()))
    for secret in ("whsec_", SECRETS["replicate"]):
        headers = signed("replicate", "p1", body, said=now, secret=secret) | signed("suno", "p1", body, said=now)
        assert said(post(as_(None), code, body, headers)) == (403, "HOOK_REFUSED")
    assert Generation.objects.get().state == "waiting"


def test_of_deliveries_only_those_that_are_refused_are_limited(as_, provider, settings, waiting, monkeypatch):
    """A provider sends from one network what everybody's generations come to."""
    monkeypatch.setattr(rates, "_away_until", 0.0)
    settings.RATE_LIMITS = dict.fromkeys(settings.RATE_LIMITS, 3)
    headers, body = provider.generations.delivery("replicate", "p1")
    client = as_(None)
    client.defaults["REMOTE_ADDR"] = f"2001:db8:{secrets.randbits(16):x}:{secrets.randbits(16):x}::1"

    def send(code: str, body: bytes) -> tuple[int, str]:
        return said(post(client, code, body, headers))

    with time_machine.travel(int(time.time()), tick=False):
        assert [send("replicate", body) for _ in range(5)] == [(202, "finished")] * 5
        refused = [send("replicate", body + b" ") for _ in range(2)] + [send("stripe", body)]
        assert refused == [(400, "SIGNATURE_INVALID")] * 2 + [(404, "NOT_FOUND")]
        assert [send(code, body + b" ") for code in ("replicate", "stripe")] == [(429, "RATE_LIMITED")] * 2
        assert send("replicate", body) == (202, "finished")


@pytest.mark.parametrize("code", ["stripe", "udio", "https"])
def test_a_provider_that_delivers_nothing_is_not_there(as_, code):
    assert said(post(as_(None), code, b"{}", {})) == (404, "NOT_FOUND")


def test_a_body_beyond_256_kib_is_refused_unread(as_, provider, waiting):
    body = b"{" + b" " * 256 * 1024 + b"}"
    headers = signed("replicate", "p1", body, said=str(int(time.time())))
    assert said(post(as_(None), "replicate", body, headers)) == (413, "TOO_LARGE")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"id": 7}', b'{"id": "p1"}', b'{"id": {}}']
)
def test_signed_nonsense_is_refused_by_name(as_, waiting, body):
    headers = signed("replicate", "p1", body, said=str(int(time.time())))
    assert said(post(as_(None), "replicate", body, headers)) == (400, "MALFORMED")


def test_an_address_of_another_host_is_no_track_though_it_is_signed(as_, provider, waiting):
    provider.generations.finish("replicate", "p1", [Song({"audio": "https://evil.example/a.mp3"})])
    assert said(deliver(as_(None), provider, "replicate", "p1")) == (202, "waiting")
    assert not ProviderSource.objects.exists() and Generation.objects.get().error_code == "URL_REFUSED"
