import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from apps.archive import copies, gate, hosts, repairs, schedule, scrubbing, working
from apps.archive.models import ArchiveAsset, ArchiveHost, ArchiveJob, Finding, Generation
from apps.catalog import actions as catalog
from apps.catalog.models import Blob, Provider, Track
from apps.lib import storage
from apps.lib.fetch import FetchError
from tests.archive.places import held, overwrite, two_folders
from tests.archive.world import at_provider
from tests.make import audio, make_generated, make_playable, make_providers, make_track

pytestmark = pytest.mark.django_db

ASSETS, JOBS, TRACKS = "/admin/archive/archiveasset/", "/admin/archive/archivejob/", "/admin/catalog/track/"
HOSTS = "/admin/archive/archivehost/"


@pytest.fixture
def desk(mod) -> Client:
    client = Client()
    client.force_login(mod)
    return client


def make_asset(owner, state: str = "pending", *, title: str = "Neon Rain", left=dt.timedelta(days=10)) -> ArchiveAsset:
    """The audio of a generated track, in this state, whose address works for as long as is `left`."""
    now = timezone.now()
    expires_at = now + left
    track = make_generated(owner, title=title, generated_at=expires_at - dt.timedelta(days=15), expires_at=expires_at)
    schedule.plan_tracks([track])
    asset = ArchiveAsset.objects.get(track=track)
    if state != "pending":
        ArchiveAsset.machine.move(asset, "running", lease_until=now)
        later = {} if state == "lost" else {"next_at": now + dt.timedelta(hours=1)}
        ArchiveAsset.machine.move(asset, state, lease_until=None, error_code="GONE", error_message="No more.", **later)
    return asset


def press(client: Client, name: str, asset: ArchiveAsset) -> str:
    answer = client.post(f"{ASSETS}{asset.pk}/{name}/", follow=True)
    asset.refresh_from_db()
    return " ".join(map(str, answer.context["messages"]))


def bulk(client: Client, name: str, *assets: ArchiveAsset) -> list[str]:
    chosen = {"action": name, "_selected_action": [str(asset.pk) for asset in assets]}
    answer = client.post(f"{ASSETS}?desk=all", chosen, follow=True)
    return [str(message) for message in answer.context["messages"]]


def listed(client: Client, path: str = ASSETS, **query) -> list[str]:
    return [row.track.title for row in client.get(path, query).context["cl"].result_list]


@pytest.mark.parametrize("state", ["retrying", "gone_suspect", "quarantined", "lost"])
def test_a_retry_makes_an_asset_due_at_once_also_one_given_up(desk, mod, ana, state):
    asset = make_asset(ana, state)
    ArchiveJob.objects.all().delete()
    assert "due now" in press(desk, "retry", asset)
    assert asset.state == ("pending" if state == "lost" else state)
    lane = schedule.quarantined if state == "quarantined" else schedule.due
    assert lane().filter(pk=asset.pk).exists()
    assert ArchiveJob.objects.get(track=asset.track).requested_by == mod


@pytest.mark.django_db(transaction=True)
def test_a_lost_asset_whose_provider_came_back_is_saved_after_all(ana, mod, provider):
    track = at_provider(provider, ana)
    schedule.plan_tracks([track])
    asset = ArchiveAsset.objects.get(track=track)
    ArchiveAsset.machine.move(asset, "running", lease_until=timezone.now())
    ArchiveAsset.machine.move(asset, "lost", lease_until=None, next_at=None)
    client = Client()
    client.force_login(mod)
    press(client, "retry", asset)
    working.work(limit=1, seconds=30)
    asset.refresh_from_db()
    assert asset.state == "archived"
    assert Track.objects.get(pk=track.pk).served is not None


def test_an_asset_in_work_archived_or_dropped_has_nothing_to_retry(desk, ana):
    running = make_asset(ana)
    ArchiveAsset.machine.move(running, "running", lease_until=timezone.now())
    dropped = make_asset(ana)
    ArchiveAsset.machine.move(dropped, "dropped")
    for asset, words in ((running, "It is running"), (dropped, "It is dropped")):
        before = asset.state
        assert words in press(desk, "retry", asset)
        assert asset.state == before


