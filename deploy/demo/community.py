"""What makes the demo a community: who follows whom, what they say and like, their playlists, what is reported.

All of it comes by the doors' own actions and in one transaction, so that it is there as a whole or not at all; what
somebody takes out of it later stays out.
"""

import io
import textwrap
from collections.abc import Mapping

from django.db import transaction

from apps.accounts.models import User
from apps.catalog.models import Track
from apps.playlists import actions as playlists
from apps.playlists import covers, importing, members
from apps.social import actions, comments, follows, likes, moderation
from apps.social.access import may_show
from apps.social.models import Comment, Post
from deploy.demo import synth

STAFF = "staff"  # how the tables below name the account of who started the demo
FOLLOWS = {
    "mira": ("oskar", "june", "tomo"),
    "oskar": ("mira", "ilse"),
    "june": ("mira", "oskar", "tomo", "ilse"),
    "tomo": ("mira", "june"),
    "ilse": ("mira", "oskar", "june", "tomo"),
    "plenty": ("mira", "oskar", "june", "tomo", "ilse"),
    STAFF: ("mira", "june", "tomo"),
}
# name: author, title of the track or None, words, who likes it; the last one is the newest
POSTS = {
    "hello": ("ilse", None, "Hello. I make nothing at all, I only listen, mostly on trains. What should I begin with?",
              ("mira", "oskar", "june")),
    "harbour": ("mira", "Harbour Lights", "Recorded with the window open. You can hear the last ferry at the very end.",
                ("oskar", "june", "tomo", "ilse", STAFF)),
    "buy": ("plenty", None, "10,000 plays for the price of a coffee!!! https://plays.example/now", ()),
    "frost": ("oskar", "Birch and Frost", "", ("mira", "ilse")),
    "market": ("june", "Market Day", "The trumpet was late, so the trumpet is late.", ("mira", "tomo", "ilse", STAFF)),
    "ours": ("plenty", "Market Day", "Our new number one. All rights with Plenty Plays.", ()),
    "sketch": ("oskar", "Sketch for Two Rooms", "Not for you yet. I only want to see it in my list.", ("mira",)),
    "blunt": ("june", None, "Nobody needs another pad. I said what I said.", ("tomo",)),
    "offer": ("plenty", None, "Playlist places from 5 a month, ask us first: https://plays.example/places", ()),
    "ferry": ("mira", None, "“Evening ferry” is open. Tell me what is missing in it.", ("june", "ilse", STAFF)),
    "bus": ("june", "Night Bus Home", "Two versions, one of them is right. Which?", ("mira", "oskar", "ilse", STAFF)),
    "again": ("mira", "Night Bus Home", "The first. It still sounds tired, and that is the point of a night bus.",
              ("june", "ilse")),
    "train": ("ilse", "Harbour Lights", "This one is for the 22:40 along the coast.\n\nSit on the left.",
              ("mira", "oskar", "tomo")),
    "rain": ("tomo", "Neon Rain on Tin Roofs", "Forty-one tries, and the third one was it.", ("mira", "june", "ilse")),
}  # fmt: skip
# name: post, who, words, the one it answers
COMMENTS = {
    "sea": ("harbour", "oskar", "Is that tape, or is it the sea?", None),
    "both": ("harbour", "mira", "Both. I never got the hiss out, so it became the tide.", "sea"),
    "how": ("harbour", "oskar", "Leave it. How I look after mine: https://example.org/notes/tape-loops", "both"),
    "thanks": ("harbour", "mira", "Reading it now, thank you.", "how"),
    "left": ("harbour", "ilse", "Heard it three times before I noticed that I had missed my stop.", None),
    "plays": ("harbour", "plenty", "Great! Want more plays? https://plays.example/now", None),
    "begin": ("hello", "mira", "With “Market Day”. It begins without asking.", None),
    "late": ("market", "tomo", "It is the best late trumpet I know.", None),
    "flat": ("market", "june", "It is also flat. Nobody has said so yet, so I do.", "late"),
    "third": ("rain", "june", "And the other forty?", None),
    "drawer": ("rain", "tomo", "In the drawer. Some of them are cats.", "third"),
    "pad": ("blunt", "mira", "I have four, and I am keeping them.", None),
    "remaster": ("bus", "oskar", "The remastered one is cleaner and says less.", None),
}
LISTS = (  # owner, name, description, facts, cover's seed, titles with who adds them, members with their roles
    ("mira", "Evening ferry", "What the last boat sounds like from inside. Begin at the first, end at the quay.",
     {"is_public": True}, 31,
     {"Harbour Lights": "mira", "Lanterns Over Water": "mira", "Birch and Frost": "mira", "Night Bus Home": "mira",
      "Tide Table": "mira", "Snow Crossing the Line": "mira"}, {}),
    ("oskar", "Two rooms", "Everybody adds one thing that was recorded in a room. Editors move what they like.",
     {"is_public": True, "is_collaborative": True}, 34,
     {"Birch and Frost": "oskar", "Sketch for Two Rooms": "oskar", "Paper Boats": "mira", "Clockwork Garden": "june",
      "Harbour Lights": "mira"},
     {"mira": "editor", "june": "editor", "ilse": "viewer", STAFF: "editor"}),
    ("tomo", "Lit by screens", "", {"is_public": True}, None,
     {"Neon Rain on Tin Roofs": "tomo", "Night Bus Home": "tomo", "Copper Sunrise": "tomo"}, {}),
    ("june", "Before breakfast", "Drums only after seven.", {}, None,
     {"Market Day": "june", "Copper Sunrise": "june"}, {}),
)  # fmt: skip
# What was somebody's radio programme: a slip in a title, two that nobody here has made.
FILE = """\
    #EXTM3U
    #PLAYLIST:Radio night
    #EXTINF:34,Mira Sol - Harbour Lights
    radio/harbour-lights.mp3
    #EXTINF:30,June Okafor - Market Day
    radio/market-day.mp3
    #EXTINF:214,The Late Ferrymen - A Song That Is Not Here
    radio/not-here.mp3
    #EXTINF:38,Oskar Brandt - Birch and Frosts
    radio/birch-and-frost.mp3
    #EXTINF:181,Nobody Yet - Still in the Drawer
    radio/drawer.mp3
    """
