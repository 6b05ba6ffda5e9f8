"""The process that is the local AWS: MiniStack with the local SageMaker in it, on a socket that its parent has opened.

``python -P -m modelward.local.server FOLDER FD`` is started by `up` and by nobody else, with an environment that
holds MiniStack's settings and nothing of the user's: neither AWS credentials nor proxies reach the functions. It
ends when its standard input ends, so that it never outlives its parent, however that ended; then it removes FOLDER.
"""

import asyncio
import logging
import os
import shutil
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypercorn.asyncio import serve
from hypercorn.config import Config

from modelward.local import cloudformation, control, functions, ministack, switches
from modelward.local.artifacts import Artifacts
from modelward.local.front import Front
from modelward.local.hosting import ProcessHosting
from modelward.local.ministack import (
    access,
    alarms,
    buckets,
    bus_policies,
    buses,
    evaluation,
    events,
    keys,
    lambdas,
    mappings,
    policies,
    sessions,
    templates,
)
from modelward.local.sagemaker import Timing

logger = logging.getLogger(__name__)

# Long enough to be seen, short enough to wait for.
# How long a container may take to start is the hosting's to say: it keeps this computer's time, which is not moved.
TIMING = Timing(create_s=1.0, update_s=1.0, delete_s=0.5, health_poll_s=0.1, health_timeout_s=1e9)


class Server:
    """All parts of the local AWS, and how they end."""

    def __init__(self, folder: Path, endpoint_url: str) -> None:
        """Put the local SageMaker into MiniStack."""
        self._folder = folder
        woken = threading.Event()
        artifacts = Artifacts(endpoint_url)
        self._hosting = ProcessHosting(artifacts.fetch, folder / "endpoints", on_change=woken.set)
        self._front = Front(self._hosting, TIMING, artifacts, wake=woken)
        ministack.serve_as("sagemaker", self._front.handle)
        ministack.serve_as("application-autoscaling", self._front.scaling.handle)
        access.authorise_each_parameter()
        access.authorise_batches()
        access.try_roles_with_conditions()
        evaluation.know_sessions_by_their_roles(access.role_of)
        buckets.know_owners()
        alarms.tag_dashboards()
        alarms.notify_properly()
        alarms.tell_of_states()
        sessions.keep_source_identities()
        buckets.let_policies_name_identities()
        buses.reach_other_accounts()
        policies.call_by_tls()
        policies.heed_resource_policies()
        policies.authorise_each_statement()
        keys.demand_grants()
        events.deliver_properly()
        events.publish_properly()
        templates.add_resource_types({**cloudformation.resource_types(self._front), **bus_policies.resource_types()})
        lambdas.run_python_functions_with(*functions.prepare_runtime(folder / "lambda"))
        lambdas.read_metrics_in_logs()
        mappings.map_only_what_may_be_read()
        self._streams = lambdas.read_streams_properly()

    def busy(self) -> list[str]:
        """Name what is still going on: full queues, streams with records to read, endpoints in transition."""
        before = self._waiting()
        # An endpoint that settles after the queues were looked at, and before it is itself, fills them again.
        return sorted({*before, *self._front.busy(), *self._waiting()})

    def throw(self, order: Mapping[str, Any]) -> None:
        """Throw a switch of the SageMaker of an account and region; SwitchError if it is not understood."""
        account = order.get("account") or os.environ["MINISTACK_ACCOUNT_ID"]
        region = order.get("region") or os.environ["MINISTACK_REGION"]
        core = self._front.core(account, region)
        switches.throw(switches.Switches(core, self._front.advance), order["switch"], order["arguments"])
        self._front.wake()

    def _waiting(self) -> list[str]:
        return [*lambdas.busy_queues(), *self._streams.behind()]

    async def run(self, fd: int) -> None:
        """Serve on an open, bound socket until told to stop."""
        config = Config()
        config.bind = [f"fd://{fd}"]
        config.loglevel = "WARNING"
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        threading.Thread(target=self._await_parent, daemon=True, name="modelward-parent").start()
        app = control.controlling(ministack.asgi(), self)
        serving = asyncio.create_task(serve(app, config, shutdown_trigger=asyncio.Event().wait))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            await serving  # it cannot end by itself unless it failed
        await asyncio.to_thread(self._close)

    def _await_parent(self) -> None:
        sys.stdin.buffer.read()
        self._close()
        shutil.rmtree(self._folder, ignore_errors=True)
        os._exit(0)

    def _close(self) -> None:
        self._front.close()
        self._hosting.close()
        lambdas.stop_functions()


def main() -> None:
    """Run the local AWS until the parent process ends or says so."""
    folder, fd = Path(sys.argv[1]), int(sys.argv[2])
    server = Server(folder, os.environ["AWS_ENDPOINT_URL"])
    asyncio.run(server.run(fd))


if __name__ == "__main__":
    try:
        main()
    except Exception:
        logger.exception("The local AWS failed")
        os._exit(1)
    # Nothing is left to save, and a keep-alive connection must not hold the process up.
    os._exit(0)
