"""Records of the ledger's stream, in order."""

from datetime import UTC, datetime

from modelward.aws.ledger import item_of
from modelward.core.ledger import Entry, EntryKind
from modelward.handlers.notify import handler

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)


def image(kind=EntryKind.REGISTERED, model="fraud", version=1):
    return item_of(Entry(model, version, 1, AT, kind, "arn:aws:iam::123456789012:user/ana", "new"))


def brought(*images):
    records = [{"eventName": "INSERT", "dynamodb": {"SequenceNumber": str(number), "NewImage": each}}
               for number, each in enumerate(images, 1)]  # fmt: skip
    return [each["itemIdentifier"] for each in handler({"Records": records}, None)["batchItemFailures"]]


def answered(function):
    function.answers.update({"publish": {}, "search": {"Results": []}})


def test_each_entry_that_concerns_people_is_told_in_order(function):
    answered(function)
    assert brought(image(version=1), image(version=2)) == []
    subjects = [request["Subject"] for operation, request in function.asked if operation == "publish"]
    assert [subject.split()[2] for subject in subjects] == ["v1", "v2"]


def test_what_its_outcome_tells_is_not_told_by_itself(function):
    assert brought(image(EntryKind.DEPLOYING), image(EntryKind.ARCHIVED)) == []
    assert function.asked == []


def test_an_entry_of_a_model_that_is_no_longer_declared_is_not_told(function):
    assert brought(image(model="gone")) == []
    assert function.asked == []


def test_nothing_is_told_after_the_first_that_failed(function):
    answered(function)
    function.answers["publish"] = RuntimeError("boom")
    assert brought(image(version=1), image(version=2)) == ["1"]
    assert function.operations.count("publish") == 1


def test_a_record_without_an_image_is_passed_over(function):
    assert handler({"Records": [{"dynamodb": {"SequenceNumber": "1"}}]}, None) == {"batchItemFailures": []}
