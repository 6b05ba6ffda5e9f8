"""Read the values of arguments; a text that does not fit is a usage error, which names the rule."""

from argparse import ArgumentTypeError
from collections.abc import Callable


def whole(minimum: int, maximum: int | None = None) -> Callable[[str], int]:
    """Make a reader of whole numbers within bounds."""
    rule = f"a whole number of {minimum} or more" if maximum is None else f"a whole number, {minimum} to {maximum}"

    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise ArgumentTypeError(f"{text!r} is not {rule}")
        number = int(text)
        if number < minimum or (maximum is not None and number > maximum):
            raise ArgumentTypeError(f"{text!r} is not {rule}")
        return number

    return read


def one_of(*words: str) -> Callable[[str], str]:
    """Make a reader of one of a few words."""

    def read(text: str) -> str:
        if text not in words:
            raise ArgumentTypeError(f"{text!r} is not {' or '.join(words)}")
        return text

    return read


def version(text: str) -> int:
    """Read a version number: `2`, or `v2` as the tables print it."""
    return whole(1)(text.removeprefix("v"))


def seconds(text: str) -> float:
    """Read a duration above zero, in seconds."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 86_400:
        raise ArgumentTypeError(f"{text!r} is not a number of seconds above 0 and up to a day")
    return number


def pair(text: str) -> tuple[str, str]:
    """Read `NAME=VALUE`."""
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def figure(text: str) -> tuple[str, float]:
    """Read `NAME=NUMBER`."""
    name, _, value = text.rpartition("=")
    try:
        number = float(value)
    except ValueError:
        name = ""
        number = 0.0
    if not name:
        raise ArgumentTypeError(f"{text!r} is not NAME=NUMBER")
    return name, number