def test_an_asset_of_a_removed_track_is_not_tried_again(desk, ana):
    asset = make_asset(ana, "lost")
    catalog.remove(track=asset.track, by=ana)
    assert "removed" in press(desk, "retry", asset)
    assert asset.state == "lost"


def test_archive_now_brings_the_whole_track_forward_and_wakes_a_worker(
    desk, mod, ana, django_capture_on_commit_callbacks
):
    asset = make_asset(ana, "retrying")
    with django_capture_on_commit_callbacks() as nudges:
        desk.post(f"{TRACKS}{asset.track_id}/archive-now/")
    assert schedule.due().filter(pk=asset.pk).exists()
    assert len(nudges) == 1


def test_a_track_without_provider_has_nothing_to_archive(desk, ana):
    track = make_track(ana)
    assert "archive-now" not in desk.get(f"{TRACKS}{track.pk}/change/").content.decode()
    answer = desk.post(f"{TRACKS}{track.pk}/archive-now/", follow=True)
    assert "no provider" in " ".join(map(str, answer.context["messages"]))


def test_bulk_actions_count_and_name_who_refused(desk, ana):
    lost, running = make_asset(ana, "lost", title="Lost"), make_asset(ana, title="Busy")
    ArchiveAsset.machine.move(running, "running", lease_until=timezone.now())
    assert bulk(desk, "retry_assets", lost, running) == [
        "Retry: 1 done, 1 refused.",
        "audio of Busy: It is running: there is nothing to try again.",
    ]
    catalog.remove(track=lost.track, by=ana)
    said = bulk(desk, "archive_tracks", lost, make_asset(ana, "quarantined"))
    assert said[0] == "Archive now: 1 done, 1 refused."


def test_archive_now_is_done_once_per_track_however_many_files_are_chosen(desk, ana):
    track = make_generated(ana, cover_url="https://cdn1.suno.ai/c.jpeg")
    schedule.plan_tracks([track])
    assert bulk(desk, "archive_tracks", *ArchiveAsset.objects.all()) == ["Archive now: 1 done, 0 refused."]


def test_the_desk_opens_on_what_is_open_the_next_to_expire_first(desk, ana):
    make_asset(ana, title="later", left=dt.timedelta(days=9))
    make_asset(ana, "quarantined", title="sooner", left=dt.timedelta(hours=20))
    make_asset(ana, "lost", title="too late")
    make_asset(ana, "gone_suspect", title="soonest", left=dt.timedelta(minutes=30))
    assert listed(desk) == ["soonest", "sooner", "later"]
    assert listed(desk, desk="lost") == ["too late"]
    assert listed(desk, desk="quarantined") == ["sooner"]
    assert listed(desk, desk="gone") == ["soonest"]
    assert len(listed(desk, desk="all")) == 4
    assert listed(desk, expires="1h") == ["soonest"]
    assert listed(desk, expires="24h") == ["soonest", "sooner"]
    assert listed(desk, expires="2d") == ["soonest", "sooner"]
    assert listed(desk, track__source__provider__code__exact="mureka") == []
    assert listed(desk, q="soon") == ["soonest", "sooner"]


def test_the_archive_of_a_track_is_found_by_the_tracks_identity(desk, ana):
    asset = make_asset(ana, title="Wanted")
    make_asset(ana, title="Another")
    for path in (ASSETS, JOBS):
        assert listed(desk, path, q=str(asset.track_id)) == ["Wanted"]
    assert listed(desk, q=str(asset.pk)) == ["Wanted"]


def test_an_asset_tells_when_it_expires_and_what_went_wrong(desk, ana):
    asset = make_asset(ana, "retrying", left=dt.timedelta(days=10, hours=4, minutes=30))
    shown = desk.get(ASSETS).content.decode()
    assert "in 10 d 4 h" in shown and "in 59 min" in shown and 'title="No more."' in shown
    page = desk.get(f"{ASSETS}{asset.pk}/change/").content.decode()
    assert asset.source_url in page and "No more." in page
    assert f'href="{asset.source_url}"' not in page


def test_an_asset_that_is_over_has_no_countdown(desk, ana):
    asset = make_asset(ana)
    assert "in 9 d" in desk.get(ASSETS, {"desk": "all"}).content.decode()
    ArchiveAsset.machine.move(asset, "dropped")
    assert "in 9 d" not in desk.get(ASSETS, {"desk": "all"}).content.decode()


