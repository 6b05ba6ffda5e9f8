"""Import the code of a model apart from the code of every other model.

Two versions of a model both have a module `inference`, and perhaps both a `features` that it imports; `sys.modules` has
one place for each name. So each version keeps a table of its own modules, and puts it into `sys.modules` only while one
of them is imported or the model is loaded. That the plain names are there at that time matters: a pickled model looks
its classes up under the names that they had in training.

An `import` that runs later, inside `predict_fn`, must find the modules of *its* version while requests for the other
version run in other threads. A module's globals may carry builtins of their own, and `import` is a call of
`__builtins__["__import__"]` (Python reference, "Builtins and restricted execution"; PEP 302): so each module of a model
gets an `__import__` that looks into the table of its version first.
"""

import builtins
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, FileFinder, ModuleSpec, SourceFileLoader
from pathlib import Path
from threading import RLock
from types import ModuleType
from typing import Any

# One table at a time may stand in `sys.modules`.
_TURN = RLock()


class ModelModules(MetaPathFinder):
    """The modules in one folder, visible to each other and to nobody else.

    Names of the standard library stay the standard library's, whatever the folder holds.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)
        self._names = frozenset(_module_names(folder)) - sys.stdlib_module_names
        self._modules: dict[str, ModuleType] = {}
        own = {**vars(builtins), "__import__": self._import}
        self._loaders: tuple[tuple[Any, list[str]], ...] = (
            (ExtensionFileLoader, EXTENSION_SUFFIXES),
            (partial(_Loader, own), [".py"]),
        )

    def load(self, name: str) -> ModuleType:
        """Import a module of the folder; whatever its code raises comes out."""
        with self.visible():
            return import_module(name)

    @contextmanager
    def visible(self) -> Iterator[None]:
        """Let every import of this thread find the folder's modules under their plain names.

        Another folder's turn waits. Use it around the load of a model, not around a request.
        """
        with _TURN:
            if self in sys.meta_path:
                yield
                return
            others = self._take_out()
            sys.modules.update(self._modules)
            sys.meta_path.insert(0, self)
            try:
                yield
            finally:
                sys.meta_path.remove(self)
                self._modules = self._take_out()
                sys.modules.update(others)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module of the folder (`importlib.abc.MetaPathFinder`)."""
        if not self._is_ours(fullname):
            return None
        for place in path or [self._folder]:
            spec = FileFinder(place, *self._loaders).find_spec(fullname, target)
            if spec:
                return spec
        return None

    def _import(
        self,
        name: str,
        globals: Mapping[str, object] | None = None,  # noqa: A002  the names are those of builtins.__import__
        locals: Mapping[str, object] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        if level == 0 and not self._is_ours(name):
            return __import__(name, globals, locals, fromlist or (), level)
        found = self._known(name, fromlist or ()) if level == 0 else None
        if found:
            return found
        with self.visible():
            return __import__(name, globals, locals, fromlist or (), level)

    def _known(self, name: str, fromlist: Sequence[str]) -> ModuleType | None:
        """Answer from the table, so that a request does not wait while another version is loaded."""
        module = self._modules.get(name)
        if module is None or not all(hasattr(module, wanted) for wanted in fromlist):
            return None
        return module if fromlist else self._modules.get(_top(name))

    def _is_ours(self, name: str) -> bool:
        return _top(name) in self._names

    def _take_out(self) -> dict[str, ModuleType]:
        ours = [name for name in sys.modules if self._is_ours(name)]
        return {name: sys.modules.pop(name) for name in ours}


class _Loader(SourceFileLoader):
    def __init__(self, own_builtins: dict[str, Any], fullname: str, path: str) -> None:
        super().__init__(fullname, path)
        self._builtins = own_builtins

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = self._builtins
        super().exec_module(module)


def _top(name: str) -> str:
    return name.partition(".")[0]


def _module_names(folder: Path) -> Iterator[str]:
    for place in folder.iterdir():
        if place.suffix in {".py", ".so", ".pyd"} or (place.is_dir() and any(place.glob("**/*.py"))):
            yield _top(place.name)
