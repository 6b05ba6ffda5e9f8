"""Which properties of a resource somebody has looked at, so that those which nobody acts on can be refused by name.

A maker of resources gets dictionaries that remember what was asked of them. What it asked for counts as used, and
so does what it keeps: a dictionary that still exists when the maker has returned is part of what it made. The rest is
ignored. A maker that reads a property and does nothing with it deceives this; one that asks only whether the key is
there does not.
"""

import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Path = tuple[str | int, ...]


class Watch:
    """Watches over the properties of one resource while they are acted on."""

    __slots__ = ("__weakref__", "_asked", "_handed", "_sought", "given")

    def __init__(self, given: Mapping[str, Any]) -> None:
        """Watch over the properties as the template gives them: text, numbers, lists and mappings of these."""
        self.given = given
        self._asked: set[Path] = set()
        self._sought: set[Path] = set()
        self._handed: list[tuple[Path, weakref.ref[_Watched]]] = []

    def properties(self) -> dict[str, Any]:
        """Return the properties, to be read by one who acts on them; whoever keeps them counts as user of all."""
        return _Watched(self, (), self.given)

    def ignored(self, before: "Watch | None" = None) -> list[str]:
        """Name the properties that nobody used, such as ``Rules[].Status``, sorted.

        With `before`, the resource was made with its properties: only what differs from them must be used, and of
        what has gone somebody must have asked whether it is there now, or was there before.
        """
        kept = {path for path, watched in self._handed if watched() is not None}
        if before is None:
            return _names(path for path in _leaves(self.given, ()) if not self._is_used(path, kept))
        gone, changed = _gone(before.given, self.given, ()), _changes(before.given, self.given, ())
        left = [path for path in changed if not self._is_used(path, kept)]
        lost = [path for path in gone if not self._is_used(path, kept) and not before.is_noticed(path)]
        return _names([*left, *lost])

    def is_noticed(self, path: Path) -> bool:
        """Tell whether somebody asked for what is at this place, or whether there is anything."""
        return path in self._sought or path in self._asked

    def _is_used(self, path: Path, kept: set[Path]) -> bool:
        if any(path[:length] in kept for length in range(len(path))):
            return True
        while path and isinstance(path[-1], int):
            path = path[:-1]
        return path in self._asked

    def ask(self, path: Path) -> None:
        """Take note that somebody asked for what is at this place."""
        self._asked.add(path)

    def seek(self, path: Path) -> None:
        """Take note that somebody asked whether there is anything at this place, and not what."""
        self._sought.add(path)

    def hand(self, path: Path, watched: "_Watched") -> None:
        """Take note that a dictionary of this place was given away."""
        self._handed.append((path, weakref.ref(watched)))


class _Watched(dict[str, Any]):
    """A dictionary that tells when one of its keys is asked for, and so do those within it, and its copies."""

    __slots__ = ("__weakref__", "_path", "_watch")

    def __init__(self, watch: Watch, path: Path, given: Mapping[str, Any]) -> None:
        super().__init__({key: _watched(watch, (*path, key), value) for key, value in given.items()})
        self._watch, self._path = weakref.ref(watch), path
        watch.hand(path, self)

    def _ask(self, *keys: str) -> None:
        watch = self._watch()
        if watch is not None:
            for key in keys:
                watch.ask((*self._path, key))

    def __contains__(self, key: object) -> bool:
        watch = self._watch()
        if watch is not None:
            watch.seek((*self._path, str(key)))
        return super().__contains__(key)

    def __getitem__(self, key: str) -> Any:
        self._ask(key)
        return super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self._ask(key)
        return super().get(key, default)

    def pop(self, key: str, *default: Any) -> Any:
        self._ask(key)
        return super().pop(key, *default)

    def setdefault(self, key: str, default: Any = None) -> Any:
        self._ask(key)
        return super().setdefault(key, default)

    def items(self) -> Any:
        self._ask(*self)
        return super().items()

    def values(self) -> Any:
        self._ask(*self)
        return super().values()

    def __iter__(self) -> Iterator[str]:
        # That it is there makes `dict(self)` and `{**self}` ask for each key, instead of copying unseen.
        return super().__iter__()

    def copy(self) -> dict[str, Any]:
        return dict(self)

    def __or__(self, other: Any) -> Any:
        return dict(self) | other

    def __ror__(self, other: Any) -> Any:
        return other | dict(self)

    def __deepcopy__(self, _memo: dict[int, Any]) -> dict[str, Any]:
        watch, content = self._watch(), _plain(self)
        return content if watch is None else _Watched(watch, self._path, content)

    def __reduce__(self) -> Any:
        return dict, (dict(self),)


def _watched(watch: Watch, path: Path, value: Any) -> Any:
    if isinstance(value, Mapping):
        return _Watched(watch, path, value)
    if isinstance(value, list):
        return [_watched(watch, (*path, index), each) for index, each in enumerate(value)]
    return value


def _plain(value: Any) -> Any:
    """Copy without asking."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in dict.items(value)}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _leaves(value: Any, path: Path) -> Iterator[Path]:
    """Give the places at which there is nothing further to ask for."""
    if isinstance(value, Mapping) and value:
        for key, each in value.items():
            yield from _leaves(each, (*path, key))
    elif _has_members(value):
        for index, each in enumerate(value):
            yield from _leaves(each, (*path, index))
    elif path:
        yield path


def _has_members(value: Any) -> bool:
    return isinstance(value, Sequence) and any(isinstance(each, Mapping | list) for each in value)


def _changes(before: Any, now: Any, path: Path) -> Iterator[Path]:
    """Give the leaves that are new, or other than before."""
    if before == now:
        return
    if not isinstance(before, Mapping) or not isinstance(now, Mapping):
        yield from _leaves(now, path)
        return
    for key, value in now.items():
        here = (*path, key)
        yield from _changes(before[key], value, here) if key in before else _leaves(value, here)


def _gone(before: Any, now: Any, path: Path) -> Iterator[Path]:
    """Give the places that there are no more."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key, value in before.items():
            here = (*path, key)
            yield from _gone(value, now[key], here) if key in now else [here]


def _names(paths: Iterable[Path]) -> list[str]:
    return sorted(
        {".".join("[]" if isinstance(part, int) else part for part in path).replace(".[", "[") for path in paths}
    )
