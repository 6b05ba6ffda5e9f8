"""What goes out by queue and bus, and refusals that come inside an answer of success."""

import json

import pytest

from modelward.aws.messages import Bus, Queue
from modelward.core.errors import AccessError, AwsError, ThrottledError


class Sqs:
    """A client that remembers batches, and refuses some messages."""

    def __init__(self, *failed):
        self.batches, self.failed = [], list(failed)

    def send_message_batch(self, QueueUrl, Entries):  # noqa: N803  # as boto3 spells it
        self.batches.append((QueueUrl, Entries))
        return {"Successful": [], "Failed": self.failed}


class Events:
    """A client that remembers events, and answers the same to each."""

    def __init__(self, **answer):
        self.entries, self.answer = [], answer

    def put_events(self, Entries):  # noqa: N803
        self.entries += Entries
        return {"FailedEntryCount": 1, "Entries": [self.answer]}


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (10, [10]), (11, [10, 1]), (25, [10, 10, 5])])
def test_messages_go_ten_at_a_time_in_their_order_with_their_delay(count, sizes):
    client = Sqs()
    Queue(client, "url").send([{"n": number} for number in range(count)], delay_s=60)
    assert [len(entries) for _, entries in client.batches] == sizes
    sent = [entry for _, entries in client.batches for entry in entries]
    assert [json.loads(entry["MessageBody"])["n"] for entry in sent] == list(range(count))
    assert {(url, entry["DelaySeconds"]) for url, entries in client.batches for entry in entries} <= {("url", 60)}
    assert all(len({entry["Id"] for entry in entries}) == len(entries) for _, entries in client.batches)


def test_a_batch_of_which_one_message_is_refused_is_an_error_and_nothing_is_sent_after_it():
    client = Sqs({"Id": "3", "Code": "ThrottlingException", "Message": "slower", "SenderFault": False})
    with pytest.raises(ThrottledError, match="SendMessageBatch"):
        Queue(client, "url").send([{}] * 25)
    assert len(client.batches) == 1


def test_an_event_is_ours_and_names_the_bus_its_kind_and_what_is_asked():
    client = Events(EventId="1")
    Bus(client, "arn:bus").put("Rollout Requested", {"model": "digits", "environment": "staging", "version": 3})
    [entry] = client.entries
    assert json.loads(entry.pop("Detail")) == {"model": "digits", "environment": "staging", "version": 3}
    assert entry == {"EventBusName": "arn:bus", "Source": "modelward", "DetailType": "Rollout Requested"}


@pytest.mark.parametrize(
    ("code", "error"),
    [("AccessDeniedException", AccessError), ("ThrottlingException", ThrottledError), ("InternalFailure", AwsError)],
)
def test_an_event_that_is_refused_within_an_answer_of_success_is_an_error(code, error):
    with pytest.raises(error, match="PutEvents"):
        Bus(Events(ErrorCode=code, ErrorMessage="no"), "arn:bus").put("Rollout Requested", {})
