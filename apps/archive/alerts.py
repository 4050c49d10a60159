"""What an owner is told of files that could not be archived (S3-13), and that a provider says they are gone (F10).

Any other try that will be repeated is nobody's news.

One notice a day for each kind of end, however many files come to it: it names the file as long as it is one, then it
counts. In the language of the owner's profile, Russian or English.
"""

import datetime as dt
from collections.abc import Iterable

from django.db.models import Count, Q, QuerySet
from django.urls import reverse

from apps.accounts import notices
from apps.accounts.models import Notice, User
from apps.archive.models import ArchiveAsset, Generation

TOLD = ("lost", "quarantined", "gone_suspect")
RUSSIAN, ENGLISH = "ru", "en"
FILES = {
    ENGLISH: {"audio": "its sound", "cover": "its cover", "video": "its video"},
    RUSSIAN: {"audio": "его звук", "cover": "его обложка", "video": "его видео"},
}
# (state, what of it) → title and message, with {title}, {provider} and {file} of the asset, {tracks} and {sounds}.
WORDS = {
    ENGLISH: {
        ("lost", "audio"): (
            "Files of your tracks could not be archived",
            "“{title}” was not saved: {provider} does not give its sound any more, so it will stop playing. "
            "If you have the file, upload it.",
        ),
        ("lost", "other"): (
            "Files of your tracks could not be archived",
            "“{title}” is without {file}: {provider} does not give that any more. "
            "The sound is not affected by this.",
        ),
        ("lost", "many"): (
            "Files of your tracks could not be archived",
            "Files of {tracks} of your tracks were not saved, among them “{title}”: their providers do not give them "
            "any more. Without sound: {sounds}. Open the list to see which, and upload what you have.",
        ),
        ("quarantined", "one"): (
            "Files of your tracks are hard to archive",
            "“{title}” is not saved yet: {file} breaks what reads it. It is still tried. To be safe, save the file "
            "from {provider} yourself now.",
        ),
        ("quarantined", "many"): (
            "Files of your tracks are hard to archive",
            "Files of {tracks} of your tracks are not saved yet, among them “{title}”: they break what reads them. "
            "They are still tried. To be safe, save them from their providers yourself now.",
        ),
        ("gone_suspect", "one"): (
            "A provider says that files of your tracks are gone",
            "“{title}” is not saved yet: {provider} says that {file} is gone. It is asked again until it expires. "
            "If you have the file, keep it; if you still find it at {provider}, save it now.",
        ),
        ("gone_suspect", "many"): (
            "A provider says that files of your tracks are gone",
            "Files of {tracks} of your tracks are not saved yet, among them “{title}”: their providers say that they "
            "are gone. They are asked again until they expire. Keep what you have, and save now what you still find.",
        ),
    },
    RUSSIAN: {
        ("lost", "audio"): (
            "Не удалось архивировать трек",
            'Трек "{title}" не был сохранен. Он может стать недоступен.',
        ),
        ("lost", "other"): (
            "Не удалось архивировать файл трека",
            'Трек "{title}": не сохранён один из файлов ({file}), {provider} его больше не отдаёт. '
            "Звук это не затронуло.",
        ),
        ("lost", "many"): (
            "Не удалось архивировать треки",
            'Файлы не сохранены, треков: {tracks}, среди них "{title}". Без звука: {sounds}; эти треки могут стать '
            "недоступны. Откройте список и загрузите те файлы, которые у вас есть.",
        ),
        ("quarantined", "one"): (
            "Трек пока не удаётся архивировать",
            'Трек "{title}" ещё не сохранён: не удаётся прочитать файл ({file}). Попытки продолжаются. На всякий '
            "случай сохраните файл с {provider} сами.",
        ),
        ("quarantined", "many"): (
            "Треки пока не удаётся архивировать",
            'Файлы ещё не сохранены, треков: {tracks}, среди них "{title}": их не удаётся прочитать. Попытки '
            "продолжаются. На всякий случай сохраните эти файлы сами.",
        ),
        ("gone_suspect", "one"): (
            "Провайдер сообщает, что файла больше нет",
            'Трек "{title}" ещё не сохранён: {provider} сообщает, что файла больше нет ({file}). Мы будем '
            "проверять это, пока не истечёт срок хранения. Если файл у вас есть, сохраните его.",
        ),
        ("gone_suspect", "many"): (
            "Провайдер сообщает, что файлов больше нет",
            'Файлы ещё не сохранены, треков: {tracks}, среди них "{title}": провайдер сообщает, что их больше нет. Мы '
            "будем проверять это, пока не истечёт срок хранения. Сохраните файлы, которые у вас есть.",
        ),
    },
}  # fmt: skip


