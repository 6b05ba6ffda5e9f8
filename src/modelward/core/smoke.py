"""A smoke test: a sample call that is registered with a version, and what a healthy model answers to it."""

import base64
import binascii
import hashlib
import json
import math
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from modelward.core.errors import InputError

# InvokeEndpoint takes 6 MB for instances and 4 MB for serverless endpoints; a version may be served by either.
LARGEST_PAYLOAD = 4 * 1024 * 1024
_DEEPEST = 50
_SHOWN = 120
_TYPE_LIMIT = 1024  # of the API's `Header`
_MEMBERS = frozenset({"payload", "payload_base64", "content_type", "accept", "expected", "tolerance"})


@dataclass(frozen=True, slots=True)
class SmokeTest:
    """A sample call and its expected answer.

    Args:
        payload: What is sent: bytes, a text, or a value that is sent as JSON; at most 4 MiB.
        content_type: The MIME type of the payload.
        accept: The MIME type that is asked for; empty leaves it to the model.
        expected: The answer as JSON: numbers within the tolerance, all else equal, lists of the same length; members
            of an object that it does not name do not count. An answer in CSV is compared with lists of lists, row by
            row. None takes any answer that is a success and not empty.
        tolerance: By how much numbers may differ, absolutely; zero or more.
    """

    payload: Any
    content_type: str = "application/json"
    accept: str = ""
    expected: Any = None
    tolerance: float = 0.0

    @property
    def body(self) -> bytes:
        """The bytes that are sent."""
        if isinstance(self.payload, bytes):
            return self.payload
        return (self.payload if isinstance(self.payload, str) else json.dumps(self.payload)).encode()

    def to_text(self) -> str:
        """Spell it as the JSON that `parse` reads; equal tests are spelled alike."""
        members = {**_spelled(self.body), "content_type": self.content_type}
        if self.accept:
            members["accept"] = self.accept
        if self.expected is not None:
            members |= {"expected": self.expected, "tolerance": float(self.tolerance)}
        return json.dumps(members, ensure_ascii=False, sort_keys=True, allow_nan=False)

    @property
    def digest(self) -> str:
        """The SHA-256 of `to_text`, 64 hexadecimal digits."""
        return hashlib.sha256(self.to_text().encode()).hexdigest()

    def check(self) -> None:
        """Make sure that it can be kept and sent.

        Raises:
            InputError: the payload is empty, too large or no JSON; a type is no MIME type; the expected answer is no
                JSON or nested too deeply; the tolerance is negative, no number, or without an expected answer.
        """
        size = len(_checked("smoke test payload", lambda: self.body))
        if not 1 <= size <= LARGEST_PAYLOAD:
            rule = f"InvokeEndpoint takes 1 to {LARGEST_PAYLOAD:,} bytes, be it serverless or not"
            raise InputError("smoke test payload", found=f"{size:,} bytes", rule=rule)
        for name, text in (("content_type", self.content_type), ("accept", self.accept or "any/any")):
            if not _is_type(text):
                raise InputError(f"smoke test {name}", found=repr(text), rule="it is a MIME type such as text/csv")
        self._check_expected()

    def _check_expected(self) -> None:
        given = self.tolerance
        if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given) or given < 0:
            raise InputError("smoke test tolerance", found=repr(given), rule="it is a number, zero or more")
        if given and self.expected is None:
            raise InputError("smoke test tolerance", found=f"{given:g}", rule="it needs an expected answer")
        size = len(_checked("smoke test expected", lambda: self.to_text().encode())) - len(self.body)
        if size > LARGEST_PAYLOAD or not _is_shallow(self.expected, _DEEPEST):
            rule = f"an expected answer has at most {LARGEST_PAYLOAD:,} bytes and {_DEEPEST} levels"
            raise InputError("smoke test expected", found="a larger or deeper one", rule=rule)

    @classmethod
    def parse(cls, text: str, name: str = "smoke test") -> "SmokeTest":
        """Read what `to_text` spelled, or a person wrote alike.

        Args:
            text: A JSON object with `payload` (a text is sent as it is, any other value as JSON) or `payload_base64`,
                and `content_type`, `accept`, `expected`, `tolerance` where they are not as usual.
            name: What errors shall call it.

        Raises:
            InputError: it is something else; see `check` too.
        """
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(name, found=f"no JSON ({error})", rule=_RULE) from None
        members = found if isinstance(found, dict) else {}
        if len(members.keys() & {"payload", "payload_base64"}) != 1 or members.keys() - _MEMBERS:
            odd = ", ".join(sorted(members.keys() - _MEMBERS)) or "no payload, or two"
            raise InputError(name, found=odd if found == members else "no JSON object", rule=_RULE)
        test = cls(_payload(members, name), **{k: v for k, v in members.items() if not k.startswith("payload")})
        test.check()
        return test


