#!/usr/bin/env python3
"""Writes trainer/unicode.def: what a tokenizer must know of letters beyond ASCII.

    python3 scripts/update_unicode.py

From the Unicode database of the Python that runs it. Covered are Latin, Greek and Cyrillic letters; of
punctuation everything below the ideographs.
"""
import pathlib
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parent.parent
LETTERS = [(0xC0, 0x52F), (0x1E00, 0x1FFF), (0x212A, 0x212B)]
MOST = 0x3400  # first ideograph


def folded(c):
    kept = (x for x in unicodedata.normalize("NFD", c) if unicodedata.category(x) != "Mn")
    return "".join(kept).lower()


def letters():
    for low, high in LETTERS:
        for code in range(low, high + 1):
            to = folded(chr(code))
            if len(to) == 1 and to != chr(code):
                yield code, ord(to)


def ranges(category, low, high):
    start = None
    for code in range(low, high + 2):
        inside = code <= high and unicodedata.category(chr(code)).startswith(category)
        if inside and start is None:
            start = code
        elif not inside and start is not None:
            yield start, code - 1
            start = None


def rows(macro, pairs):
    texts = [f"{macro}(0x{a:04X}, 0x{b:04X})" for a, b in pairs]
    return "\n".join(" ".join(texts[i : i + 4]) for i in range(0, len(texts), 4))


def main():
    out = [
        f"// Made by scripts/update_unicode.py from Unicode {unicodedata.unidata_version}.",
        "// FOLDED(letter, the same in lower case and without accents), by letter",
        rows("FOLDED", letters()),
        "// PUNCTUATION(first, last), beyond ASCII",
        rows("PUNCTUATION", ranges("P", 0x80, MOST - 1)),
        "// MARK(first, last): what stands on the letter before it",
        rows("MARK", ranges("Mn", 0x80, MOST - 1)),
        "// FORMAT(first, last): invisible",
        rows("FORMAT", sorted([*ranges("Cf", 0x80, 0xFFFF), *ranges("Cc", 0x80, 0xFF)])),
    ]
    (ROOT / "trainer" / "unicode.def").write_text("\n".join(out) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
