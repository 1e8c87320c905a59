"""Words of a model, a server or a file, made fit for a terminal and a log."""

from __future__ import annotations

import unicodedata


def shown(text: str, lines: bool = False) -> str:
    """Escape what a terminal would obey, or what would reorder the line, instead of showing it.

    :param lines: leave line breaks and tabs as they are

    >>> shown("red: \\x1b[31m, back: \\u202e, half a pair: \\ud800")
    'red: \\\\x1b[31m, back: \\\\u202e, half a pair: \\\\ud800'
    """
    if text.isascii() and text.isprintable():
        return text
    kept = "\n\t" if lines else ""
    return "".join(c if c in kept or not _acts(c) else _escaped(c) for c in text)


def _acts(character: str) -> bool:
    # Control and format characters, halves of surrogate pairs, line and paragraph separators.
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