_RULE = (
    'it holds one JSON object such as {"payload": "5.1,3.5,1.4,0.2", "content_type": "text/csv", "expected": [[0]], '
    '"tolerance": 0.01}'
)


def _checked(name: str, spell: Any) -> bytes:
    try:
        return bytes(spell())
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(name, found=f"what is no JSON ({error})", rule="it is bytes, a text or JSON") from None


def _spelled(body: bytes) -> dict[str, Any]:
    try:
        return {"payload": body.decode()}
    except UnicodeDecodeError:
        return {"payload_base64": base64.b64encode(body).decode()}


def _payload(members: Mapping[str, Any], name: str) -> Any:
    if "payload" in members:
        return members["payload"]
    try:
        return base64.b64decode(members["payload_base64"], validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise InputError(name, found="a payload_base64 that is no base64", rule=_RULE) from None


def _is_type(text: object) -> bool:
    is_text = isinstance(text, str) and text.isascii() and text.isprintable() and len(text) <= _TYPE_LIMIT
    return is_text and "/" in str(text)


def _is_shallow(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return levels > 0 and all(_is_shallow(each, levels - 1) for each in inner)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back of a call: the status of the model's container, the MIME type and the bytes."""

    status: int
    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class SmokeVerdict:
    """Whether a smoke test held, and a sentence that says so, of printable characters."""

    is_held: bool
    text: str


def judge_smoke(test: SmokeTest, answer: Answer) -> SmokeVerdict:
    """Hold an answer against what is expected."""
    if not 200 <= answer.status < 300:
        return smoke_failed(f"the model answered {answer.status}: {answer.body.decode(errors='replace')[:500]}")
    if not answer.body.strip():
        return smoke_failed("the answer is empty")
    if test.expected is None:
        return SmokeVerdict(is_held=True, text="its smoke test was answered")
    wrong = next(_differences(test.expected, _read(test, answer), test.tolerance, "the answer"), None)
    if wrong:
        return smoke_failed(wrong)
    within = f", within {test.tolerance:g}" if test.tolerance else ""
    return SmokeVerdict(is_held=True, text=f"its smoke test was answered as expected{within}")


def smoke_failed(why: str) -> SmokeVerdict:
    """Say why a smoke test failed, without characters that SageMaker refuses in descriptions."""
    printable = "".join(" " if unicodedata.category(char)[0] == "C" else char for char in why)
    return SmokeVerdict(is_held=False, text=f"its smoke test failed: {' '.join(printable.split())}")


def _read(test: SmokeTest, answer: Answer) -> Any:
    text = answer.body.decode(errors="replace").strip()
    if isinstance(test.expected, str) and test.expected.strip() == text:
        return test.expected
    if isinstance(test.expected, list | tuple) and answer.content_type.lower().startswith("text/csv"):
        return [[_value(cell) for cell in line.split(",")] for line in text.splitlines()]
    return _value(text)


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text.strip()


def _differences(expected: Any, found: Any, tolerance: float, where: str) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(found, dict):
        for name, value in expected.items():
            if name not in found:
                yield f"{where} has no {name!r}"
            else:
                yield from _differences(value, found[name], tolerance, f"{where}.{name}")
    elif isinstance(expected, list | tuple) and isinstance(found, list):
        if len(expected) != len(found):
            yield f"{where} has {len(found)} items, expected {len(expected)}"
        for number, (one, other) in enumerate(zip(expected, found, strict=False)):
            yield from _differences(one, other, tolerance, f"{where}[{number}]")
    elif not _is_same(expected, found, tolerance):
        within = f" within {tolerance:g}" if tolerance and _is_number(expected) else ""
        yield f"{where} is {_shown(found)}, expected {_shown(expected)}{within}"


def _is_same(expected: Any, found: Any, tolerance: float) -> bool:
    if not (_is_number(expected) and _is_number(found)):
        return type(expected) is type(found) and bool(expected == found)
    try:
        return bool(expected == found or math.isclose(expected, found, rel_tol=1e-12, abs_tol=tolerance))
    except OverflowError:
        return False


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
