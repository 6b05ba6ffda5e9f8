"""From a file, or from its text, to a checked `RegistrySpec`."""

import re
from pathlib import Path

from modelward.config.checks import check
from modelward.config.document import read
from modelward.config.shapes import Place
from modelward.config.spec import RegistrySpec
from modelward.core.errors import ConfigError, NotFoundError

FILE_NAME = "registry.toml"
_INIT = "Write one with `modelward init`, or go to the folder that holds it."


def find(start: Path) -> Path:
    """Find the `registry.toml` of a folder or of the nearest folder above it.

    Raises:
        NotFoundError: there is none up to the root.
    """
    here = start.resolve()
    for folder in (here, *here.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    raise NotFoundError("declaration", f"{FILE_NAME} in {here} or above", next_step=_INIT)


def load(path: Path) -> RegistrySpec:
    """Read and check a `registry.toml`.

    Raises:
        NotFoundError: the file is not there.
        ConfigError: it cannot be read, or declares what is not allowed.
    """
    return parse(_text(path), str(path))


def parse(text: str, file: str = FILE_NAME) -> RegistrySpec:
    """Read and check the text of a declaration; messages call it `file`.

    Raises:
        ConfigError: it is not TOML, or declares what is not allowed; the first such thing is named.
    """
    import tomllib

    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _not_toml(str(error), text, file) from error
    except (RecursionError, ValueError) as error:  # what Python does not bear, although TOML's grammar does
        found = "a number of thousands of digits" if isinstance(error, ValueError) else "brackets nested too deep"
        raise ConfigError(file, "", found=found, allowed="valid TOML") from error
    spec = read(raw, file)
    check(spec, file)
    return spec


def starter() -> str:
    """Give the commented `registry.toml` with which a new team begins; it parses as it stands."""
    return Path(__file__).with_name("starter.toml").read_text(encoding="utf-8")


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError("file", str(path), next_step=_INIT) from error
    except OSError as error:
        raise ConfigError(str(path), "", found=error.strerror or "no file", allowed="a readable file") from error
    try:
        return data.decode("utf-8-sig")  # some editors on Windows begin a file with a byte order mark
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        place = Place(str(path), f"line {line}")
        raise place.refuse(found=f"byte 0x{data[error.start]:02x}", allowed="text in UTF-8") from error


def _not_toml(message: str, text: str, file: str) -> ConfigError:
    """Move the position, which Python before 3.14 tells only in words, from the end of the message to its front."""
    told = re.fullmatch(r"(.*) \(at (?:(line \d+, column \d+)|end of document)\)", message, re.DOTALL)
    if told is None:
        return ConfigError(file, "", found=message, allowed="valid TOML")
    last = text.rpartition("\n")[2]
    place = Place(file, told[2] or f"line {text.count(chr(10)) + 1}, column {len(last) + 1}")
    return place.refuse(found=told[1][:1].lower() + told[1][1:], allowed="valid TOML")
