"""Events from bus to bus, also of other accounts, on moto's EventBridge."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from modelward.local.moto import install

HERE, THERE, REGION = "123456789012", "210987654321", "eu-west-1"
DEFAULT = f"arn:aws:events:{REGION}:{THERE}:event-bus/default"
PATTERN = json.dumps({"source": ["aws.sagemaker"]})
ROLE = f"arn:aws:iam::{HERE}:role/carrier"


class Account:
    """Rules and queues of an account."""

    def __init__(self, session: boto3.Session, account: str) -> None:
        make: Any = session.client
        self.account = account
        self.events, self.sqs = make("events", REGION), make("sqs", REGION)

    def rule(self, name: str, target: str, bus: str = "default", **more: Any) -> None:
        self.events.put_rule(Name=name, EventPattern=PATTERN, EventBusName=bus)
        self.events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "t", "Arn": target, **more}])

    def inbox(self, name: str, bus: str = "default") -> str:
        url: str = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        self.rule(name, f"arn:aws:sqs:{REGION}:{self.account}:{name}", bus)
        return url

    def read(self, url: str) -> list[Any]:
        messages = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", ())
        return [json.loads(each["Body"]) for each in messages]


@pytest.fixture
def here() -> Iterator[Account]:
    install()
    with mock_aws():
        yield Account(boto3.Session(region_name=REGION), HERE)


@pytest.fixture
def there(here: Account) -> Account:
    role = {"RoleArn": f"arn:aws:iam::{THERE}:role/r", "RoleSessionName": "ann"}
    key = boto3.client("sts", REGION).assume_role(**role)["Credentials"]
    return Account(boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"]), THERE)


def happen() -> str:
    """Let the registry say something."""
    client = boto3.client("sagemaker", REGION)
    client.create_model_package_group(ModelPackageGroupName="digits")
    specification = {"Containers": [{"Image": "i", "ModelDataUrl": "s3://b/m.tar.gz"}]}
    arn: str = client.create_model_package(ModelPackageGroupName="digits", InferenceSpecification=specification)[
        "ModelPackageArn"
    ]
    return arn


def test_a_bus_of_another_account_gets_the_event_as_it_was(here: Account, there: Account) -> None:
    inbox = there.inbox("in")
    there.events.put_permission(Action="events:PutEvents", Principal=HERE, StatementId="from-here")
    here.rule("out", DEFAULT, RoleArn=ROLE)
    version = happen()
    [event] = there.read(inbox)
    assert (event["source"], event["account"], event["resources"]) == ("aws.sagemaker", HERE, [version])


def test_a_bus_that_does_not_permit_it_gets_nothing(here: Account, there: Account) -> None:
    inbox = there.inbox("in")
    there.events.put_permission(Action="events:PutEvents", Principal="333333333333", StatementId="from-others")
    here.rule("out", DEFAULT)
    here.rule("nowhere", DEFAULT.replace("default", "missing"))
    happen()
    assert there.read(inbox) == []


def test_an_event_is_sent_on_to_no_third_bus(here: Account) -> None:
    for bus in ("second", "third"):
        here.events.create_event_bus(Name=bus)
    root = f"arn:aws:events:{REGION}:{HERE}:event-bus/"
    second, third = here.inbox("in-second", "second"), here.inbox("in-third", "third")
    here.rule("out", root + "second")
    here.rule("on", root + "third", "second")
    happen()
    assert len(here.read(second)) == 1
    assert here.read(third) == []
