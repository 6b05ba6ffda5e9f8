"""`python -m bench.dashboard PATH.png`: draw the dashboard of the stacks with the metrics of a run on the local AWS.

Nobody can judge a page from its JSON. CloudWatch draws nicer; what lies where, and whether it is readable, is the same.
The local AWS keeps no metrics of queues and of functions behind queues, so their graphs stay empty.
"""

import io
import json
import sys
import tarfile
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.account import ROOT
from modelward import bootstrap
from modelward.cli.demo.inbox import Slack
from modelward.local.up import LocalAws

_MINUTES = 40
_INCH_PER_CELL = 0.75
_IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
# Fails every seventh call, and is slow now and then.
_CODE = """
import time
def model_fn(folder):
    return {"calls": 0}
def predict_fn(data, model):
    model["calls"] += 1
    if model["calls"] % 7 == 0:
        raise RuntimeError("every seventh call")
    time.sleep(0.02 * (model["calls"] % 5))
    return "fine"
"""
_SHADES = {"OK": "#1d8102", "ALARM": "#d13212", "INSUFFICIENT_DATA": "#879596"}


def main(path: str) -> None:
    """Play, ask CloudWatch for what the dashboard shows, and draw it."""
    with Slack() as slack, LocalAws() as aws:
        aws.client("admin", "secretsmanager").create_secret(Name="modelward/slack", SecretString=slack.url)
        _play(aws)
        cloudwatch = aws.client("admin", "cloudwatch")
        body = json.loads(cloudwatch.get_dashboard(DashboardName="modelward-acme")["DashboardBody"])
        _drawn(body["widgets"], cloudwatch).savefig(path, dpi=80)


def _play(aws: LocalAws) -> None:
    aws.deploy(ROOT, io.StringIO())
    spec = ROOT / "registry.toml"
    model = bootstrap.connect(spec, session=aws.session("approver")).model("digits")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.tar.gz")
        with tarfile.open(path, "w:gz") as archive:
            member = tarfile.TarInfo("code/inference.py")
            member.size = len(_CODE)
            archive.addfile(member, io.BytesIO(_CODE.encode()))
        scientist = bootstrap.connect(spec, session=aws.session("data-scientist")).model("digits")
        made = scientist.register(path, _IMAGE, {"accuracy": 0.95, "log_loss": 0.2})
    model.version(made.version).approve(reason="good")
    _until_live(aws, "digits-staging")
    model.version(made.version).promote("Production", reason="released")
    _until_live(aws, "digits-production")
    settings = bootstrap.context_of(spec, session=aws.session("admin")).settings
    queue = {"QueueUrl": settings.reconcile_queue_url, "MessageBody": json.dumps({"sweep": True})}
    aws.client("admin", "sqs").send_message(**queue)
    for minute in range(_MINUTES):
        _call(aws, minute)
        aws.switch("advance", seconds=60)
    aws.wait_idle()


def _until_live(aws: LocalAws, endpoint: str) -> None:
    sagemaker, deadline = aws.client("admin", "sagemaker"), time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "InService":
                aws.wait_idle()
                return
        except ClientError:
            time.sleep(0.2)
    raise TimeoutError(endpoint)


def _call(aws: LocalAws, minute: int) -> None:
    """Call more and more often, and staging only now and then."""
    runtime = aws.client("data-scientist", "sagemaker-runtime")
    for number in range(1 + minute // 8):
        endpoint = "digits-staging" if number == 0 and minute % 5 == 0 else "digits-production"
        try:
            runtime.invoke_endpoint(EndpointName=endpoint, ContentType="application/json", Body=b"[[1]]")
        except ClientError:
            continue


def _drawn(widgets: list[dict[str, Any]], cloudwatch: Any) -> Figure:
    height = max(each["y"] + each["height"] for each in widgets)
    figure = Figure(figsize=(24 * _INCH_PER_CELL, height * _INCH_PER_CELL))
    for widget in widgets:
        left, width = widget["x"] / 24, widget["width"] / 24
        bottom, tall = 1 - (widget["y"] + widget["height"]) / height, widget["height"] / height
        box = (left + 0.035, bottom + tall * 0.16, width - 0.05, tall * 0.66)
        _draw(figure.add_axes(box), widget, cloudwatch)
    return figure


def _draw(axes: Axes, widget: Mapping[str, Any], cloudwatch: Any) -> None:
    properties = widget["properties"]
    axes.set_title(properties.get("title", ""), loc="left", fontsize=11, fontweight="bold")
    if widget["type"] == "metric":
        _draw_graph(axes, properties, cloudwatch)
        return
    axes.axis("off")
    if widget["type"] == "text":
        axes.text(0, 1, properties["markdown"], va="top", fontsize=9, family="monospace", wrap=True)
    else:
        _draw_alarms(axes, [arn.rpartition(":")[2] for arn in properties["alarms"]], cloudwatch)


def _draw_alarms(axes: Axes, names: list[str], cloudwatch: Any) -> None:
    states = {name: cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"] for name in names}
    for number, (name, state) in enumerate(states.items()):
        column, row = number % 5, number // 5
        text = f"{name[-44:]}\n{state}"
        shade = {"facecolor": _SHADES[state], "edgecolor": "none", "pad": 3}
        axes.text(column / 5, 1 - row * 0.28, text, va="top", fontsize=7, color="white", bbox=shade)


def _draw_graph(axes: Axes, properties: Mapping[str, Any], cloudwatch: Any) -> None:
    for metric in _expanded(properties["metrics"]):
        times, values = _measured(metric, cloudwatch)
        axes.plot(times, values, marker=".", label=metric["label"])
    for limit in properties.get("annotations", {}).get("horizontal", []):
        axes.axhline(limit["value"], color="#d13212", linestyle="--", label=limit["label"])
    now = datetime.now(UTC)
    axes.set_xlim(now - timedelta(minutes=5), now + timedelta(minutes=_MINUTES))  # type: ignore[arg-type]  # dates are fine
    axes.set_ylim(bottom=0)
    axes.tick_params(labelsize=7)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(fontsize=7, loc="upper left")


def _expanded(rows: list[list[Any]]) -> list[dict[str, Any]]:
    """Spell rows of a graph out: `.` repeats what stands above it, and the last element may hold the rest."""
    found, above = [], list[Any]()
    for row in rows:
        rest = row[-1] if isinstance(row[-1], dict) else {}
        named = [each for each in row if not isinstance(each, dict)]
        named = [above[at] if each == "." else each for at, each in enumerate(named)]
        above = named
        dimensions = [{"Name": name, "Value": value} for name, value in zip(named[2::2], named[3::2], strict=True)]
        labelled = {"label": named[-1], "period": 300, "stat": "Average", **rest}
        found.append({"namespace": named[0], "name": named[1], "dimensions": dimensions, **labelled})
    return found


def _measured(metric: Mapping[str, Any], cloudwatch: Any) -> tuple[list[datetime], list[float]]:
    now = datetime.now(UTC)
    is_percentile = metric["stat"].startswith("p")
    points = cloudwatch.get_metric_statistics(
        Namespace=metric["namespace"],
        MetricName=metric["name"],
        Dimensions=metric["dimensions"],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=2 * _MINUTES),
        Period=min(metric["period"], 300),
        **{"ExtendedStatistics" if is_percentile else "Statistics": [metric["stat"]]},
    )["Datapoints"]
    points.sort(key=lambda point: point["Timestamp"])
    values = [(each["ExtendedStatistics"] if is_percentile else each)[metric["stat"]] for each in points]
    return [each["Timestamp"] for each in points], values


if __name__ == "__main__":
    main(sys.argv[1])
