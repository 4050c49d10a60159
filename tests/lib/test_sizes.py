import pytest
from django.conf import settings

from apps.lib import sizes


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (None, "0 bytes"), (0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1 kB"), (352_844, "352.8 kB"),
        (999_949, "999.9 kB"), (999_950, "1 MB"), (50 * 1024 * 1024, "52.4 MB"), (100_000_000, "100 MB"),
        (2_000_000_000, "2 GB"), (20 * 10**12, "20 TB"), (10**18, "1000 PB"), (-2_500_000, "-2.5 MB"),
    ],
)  # fmt: skip
def test_a_size_is_written_in_powers_of_ten_with_one_digit_at_most(size, words):
    assert sizes.words(size).replace("\xa0", " ") == words


def test_no_page_writes_sizes_in_another_way():
    files = [path for folder in ("apps", "templates") for path in (settings.ROOT / folder).rglob("*.*")]
    texts = {path.name: path.read_text() for path in files if path.suffix in (".py", ".html", ".txt")}
    assert len(texts) > 300
    assert not [name for name, text in texts.items() if "filesizeformat" in text]
