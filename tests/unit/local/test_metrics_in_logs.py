"""Metrics that functions write into their logs."""

import json

import pytest

from modelward.local.ministack.lambdas import metrics_in

DIRECTIVE = {"Namespace": "Ours", "Dimensions": [["a"], ["a", "b"]], "Metrics": [{"Name": "Age", "Unit": "Seconds"}]}


def line(**more):
    return json.dumps({"_aws": {"Timestamp": 1, "CloudWatchMetrics": [DIRECTIVE]}, "a": "x", "b": "y", **more})


def test_each_value_counts_for_each_set_of_dimensions():
    assert list(metrics_in(line(Age=[1.0, 2.0]))) == [
        ("Ours", "Age", 1.0, "Seconds", {"a": "x"}),
        ("Ours", "Age", 2.0, "Seconds", {"a": "x"}),
        ("Ours", "Age", 1.0, "Seconds", {"a": "x", "b": "y"}),
        ("Ours", "Age", 2.0, "Seconds", {"a": "x", "b": "y"}),
    ]


def test_a_bare_value_is_one():
    assert {value for _, _, value, _, _ in metrics_in(line(Age=3))} == {3}


@pytest.mark.parametrize("text", ["", "no json", "[]", "3", "null", "{}", '{"_aws": 1}', '{"_aws": {}}'])
def test_another_line_holds_none(text):
    assert list(metrics_in(text)) == []


@pytest.mark.parametrize("text", [line(), json.dumps({"_aws": {"CloudWatchMetrics": [{"Namespace": "Ours"}]}})])
def test_a_line_whose_directive_does_not_fit_holds_none(text):
    assert list(metrics_in(text)) == []
