"""docs/rollouts.md, typed as it stands: each command runs, and prints what the document says that it prints."""

import re
import tarfile
from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from modelward import bootstrap
from modelward.services.registry import Model

pytestmark = pytest.mark.system

CODE = "def model_fn(folder): return None\ndef predict_fn(data, model): return 7\n"
DOCUMENT = "docs/rollouts.md"
# What differs from run to run: times, ends of names, and with them the width of columns.
PASSING = ((r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?", "TIME"), (r"(?<=-v\d-)[0-9a-f]{8}", "DIGEST"), (r" +", " "))


def model(aws: Any, clone: Path) -> Model:
    return bootstrap.connect(clone / "registry.toml", session=aws.session("admin")).model("digits")


@pytest.fixture
def night(aws: Any, clone: Path) -> None:
    """Production had v1 and has v2; v3 has just failed there."""
    archive = clone / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        member = tarfile.TarInfo("code/inference.py")
        member.size = len(CODE)
        tar.addfile(member, BytesIO(CODE.encode()))
    digits = model(aws, clone)
    for number, accuracy in enumerate((0.95, 0.96, 0.97), 1):
        version = digits.register(archive, "image", {"accuracy": accuracy, "log_loss": 0.2})
        version.approve(reason="the figures are fine")
        digits.deploy("staging")
        aws.wait_idle()
        if number == 3:
            aws.switch("fault", operation="UpdateEndpoint", kind="unhealthy")
        version.promote("Production", reason=f"release {number}")
        aws.wait_idle()


def printed(text: str) -> list[str]:
    for what, instead in PASSING:
        text = re.sub(what, instead, text)
    return [line.strip() for line in text.strip().splitlines()]


def with_output(blocks: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Give each block of commands with the block of text right behind it, which is what it prints, or None."""
    for block, following in pairwise([*blocks, None]):
        if block is not None and block.language == "sh":
            yield block, following if following is not None and following.language == "text" else None


@pytest.mark.usefixtures("night")
@pytest.mark.parametrize("document", [DOCUMENT], indirect=True)
def test_the_commands_of_a_night_print_what_the_document_says(
    document: Any, clone: Path, tmp_path: Path, follow: Callable[..., Any], aws: Any
) -> None:
    """Where it differs, the failure names a file with what the document should be."""
    reader, text, is_said = follow(clone, **aws.environment()), document.path.read_text(), True
    for block, output in with_output(document.blocks):
        told = reader.shell("\n".join(block.commands))
        reader.settle()
        if output is not None and printed(told) != printed(output.text):
            lines = "\n".join(line.rstrip() for line in told.rstrip().splitlines())
            text, is_said = text.replace(f"```text\n{output.text}", f"```text\n{lines}\n", 1), False
    should_be = tmp_path / "rollouts.md"
    should_be.write_text(text)
    assert is_said, f"the document should be {should_be}"
    served = model(aws, clone).current("Production")
    assert served is not None
    assert served.version == 1
