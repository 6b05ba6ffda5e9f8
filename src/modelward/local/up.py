"""Start and stop a local AWS, from Python or for ``modelward local up``.

`LocalAws` starts the server process (see `server`), makes the identities (see `identities`) and, if asked, deploys the
stacks of an app (see `deployment`). The server gets a socket that is already open, so it can be called from the first
moment: whoever calls too early waits a little instead of being refused.
"""

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from modelward.core.errors import AwsError, InputError
from modelward.local import control, deployment, identities
from modelward.local.deployment import Place
from modelward.local.identities import AccessKey
from modelward.local.surroundings import inherited

ACCOUNT = "123456789012"
REGION = "us-east-1"
_ROOT_SECRET = "test"  # noqa: S105 - MiniStack's own: a 12-digit access key with it is that account's root
_STOP_LIMIT_S = 10.0
_POLL_S = 0.02
_TOLD = 2000  # characters of the server's log in an error
_REPORT = "Report this with the lines above; `pip install --force-reinstall 'modelward[local]'` mends a broken install."
_CONFIG = Config(retries={"total_max_attempts": 3, "mode": "standard"}, connect_timeout=10, read_timeout=70)


class LocalAws:
    """A local AWS for as long as the ``with`` block lasts.

    ::

        with LocalAws() as aws:
            aws.client("data-scientist", "sagemaker").list_model_package_groups()
    """

    def __init__(self, *, port: int | None = None, account: str = ACCOUNT, region: str = REGION) -> None:
        """Plan a local AWS.

        Args:
            port: TCP port on this computer's loopback address; None takes a free one.
            account: 12 digits, the account of the identities.
            region: where they work unless they say otherwise.
        """
        self.account = account
        self.region = region
        self.keys: Mapping[str, AccessKey] = {}
        self.port = port or 0
        self._server: subprocess.Popen[bytes] | None = None
        self._clients: dict[tuple[AccessKey, str, str], Any] = {}
        self.folder = Path()
        self.endpoint_url = ""

    def __enter__(self) -> "LocalAws":
        """Start it; return once it answers."""
        self.folder = Path(tempfile.mkdtemp(prefix="modelward-local-"))
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all of its processes and remove its files."""
        self._stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def credentials_file(self) -> Path:
        """The shared credentials file with a profile for each identity."""
        return self.folder / "credentials"

    @property
    def log_file(self) -> Path:
        """What the server had to say: warnings, and why a container is not healthy."""
        return self.folder / "server.log"

    def environment(self, profile: str = "admin") -> dict[str, str]:
        """Return the variables that make an AWS client a client of this AWS."""
        key = self.keys[profile]
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": key.key_id,
            "AWS_SECRET_ACCESS_KEY": key.secret,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_SHARED_CREDENTIALS_FILE": str(self.credentials_file),
        }

    def session(self, profile: str = "admin") -> boto3.Session:
        """Return a session of an identity; its clients are clients of this AWS, whatever the environment says."""
        core = botocore.session.Session()
        core.set_config_variable("credentials_file", str(self.credentials_file))
        core.set_config_variable("config_file", str(self.folder / "config"))
        return boto3.Session(profile_name=profile, botocore_session=core)

    def client(self, profile: str, service: str, *, region: str | None = None) -> Any:
        """Return a client of an identity for a service; the same one each time, closed with this AWS."""
        return self._client(self.keys[profile], service, region or self.region)

    def root_client(self, service: str, *, account: str | None = None, region: str | None = None) -> Any:
        """Return a client for a service of the root of any account: 12 digits are enough to have one here."""
        return self._client(AccessKey(account or self.account, _ROOT_SECRET), service, region or self.region)

    def _client(self, key: AccessKey, service: str, region: str) -> Any:
        if (key, service, region) not in self._clients:
            make: Any = boto3.Session(key.key_id, key.secret, region_name=region).client
            self._clients[key, service, region] = make(service, endpoint_url=self.endpoint_url, config=_CONFIG)
        return self._clients[key, service, region]

    def deploy(self, folder: Path, talk: TextIO) -> list[deployment.Stack]:
        """Synthesize the ``app.py`` of a folder and create its stacks, as ``cdk deploy --all`` would."""
        return self.deploy_assembly(self.synthesize(folder), talk)

    def synthesize(self, folder: Path) -> Path:
        """Return the cloud assembly of the ``app.py`` of a folder; stacks whose place it leaves open are for here."""
        # CloudFormation takes two seconds to load here: let it do that while the app synthesizes.
        threading.Thread(target=self.root_client("cloudformation").list_stacks, daemon=True).start()
        return deployment.synthesize(folder, self.folder / "cdk.out", account=self.account, region=self.region)

    def deploy_assembly(self, assembly: Path, talk: TextIO) -> list[deployment.Stack]:
        """Create or update the stacks of a cloud assembly, each in its account, as `admin` or as another's root."""
        return deployment.Deployment(self._deployer, self._place, talk).run(assembly)

    def move_to_registry(self, assembly: Path) -> None:
        """Become the account and region of an assembly's registry, where the identities then are.

        If that is another place than before, the server starts anew, on the same port, and all that was in it is gone.
        """
        home = deployment.home(assembly, self._place)
        if home != self._place:
            self._stop()
            self.account, self.region = home.account, home.region
            self._start()

    @property
    def _place(self) -> Place:
        return Place(self.account, self.region)

    def _deployer(self, service: str, place: Place) -> Any:
        if place.account == self.account:
            return self.client("admin", service, region=place.region)
        return self.root_client(service, account=place.account, region=place.region)

    def wait_idle(self, timeout_s: float = 30.0) -> None:
        """Return once nothing is going on: mapped queues and streams are empty and endpoints settled.

        Raises TimeoutError that names what is still busy, for instance a queue whose message failed and waits.
        """
        deadline = time.monotonic() + timeout_s
        while busy := control.busy(self.port):
            if time.monotonic() > deadline:
                raise TimeoutError(f"Still busy after {timeout_s} s: {', '.join(busy)}")
            time.sleep(_POLL_S)

    def switch(self, name: str, *, account: str | None = None, region: str | None = None, **arguments: Any) -> None:
        """Let something happen that nobody can order from AWS: a fault, a late event, the passing of time.

        ::

            aws.switch("fault", operation="UpdateEndpoint", kind="throttle", call=2)
            aws.switch("lose", event="SageMaker Endpoint State Change")
            aws.switch("advance", seconds=600)

        Args:
            name: One of the methods of `switches.Switches`.
            account: Whose SageMaker is meant; None for the account of the identities.
            region: Which of its regions; None for the usual one.
            arguments: What the switch takes.

        Raises InputError if the switch or its arguments are not understood.
        """
        control.throw(self.port, name, account=account, region=region, arguments=arguments)

    def wait(self) -> int:
        """Return the exit code of the server once it has ended by itself."""
        return 1 if self._server is None else self._server.wait()

    def _start(self) -> None:
        self._serve()
        self.keys = self._identities()
        identities.write_credentials(self.credentials_file, self.keys, default="admin")
        identities.write_config(self.folder / "config", self.keys, endpoint_url=self.endpoint_url, region=self.region)

    def _stop(self) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        if self._server is not None:
            _end(self._server)
            self._server = None

    def _identities(self) -> dict[str, AccessKey]:
        try:
            return identities.create(self.root_client("iam"))
        except BotoCoreError as error:
            told = self.log_file.read_text(errors="replace")[-_TOLD:]
            raise AwsError("Start of the local AWS", type(error).__name__, told or str(error), _REPORT) from error

    def _serve(self) -> None:
        with _listening(self.port) as listener:
            self.port = listener.getsockname()[1]
            self.endpoint_url = f"http://localhost:{self.port}"
            command = [sys.executable, "-P", "-m", "modelward.local.server", str(self.folder), str(listener.fileno())]
            with self.log_file.open("wb") as log:
                self._server = subprocess.Popen(  # noqa: S603 - our own module
                    command,
                    stdin=subprocess.PIPE,
                    stdout=log,
                    stderr=log,
                    env=self._server_environment(),
                    pass_fds=(listener.fileno(),),
                    start_new_session=True,  # Ctrl-C is for us; we tell the server
                )

    def _server_environment(self) -> dict[str, str]:
        scratch = self.folder / "tmp"
        scratch.mkdir(exist_ok=True)
        return {
            **inherited(),
            "TMPDIR": str(scratch),
            "AUTH": "true",
            "GATEWAY_PORT": str(self.port),
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "MINISTACK_ACCOUNT_ID": self.account,
            "MINISTACK_REGION": self.region,
            "AWS_SECRET_ACCESS_KEY": _ROOT_SECRET,
            "LOG_LEVEL": "WARNING",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "DOCKER_HOST": "unix:///nonexistent",  # it would tidy up containers that are not ours
        }


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            raise InputError(
                "port",
                found=f"{port} cannot be opened: {error.strerror}",
                rule="it must be free",
                next_step="Choose another with --port, or leave it out to get a free one.",
            ) from error
        listener.listen(100)
        yield listener


