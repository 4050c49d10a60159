"""Text as people see it."""

import unicodedata

UNSEEN = {"Cc", "Cf", "Zl", "Zp", "Zs"}
# Letters and marks by their category, and nothing on the screen: fillers, joiners, variation selectors.
FILLERS = {
    *map(chr, (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0)),
    *map(chr, range(0x180B, 0x1810)), *map(chr, range(0xFE00, 0xFE10)), *map(chr, range(0xE0100, 0xE01F0)),
}  # fmt: skip


def is_blank(text: str) -> bool:
    """Whether nobody would see anything of it."""
    return all(letter in FILLERS or unicodedata.category(letter) in UNSEEN for letter in text)
