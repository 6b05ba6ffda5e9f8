"""What the scenes work with: the local AWS, people with identities, and the folder."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelward import bootstrap
from modelward.cli.demo.inbox import Mailbox, Slack
from modelward.cli.demo.narrator import INDENT, CheckError, Narrator
from modelward.cli.starting import APP
from modelward.config import starter
from modelward.config.load import parse
from modelward.config.spec import RegistrySpec, Strategy
from modelward.core.endpoint import Symptom
from modelward.core.errors import InputError
from modelward.local.surroundings import inherited
from modelward.local.up import LocalAws
from modelward.services.registry import Model, Registry

MODEL = "digits"
_COMMENTED = ("email =", "slack =")  # the starter leaves it to the team whom to tell
# Minutes of watching are for AWS. Nothing else of the starter is changed.
_WAIT, _SHORT_WAIT = "wait_s   = 300", "wait_s   = 5"


@dataclass
class Stagehand:
    """Does the errands of the scenes."""

    narrator: Narrator
    aws: LocalAws
    slack: Slack
    folder: Path
    build: Path
    mailbox: Mailbox | None = None

    def registry(self, who: str) -> Registry:
        """Connect as somebody, with the SDK."""
        return bootstrap.connect(self.folder / "registry.toml", session=self.aws.session(who))

    def model(self, who: str) -> Model:
        """Give the model as somebody sees it."""
        return self.registry(who).model(MODEL)

    def modelward(self, who: str, *words: str, is_refused: bool = False) -> str:
        """Have somebody type a command, show it with what it prints, and return that.

        Raises:
            CheckError: it succeeded where it should be refused, or the other way round.
        """
        line = " ".join(f"'{word}'" if " " in word else word for word in words)
        self.narrator.command(who, f"modelward {line}")
        code = "import sys; from modelward.cli.main import main; sys.exit(main())"
        done = self._run(who, "-c", code, *words, is_shown=self.narrator.is_terminal)
        self.narrator.show(done.stdout + (done.stderr if done.returncode or not done.stdout else ""))
        if (done.returncode != 0) is not is_refused:
            raise CheckError(f"`modelward {line}` {'is refused' if is_refused else 'succeeds'}", done.stderr)
        return done.stdout

    def train(self, *words: str) -> dict[str, Any]:
        """Have the data scientist run the training script, and return the version that it registered.

        Files beside the script are named as seen from the folder that holds its own.
        """
        script = training_script()
        self.narrator.command("data-scientist", f"python {script.parent.name}/train.py {' '.join(words)}")
        home = script.parent
        found = (str(home.parent / word) if word.startswith(f"{home.name}/") else word for word in words)
        done = self._run("data-scientist", str(script), *found, "--out", str(self.build))
        if done.returncode:
            raise CheckError("training succeeds", done.stderr)
        trained: dict[str, Any] = json.loads(done.stdout)
        figures = ", ".join(f"{name} {value:.4f}" for name, value in trained["metrics"].items())
        self.narrator.say(f"  registered v{trained['version']}: {figures}")
        return trained

    def held_out(self) -> tuple[list[list[float]], list[int]]:
        """Give the images that no model was trained on, and what they show."""
        held_out = json.loads((self.build / "held_out.json").read_text())
        return held_out["x"], held_out["y"]

    def _run(self, who: str, *words: str, is_shown: bool = False) -> "subprocess.CompletedProcess[str]":
        """Run Python as somebody; what is shown on a terminal is made for one, with its colours and its width."""
        command = [sys.executable, "-W", "ignore", *words]
        environment = {**inherited(), **self.aws.environment(who), "TERM": "xterm-256color"}
        if is_shown:
            return run_on_terminal(command, self.folder, environment, self.narrator.width - len(INDENT))
        return subprocess.run(  # noqa: S603  our own interpreter and scripts
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )


def training_script() -> Path:
    """Find the training script: in the installed package, or in the repository that this package is run from."""
    packaged = Path(__file__).with_name("digits") / "train.py"
    return packaged if packaged.exists() else Path(__file__).parents[4] / "pipelines" / "digits" / "train.py"


@contextmanager
def stage(narrator: Narrator) -> Iterator[Stagehand]:
    """Set the stage, and leave nothing behind.

    The folder is this one if it declares the model, so that its own `app.py` is what runs; otherwise a fresh one, as
    `modelward init` makes it.
    """
    with tempfile.TemporaryDirectory(prefix="modelward-demo-") as scratch, Slack() as slack, LocalAws() as aws:
        folder = Path.cwd() if _is_ready(Path.cwd()) else _made(Path(scratch) / "acme")
        build = Path(scratch) / "build"
        yield Stagehand(narrator, aws, slack, folder, build)


def _is_ready(folder: Path) -> bool:
    declaration = folder / "registry.toml"
    if not declaration.exists() or not (folder / "app.py").exists():
        return False
    spec = parse(declaration.read_text(), str(declaration))
    if not _is_playable(spec):
        raise InputError(
            str(declaration),
            found=f"no model {MODEL}, no canary behind alarms in production, or no [notifications]",
            rule="the demo plays with them",
            next_step="Run it in an empty folder.",
        )
    return True


def _is_playable(spec: RegistrySpec) -> bool:
    if MODEL not in spec.models or spec.notifications.slack is None or not spec.notifications.email:
        return False
    endpoint = spec.models[MODEL].endpoints.get("production")
    rollout = spec.rollout(MODEL, "production") if endpoint else None
    is_canary = rollout is not None and rollout.strategy is Strategy.CANARY
    return is_canary and endpoint is not None and Symptom.ERRORS in endpoint.rollback_symptoms


def _made(folder: Path) -> Path:
    folder.mkdir()
    declaration = starter().replace(_WAIT, _SHORT_WAIT)
    for key in _COMMENTED:
        declaration = declaration.replace(f"# {key}", key)
    (folder / "registry.toml").write_text(declaration)
    (folder / "app.py").write_text(APP)
    return folder


def run_on_terminal(
    command: list[str], folder: Path, environment: dict[str, str], columns: int
) -> "subprocess.CompletedProcess[str]":
    """Run a command whose stdout is a terminal of so many columns, and return what it printed."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(  # noqa: S603  our own interpreter and scripts
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=follower, stderr=errors
        )
        os.close(follower)
        printed = b"".join(_pieces(leader)).decode().replace("\r\n", "\n")
        os.close(leader)
        code = process.wait()
        errors.seek(0)
        return subprocess.CompletedProcess(command, code, printed, errors.read())


def _pieces(leader: int) -> Iterator[bytes]:
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # Linux says so when nobody holds the other end any more
            return
        if not piece:
            return
        yield piece