def _end(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    try:
        server.wait(_STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    if server.stdin is not None:
        server.stdin.close()


def run_local(port: int | None, *, is_bare: bool, folder: Path, out: TextIO, talk: TextIO) -> int:
    """Run a local AWS until SIGINT or SIGTERM.

    Args:
        port: TCP port, None for a free one.
        is_bare: do not deploy.
        folder: holds the ``app.py`` whose stacks are deployed.
        out: gets the ``export`` lines, once all is ready.
        talk: gets what is told to people.

    Returns:
        the exit code: 0 after a signal, 1 if the server ended by itself.
    """
    if not is_bare:
        deployment.find_app(folder)  # before anything is started
    try:
        with _interruptible(), LocalAws(port=port) as aws:
            assembly = None if is_bare else _synthesized(aws, folder, talk)
            talk.write(f"Local AWS on {aws.endpoint_url}, account {aws.account}, region {aws.region}.\n")
            if assembly is not None:
                talk.flush()
                aws.deploy_assembly(assembly, talk)
            talk.write(f"Ready. Profiles: {', '.join(aws.keys)}. Log: {aws.log_file}. Ctrl-C ends it.\n")
            talk.flush()
            out.writelines(f"export {name}={value}\n" for name, value in aws.environment().items())
            out.flush()
            aws.wait()
            talk.write(f"The local AWS ended by itself:\n{aws.log_file.read_text(errors='replace')[-_TOLD:]}\n")
    except KeyboardInterrupt:
        return 0
    return 1


def _synthesized(aws: LocalAws, folder: Path, talk: TextIO) -> Path:
    talk.write(f"Synthesizing and deploying {folder / 'app.py'} ...\n")
    talk.flush()
    assembly = aws.synthesize(folder)
    aws.move_to_registry(assembly)
    return assembly


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGTERM do what SIGINT does, so that either ends whatever is going on and tidies up."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
