"""Which data and commit made the model that answers now, and what came of data or of a commit."""

import json
import subprocess
from types import SimpleNamespace

import pytest
from tests.service.conftest import IMAGE

from modelward.core.errors import InputError, IntegrityError
from modelward.core.model_package import Dataset
from modelward.core.names import record_key

URI, SHA256 = "s3://data/digits/train.csv", "ab" * 32
DATA = Dataset("digits", "1.0", URI, SHA256)
OTHER = Dataset("weather", uri="s3://data/weather/", sha256="cd" * 32)


@pytest.fixture
def commit(world):
    """Put what people have on their laptop under git, and give the commit."""
    person = ["-c", "user.name=ana", "-c", "user.email=ana@example.com"]
    for command in (
        ["init", "--quiet", "--initial-branch=main"],
        [*person, "commit", "--quiet", "--allow-empty", "--message=one"],
        ["remote", "add", "origin", "https://example.com/r.git"],
    ):
        subprocess.run(["git", *command], cwd=world.folder, check=True, capture_output=True)
    told = subprocess.run(["git", "rev-parse", "HEAD"], cwd=world.folder, check=True, capture_output=True, text=True)
    return told.stdout.strip()


def related(graph):
    """Tell the edges by the names of what they connect."""
    names = {node.id: node.name for node in graph.nodes}
    return {(names[edge.source], edge.relation, names[edge.target]) for edge in graph.edges}


def served(graph):
    return {(relation, *ends) for end, relation, *ends in related(graph) if ends[0].startswith("digits in")}


def test_a_version_tells_code_data_run_image_artifact_and_where_it_serves(world, commit):
    version = world.live(dataset=DATA, run="job-7")
    graph = version.graph()
    facts = {node.kind.value: dict(node.facts) for node in graph.nodes}
    assert related(graph) == {
        ("digits 1.0", "trained on", "digits v1"),
        (commit, "code of", "digits v1"),
        ("job-7", "made by", "digits v1"),
        (IMAGE, "served with", "digits v1"),
        (version.artifact_uri, "weights of", "digits v1"),
        ("digits v1", "serves now", "digits in staging"),
        ("digits v1", "serves now", "digits in production"),
    }
    assert facts["dataset"] == {"uri": URI, "sha256": SHA256}
    assert facts["commit"] == {
        "branch": "main",
        "repository": "https://example.com/r.git",
        "uncommitted changes": "none",
    }
    assert facts["artifact"] == {"sha256": version.sha256}
    assert facts["environment"]["endpoint"] == "digits-production"
    assert facts["environment"]["verified"].endswith(" UTC")


def test_a_version_whose_training_went_on_from_another_tells_which(world):
    world.register(0.95)
    second = world.register(0.96, parent=1).refresh()
    assert second.lineage.parent == second.package.to_json()["lineage"]["parent"] == 1
    assert ("digits v1", "trained on from", "digits v2") in related(second.graph())
    with pytest.raises(InputError, match="parent: 0"):
        world.register(0.97, parent=0)


def test_a_version_that_was_replaced_served_and_one_that_was_never_out_did_not(world):
    first = world.live(0.95)
    world.live(0.97)
    third = world.register(0.99)
    assert served(first.graph()) == {("served", "digits in staging"), ("served", "digits in production")}
    assert served(third.graph()) == set()


def test_all_datasets_of_a_run_are_told(world):
    told = {
        "datasets": [
            {"name": "digits", "uri": URI, "size": 7},
            {"name": "weather"},
            {"name": "weather", "uri": "s3://b/k"},
        ]
    }
    version = world.register(dataset=Dataset("digits"), record=json.dumps(told))
    assert [node.name for node in version.graph().nodes if node.kind == "dataset"] == ["digits", "weather", "weather"]


@pytest.mark.parametrize("record", ["[]", "{}", '{"datasets": 7}', '{"datasets": ["digits"]}'])
def test_a_record_of_another_make_leaves_the_dataset_that_stands_on_the_version(world, record):
    version = world.register(dataset=DATA, record=record)
    assert [dict(node.facts)["uri"] for node in version.graph().nodes if node.kind == "dataset"] == [URI]


