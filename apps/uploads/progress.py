"""How far an upload is, in per cent and in words, and what its person does about a refusal (S0-20)."""

from dataclasses import dataclass

from django.conf import settings

from apps.lib import formats
from apps.uploads.models import Upload

STATES = Upload.machine.states
# Of 100, what stands for bringing the bytes in; the rest is the work on them.
ARRIVED = 70
PERCENT = {"received": ARRIVED, "checked": 85, "compressed": 95, "ready": 100, "refused": 100}
WORDS = {
    "received": "All of it is here. Checking the file.",
    "checked": "Your track plays already. Making the smaller copy, the preview and the waveform.",
    "compressed": "Nearly there.",
    "ready": "Your track is ready.",
}
FORMS = formats.in_words(settings.UPLOAD_FORMATS)
ACCEPT = ",".join(
    f".{form.extension},{form.mime}" for form in formats.FORMATS.values() if form.name in settings.UPLOAD_FORMATS
)
SAME = "Track already exists in your library"  # S0-29
LATER = "The file is fine so far and safe here. The server tries again by itself; you need not do anything."
SMALLER = "Send a smaller file: as FLAC it has about half the size of a WAV, as MP3 a tenth."
ANEW = "Upload it again. If the connection breaks, choose the same file once more and it goes on from there."
ADVICE = {
    "QUOTA_EXCEEDED": "Wait until the count begins anew, or send a smaller file.",
    "TOO_MANY_UPLOADS": "Finish one of those under way, or cancel it on the page of your uploads.",
    "FILE_TOO_LARGE": SMALLER,
    "TOO_LARGE": SMALLER,
    "EMPTY_FILE": "Nothing is in this file. Save it again in your audio program.",
    "INVALID_FORMAT": f"Save it as {FORMS} in your audio program. Another ending of its name is not enough.",
    "MEDIA_UNREADABLE": "Play the file on your device. If it plays to its end, export it again and upload that.",
    "MEDIA_TOO_COMPLEX": f"Export it again as plain {FORMS}, without pictures and without video.",
    "CHECKSUM_MISMATCH": "The file changed on its way, or while it was sent. Upload it again.",
    "STORAGE_FAILED": "Nothing is wrong with your file. Try again in a few minutes.",
    "DATABASE_FAILED": "Nothing is wrong with your file. Try again in a few minutes.",
    "DISK_FULL": "Nothing is wrong with your file. Try again in an hour.",
    "NETWORK_ERROR": "Look after your connection. Nothing that was sent is lost.",
    "EXPIRED": ANEW,
    "TERMINATED": "Upload it again if you want it after all.",
    "SIGN_IN_REQUIRED": "Sign in, choose the same file again, and it goes on from where it was.",
    "FORBIDDEN": "Reload this page, choose the same file again, and it goes on from where it was.",
    "INVALID": "Correct what it says, and upload the file again.",
}
OVER = ("ready", "refused")


@dataclass(frozen=True)
class Progress:
    """`percent` 0 to 100 of the whole way; `words` and `advice` for people, the latter may be ""."""

    percent: int
    words: str
    advice: str


def of(upload: Upload) -> Progress:
    """Where it stands. Reads `check_row` while the file is being checked."""
    if upload.state == "receiving":
        share = upload.received_bytes / upload.size_bytes
        return Progress(int(ARRIVED * share), f"{int(100 * share)} % of the file is here.", "")
    if upload.state == "refused":
        return Progress(100, upload.error_message, ADVICE.get(upload.error_code, ANEW))
    words = SAME if upload.is_duplicate else WORDS[upload.state]
    if upload.state == "received" and _is_tried_again(upload):
        return Progress(ARRIVED, "Checking the file did not work yet.", LATER)
    return Progress(PERCENT[upload.state], words, "")


def _is_tried_again(upload: Upload) -> bool:
    row = getattr(upload, "check_row", None)
    return row is not None and row.state == "retrying"
