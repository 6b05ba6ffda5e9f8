"""Every command and every piece of Python in the documents, run in their order as a reader would."""

import io
import json
import re
import runpy
from collections.abc import Callable
from importlib.metadata import metadata
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from modelward import bootstrap
from modelward.core.errors import AccessError
from modelward.local.up import LocalAws

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[2]
RUN = [
    "README.md",
    *(
        f"docs/{name}.md"
        for name in ("access", "accounts", "constructs", "cost", "deploy", "lineage", "local", "rollouts", "training")
    ),
    "docs/targets.md",  # by tests/service, on endpoints of each kind
]
CONTAINER = {
    "InferenceSpecification": {
        "Containers": [{"Image": "image", "ModelDataUrl": "s3://bucket/model.tar.gz"}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
}
CDK_CLI = "aws-cdk@2.1148.1"  # the newest that reads the assemblies of the aws-cdk-lib in pyproject.toml
CDK_COMMANDS = {"--version", "bootstrap", "diff", "deploy", "destroy"}


# What stands in a training script before Modelward comes in.
TRAINED = """
from sklearn.datasets import load_digits
from sklearn.svm import SVC
images, labels = load_digits(return_X_y=True)
classifier = SVC(gamma=0.001).fit(images[:1200], labels[:1200])
"""


def check_make(words: list[str]) -> None:
    assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def check_pip(words: list[str]) -> None:
    assert words[1] == "install"
    ours = [Requirement(word.strip("'")) for word in words[2:] if "modelward" in word]
    assert ours
    for requirement in ours:
        assert requirement.extras <= set(metadata("modelward").get_all("Provides-Extra"))


def check_npx(words: list[str]) -> None:
    assert words[1] == CDK_CLI
    assert words[2] in CDK_COMMANDS
    options = {"--all", "--trust", "--cloudformation-execution-policies"}
    assert {word for word in words[3:] if word.startswith("-")} <= options


# What is not run, why, and how it is checked instead.
NOT_RUN: dict[str, tuple[str, Callable[[list[str]], None]]] = {
    "make": ("it sets a virtual environment up and plays the demo, which CI does on its own (.ci/run)", check_make),
    "pip": ("it needs an index of packages", check_pip),
    "npx": ("it needs the network, and an AWS account", check_npx),
}


def has_written_its_variables(reader: Any, process: Any) -> None:
    variables = reader.folder / "local.env"
    reader.eventually(lambda: process.poll() is not None or (variables.exists() and variables.read_text()))
    assert process.poll() is None


def has_said_that_it_listens(reader: Any, process: Any) -> None:
    assert reader.line_of(process) == "listening"


# What runs in a terminal of its own until Ctrl-C, and how the reader knows that it is ready.
SERVING: dict[str, Callable[[Any, Any], None]] = {
    "modelward local up > local.env": has_written_its_variables,
    "python examples/listen.py": has_said_that_it_listens,
}


def perform(reader: Any, block: Any) -> None:
    """Run a block, or check what cannot be run."""
    if block.language == "python":
        reader.python(block.text)
        return
    skipped = [command for command in block.commands if command.split()[0] in NOT_RUN]
    for command in skipped:
        words = command.split()
        NOT_RUN[words[0]][1](words)
    script = "\n".join(command for command in block.commands if command not in skipped)
    if script:
        reader.shell(script)


def runnable(document: Any) -> list[Any]:
    return [block for block in document.blocks if block.language in ("sh", "python")]


def test_every_document_with_something_to_run_is_run() -> None:
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    found = [path for path in documents if re.search(r"^```(sh|python|console|bash)$", path.read_text(), re.MULTILINE)]
    assert sorted(str(path.relative_to(ROOT)) for path in found) == sorted(RUN)


@pytest.mark.parametrize("document", ["docs/local.md"], indirect=True)
def test_the_local_aws_works_as_written(document: Any, clone: Path, follow: Callable[..., Any]) -> None:
    reader = follow(clone)
    serving = {}
    for block in runnable(document):
        command = block.text.strip()
        if command in SERVING:
            serving[command] = reader.start(command)
            SERVING[command](reader, serving[command])
        elif "mock_aws" in block.text:
            reader.shell("unset AWS_ENDPOINT_URL")  # as the document says
            follow(clone).python(block.text)
        else:
            perform(reader, block)
            reader.settle()  # a reader types more slowly than this test
    heard = reader.interrupt(serving["python examples/listen.py"])
    assert "model-package/digits/2  PendingManualApproval  (created)" in heard
    assert "model-package/digits/2  Approved  (ModelApprovalStatus, ApprovalDescription)" in heard
    assert "model-package/digits/2  Approved  (ModelLifeCycle, CustomerMetadataProperties)" in heard
    reader.interrupt(serving["modelward local up > local.env"])


@pytest.mark.parametrize("document", ["docs/accounts.md"], indirect=True)
def test_three_accounts_work_as_written(document: Any, clone: Path, follow: Callable[..., Any]) -> None:
    *before, to_start, to_type = runnable(document)
    reader = follow(clone)
    for block in before:
        perform(reader, block)
    enter, start = to_start.commands
    reader.shell(enter)
    serving = reader.start(start)
    reader.folder = clone / "examples" / "multi-account"
    SERVING[start](reader, serving)
    told = reader.shell(f"cd {clone}\n{to_type.text}")
    assert "v1 serves production" in told
    reader.interrupt(serving)


@pytest.mark.parametrize("document", ["README.md"], indirect=True)
def test_the_readme_works_as_written(document: Any, clone: Path, follow: Callable[..., Any], aws: Any) -> None:
    reader = follow(clone, **aws.environment())
    reader.python(TRAINED)
    for block in runnable(document):
        perform(reader, block)
        reader.settle()  # the document says "later"
    history = reader.shell("modelward history digits --json")
    assert '"kind": "verified"' in history
    assert '"environment": "production"' in history


@pytest.mark.parametrize("document", ["docs/training.md"], indirect=True)
def test_a_model_is_trained_and_registered_as_written(
    document: Any, clone: Path, follow: Callable[..., Any], aws: Any
) -> None:
    reader = follow(clone, **aws.environment())
    for block in runnable(document):
        perform(reader, block)
    record = json.loads(reader.shell("modelward record digits 1 --json"))
    assert record["parameters"]["max_depth"] == 3
    assert record["schema"]["class"] == "XGBClassifier"
    assert record["datasets"][0]["name"] == "digits"


@pytest.mark.parametrize("document", ["docs/lineage.md"], indirect=True)
def test_where_a_version_came_from_is_told_as_written(
    document: Any, clone: Path, follow: Callable[..., Any], aws: Any
) -> None:
    reader = follow(clone, **aws.environment())
    pack = runpy.run_path(str(clone / "examples" / "quickstart.py"))["pack"]
    pack(clone / "model.tar.gz")
    uri = "s3://acme-data/digits/train.csv"
    data = f"--dataset-name digits --dataset-uri {uri}"
    reader.shell(f"modelward register digits --artifact model.tar.gz --image image --metric accuracy=0.95 {data}")
    for block in runnable(document):
        perform(reader, block)
    assert f"uri {uri}" in (clone / "lineage.html").read_text()
    assert "came of it: digits v1" in reader.shell(f"modelward lineage --of {uri}/")


@pytest.mark.parametrize("document", ["docs/cost.md"], indirect=True)
def test_the_cost_of_a_declaration_is_told_as_written(document: Any, clone: Path, follow: Callable[..., Any]) -> None:
    reader = follow(clone)
    [block] = runnable(document)
    assert "| KMS keys | 1.00 (1) |" in reader.shell("\n".join(block.commands))


@pytest.mark.parametrize("document", ["docs/access.md"], indirect=True)
def test_the_policies_of_people_are_attached_as_written(
    document: Any, clone: Path, follow: Callable[..., Any], aws: Any
) -> None:
    iam = aws.client("admin", "iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    document_of_trust = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.create_role(RoleName="DataScientists", AssumeRolePolicyDocument=document_of_trust)
    [block] = runnable(document)
    follow(clone, **aws.environment()).shell("\n".join(block.commands))
    [attached] = iam.list_attached_role_policies(RoleName="DataScientists")["AttachedPolicies"]
    assert "contributor" in attached["PolicyName"].lower()


@pytest.mark.parametrize("document", ["docs/deploy.md"], indirect=True)
def test_the_way_to_an_account_works_as_written(
    document: Any, tmp_path: Path, follow: Callable[..., Any], aws: Any
) -> None:
    webhook = "https://hooks.example.com/T/B"
    reader = follow(tmp_path, SLACK_WEBHOOK_URL=webhook, **aws.environment())
    for block in runnable(document):
        perform(reader, block)
    secret = aws.client("admin", "secretsmanager").get_secret_value(SecretId="modelward/slack")
    assert secret["SecretString"] == webhook


@pytest.mark.parametrize("document", ["docs/constructs.md"], indirect=True)
def test_the_constructs_work_as_written(document: Any, clone: Path) -> None:
    of_a_group, of_a_registry = (block.text for block in runnable(document))
    with LocalAws() as aws:
        deploy(aws, clone, of_a_group)
        sagemaker = aws.client("admin", "sagemaker")
        arn = sagemaker.create_model_package(ModelPackageGroupName="churn", **CONTAINER)["ModelPackageArn"]
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
        told = heard(aws, "churn-Approved")
        assert (told["ModelPackageArn"], told["ModelApprovalStatus"]) == (arn, "Approved")

        stacks = deploy(aws, clone, of_a_registry)
        digits = bootstrap.connect(clone / "registry.toml", session=aws.session("admin")).model("digits")
        runpy.run_path(str(clone / "examples" / "quickstart.py"))["pack"](clone / "model.tar.gz")
        version = digits.register(clone / "model.tar.gz", "image", {"accuracy": 0.95, "log_loss": 0.2})
        version.approve(reason="figures are fine")
        told = heard(aws, "ml-work-Released")
        assert (told["ModelPackageArn"], told["ModelLifeCycle"]["StageStatus"]) == (version.arn, "Approved")
        aws.wait_idle()

        [releasers] = [name for kind, name in stacks[-1].resources if kind == "AWS::IAM::Role" and "Releasers" in name]
        session = acting_as(aws, releasers)
        mine = bootstrap.connect(clone / "registry.toml", session=session).model("digits").version(version.version)
        with pytest.raises(AccessError, match="not authorized to perform: sagemaker:UpdateModelPackage"):
            mine.reject(reason="on the side")
        mine.promote("Production", reason="it is good")
        aws.wait_idle()


def deploy(aws: Any, folder: Path, app: str) -> Any:
    """Deploy a block as the app.py of a folder; cfn-lint looks at each template."""
    from cfnlint.api import lint_file

    (folder / "app.py").write_text(app)
    stacks = aws.deploy(folder, io.StringIO())
    templates = [aws.folder / "cdk.out" / f"{stack.name}.template.json" for stack in stacks]
    assert [str(finding) for template in templates for finding in lint_file(template)] == []
    return stacks


def acting_as(aws: Any, role: str) -> Any:
    """Give a session of a role."""
    arn = f"arn:aws:iam::{aws.account}:role/{role}"
    key = aws.client("admin", "sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    session = aws.session("admin")
    session._session.set_credentials(key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"])
    return session


def heard(aws: Any, queue: str) -> Any:
    """Wait for the first event in a queue; give what it tells."""
    sqs = aws.client("admin", "sqs")
    [url] = sqs.list_queues(QueueNamePrefix=queue)["QueueUrls"]
    [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    return json.loads(message["Body"])["detail"]