def test_a_record_that_is_gone_is_done_without_and_one_that_was_replaced_is_not_believed(world):
    version = world.register(dataset=DATA, record="{}")
    place = {"Bucket": "acme-models", "Key": record_key("digits", version.sha256, version.refresh().package.record)}
    world.client("s3").delete_object(**place)
    assert [node.name for node in version.graph().nodes if node.kind == "dataset"] == ["digits 1.0"]
    world.client("s3").put_object(**place, Body=b"{ }")
    with pytest.raises(IntegrityError):
        version.graph()


def test_a_version_registered_by_other_means_tells_what_is_known(world):
    arn = world.sagemaker.create_model_package(
        ModelPackageGroupName="digits",
        InferenceSpecification={"Containers": [{"Image": "image:1", "ModelDataUrl": "s3://b/k.tar.gz"}]},
    )["ModelPackageArn"]
    assert related(world.digits.version(int(arn.rpartition("/")[2])).graph()) == {
        ("image:1", "served with", "digits v1"),
        ("s3://b/k.tar.gz", "weights of", "digits v1"),
    }


def test_data_a_commit_and_digests_lead_to_all_versions_and_to_what_they_serve(world, commit):
    live = world.live(0.95, dataset=DATA)
    world.register(0.96, dataset=DATA)
    world.register(0.97, dataset=OTHER)
    both = {"digits v1", "digits v2"}
    everywhere = {("serves now", "digits in staging"), ("serves now", "digits in production")}
    for origin, versions in {
        URI: both,
        f"sha256:{SHA256}": both,
        f"sha256:{live.sha256}": {"digits v1"},
        commit: {*both, "digits v3"},
        commit[:8]: {*both, "digits v3"},
        commit[2:12]: set(),
        "s3://data/weather/2026/may.csv": {"digits v3"},
        "s3://data/weather": {"digits v3"},
        "s3://data/weather.csv": set(),
        "s3://data/": set(),
    }.items():
        graph = world.registry.reach(origin)
        assert {node.name for node in graph.nodes if node.kind == "version"} == versions, origin
        assert served(graph) == (everywhere if "digits v1" in versions else set())


def test_what_leads_nowhere_is_refused(world):
    for origin in ("digits", "abc", "sha256:7", "s3:/data"):
        with pytest.raises(InputError, match="--of"):
            world.registry.reach(origin)


def test_finding_what_came_of_data_costs_one_search_and_the_status_of_the_models(world):
    world.live(0.95, dataset=DATA)
    for accuracy in (0.96, 0.97, 0.98):
        world.register(accuracy, dataset=DATA)
    since = len(world.calls)
    world.registry.status()
    status = world.calls[since:]
    world.registry.reach(URI)
    assert world.calls[since + len(status) :] == [("sagemaker", "Search"), *status]
    since = len(world.calls)
    world.registry.reach("s3://data/unknown.csv")
    assert world.calls[since:] == [("sagemaker", "Search")]


def test_who_may_not_look_at_endpoints_sees_what_the_ledger_knows_and_is_told(world):
    def refuse(**_):
        text = "User: ana is not authorized to perform: sagemaker:DescribeEndpoint"
        return SimpleNamespace(status_code=400, headers={}), {
            "Error": {"Code": "AccessDeniedException", "Message": text}
        }

    version = world.live(dataset=DATA)
    world.sagemaker.meta.events.register_first("before-call.sagemaker.DescribeEndpoint", refuse)
    try:
        graphs = version.graph(), world.registry.reach(URI)
    finally:
        world.sagemaker.meta.events.unregister("before-call.sagemaker.DescribeEndpoint", refuse)
    assert served(graphs[0]) == {("served", "digits in staging"), ("served", "digits in production")}
    assert [node.name for node in graphs[1].nodes] == [URI, "digits v1"]
    for graph in graphs:
        assert graph.note.startswith("what serves now is not known: ")
        assert "sagemaker:DescribeEndpoint" in graph.note
