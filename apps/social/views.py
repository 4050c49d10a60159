"""The community's pages: the feed, a post with its thread, a person's posts. They work without scripts."""

from functools import partial
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts import profiles, throttles
from apps.catalog.keyset import Page, Reader
from apps.lib import seen
from apps.lib.errors import Refusal
from apps.social import actions, comments, follows, likes, moderation, showing
from apps.social import feed as feeds
from apps.social.access import may_show
from apps.social.models import Comment, Post, Report

READS = ["GET", "HEAD", "POST"]


class Words(forms.Form):
    """The shape only; the rules are said by the domain."""

    content = forms.CharField(required=False, strip=False)
    track_id = forms.UUIDField(required=False)
    parent_id = forms.UUIDField(required=False)
    seen = forms.CharField(required=False)


class ReportForm(forms.Form):
    """What is wrong with a post or a comment."""

    reason = forms.ChoiceField(
        label="What is wrong with it?", widget=forms.RadioSelect,
        choices=[(value, label.capitalize()) for value, label in Report.Reason.choices],
    )  # fmt: skip
    details = forms.CharField(
        label="What should moderators know?", required=False, strip=False,
        help_text="Moderators read this and see who told. The author does not.",
        widget=forms.Textarea({"rows": 4, "maxlength": moderation.LONGEST_DETAILS}),
    )  # fmt: skip


class Draft(dict):
    """What somebody wrote and why it was refused, given back to them: `content`, `track_id`, `parent_id`, `error`."""


def sent(request: HttpRequest) -> Draft:
    form = Words(request.POST)
    form.is_valid()
    error = next((message for messages in form.errors.values() for message in messages), "")
    return Draft(form.cleaned_data, error=error, content=form.cleaned_data.get("content", ""))


@require_http_methods(READS)
def feed(request: HttpRequest) -> HttpResponse:
    """What everybody says, or those one follows (`?following=1`); a form for something new, of a track by `?new=`."""
    following = request.GET.get("following") == "1"
    if not request.user.is_authenticated and (following or request.method == "POST"):
        return redirect_to_login(request.get_full_path() if request.method != "POST" else reverse("feed"))
    draft = Draft(content="")
    if request.method == "POST":
        draft = sent(request)
        if post := _published(request, draft):
            return redirect(f"{reverse('feed')}#post-{post.pk}")
    track = _chosen(request, draft.get("track_id") or _asked(request, "new"))
    about = _asked(request, "track")
    reader = feeds.reader(request.user, following=following, track=about)
    context = {"following": following, "draft": draft, "chosen": track, "about": about and _seen(request, about)}
    return render(request, "social/feed.html", {**context, **_page(request, reader)}, status=_status(draft))


def _published(request: HttpRequest, draft: Draft) -> Post | None:
    if not draft["error"]:
        try:
            return actions.publish(author=request.user, content=draft["content"], track_id=draft.get("track_id"))
        except Refusal as refusal:
            draft["error"] = refusal.message
    return None


def _status(draft: Draft) -> int:
    return 412 if draft.get("stale") else 400 if draft.get("error") else 200


def _asked(request: HttpRequest, name: str) -> UUID | None:
    """An id of the address."""
    try:
        return UUID(request.GET[name]) if request.GET.get(name) else None
    except ValueError as unreadable:
        raise Http404 from unreadable


def _seen(request: HttpRequest, pk: UUID):
    return showing.seen([pk], request.user).get(pk)


def _chosen(request: HttpRequest, pk: UUID | None):
    """The track that a new post is to show."""
    track = pk and _seen(request, pk)
    return track if track and may_show(request.user, track) and track.status == "ready" else None


def _page(request: HttpRequest, reader: Reader) -> dict:
    cursor = request.GET.get("cursor", "")
    page = reader.page(showing.PER_PAGE, reader.place(cursor) if cursor else None)
    return {"posts": showing.posts(page.ids, request.user), "around": _around(request, reader, page), "deep": cursor}


def _around(request: HttpRequest, reader: Reader, page: Page) -> dict[str, str]:
    """The addresses of the pages before and after; empty where there is none."""
    links = {}
    for name, place in (("previous", page.previous), ("next", page.next)):
        params = request.GET.copy()
        params.pop("new", None)
        params["cursor"] = reader.cursor(place) if place else ""
        links[name] = f"?{params.urlencode()}" if place else ""
    return links


@require_safe
def post(request: HttpRequest, pk: UUID) -> HttpResponse:
    """A post and what is said below it."""
    return _post_page(request, Post.objects.get_visible(request.user, pk=pk), Draft(content=""))


