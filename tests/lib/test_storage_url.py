import pytest

from apps.lib.storage_url import backend_from_url, places_from_urls


def test_a_file_url_is_a_folder():
    backend = backend_from_url("file:///srv/the%20blobs")
    assert backend["BACKEND"] == "django.core.files.storage.FileSystemStorage"
    assert backend["OPTIONS"]["location"] == "/srv/the blobs"


def test_an_s3_url_is_a_private_bucket():
    backend = backend_from_url(
        "s3://team%3Auser:s%2Fe%40c%3Aret@store.example:9000/music?region=eu-1&secure=0&addressing=virtual"
    )
    options = backend["OPTIONS"]
    assert backend["BACKEND"] == "storages.backends.s3.S3Storage"
    assert (options["access_key"], options["secret_key"]) == ("team:user", "s/e@c:ret")
    assert (options["endpoint_url"], options["use_ssl"]) == ("http://store.example:9000", False)
    assert (options["bucket_name"], options["region_name"]) == ("music", "eu-1")
    assert options["client_config"].s3 == {"addressing_style": "virtual"}
    assert (options["default_acl"], options["querystring_auth"], options["querystring_expire"]) == (
        None,
        True,
        300,
    )


def test_the_defaults_are_the_safe_ones():
    options = backend_from_url("s3://access:secret@[::1]/music")["OPTIONS"]
    config = options["client_config"]
    assert (options["endpoint_url"], options["region_name"]) == ("https://[::1]", "us-east-1")
    assert (config.signature_version, config.s3) == ("s3v4", {"addressing_style": "path"})
    assert (config.connect_timeout, config.read_timeout) == (5, 30)
    assert config.request_checksum_calculation == config.response_checksum_validation == "when_required"


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("", "file:// or s3://"),
        ("/srv/blobs", "file:// or s3://"),
        ("https://access:hidden@store.example/music", "file:// or s3://"),
        ("file://srv/blobs", "three slashes"),
        ("file:///", "below /"),
        ("file:///srv/../etc", "below /"),
        ("file:relative", "below /"),
        ("file:///srv?x=1", "no options"),
        ("s3://store.example/music", "access key or the secret"),
        ("s3://access@store.example/music", "access key or the secret"),
        ("s3://access:hidden@/music", "host is missing"),
        ("s3://access:hidden@store.example", "bucket"),
        ("s3://access:hidden@store.example/music/more", "bucket"),
        ("s3://access:hidden@store.example/Mu", "bucket"),
        ("s3://access:hidden@store.example:port/music", "port"),
        ("s3://access:hid/hidden@store.example/music", "bucket"),
        ("s3://access:hid#hidden@store.example/music", "%23"),
        ("s3://access:hidden@[store/music", "host part"),
        ("s3://access:hidden\u2100@store.example/music", "host part"),
        ("s3://access:hidden@store.example/music?acl=public", "unknown option"),
        ("s3://access:hidden@store.example/music?secure=yes", "secure"),
        ("s3://access:hidden@store.example/music?addressing=", "addressing"),
        ("s3://access:hidden@store.example/music?region=EU!", "region"),
    ],
)
def test_a_wrong_url_is_explained_without_its_secret(url, names):
    with pytest.raises(ValueError, match="STORAGE_URL is wrong") as refusal:
        backend_from_url(url)
    assert names in str(refusal.value)
    assert "hid" not in str(refusal.value)
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


def test_a_second_place_is_set_by_its_own_url():
    places = places_from_urls("file:///srv/blobs", "s3://access:secret@store.example/copies")
    assert places["blobs"]["OPTIONS"]["location"] == "/srv/blobs"
    assert places["copies"]["OPTIONS"]["bucket_name"] == "copies"
    assert set(places_from_urls("file:///srv/blobs", "")) == {"blobs"}


@pytest.mark.parametrize(
    ("main", "copy"),
    [
        ("file:///srv/blobs", "file:///srv/blobs/"),
        ("file:///srv/blobs", "file:///srv/blobs/copies"),
        ("file:///srv/blobs/main", "file:///srv/blobs"),
        ("s3://a:hidden@store.example/music", "s3://b:hidden@store.example/music?region=eu-1"),
        ("file:///srv/blobs", "ftp://a:hidden@store.example/music"),
    ],
)
def test_a_second_place_that_is_the_first_or_none_is_refused(main, copy):
    with pytest.raises(ValueError, match="COPY_URL is wrong") as refusal:
        places_from_urls(main, copy)
    assert "hid" not in str(refusal.value)


@pytest.mark.parametrize(
    ("main", "copy"),
    [
        ("file:///srv/blobs", "file:///srv/blobs2"),
        ("s3://a:b@store.example/music", "s3://a:b@store.example/copies"),
        ("s3://a:b@store.example/music", "s3://a:b@other.example/music"),
    ],
)
def test_two_places_side_by_side_are_two(main, copy):
    assert set(places_from_urls(main, copy)) == {"blobs", "copies"}
