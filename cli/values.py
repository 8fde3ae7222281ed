"""Reading the values of options: durations and counts."""

from __future__ import annotations

import argparse
import math

__all__ = ["count", "duration", "jobs", "percent", "place", "port", "shard"]

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def duration(text: str) -> float:
    """Seconds from `2s`, `500ms`, `1.5m` or a bare number; infinity from `none`.

    Raises argparse.ArgumentTypeError.
    """
    text = text.strip().lower()
    if text == "none":
        return math.inf
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = text[len(digits) :] or "s"
    try:
        seconds = float(digits) * UNITS[unit]
    except (ValueError, KeyError):
        raise argparse.ArgumentTypeError(f"'{text}' is no duration (like 2s, 500ms, 1m)") from None
    if not math.isfinite(seconds) or seconds <= 0:
        raise argparse.ArgumentTypeError(f"'{text}' is not more than zero")
    return seconds


def count(text: str) -> int:
    """A whole number of at least 1; underscores may group digits."""
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number") from None
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is less than 1")
    return value


def percent(text: str) -> float:
    """A share of a hundred, with or without the sign."""
    try:
        value = float(text.strip().removesuffix("%"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no percentage") from None
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 100")
    return value


def jobs(text: str) -> int:
    """Worker processes."""
    value = count(text)
    if value > 256:
        raise argparse.ArgumentTypeError(f"{value} is more than 256")
    return value


def shard(text: str) -> tuple[int, int]:
    """Which part of how many, like `2/4`."""
    number, slash, total = text.partition("/")
    found = count(number), count(total) if slash else 0
    if not 1 <= found[0] <= found[1]:
        raise argparse.ArgumentTypeError(f"'{text}' is no part (like 2/4)")
    return found


def port(text: str) -> int:
    """The number of a port; 0 is any free one."""
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"'{text}' is no port (0 to 65535)")
    return int(text)


def place(text: str) -> int:
    """The number of an instruction, from 0 on."""
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise argparse.ArgumentTypeError(f"'{text}' is no instruction's number")
    return int(text)
