import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.utils import timezone

from apps.uploads import progress
from apps.uploads.models import Check, Upload

pytestmark = pytest.mark.django_db


def an_upload(user, **facts) -> Upload:
    facts = {"file_name": "Low Sun.wav", "size_bytes": 1000, "expires_at": timezone.now(), **facts}
    upload = Upload(user=user, file_key=f"uploads/{user.pk}/{len(facts)}", **facts)
    upload.save(force_insert=True)
    return upload


def test_bytes_are_most_of_the_way_and_no_step_leads_back(ana):
    upload = an_upload(ana)
    steps = []
    for received in (0, 1, 499, 999):
        upload.received_bytes = received
        steps.append(progress.of(upload).percent)
    for upload.state in ("received", "checked", "compressed", "ready"):
        steps.append(progress.of(upload).percent)
    assert steps == [0, 0, 34, 69, 70, 85, 95, 100]


def test_the_words_say_how_much_is_here(ana):
    assert progress.of(an_upload(ana, received_bytes=457)).words == "45 % of the file is here."


def test_a_refused_one_says_why_and_what_to_do(ana):
    upload = an_upload(ana)
    Upload.machine.move(upload, "refused", error_code="INVALID_FORMAT", error_message="No music.")
    said = progress.of(upload)
    assert (said.percent, said.words) == (100, "No music.")
    assert "Save it as MP3, WAV or FLAC" in said.advice


def test_an_unknown_reason_has_advice_too(ana):
    upload = an_upload(ana)
    Upload.machine.move(upload, "refused", error_code="SOMETHING", error_message="It did not work.")
    assert progress.of(upload).advice == progress.ANEW


def test_our_own_fault_is_no_refusal_and_asks_nothing_of_the_person(ana):
    upload = an_upload(ana)
    Upload.machine.move(upload, "received", sha256="0" * 64, received_bytes=1000)
    row = Check.objects.create(upload=upload, next_at=timezone.now())
    assert progress.of(upload).words == progress.WORDS["received"]
    Check.machine.move(row, "running")
    Check.machine.move(row, "retrying", next_at=timezone.now())
    upload = Upload.objects.get(pk=upload.pk)
    assert progress.of(upload).advice == progress.LATER


def test_a_duplicate_is_told_in_the_words_of_the_seed(ana):
    assert progress.of(Upload(state="ready", is_duplicate=True)).words == "Track already exists in your library"


def test_pages_name_the_formats_that_are_admitted(as_, ana):
    assert progress.FORMS == "MP3, WAV or FLAC"
    script = (
        "import django; django.setup();"
        "from apps.uploads import admin, progress, views_replacing as other;"
        "from apps.uploads.management.commands import import_folder;"
        "texts = progress.ADVICE['INVALID_FORMAT'], progress.ADVICE['MEDIA_TOO_COMPLEX'], import_folder.Command.help;"
        "fields = admin.LibraryForm.base_fields['file'], other.AudioForm().fields['file'];"
        "print(progress.ACCEPT, *texts, *(field.help_text for field in fields), sep='\\n')"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], cwd=settings.ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "UPLOAD_FORMATS": "flac,ogg"},
    ).stdout.splitlines()  # fmt: skip
    assert told[0] == ".flac,audio/flac,.ogg,audio/ogg"
    assert len(told) == 6 and all("FLAC or OGG" in line and "MP3" not in line for line in told[1:])
    assert progress.FORMS in as_(ana).get("/upload").content.decode()
