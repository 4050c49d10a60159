"""Every text is UTF-8, whatever a Content-Type claims."""

import pytest


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ("text/plain; charset=rot13", "text/plain"), ("application/json;CHARSET = hex", "application/json"),
        ("multipart/form-data; charset=punycode; boundary=x", "multipart/form-data; boundary=x"),
        ("multipart/form-data; boundary=x", "multipart/form-data; boundary=x"), ("", ""),
        ("text/plain; x*=bogus'e'f", "text/plain"), ("text/plain; charset*=bogus'e'f", "text/plain"),
        ('multipart/form-data; boundary="a*b"', 'multipart/form-data; boundary="a*b"'),
    ],
)  # fmt: skip
def test_no_other_codec_is_believed(sent, seen):
    from config.wsgi import in_utf8  # importing it starts Django's application, which a mere collection must not

    environ = {"CONTENT_TYPE": sent}
    assert in_utf8(lambda environ, start: [environ["CONTENT_TYPE"]])(environ, None) == [seen]
