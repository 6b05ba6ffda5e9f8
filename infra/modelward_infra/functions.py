"""The Lambda functions: one folder of code, and for each function a role that may do its work and nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_logs as logs
from constructs import Construct

from modelward.core.names import fit_name
from modelward_infra.asset import assemble
from modelward_infra.grants import acknowledge, acknowledge_checkov, acknowledge_lint, acknowledge_wildcards, allow
from modelward_infra.messaging import DeadLetters, Inbox
from modelward_infra.storage import Ledger

RUNTIME = lambda_.Runtime.PYTHON_3_14
_MEMORY_MB = 512
# A batch that fails is halved and tried again; these bound how long one bad entry holds up those behind it.
_STREAM_TRIES = 10
_STREAM_AGE = Duration.hours(6)
_OWN_SOURCE = "A queue or a stream invokes it, never an asynchronous call; that source has the dead letters."
_FUNCTION_CHECKS = {
    "CKV_AWS_115": "Its source bounds it; a reservation would take from all other functions of the account.",
    "CKV_AWS_116": _OWN_SOURCE,
    "CKV_AWS_117": "It calls AWS's public endpoints only, and nothing in a VPC; a VPC would need a gateway to them.",
    "CKV_AWS_173": "Its variables are names and ARNs, no secrets; Lambda encrypts them with its own key.",
}
_LOG_CHECKS = {"CKV_AWS_158": "It names versions, endpoints and outcomes, no secrets; CloudWatch encrypts it itself."}


@dataclass(frozen=True, slots=True)
class FunctionCodeProps:
    """The declaration that goes with the code."""

    spec_path: Path


class FunctionCode(Construct):
    """The one asset of all functions."""

    def __init__(self, scope: Construct, construct_id: str, props: FunctionCodeProps) -> None:
        """Assemble the code and put it into the cloud assembly."""
        super().__init__(scope, construct_id)
        with TemporaryDirectory() as folder:
            assemble(Path(folder), props.spec_path)
            self.code = lambda_.Code.from_asset(folder)
            # Copies the folder into the cloud assembly while it exists, instead of when the first function is made.
            self.code.bind(self)


@dataclass(frozen=True, slots=True)
class FunctionRuntime:
    """What all functions of a deployment share."""

    code: FunctionCode
    name: str
    """With which all names begin: the registry, or the registry and an environment."""
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HandlerProps:
    """What it does, as people shall read it; which handler does it, on what, for how long at most, under which role."""

    task: str
    handler: str
    runtime: FunctionRuntime
    timeout_s: int
    role_name: str | None = None


class Handler(Construct):
    """A Lambda function on one handler of `modelward.handlers`, with its own role and log group."""

    def __init__(self, scope: Construct, construct_id: str, props: HandlerProps) -> None:
        """Make the function, its role and its log group."""
        super().__init__(scope, construct_id)
        runtime = props.runtime
        # A name that people know, and not one that CloudFormation makes up: a function's name is the name of its
        # session, so SageMaker writes it into CreatedBy and LastModifiedBy, and the history tells it as who did it.
        name = fit_name(runtime.name, props.task)
        log_group = logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/lambda/{name}",
            removal_policy=RemovalPolicy.DESTROY,
            retention=logs.RetentionDays.THREE_MONTHS,
        )
        service = iam.ServicePrincipal("lambda.amazonaws.com")
        self.role = iam.Role(self, "Role", assumed_by=service, role_name=props.role_name)
        self.function = lambda_.Function(
            self,
            "Function",
            architecture=lambda_.Architecture.ARM_64,
            code=runtime.code.code,
            description=f"Modelward {runtime.name}: {props.task}",
            environment={"POWERTOOLS_SERVICE_NAME": props.handler, **runtime.variables},
            function_name=name,
            handler=f"modelward.handlers.{props.handler.replace('-', '_')}.handler",
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            memory_size=_MEMORY_MB,
            role=self.role,
            runtime=RUNTIME,
            timeout=Duration.seconds(props.timeout_s),
            tracing=lambda_.Tracing.ACTIVE,
        )
        allow(self.role, ["logs:CreateLogStream", "logs:PutLogEvents"], log_group.log_group_arn)
        # The CDK lets a function wait for its role by name, which the reference to the role says already.
        acknowledge_lint(self.function, "W3005")
        acknowledge(self.function, "Serverless-LambdaDLQ", _OWN_SOURCE)
        acknowledge_checkov(self.function, _FUNCTION_CHECKS)
        acknowledge_checkov(log_group, _LOG_CHECKS)

    def consume(self, inbox: Inbox, *, max_concurrency: int) -> None:
        """Work on the messages of a queue; those that fail come back, the others of a batch do not.

        The bound is the queue's and not a reservation of the function's. Lambda holds messages back that are beyond
        the bound of a queue; a function without concurrency left refuses them, and each refusal counts as a try on
        the way to the dead letters. And what is reserved is taken from all other functions of the account, of which a
        new account may not have enough to deploy at all (Lambda, "Configuring maximum concurrency for Amazon SQS").

        Args:
            inbox: The queue.
            max_concurrency: How many batches at the same time, 2 to 1,000.
        """
        self.function.add_event_source(
            event_sources.SqsEventSource(inbox.queue, max_concurrency=max_concurrency, report_batch_item_failures=True)
        )
        kept = "Lambda knows no destination for queues: the queue's own redrive policy keeps what fails."
        acknowledge(self.function, "Serverless-LambdaEventSourceMappingDestination", kept)

    def follow(self, ledger: Ledger, dead_letters: DeadLetters) -> None:
        """Work on each new ledger entry, in order; where an entry fails for good, its place goes to the dead letters.

        Starts with the oldest entry that the stream still has, so that none written during a deployment goes untold.
        """
        lambda_.EventSourceMapping(
            self,
            "Stream",
            bisect_batch_on_error=True,
            event_source_arn=ledger.grant_follow(self.role),
            max_record_age=_STREAM_AGE,
            on_failure=event_sources.SqsDlq(dead_letters.queue),
            report_batch_item_failures=True,
            retry_attempts=_STREAM_TRIES,
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            target=self.function,
        )
        acknowledge(dead_letters.queue, "AwsSolutions-SQS3", "It is the dead-letter queue of a stream, not of a queue.")

    def acknowledge_wildcards(self, resources: list[str], reason: str) -> None:
        """Accept wildcards in the role's policy, with the reason."""
        acknowledge_wildcards(self.role, resources, reason)
