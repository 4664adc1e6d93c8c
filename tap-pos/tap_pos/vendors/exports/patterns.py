"""Patterns that a shop writes itself, kept from running for ever.

A regular expression can need time that doubles with every character, where something
repeated stands inside something repeated: ``(a+)+``. Such patterns are refused when the
mapping is read, and lines longer than `LONGEST_LINE` are never tried.
"""

from __future__ import annotations

import re
from functools import cache

LONGEST_LINE = 300
_OPENING = re.compile(r"\((?:\?(?:P<\w+>|[:=!>]|<[=!]))?")
_QUANTIFIER = re.compile(r"[*+]|\{\d*,?\d*\}")


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern.

    Raises:
        ValueError: If it is no pattern, or one that could run for ever.
    """
    try:
        result = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"the pattern can't be used ({error.msg})") from None
    if _repeats_repetition(pattern):
        raise ValueError("the pattern repeats a group that repeats something: write it without")
    return result


def _repeats_repetition(pattern: str) -> bool:
    """Tell whether a quantifier applies to a group that holds another one."""
    holds = [False]
    place = 0
    while place < len(pattern):
        sign = pattern[place]
        if sign == "\\":
            place += 2
        elif sign == "[":
            place = _end_of_class(pattern, place)
        elif sign == "(":
            found = _OPENING.match(pattern, place)
            place = found.end() if found else place + 1
            holds.append(False)
        elif sign == ")":
            inner = holds.pop() if len(holds) > 1 else False
            quantified = _QUANTIFIER.match(pattern, place + 1)
            if inner and quantified:
                return True
            holds[-1] = holds[-1] or inner or bool(quantified)
            place = quantified.end() if quantified else place + 1
        elif found := _QUANTIFIER.match(pattern, place):
            holds[-1] = True
            place = found.end()
        else:
            place += 1
    return False


def _end_of_class(pattern: str, place: int) -> int:
    """Find where ``[…]`` ends."""
    place += 2 if pattern.startswith("[^", place) else 1
    place += 1  # a bracket right at the beginning means itself
    while place < len(pattern) and pattern[place] != "]":
        place += 2 if pattern[place] == "\\" else 1
    return place + 1