def test_a_job_tells_who_asked_and_how_it_went(desk, mod, ana):
    schedule_only, asked = make_asset(ana, title="Planned"), make_asset(ana, title="Asked")
    ArchiveJob.objects.filter(track=asked.track).update(requested_by=mod, error_message="It was gone.")
    shown = desk.get(JOBS).content.decode()
    assert "the schedule" in shown and "mod@example.org" in shown and "It was gone." in shown
    page = desk.get(f"{JOBS}{ArchiveJob.objects.get(track=schedule_only.track).pk}/change/").content.decode()
    assert schedule_only.source_url in page and "ana@example.org" in page
    assert listed(desk, JOBS, status="pending") == ["Asked", "Planned"]
    assert listed(desk, JOBS, status="failed") == []


@pytest.mark.parametrize(
    ("state", "words"), [("pending", "0 of 1"), ("lost", "lost"), ("quarantined", "quarantined"), ("dropped", None)]
)
def test_a_track_is_listed_with_the_worst_state_of_its_files(desk, ana, state, words):
    asset = make_asset(ana, "pending" if state == "dropped" else state)
    if state == "dropped":
        ArchiveAsset.machine.move(asset, "dropped")
    page = desk.get(TRACKS).context["cl"].model_admin
    shown = page.archived(page.listed(Track.objects.all()).get())
    assert (words is None and shown == "") or words in shown


def test_tracks_are_listed_by_what_the_archive_has_of_them(desk, ana):
    make_track(ana, title="Own")
    for state in ("pending", "lost"):
        make_asset(ana, state, title=state)
    make_asset(ana, title="urgent", left=dt.timedelta(days=1))
    found = {choice: sorted(t.title for t in desk.get(TRACKS, {"archive": choice}).context["cl"].result_list)
             for choice in ("waiting", "lost", "archived", "urgent")}  # fmt: skip
    assert found == {"waiting": ["pending", "urgent"], "lost": ["lost"], "archived": [], "urgent": ["urgent"]}


def test_a_tracks_page_shows_its_assets_and_jobs(desk, ana):
    asset = make_asset(ana, "quarantined")
    shown = desk.get(f"{TRACKS}{asset.track_id}/change/").content.decode()
    for path in (f"{ASSETS}{asset.pk}/change/", f"{JOBS}{ArchiveJob.objects.get().pk}/change/"):
        assert path in shown
    assert "quarantined" in shown and "No more." in shown
    assert "archive_assets-group" not in desk.get(f"{TRACKS}{make_track(ana).pk}/change/").content.decode()


def test_staff_see_a_host_that_is_left_alone_and_close_its_breaker(desk, ana):
    asset = make_asset(ana)
    for _ in range(gate.TRIPS_AFTER):
        hosts.heard(asset, FetchError("NETWORK_ERROR", "It broke off."))
    page = desk.get(f"/admin/archive/archivehost/{asset.host}/change/").content.decode()
    assert "shut" in page and "NETWORK_ERROR" in page
    assert [row.name for row in desk.get(HOSTS, {"gate": "held"}).context["cl"].result_list] == [asset.host]
    assert desk.post(f"{HOSTS}{asset.host}/close-breaker/").status_code == 302
    assert ArchiveHost.objects.get().open_until is None
    assert not desk.get(HOSTS, {"gate": "held"}).context["cl"].result_list


def test_lifetimes_are_applied_with_a_question_and_a_count(boss, ana):
    client = Client()
    client.force_login(boss)
    make_asset(ana), make_asset(ana, "lost")
    Provider.objects.filter(pk="suno").update(lifetime=dt.timedelta(days=3))
    page = client.get("/admin/catalog/provider/suno/change/").content.decode()
    assert "1 files are not archived yet" in page
    told = client.post("/admin/catalog/provider/suno/apply-lifetimes/", follow=True).content.decode()
    assert "1 files expire by today" in told


