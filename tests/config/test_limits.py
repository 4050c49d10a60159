"""A body nobody has a use for is refused unread."""

import io

import pytest

MEGABYTE = 1024 * 1024


class Unread:
    """A body that must not be touched."""

    def read(self, *args):
        raise AssertionError("the body was read")

    readline = read


@pytest.mark.parametrize(
    ("path", "length", "code"),
    [
        ("/api/v1/uploads", 52 * MEGABYTE, "FILE_TOO_LARGE"), ("/api/v1/tracks", 3 * MEGABYTE, "TOO_LARGE"),
        ("/api/v1/playlists/018cc251-f400-7000-800a-000000000001/cover", 7 * MEGABYTE, "FILE_TOO_LARGE"),
        ("/sign-in", 3 * MEGABYTE, None), ("/upload", 52 * MEGABYTE, None), ("/nowhere", 10**15, None),
    ],
)  # fmt: skip
def test_a_longer_body_is_413_before_a_byte_is_read(client, path, length, code):
    refused = client.post(path, **{"CONTENT_LENGTH": str(length), "wsgi.input": Unread()})
    assert refused.status_code == 413
    assert refused.json()["code"] == code if code else b"too large" in refused.content
    assert "50MB" in refused.content.decode()


@pytest.mark.django_db
def test_a_body_of_a_files_size_passes_where_files_are_sent(as_, ana):
    """What is too large by itself is then refused by its own rule (S0-18)."""
    answer = as_(ana).post("/api/v1/uploads", {"file": io.BytesIO(bytes(50 * MEGABYTE + 1))}, format="multipart")
    assert (answer.status_code, answer.json()["code"]) == (413, "FILE_TOO_LARGE")


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/?page=%00", "/api/v1/tracks?genre=%00", "/admin/catalog/track/?kind=%00", "/a%00b"])
def test_a_nul_in_an_address_is_400(client, path):
    assert client.get(path).status_code == 400


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/sign-in", "/api/v1/tracks"])
def test_a_nul_in_a_cookie_is_400(client, path):
    client.cookies["sessionid"] = "\x00aaaaaaaaa"
    assert client.get(path).status_code == 400
