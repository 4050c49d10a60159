"""What the pages of playlists ask for: the shape only, `actions` says what is wrong."""

from django import forms

from apps.playlists.models import Member


class NewForm(forms.Form):
    name = forms.CharField(max_length=2_000)
    is_public = forms.BooleanField(
        label="Public", required=False, help_text="Everyone sees it; off: you and who you let in."
    )


class EditForm(NewForm):
    description = forms.CharField(max_length=5_000, required=False, widget=forms.Textarea({"rows": 4}))
    is_collaborative = forms.BooleanField(
        label="Collaborative", required=False, help_text="Members who are editors add, move and take out tracks."
    )
    seen = forms.CharField(required=False, widget=forms.HiddenInput)
    field_order = ["name", "description", "is_public", "is_collaborative"]


class CoverForm(forms.Form):
    file = forms.FileField(
        label="A new cover",
        allow_empty_file=True,
        error_messages={"required": "Choose a file first."},
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp,image/gif"}),
    )


class MemberForm(forms.Form):
    username = forms.CharField(max_length=30)
    role = forms.ChoiceField(choices=Member.Role.choices)


class AddForm(forms.Form):
    """Into a playlist that is there, or into a new one of this name."""

    track_id = forms.UUIDField()
    playlist = forms.UUIDField(required=False)
    name = forms.CharField(max_length=2_000, required=False)


class PlaceForm(forms.Form):
    """Where an entry goes, from 0 on."""

    position = forms.IntegerField()