def test_a_generation_is_shown_with_where_it_stands_and_asked_for_now(desk, ana):
    make_providers()
    now, suno = timezone.now(), Provider.objects.get(pk="suno")
    row = Generation.objects.create(
        owner=ana, provider=suno, provider_track_id="t1", title="To Come", next_at=now + dt.timedelta(hours=1),
        ends_at=now + dt.timedelta(days=1), said="PENDING",
    )  # fmt: skip
    page = desk.get("/admin/archive/generation/").content.decode()
    assert "To Come" in page and "PENDING" in page
    desk.post(f"/admin/archive/generation/{row.pk}/ask-now/")
    row.refresh_from_db()
    assert row.next_at <= timezone.now()


# --- Damaged files ------------------------------------------------------------------------------------------------
FINDINGS = "/admin/archive/finding/"


@pytest.fixture
def damaged(settings, tmp_path, ana) -> Finding:
    """The original of a track in two folders, cut in the first and found so."""
    two_folders(settings, tmp_path)
    track = make_playable(ana, title="Neon Rain")
    copies.run()
    overwrite(track.file("original").blob.key, b"cut")
    scrubbing.run(most=scrubbing.NO_END, repair=False)
    return Finding.objects.get()


def test_a_damaged_file_is_listed_with_what_it_concerns_and_repaired_at_once(desk, damaged):
    shown = desk.get(f"{FINDINGS}{damaged.pk}/change/").content.decode()
    assert "Neon Rain" in shown and "(original)" in shown and "truncated" in shown
    said = desk.post(f"{FINDINGS}{damaged.pk}/repair-now/", follow=True)
    assert "read back" in " ".join(map(str, said.context["messages"]))
    assert not desk.get(FINDINGS).context["cl"].result_count
    assert desk.get(FINDINGS, {"desk": "repaired"}).context["cl"].result_count == 1
    assert held(storage.key_for(damaged.sha256), storage.MAIN) == audio("wav")


@pytest.mark.parametrize("way", ["finding", "blob", "bulk"])
def test_looking_again_is_asked_of_a_worker(desk, damaged, way):
    blob = Blob.objects.get(sha256=damaged.sha256)
    Blob.objects.update(check_at=timezone.now() + dt.timedelta(days=1))
    if way == "bulk":
        chosen = {"action": "check_again_chosen", "_selected_action": [str(damaged.pk)]}
        answer = desk.post(FINDINGS, chosen, follow=True)
    else:
        page = (
            f"{FINDINGS}{damaged.pk}/check-again/" if way == "finding" else f"/admin/catalog/blob/{blob.pk}/check-now/"
        )
        answer = desk.post(page, follow=True)
    assert answer.status_code == 200
    assert scrubbing.run().repaired == 1


def test_in_bulk_what_cannot_be_repaired_is_named(desk, damaged):
    overwrite(storage.key_for(damaged.sha256), b"cut", storage.COPY)
    chosen = {"action": "repair_chosen", "_selected_action": [str(damaged.pk)]}
    said = [str(message) for message in desk.post(FINDINGS, chosen, follow=True).context["messages"]]
    assert "0 done, 1 refused" in said[0] and "No place and no provider" in said[1]
    damaged.refresh_from_db()
    assert damaged.state == "unrepairable" and damaged.note == repairs.NOWHERE


@pytest.mark.parametrize("way", ["button", "bulk"])
def test_what_is_beyond_repair_is_written_off_and_nothing_else_is(desk, damaged, way):
    page = f"{FINDINGS}{damaged.pk}/write-off/"
    bulk = {"action": "write_off_chosen", "_selected_action": [str(damaged.pk)]}

    def write_off() -> str:
        answer = desk.post(page, follow=True) if way == "button" else desk.post(FINDINGS, bulk, follow=True)
        damaged.refresh_from_db()
        return " ".join(map(str, answer.context["messages"]))

    assert "not found to be beyond repair" in write_off() and damaged.state == "open"
    overwrite(storage.key_for(damaged.sha256), b"cut", storage.COPY)
    repairs.mend(damaged)
    write_off()
    assert damaged.state == "written_off"
    assert not desk.get(FINDINGS).context["cl"].result_count
    assert desk.get(FINDINGS, {"desk": "written_off"}).context["cl"].result_count == 1
    assert "Still no place" in str(*desk.post(f"{FINDINGS}{damaged.pk}/repair-now/", follow=True).context["messages"])
