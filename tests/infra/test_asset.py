"""The functions' code: complete, small, pure, always the same."""

import io
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# What Lambda's Python runtime brings along.
RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "urllib3", "dateutil", "six")
LIMIT_BYTES = 1_500_000


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lay out a folder with nothing but what the Lambda runtime has."""
    folder = tmp_path_factory.mktemp("runtime")
    for name in RUNTIME:
        found = find_spec(name)
        assert found
        assert found.origin
        origin = Path(found.origin)
        source = origin.parent if found.submodule_search_locations else origin
        (folder / source.name).symlink_to(source)
    return folder


def _run(code: str) -> subprocess.CompletedProcess[str]:
    """Run code with the standard library and nothing else on the path."""
    return subprocess.run([sys.executable, "-I", "-S", "-c", code], check=False, capture_output=True, text=True)


@pytest.mark.parametrize("handler", ["model_package", "reconcile", "notify"])
def test_a_handler_imports_from_the_asset_with_only_the_runtime_s_boto3_beside_it(
    assembly, runtime: Path, handler: str
) -> None:
    code = (
        f"import sys; sys.path[:0] = [{str(assembly.asset)!r}, {str(runtime)!r}]; sys.dont_write_bytecode = True\n"
        "import boto3\n"
        f"from modelward.handlers.{handler} import handler\n"
        "assert callable(handler)\n"
        "import modelward\n"
        f"assert modelward.__file__.startswith({str(assembly.asset)!r}), modelward.__file__"
    )
    done = _run(code)
    assert done.returncode == 0, done.stderr


def test_every_module_of_the_asset_imports_with_only_the_runtime_s_boto3_beside_it(assembly, runtime: Path) -> None:
    modules = [
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name in _files(assembly.asset)
        if name.startswith("modelward/")
    ]
    code = (
        f"import sys; sys.path[:0] = [{str(assembly.asset)!r}, {str(runtime)!r}]; sys.dont_write_bytecode = True\n"
        f"from importlib import import_module\n[import_module(name) for name in {modules!r}]"
    )
    done = _run(code)
    assert done.returncode == 0, done.stderr
    assert len(modules) > 20


def test_the_zip_is_small(assembly) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in _files(assembly.asset):
            archive.write(assembly.asset / name, name)
    assert packed.tell() <= LIMIT_BYTES


def test_the_asset_holds_sources_and_the_declaration_and_nothing_else(assembly) -> None:
    others = [name for name in _files(assembly.asset) if not name.endswith(".py")]
    assert others == ["registry.toml"]
    assert (assembly.asset / "registry.toml").read_text() == (ROOT / "registry.toml").read_text()


def test_the_asset_leaves_out_what_functions_do_not_run(assembly) -> None:
    folders = {path.name for path in (assembly.asset / "modelward").iterdir() if path.is_dir()}
    assert folders == {"core", "config", "planning", "aws", "services", "handlers"}
    assert {path.name for path in assembly.asset.iterdir()} == {
        "aws_lambda_powertools",
        "modelward",
        "registry.toml",
        "typing_extensions.py",
    }


def test_every_file_can_be_read_by_lambda_s_own_user(assembly) -> None:
    assert {(assembly.asset / name).stat().st_mode & 0o777 for name in _files(assembly.asset)} == {0o644}


def test_a_change_of_the_declaration_is_a_change_of_the_code(synthesize, assembly) -> None:
    assert synthesize(synthesize.declare("digits")).asset.name != assembly.asset.name


def test_a_missing_powertools_is_named_with_the_way_to_install_it(tmp_path: Path) -> None:
    bare = [str(ROOT / "src"), str(ROOT / "infra")]
    code = (
        f"import sys; sys.path[:0] = {bare!r}; sys.dont_write_bytecode = True\n"
        "from pathlib import Path\n"
        "from modelward_infra.asset import assemble\n"
        f"assemble(Path({str(tmp_path)!r}), Path('registry.toml'))"
    )
    done = _run(code)
    assert "NotFoundError: package 'aws_lambda_powertools' does not exist" in done.stderr
    assert "pip install 'modelward[infra]'" in done.stderr