REPORTS = (  # what, who, reason, details
    ("buy", "june", "spam", "The third time this week."),
    ("buy", "oskar", "spam", ""),
    ("blunt", "plenty", "abuse", "This hurts our customers."),
    ("ours", "june", "rights", "This track is mine; I made it in my kitchen and never sold it."),
    ("ours", "mira", "rights", ""),
    ("offer", "ilse", "spam", ""),
    ("offer", "tomo", "spam", "Wrote me the same by mail."),
    ("plays", "mira", "spam", "Under my own track."),
)
DECISIONS = (
    (moderation.hide, "buy", "Advertising: bought plays are not wanted here."),
    (moderation.dismiss, "blunt", "An opinion about pads. It may stay."),
)


@transaction.atomic
def gather(people: Mapping[str, User], tracks: Mapping[str, Track], staff: User | None) -> bool:
    """Let the `people`, by username, live with their `tracks`, by title; False when they did so already.

    What is said of a track that is not there, or not theirs to show, is left out, and so is what staff does without
    `staff`.
    """
    if Post.objects.of(people["mira"]).exists():
        return False
    people = {**people, STAFF: staff} if staff else dict(people)
    for name in FOLLOWS.keys() & people.keys():
        for other in FOLLOWS[name]:
            follows.follow(person=people[other], by=people[name])
    said = _talk(people, tracks)
    for owner, *facts in LISTS:
        _list(people, tracks, people[owner], *facts)
    for what, by, reason, details in REPORTS:
        if what in said:
            moderation.report(said=said[what], by=people[by], reason=reason, details=details)
    if staff:
        for decide, what, reason in DECISIONS:
            decide(said=said[what], by=staff, reason=reason)
        content = io.BytesIO(textwrap.dedent(FILE).encode())
        importing.finish_if_small(importing.begin(content=content, file_name="Radio night.m3u8", by=staff))
    return True


def _talk(people: Mapping[str, User], tracks: Mapping[str, Track]) -> dict[str, Post | Comment]:
    """What they say and like, by the name that the tables above give it."""
    said: dict[str, Post | Comment] = {}
    for name, (author, title, words, fans) in POSTS.items():
        if title and not _has(people[author], tracks, title):
            continue
        track_id = tracks[title].pk if title else None
        said[name] = actions.publish(author=people[author], content=words, track_id=track_id)
        for fan in people.keys() & fans:
            likes.like(post=said[name], by=people[fan])
    for name, (post, by, words, answered) in COMMENTS.items():
        if post in said:
            parent_id = said[answered].pk if answered else None
            said[name] = comments.comment(post=said[post], by=people[by], content=words, parent_id=parent_id)
    return said


def _has(person: User, tracks: Mapping[str, Track], title: str) -> bool:
    return title in tracks and may_show(person, tracks[title])


def _list(people, tracks, owner: User, name: str, description: str, facts, seed: int | None, titles, roles) -> None:
    made = playlists.create(owner=owner, name=name, description=description, **facts)
    for username, role in roles.items():
        if username in people:
            members.put(playlist=made, username=people[username].profile.username, role=role)
    for title, adder in titles.items():
        if _has(people[adder], tracks, title):
            playlists.add(playlist=made, track_id=tracks[title].pk, by=people[adder])
    if seed:
        covers.put(playlist=made, content=io.BytesIO(synth.cover_png(seed)))
