"""The ways out: the reconciler's queue, the buses of events, the e-mail topic, the Slack webhook and its secret."""

import json
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from botocore.exceptions import ClientError

from modelward.aws.errors import translated
from modelward.core.errors import AccessError, AwsError, NotFoundError, ThrottledError
from modelward.core.names import EVENT_SOURCE

if TYPE_CHECKING:
    from types_boto3_events import EventBridgeClient
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient

_TIMEOUT_S = 10
_SUBJECT_LIMIT = 100
_BATCH = 10


class Queue:
    """The queue that wakes the reconciler."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        """Take a boto3 client and the URL of the queue."""
        self._client = client
        self._url = url

    def send(self, messages: Sequence[Mapping[str, Any]], *, delay_s: int = 0) -> None:
        """Send JSON messages, to be seen after 0 to 900 seconds (`SendMessageBatch`, ten for each call).

        Raises:
            AwsError: a refusal, of one message or of all; those before it are sent.
        """
        with translated("SendMessageBatch", kind="queue", name=self._url):
            for start in range(0, len(messages), _BATCH):
                self._send(messages[start : start + _BATCH], delay_s)

    def _send(self, messages: Sequence[Mapping[str, Any]], delay_s: int) -> None:
        answer = self._client.send_message_batch(
            QueueUrl=self._url,
            Entries=[
                {"Id": str(number), "MessageBody": json.dumps(message), "DelaySeconds": delay_s}
                for number, message in enumerate(messages)
            ],
        )
        for failed in answer.get("Failed", []):
            raise _refusal("SendMessageBatch", failed["Code"], failed.get("Message", ""))


class Bus:
    """An event bus, of this account or of another one that lets us in."""

    def __init__(self, client: "EventBridgeClient", arn: str) -> None:
        """Take a boto3 client and the ARN of the bus."""
        self._client = client
        self._arn = arn

    def put(self, kind: str, detail: Mapping[str, Any]) -> None:
        """Put one event of ours on the bus (`PutEvents`); once accepted, EventBridge tries for a day to deliver it.

        Raises:
            AwsError: a refusal, also one that PutEvents tells of an entry.
        """
        entry: Any = {
            "EventBusName": self._arn,
            "Source": EVENT_SOURCE,
            "DetailType": kind,
            "Detail": json.dumps(detail),
        }
        with translated("PutEvents", kind="event bus", name=self._arn):
            [answer] = self._client.put_events(Entries=[entry])["Entries"]
            if answer.get("ErrorCode"):
                raise _refusal("PutEvents", answer["ErrorCode"], answer.get("ErrorMessage", ""))


def _refusal(operation: str, code: str, text: str) -> ClientError:
    """Make of an error that an answer tells of one entry what boto3 makes of those of whole calls."""
    return ClientError({"Error": {"Code": code, "Message": text}}, operation)


class Topic:
    """The topic whose subscribers get e-mail."""

    def __init__(self, client: "SNSClient", arn: str) -> None:
        """Take a boto3 client and the ARN of the topic."""
        self._client = client
        self._arn = arn

    def publish(self, subject: str, text: str) -> None:
        """Send a plain text (`Publish`); SNS takes at most 100 printable ASCII characters as a subject.

        Raises:
            AwsError: a refusal.
        """
        plain = "".join(char if " " <= char <= "~" else "?" for char in subject)[:_SUBJECT_LIMIT]
        with translated("Publish", kind="topic", name=self._arn):
            self._client.publish(TopicArn=self._arn, Subject=plain, Message=text)


class Webhook:
    """A Slack incoming webhook whose URL is a secret: it is in no environment, log or error."""

    def __init__(self, client: "SecretsManagerClient", secret: str) -> None:
        """Take a boto3 client and the name of the secret."""
        self._client = client
        self._secret = secret
        self._url = ""

    def post(self, message: Mapping[str, Any]) -> None:
        """Post a message; the secret is read once (`GetSecretValue`).

        Raises:
            AccessError: there is no such secret, it may not be read, or it holds no URL.
            ThrottledError: Slack asks to wait, or does not answer.
            AwsError: Slack or Secrets Manager refuses.
        """
        body = json.dumps(message).encode()
        request = Request(self._webhook(), body, {"Content-Type": "application/json"})  # noqa: S310  # checked below
        try:
            with urlopen(request, timeout=_TIMEOUT_S):  # noqa: S310  # http and https only, see _webhook
                return
        except HTTPError as error:
            with error:
                kind = ThrottledError if error.code == 429 or error.code >= 500 else AwsError
                self._url = ""  # the secret may hold another one by now
                raise kind("Slack webhook", str(error.code), error.reason, "Check the webhook in Slack.") from None
        except (OSError, HTTPException) as error:  # not its text, in which the URL may stand
            reason = str(getattr(error, "reason", type(error).__name__))
            raise ThrottledError(
                "Slack webhook", "unreachable", reason, "Check that the function reaches it."
            ) from None

    def _webhook(self) -> str:
        if not self._url:
            self._url = self._secret_value()
        if urlsplit(self._url).scheme not in ("http", "https"):
            raise AccessError(
                "Slack webhook",
                "InvalidSecret",
                f"secret {self._secret} holds no URL",
                "Put the webhook's URL into it.",
            )
        return self._url

    def _secret_value(self) -> str:
        """Read the secret; one that is missing is set-up left undone, which a person must mend."""
        try:
            with translated("GetSecretValue", kind="secret", name=self._secret):
                return self._client.get_secret_value(SecretId=self._secret)["SecretString"].strip()
        except NotFoundError as error:
            # From a file: as an argument, version 1 of the AWS CLI would fetch the URL and store what is there.
            command = f"aws secretsmanager create-secret --name {self._secret} --secret-string file://url.txt"
            step = f"Put the URL into a file and create it: `{command}`."
            raise AccessError("GetSecretValue", "ResourceNotFoundException", error.problem, step) from error
