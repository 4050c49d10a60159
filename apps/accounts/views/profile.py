"""`/account`: how somebody is shown to others, and their picture (S4-11)."""

from django import forms
from django.conf import global_settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.forms.utils import flatatt
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts import avatars, places, profiles
from apps.accounts.models import Profile
from apps.lib.errors import Refusal
from apps.lib.picture import too_large

COUNTRIES = [("", "Not said"), *sorted(places.COUNTRIES.items(), key=lambda entry: entry[1])]
LANGUAGES = sorted(global_settings.LANGUAGES, key=lambda entry: entry[1])


def zones() -> list[tuple[str, str]]:
    """Places by their cities, and UTC."""
    return [(name, name.replace("_", " ")) for name in sorted(places.timezones()) if "/" in name or name == "UTC"]


class LongSelect(forms.Select):
    """For hundreds of options: the stock one renders a template for each."""

    def render(self, name, value, attrs=None, renderer=None) -> SafeString:
        shown = self.get_context(name, value, attrs)["widget"]
        rows = (
            (option["value"], " selected" if option["selected"] else "", option["label"])
            for _, options, _ in shown["optgroups"]
            for option in options
        )
        options = format_html_join("\n", '<option value="{}"{}>{}</option>', rows)
        return format_html('<select name="{}"{}>{}</select>', shown["name"], flatatt(shown["attrs"]), options)


class ProfileForm(forms.ModelForm):
    """The shape only; `profiles.edit` says what is wrong, for pages and programs alike."""

    country = forms.ChoiceField(choices=COUNTRIES, required=False, widget=LongSelect)
    timezone = forms.ChoiceField(label="Time zone", choices=zones, widget=LongSelect)
    language = forms.ChoiceField(choices=LANGUAGES, widget=LongSelect)

    class Meta:
        model = Profile
        fields = profiles.WRITABLE
        help_texts = {"username": "Your page is at /people/ and this name.", "country": "", "timezone": ""}
        widgets = {"bio": forms.Textarea(attrs={"rows": 5})}

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        for name in ("timezone", "language"):  # what a program chose is not lost by opening the page
            field, value = self.fields[name], getattr(self.instance, name)
            if value not in dict(field.choices):
                field.choices = [(value, value), *field.choices]

    def _post_clean(self) -> None:
        """Nothing is written into the row here."""


class AvatarForm(forms.Form):
    file = forms.FileField(
        label="A new picture",
        allow_empty_file=True,
        error_messages={"required": "Choose a file first."},
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp,image/gif"}),
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """The profile as a form."""
    form = ProfileForm(request.POST or None, instance=profiles.of(request.user))
    if form.is_valid() and _edited(request, form):
        messages.success(request, "Your profile is saved.")
        return redirect("account-profile")
    return _shown(request, form, AvatarForm())


def _edited(request: HttpRequest, form: ProfileForm) -> bool:
    try:
        profiles.edit(user=request.user, **form.cleaned_data)
    except ValidationError as refused:
        form.add_error(None, refused)
        return False
    return True


@login_required
@require_POST
def avatar(request: HttpRequest) -> HttpResponse:
    """A new picture, or none any more."""
    form = AvatarForm(request.POST, request.FILES)
    if "drop" in request.POST:
        avatars.drop(user=request.user)
        messages.success(request, "Your picture is removed.")
        return redirect("account-profile")
    if form.is_valid() and _put(request, form):
        messages.success(request, "Your picture is saved.")
        return redirect("account-profile")
    return _shown(request, ProfileForm(instance=profiles.of(request.user)), form)


def _put(request: HttpRequest, form: AvatarForm) -> bool:
    try:
        avatars.put(user=request.user, content=form.cleaned_data["file"])
    except Refusal as refusal:
        form.add_error("file", refusal.message)
        return False
    return True


def _shown(request: HttpRequest, form: ProfileForm, picture: AvatarForm) -> HttpResponse:
    facts = {"form": form, "picture": picture, "avatar": avatars.address(request.user), "limit": too_large()}
    return render(request, "accounts/profile.html", facts, status=400 if form.errors or picture.errors else 200)