def _post_page(request: HttpRequest, row: Post, draft: Draft) -> HttpResponse:
    roots, further = showing.thread(row, request.user, request.GET.get("cursor", ""))
    [shown] = showing.posts([row.pk], request.user)
    context = {"post": shown, "roots": roots, "further": further, "draft": draft, "open": row.status == "shown"}
    return render(request, "social/post.html", context, status=_status(draft))


@login_required
@require_POST
def comment(request: HttpRequest, pk: UUID) -> HttpResponse:
    row = Post.objects.open_to(request.user).get_visible(request.user, pk=pk)
    draft = sent(request)
    if not draft["error"]:
        try:
            made = comments.comment(
                post=row, by=request.user, content=draft["content"], parent_id=draft.get("parent_id")
            )
            return redirect(f"{reverse('post', args=[row.pk])}#comment-{made.pk}")
        except Refusal as refusal:
            draft["error"] = refusal.message
    return _post_page(request, row, draft)


@login_required
@require_POST
def like(request: HttpRequest, pk: UUID) -> HttpResponse:
    row = Post.objects.open_to(request.user).get_visible(request.user, pk=pk)
    act = likes.unlike if request.POST.get("do") == "unlike" else likes.like
    act(post=row, by=request.user)
    return _back(request, f"{reverse('post', args=[row.pk])}")


@login_required
@require_POST
def follow(request: HttpRequest, username: str) -> HttpResponse:
    person = profiles.public(username)
    act = follows.unfollow if request.POST.get("do") == "unfollow" else follows.follow
    act(person=person, by=request.user)
    return _back(request, reverse("person", args=[person.profile.username]))


def _back(request: HttpRequest, otherwise: str) -> HttpResponse:
    """To where the button was, if that is a page of ours."""
    there = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(there, {request.get_host()}, require_https=request.is_secure())
    return redirect(there if ours else otherwise)


@login_required
@require_http_methods(READS)
def edit_post(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Other words, or none any more."""
    row = Post.objects.get_editable(request.user, pk=pk)
    if request.POST.get("do") == "remove":
        actions.remove(post=row)
        messages.success(request, "The post was taken back.")
        return redirect("feed")
    return _edit(request, row, partial(actions.edit, post=row, by=request.user), row)


@login_required
@require_http_methods(READS)
def edit_comment(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Other words, or none any more."""
    row = Comment.objects.select_related("post").get_editable(request.user, pk=pk)
    if request.POST.get("do") == "remove":
        comments.remove(comment=row)
        messages.success(request, "The comment was taken back.")
        return redirect("post", row.post_id)
    return _edit(request, row, partial(comments.edit, comment=row, by=request.user), row.post)


def _edit(request: HttpRequest, row: Post | Comment, act, there: Post) -> HttpResponse:
    draft = Draft(content=row.content, seen=seen.mark(row.content))
    if request.method == "POST":
        draft = sent(request)
        try:
            seen.unchanged(draft.get("seen"), row.content)
            act(content=draft["content"])
            return redirect("post", there.pk)
        except Refusal as refusal:
            draft |= {"error": refusal.message, "stale": refusal.status == 412}
    longest = actions.LONGEST if isinstance(row, Post) else comments.LONGEST
    context = {"row": row, "kind": row._meta.verbose_name, "there": there, "draft": draft, "longest": longest}
    return render(request, "social/words.html", context, status=_status(draft))


@require_safe
def person(request: HttpRequest, username: str) -> HttpResponse:
    """Somebody and what they posted."""
    found = profiles.public(username)
    if found.profile.username != username:
        return redirect("person-posts", found.profile.username)
    reader = feeds.newest(Post.objects.visible_to(request.user).of(found))
    return render(request, "social/person.html", {"person": found, **_page(request, reader)})


@login_required
@require_http_methods(READS)
def report_post(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Tell the moderators of a post."""
    return _report(request, Post.objects.get_visible(request.user, pk=pk))


@login_required
@require_http_methods(READS)
def report_comment(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Tell the moderators of a comment."""
    return _report(request, Comment.objects.get_visible(request.user, pk=pk))


def _report(request: HttpRequest, row: Post | Comment) -> HttpResponse:
    form, status = ReportForm(request.POST if request.method == "POST" else None), 400
    if form.is_valid():
        try:
            throttles.spend_on_page("report", request.user)
            moderation.report(said=row, by=request.user, **form.cleaned_data)
        except Refusal as refusal:
            form.add_error(next(iter(refusal.fields), None), refusal.message)
            status = refusal.status if refusal.status == 429 else 400
        else:
            messages.success(request, "Thank you. A moderator will look at it; nobody else learns who told.")
            return redirect(moderation.page_of(row))
    context = {"row": row, "kind": row._meta.verbose_name, "there": moderation.page_of(row), "form": form}
    return render(request, "social/report.html", context, status=status if form.errors else 200)
