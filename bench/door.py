"""The account of this process, by HTTP, for processes that are given its URL as `AWS_ENDPOINT_URL`."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from botocore.awsrequest import AWSPreparedRequest
from moto.core.models import botocore_stubber

from bench.account import REGION

_HOSTS = {"sagemaker": "api.sagemaker"}
_SIGNED_FOR = re.compile(r"Credential=[^/]*/[^/]*/[^/]*/([^/]*)/")


class _Door(BaseHTTPRequestHandler):
    """Hands a request to moto, as boto3 does within `mock_aws`."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer a call: all services that are called here take POST alone."""
        found = _SIGNED_FOR.search(self.headers["Authorization"])
        assert found, "a call is signed for a service"
        host = f"{_HOSTS.get(found[1], found[1])}.{REGION}.amazonaws.com"
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {**self.headers, "Host": host}
        answer = botocore_stubber.process_request(
            AWSPreparedRequest("POST", f"https://{host}{self.path}", headers, body, stream_output=False)
        )
        self._send(*answer)

    def _send(self, status: int, headers: dict[str, str], body: str | bytes) -> None:
        content = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""


@contextmanager
def opened() -> Iterator[str]:
    """Listen while the block runs; give the URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Door) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