# Of a generation that will not come: title and message, with {title}, {provider} and {reason}.
FAILED = {
    ENGLISH: (
        "Music that you announced will not come",
        "“{title}” was not finished by {provider}: {reason} Make it again there if you still want it.",
    ),
    RUSSIAN: (
        "Заявленная музыка не появится",
        'Трек "{title}" не появится, {provider}: {reason} Если он вам ещё нужен, создайте его там заново.',
    ),
}
NO_REASON = {ENGLISH: "no reason was given", RUSSIAN: "причина не названа"}
UNREADABLE = {ENGLISH: "what it answers breaks what reads it", RUSSIAN: "его ответ не удаётся прочитать"}
TOO_LATE = {ENGLISH: "it was not ready in time", RUSSIAN: "он не был готов вовремя"}


def will_not_come(generation: Generation, reason: str | dict[str, str], *, now: dt.datetime) -> None:
    """Tell the owner, whose row the caller holds. `reason`: the provider's own words, or ours by language."""
    language = _language(generation.owner)
    said = reason if isinstance(reason, str) else reason[language]
    title, message = FAILED[language]
    message = message.format(
        title=generation.title, provider=generation.provider.name, reason=said.rstrip(".") + "."
    )  # fmt: skip
    notices.tell(
        user=generation.owner, kind="archive.generation", subject=str(generation.pk), title=title, message=message,
        now=now,
    )  # fmt: skip


def hold_owners(keys: Iterable) -> None:
    """Before any row of these assets is locked, where `given_up` follows in the same transaction.

    A notice needs its reader's row, which whoever leaves locks before everything else: of two who lock in opposite
    orders the database would end one.
    """
    owners = ArchiveAsset.objects.filter(pk__in=keys).values("track__owner_id")
    list(User.objects.select_for_update(no_key=True).filter(pk__in=owners).order_by("pk").values_list("pk"))


def given_up(keys: Iterable, *, now: dt.datetime) -> None:
    """Tell the owners of these assets what became of them, in the transaction that decided it.

    Nobody is told of a removed track or of the house's own library. As many statements for ten thousand owners as for
    one.
    """
    rows = ArchiveAsset.objects.filter(pk__in=list(keys))
    for state in set(rows.filter(state__in=TOLD).values_list("state", flat=True)):
        _tell(_told_of(state) & rows, state, now)


def _told_of(state: str) -> QuerySet[ArchiveAsset]:
    return ArchiveAsset.objects.of_people().filter(state=state, track__removed_at__isnull=True)


def _tell(rows: QuerySet[ArchiveAsset], state: str, now: dt.datetime) -> None:
    """One of each owner's assets stands for them; what it stands for is counted over the day."""
    chosen = rows.order_by("track__owner", "-pk").distinct("track__owner")
    first = {a.track.owner_id: a for a in chosen.select_related("track__owner__profile", "track__source__provider")}
    if not first:
        return
    day = now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    moved_at = "lost_at" if state == "lost" else "updated_at"
    today = _told_of(state).filter(Q(**{f"{moved_at}__gte": day}) | Q(pk__in=[a.pk for a in first.values()]))
    sums = today.of_people(list(first)).order_by().values("track__owner").annotate(
        files=Count("pk"), tracks=Count("track", distinct=True), sounds=Count("pk", filter=Q(kind="audio"))
    )  # fmt: skip
    notices.sum_up([_notice(first[each["track__owner"]], state, each) for each in sums], now=now)


def _notice(asset: ArchiveAsset, state: str, sums: dict) -> Notice:
    track, language = asset.track, _language(asset.track.owner)
    what = "many" if sums["files"] > 1 else _what(asset, state)
    title, message = WORDS[language][state, what]
    facts = {
        "title": track.title, "provider": track.source.provider.name, "file": FILES[language][asset.kind],
        "tracks": sums["tracks"], "sounds": sums["sounds"],
    }  # fmt: skip
    page = reverse("workspace-library")
    link = f"{page}?saved={'lost' if state == 'lost' else 'waiting'}" if what == "many" else f"{page}?track={track.pk}"
    return Notice(user=track.owner, kind=f"archive.{state}", title=title, message=message.format(**facts), link=link)


def _what(asset: ArchiveAsset, state: str) -> str:
    if state != "lost":
        return "one"
    return "audio" if asset.kind == "audio" else "other"


def _language(user: User) -> str:
    profile = getattr(user, "profile", None)
    return RUSSIAN if profile and profile.language.lower().split("-")[0] == RUSSIAN else ENGLISH
