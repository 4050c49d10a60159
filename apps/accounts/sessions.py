"""Sessions in rows that say whose they are, from where and since when (S4-09).

Django's database store, with three things changed: the row is found by the SHA-256 of the cookie, its content is
sealed, and it knows the person, the address and the browser.
"""

import datetime as dt
import hashlib
import json

from django.conf import settings
from django.contrib.auth import SESSION_KEY, logout
from django.contrib.sessions.backends import db
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import IntegrityError, connection, router, transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from apps.accounts.models import Session, User
from apps.lib import client
from apps.lib.again import Again
from apps.lib.errors import Refusal
from apps.lib.seal import seal, unseal

# Last activity is kept to the minute: reading pages must not write a row per request.
GRAIN = dt.timedelta(minutes=1)
COLUMNS = [column.attname for column in Session._meta.concrete_fields]
_living = Again(
    lambda key, now: Session.objects.filter(session_key=key, expire_date__gt=now).values_list(*COLUMNS),
    "somebody's", dt.datetime(2000, 1, 1, tzinfo=dt.UTC),
)  # fmt: skip


class SessionStore(db.SessionStore):
    def __init__(self, session_key: str | None = None, *, address: str | None = None, agent: str = ""):
        super().__init__(session_key)
        self.address, self.agent = address, agent[:300]

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    @property
    def row_key(self) -> str:
        return digest(self.session_key)

    def encode(self, session_dict: dict) -> str:
        return seal(json.dumps(session_dict, separators=(",", ":")))

    def decode(self, session_data: str) -> dict:
        try:
            return json.loads(unseal(session_data))
        except Refusal:  # sealed under a key that was changed since: signed out
            return {}

    def _get_session_from_db(self) -> Session | None:
        now = timezone.now()
        found = _living(self.row_key, now)
        row = Session.from_db(connection.alias, COLUMNS, found[0]) if found else None
        if row is None:
            self._session_key = None
        elif self.address and row.last_activity < now - GRAIN:
            seen = {"last_activity": now, "address": self.address, "agent": self.agent}
            Session.objects.filter(pk=row.pk).update(**seen)
        return row

    def exists(self, session_key: str) -> bool:
        return Session.objects.filter(session_key=digest(session_key)).exists()

    def save(self, must_create: bool = False) -> None:
        """A row that somebody ended meanwhile is not written anew: the request that held it is signed out."""
        if self.session_key is None:
            return self.create()
        data = self._get_session(no_load=must_create)
        facts = {
            "session_data": self.encode(data),
            "expire_date": self.get_expiry_date(),
            "user_id": data.get(SESSION_KEY),
        }
        try:
            with transaction.atomic(using=router.db_for_write(Session)):
                self._write(facts, new=must_create)
        except IntegrityError as refused:
            # The key is taken, or else the person is gone.
            raise db.CreateError if must_create and self.exists(self.session_key) else db.UpdateError from refused
        return None

    def _write(self, facts: dict, *, new: bool) -> None:
        if new:
            Session.objects.create(session_key=self.row_key, address=self.address, agent=self.agent, **facts)
        elif not Session.objects.filter(session_key=self.row_key).update(**facts):
            raise db.UpdateError

    def cycle_key(self) -> None:
        """Another key for the same row: whoever ends the session at this moment ends it under either key."""
        data, old = self._session, self.session_key
        if old is None:
            return self.create()
        self._session_key = self._get_new_session_key()
        now = timezone.now()
        signed_in = {} if SESSION_KEY in data else {"created_at": now, "last_activity": now}
        facts = {"session_key": self.row_key} | signed_in
        if not Session.objects.filter(session_key=digest(old)).update(**facts):
            raise SessionInterrupted("The session was ended before the request was.")
        self.modified = True
        return None

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            Session.objects.filter(session_key=digest(key)).delete()


class Sessions(SessionMiddleware):
    """Django's middleware; its store learns who is asking."""

    def process_request(self, request: HttpRequest) -> None:
        request.session = SessionStore(
            request.COOKIES.get(settings.SESSION_COOKIE_NAME),
            address=client.address(request),
            agent=request.headers.get("User-Agent", ""),
        )


def digest(session_key: str | None) -> str:
    return hashlib.sha256((session_key or "").encode("utf-8", "replace")).hexdigest()


def living(*, user: User, now: dt.datetime | None = None) -> QuerySet[Session]:
    """Where somebody is signed in at this moment."""
    return Session.objects.editable_by(user).filter(expire_date__gt=now or timezone.now())


def is_current(request: HttpRequest, session: Session) -> bool:
    """Whether the request came with this session."""
    return session.session_key == digest(request.session.session_key)


def end_others(*, user: User, keep: str | None) -> int:
    """Sign the person out everywhere but in the session with this key; returns how many sessions ended."""
    return Session.objects.filter(user=user).exclude(session_key=digest(keep)).delete()[0]


def end(*, session: Session) -> None:
    """Sign one browser out. It learns it with its next request. By its id: its key may just have changed."""
    Session.objects.filter(id=session.id).delete()


def leave(request: HttpRequest, session: Session) -> None:
    """End a session of the person who asks; the one that asks goes with its cookie."""
    if is_current(request, session):
        logout(request)
    else:
        end(session=session)
