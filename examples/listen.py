"""Receive SageMaker's own events about model versions in a queue of your own, and print them.

    python examples/listen.py            # until Ctrl-C
    python examples/listen.py --count 1  # until one has come

The rule and the queue are made at the start and removed at the end. The queue's policy is what AWS wants to see before
EventBridge may deliver.
"""

import argparse
import json
from contextlib import contextmanager, suppress

import boto3

NAME = "modelward-example-listener"
PATTERN = {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Model Package State Change"]}


@contextmanager
def listening(sqs, events):
    """Have the default bus deliver into a new queue; give its URL."""
    url = sqs.create_queue(QueueName=NAME)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    rule = events.put_rule(Name=NAME, EventPattern=json.dumps(PATTERN))["RuleArn"]
    try:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy(arn, rule))})
        events.put_targets(Rule=NAME, Targets=[{"Id": "queue", "Arn": arn}])
        yield url
    finally:
        events.remove_targets(Rule=NAME, Ids=["queue"])
        events.delete_rule(Name=NAME)
        sqs.delete_queue(QueueUrl=url)


def policy(queue, rule):
    """Let this rule, and nothing else, send to the queue."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def received(sqs, url):
    """Yield events as they come; each is removed from the queue once it was yielded."""
    while True:
        answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            yield json.loads(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def line(event):
    """Say what an event tells. It is a hint: who acted is not in it, and by now the version may be another."""
    detail = event["detail"]
    changed = ", ".join(detail.get("UpdatedModelPackageFields", [])) or "created"
    return f"{detail['ModelPackageArn']}  {detail.get('ModelApprovalStatus', '-')}  ({changed})"


def main():
    """Listen until enough has come."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=0, help="stop after so many events; 0 goes on until Ctrl-C")
    count = parser.parse_args().count
    sqs, events = boto3.client("sqs"), boto3.client("events")
    with listening(sqs, events) as url:
        print("listening", flush=True)
        for number, event in enumerate(received(sqs, url), 1):
            print(line(event), flush=True)
            if number == count:
                return


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
