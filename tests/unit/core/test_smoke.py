"""Smoke tests: what is kept of them, and which answers pass."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelward.core.errors import InputError
from modelward.core.smoke import LARGEST_PAYLOAD, Answer, SmokeTest, judge_smoke

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
PAYLOADS = (st.binary(min_size=1) | st.text(min_size=1) | JSON).filter(lambda each: each != "")


def judged(expected, body, *, tolerance=0.0, kind="application/json", status=200):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return judge_smoke(SmokeTest("1", expected=expected, tolerance=tolerance), Answer(status, kind, body))


@given(payload=PAYLOADS, expected=JSON, tolerance=st.floats(0, 1e6))
def test_what_is_kept_reads_back_as_the_same_call_with_the_same_digest(payload, expected, tolerance):
    test = SmokeTest(payload, "text/csv", "text/csv", expected, tolerance if expected is not None else 0.0)
    test.check()
    again = SmokeTest.parse(test.to_text())
    assert (again.body, again.content_type, again.accept) == (test.body, "text/csv", "text/csv")
    assert json.dumps(again.expected, sort_keys=True) == json.dumps(test.expected, sort_keys=True)
    assert (again.tolerance, again.digest) == (test.tolerance, test.digest)


@given(answer=JSON.filter(lambda each: each is not None))
def test_an_answer_passes_as_its_own_expectation(answer):
    assert judged(answer, answer).is_held


@given(expected=st.floats(-1e6, 1e6), by=st.floats(0.001, 10), tolerance=st.floats(0, 5))
def test_a_number_passes_within_the_tolerance_and_not_beyond(expected, by, tolerance):
    if abs(by - tolerance) < 1e-6:
        return
    assert judged({"y": [expected]}, {"y": [expected + by]}, tolerance=tolerance).is_held == (by <= tolerance)


@pytest.mark.parametrize(
    ("expected", "found", "why"),
    [
        (1, 2, "the answer is 2, expected 1"),
        ({"a": 1}, {"b": 1}, "the answer has no 'a'"),
        ({"a": [1, 2]}, {"a": [1]}, "the answer.a has 1 items, expected 2"),
        ([1, [2, 3]], [1, [2, 4]], "the answer[1][1] is 4, expected 3"),
        ("cat", "dog", 'the answer is "dog", expected "cat"'),
        (True, 1, "the answer is 1, expected true"),
        (0, False, "the answer is false, expected 0"),
        ([1], {"0": 1}, 'the answer is {"0": 1}, expected [1]'),
        (1, 10**400, "the answer is 1000000000"),
        (0, b"NaN", "the answer is NaN, expected 0"),
    ],
)
def test_the_first_difference_is_told(expected, found, why):
    verdict = judged(expected, found)
    assert not verdict.is_held
    assert verdict.text.startswith(f"its smoke test failed: {why}")


def test_members_that_nobody_expects_do_not_count():
    assert judged({"label": "cat"}, {"label": "cat", "took_ms": 12}).is_held


def test_rows_of_csv_and_plain_texts_are_compared_too():
    rows = b"cat,0.91\ndog,0.09\n"
    assert judged([["cat", 0.9], ["dog", 0.1]], rows, kind="text/csv; charset=utf-8", tolerance=0.02).is_held
    assert judged([["cat", 0.8], ["dog", 0.1]], rows, kind="text/csv", tolerance=0.02).text.endswith(
        "the answer[0][1] is 0.91, expected 0.8 within 0.02"
    )
    assert judged("cat,0.91\ndog,0.09", rows, kind="text/csv").is_held
    assert judged(7, b"7\n", kind="text/csv").is_held


def test_without_an_expectation_any_answer_passes_that_is_a_success_and_not_empty():
    assert judged(None, b"\x89PNG").is_held
    assert judged(None, b"").text == "its smoke test failed: the answer is empty"
    assert judged(None, b"out of memory", status=503).text.endswith("the model answered 503: out of memory")


def test_a_verdict_has_only_characters_that_sagemaker_keeps():
    text = judged(None, b"a\x00b\x1b[0m\r\n\tc\xff" + b"x" * 9999, status=500).text
    assert text.isprintable()
    assert len(text) < 1000


@pytest.mark.parametrize(
    ("test", "about"),
    [
        (SmokeTest(""), "payload: 0 bytes"),
        (SmokeTest(b"x" * (LARGEST_PAYLOAD + 1)), "payload: 4,194,305 bytes"),
        (SmokeTest(object()), "payload: what is no JSON"),
        (SmokeTest("1", "csv"), "content_type: 'csv'"),
        (SmokeTest("1", "text/csv\n"), "content_type"),
        (SmokeTest("1", 7), "content_type"),
        (SmokeTest("1", accept="json"), "accept: 'json'"),
        (SmokeTest("1", tolerance=0.1), "tolerance: 0.1; it needs an expected answer"),
        (SmokeTest("1", expected=1, tolerance=-1), "tolerance: -1"),
        (SmokeTest("1", expected=1, tolerance=float("nan")), "tolerance: nan"),
        (SmokeTest("1", expected=1, tolerance="0.1"), "tolerance: '0.1'"),
        (SmokeTest("1", expected=float("nan")), "expected: what is no JSON"),
        (SmokeTest("1", expected={1, 2}), "expected: what is no JSON"),
        (SmokeTest("1", expected="x" * (LARGEST_PAYLOAD + 9)), "expected: a larger or deeper one"),
        (SmokeTest("1", expected=json.loads("[" * 60 + "]" * 60)), "expected: a larger or deeper one"),
    ],
)
def test_what_cannot_be_kept_or_sent_is_refused_by_name(test, about):
    with pytest.raises(InputError, match="smoke test") as refused:
        test.check()
    assert about in str(refused.value)


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("{", "no JSON"),
        ("[1]", "no JSON object"),
        ("{}", "no payload, or two"),
        ('{"payload": 1, "payload_base64": "MQ=="}', "no payload, or two"),
        ('{"payload": 1, "expect": 2}', "expect; it holds"),
        ('{"payload_base64": "?"}', "no base64"),
        ('{"payload_base64": 7}', "no base64"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_a_file_that_is_something_else_is_refused_by_name(text, about):
    with pytest.raises(InputError, match=r"--smoke f\.json") as refused:
        SmokeTest.parse(text, "--smoke f.json")
    assert about in str(refused.value)
