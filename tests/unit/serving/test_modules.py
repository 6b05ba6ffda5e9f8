"""Modules of two versions that bear the same names."""

import pickle
import sys
from pathlib import Path
from threading import Event, Thread

import pytest

from modelward.serving.modules import ModelModules


def folder(root: Path, name: str, **files: str) -> Path:
    for path, text in files.items():
        target = root / name / (path.replace("_in_", "/").replace("INIT", "__init__") + ".py")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return root / name


def test_two_folders_have_modules_of_the_same_name_that_do_not_meet(tmp_path: Path) -> None:
    one = ModelModules(folder(tmp_path, "a", inference="import features", features="N = 1"))
    two = ModelModules(folder(tmp_path, "b", inference="import features", features="N = 2"))
    first, second = one.load("inference"), two.load("inference")
    assert (first.features.N, second.features.N) == (1, 2)


def test_nothing_is_left_in_the_process(tmp_path: Path) -> None:
    before = (set(sys.modules), list(sys.path), list(sys.meta_path))
    ModelModules(folder(tmp_path, "a", inference="import features", features="N = 1")).load("inference")
    assert (set(sys.modules), list(sys.path), list(sys.meta_path)) == before


def test_nothing_is_left_in_the_process_when_the_code_raises(tmp_path: Path) -> None:
    before = (set(sys.modules), list(sys.meta_path))
    modules = ModelModules(folder(tmp_path, "a", inference="import features", features="1 / 0"))
    with pytest.raises(ZeroDivisionError):
        modules.load("inference")
    assert (set(sys.modules), list(sys.meta_path)) == before


def test_a_module_of_the_host_with_the_same_name_is_not_seen_by_the_model_and_stays_for_the_host(
    tmp_path: Path,
) -> None:
    host = sys.modules[__name__]
    sys.modules["features"] = host
    try:
        code = ModelModules(folder(tmp_path, "a", inference="import features", features="N = 1")).load("inference")
        assert code.features.N == 1
        assert sys.modules["features"] is host
    finally:
        del sys.modules["features"]


def test_a_name_of_the_standard_library_stays_the_standard_librarys(tmp_path: Path) -> None:
    import json

    code = ModelModules(folder(tmp_path, "a", inference="import json", json="N = 1")).load("inference")
    assert code.json is json


LATE = """
def early(): import features; return features.N
def inner(): from features import N; return N
def first_time(): import late; return late.N
def dotted(): import package.part; return package.part.N
"""


def test_an_import_inside_a_function_finds_the_modules_of_its_own_version(tmp_path: Path) -> None:
    codes = []
    for n in (1, 2):
        number = f"N = {n}"
        modules = ModelModules(
            folder(
                tmp_path,
                f"v{n}",
                inference="import features\n" + LATE,
                features=number,
                late=number,
                package_in_INIT="",
                package_in_part=number,
            )
        )
        codes.append(modules.load("inference"))
    for name in ("early", "inner", "first_time", "dotted", "first_time", "dotted"):
        assert [getattr(code, name)() for code in codes] == [1, 2], name


DEEP = """
from ..part import N as again
def later():
    from .. import late
    return late.N
"""


def test_packages_and_relative_imports_work_and_see_their_own_version(tmp_path: Path) -> None:
    codes = [
        ModelModules(
            folder(
                tmp_path,
                f"v{n}",
                inference="from package import value\nfrom package.sub.deep import again, later",
                package_in_INIT="from .part import N as value",
                package_in_part=f"N = {n}",
                package_in_sub_in_INIT="",
                package_in_sub_in_deep=DEEP,
                package_in_late=f"N = {n}",
            )
        ).load("inference")
        for n in (1, 2)
    ]
    assert [(c.value, c.again, c.later()) for c in codes] == [(1, 1, 1), (2, 2, 2)]


def test_a_folder_without_an_init_is_a_package_too(tmp_path: Path) -> None:
    modules = ModelModules(folder(tmp_path, "a", inference="from tools.part import N", tools_in_part="N = 4"))
    assert modules.load("inference").N == 4


def test_a_pickle_finds_the_classes_of_its_version_while_the_model_is_loaded(tmp_path: Path) -> None:
    source = "class Net:\n    def __init__(self, n): self.n = n\n    def double(self): return self.n * {factor}"
    load = "import pickle\ndef model_fn(data): return pickle.loads(data)"
    one = ModelModules(folder(tmp_path, "a", inference=load, net=source.format(factor=2)))
    two = ModelModules(folder(tmp_path, "b", inference=load, net=source.format(factor=3)))
    with one.visible():
        data = pickle.dumps(one.load("net").Net(5))
    results = []
    for modules in (one, two):
        with modules.visible():
            results.append(modules.load("inference").model_fn(data))
    assert [net.double() for net in results] == [10, 15]


def test_a_known_import_in_a_request_does_not_wait_while_another_version_is_loaded(tmp_path: Path) -> None:
    old = ModelModules(folder(tmp_path, "a", inference="import features\n" + LATE, features="N = 1")).load("inference")
    new = ModelModules(folder(tmp_path, "b", inference="", features="N = 2"))
    is_loading, may_end = Event(), Event()

    def slow_load() -> None:
        with new.visible():
            new.load("features")
            is_loading.set()
            assert may_end.wait(10)

    thread = Thread(target=slow_load)
    thread.start()
    assert is_loading.wait(10)
    assert (old.early(), old.inner()) == (1, 1)
    may_end.set()
    thread.join(10)


def test_an_import_of_what_is_not_there_fails_as_ever(tmp_path: Path) -> None:
    modules = ModelModules(folder(tmp_path, "a", inference="from features import nothing", features=""))
    with pytest.raises(ImportError, match="cannot import name 'nothing'"):
        modules.load("inference")
    with pytest.raises(ModuleNotFoundError, match=r"features\.part"), modules.visible():
        modules.load("features.part")
