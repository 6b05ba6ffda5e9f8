r"""Java's regular expressions, as the API model carries them, for Python's `re`.

Python has no `\p{L}`. A text is therefore *folded* before it is matched: each character outside ASCII becomes a private
stand-in for its Unicode category, and `\p{L}` becomes the ASCII letters plus the stand-in for letters. One translation
per text, no table of Unicode ranges, no third-party engine.
"""

import re
import unicodedata
from dataclasses import dataclass

_STAND_INS = {"L": "\ue000", "M": "\ue001", "Z": "\ue002", "N": "\ue003", "P": "\ue004", "S": "\ue005"}
_OTHER = "\ue006"
_LINE_ENDS = "\u0085\u2028\u2029"  # kept as they are: Java's dot excludes them
_ASCII = {
    category: "".join(re.escape(chr(code)) for code in range(128) if unicodedata.category(chr(code))[0] == category)
    for category in _STAND_INS
}
_CLASSES = {
    **{name: _ASCII[name] + stand_in for name, stand_in in _STAND_INS.items()},
    "ASCII": r"\x00-\x7f",
    "Print": r"\x20-\x7e",
    "Alnum": "a-zA-Z0-9",
}
_CLASSES["Z"] += "\u2028\u2029"
# In two patterns of the model, `${1,128}` trails where `{1,128}` was meant; the length limits say the same.
_STRAY_TAIL = re.compile(r"\$\{\d+,\d+\}$")
# Java's way to write "beyond the basic plane" in UTF-16 halves.
_SURROGATES = r"\uD800\uDC00-\uDBFF\uDFFF"
_TOKEN = re.compile(r"\\p\{(\w+)\}|\\z|\\.|\[|\]|\.", re.DOTALL)


class _Folding(dict[int, str]):
    def __missing__(self, code: int) -> str:
        char = chr(code)
        keep = code < 128 or char in _LINE_ENDS
        folded = char if keep else _STAND_INS.get(unicodedata.category(char)[0], _OTHER)
        self[code] = folded
        return folded


_FOLDING = _Folding()


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern of the API model: its text as AWS prints it, and the means to match."""

    text: str
    compiled: re.Pattern[str]
    is_folding: bool

    def is_held_by(self, value: str) -> bool:
        """Tell whether the whole of a text matches."""
        if self.is_folding and not value.isascii():
            value = value.translate(_FOLDING)
        return self.compiled.fullmatch(value) is not None


def translate(text: str) -> Pattern:
    """Compile a pattern of the API model."""
    cured = _STRAY_TAIL.sub("", text).replace(_SURROGATES, "\U00010000-\U0010ffff")
    return Pattern(text, re.compile(_rewritten(cured)), r"\p{" in text)


def _rewritten(pattern: str) -> str:
    parts: list[str] = []
    end, is_in_class = 0, False
    for token in _TOKEN.finditer(pattern):
        parts.append(pattern[end : token.start()])
        end = token.end()
        is_in_class = {"[": True, "]": False}.get(token[0], is_in_class)
        parts.append(_python(token, is_in_class=is_in_class))
    return "".join([*parts, pattern[end:]])


def _python(token: re.Match[str], *, is_in_class: bool) -> str:
    text = token[0]
    if token[1]:
        return _CLASSES[token[1]] if is_in_class else f"[{_CLASSES[token[1]]}]"
    if text == r"\z":
        return r"\Z"
    return rf"[^\n\r{_LINE_ENDS}]" if text == "." and not is_in_class else text
