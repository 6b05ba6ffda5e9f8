"""Turning planned changes into calls."""

from collections.abc import Callable
from itertools import groupby
from typing import Any

from modelward.aws.sagemaker import SageMaker
from modelward.config.spec import AsynchronousSpec, AutoscalingSpec, CaptureSpec, EndpointSpec, RolloutSpec, Strategy
from modelward.core.endpoint import CHALLENGER, VARIANT
from modelward.core.errors import AlreadyExistsError, ConflictError, NotFoundError
from modelward.core.names import ROLLOUT_REQUESTED
from modelward.planning.changes import (
    Answers,
    AskReconciler,
    Captures,
    Change,
    CreateEndpoint,
    CreateEndpointConfig,
    CreateModel,
    CreateTransformJob,
    CreateVersion,
    DeleteEndpoint,
    DeleteEndpointConfig,
    DeleteModel,
    DeregisterScaling,
    Guard,
    LookAgain,
    Plan,
    PutText,
    Record,
    RegisterScaling,
    RunSmokeTest,
    ShiftCalls,
    UpdateEndpoint,
    UpdateVersion,
    UploadFile,
)
from modelward.services.context import Context

_TAGS = {"modelward:managed": "true"}
_PATIENCE_S = (1, 2, 4)
_ROUTINGS = {Strategy.ALL_AT_ONCE: "ALL_AT_ONCE", Strategy.CANARY: "CANARY", Strategy.LINEAR: "LINEAR"}
_SIZES = {Strategy.CANARY: "CanarySize", Strategy.LINEAR: "LinearStepSize"}
_MODES = {"requests": "Input", "responses": "Output"}
# All else is written in base64.
_READABLE = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]}

_Hosted = (
    CreateModel
    | CreateEndpointConfig
    | CreateEndpoint
    | UpdateEndpoint
    | ShiftCalls
    | DeleteEndpoint
    | DeleteEndpointConfig
    | DeleteModel
    | CreateTransformJob
    | RunSmokeTest
)

Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all."""


def apply(context: Context, plan: Plan, progress: Progress | None = None) -> str:
    """Carry a plan out, change by change, in its order; entries that stand together are written in one call.

    Args:
        context: Gateways.
        plan: What to do.
        progress: Told of the bytes of uploads.

    Returns:
        The ARN of the version that the plan registered, empty if it registered none.

    Raises:
        AwsError: AWS refused a change; those before it are done, and planning again finds the rest.
    """
    arn = ""
    for is_record, changes in groupby(plan.changes, key=lambda change: isinstance(change, Record)):
        if is_record:
            context.ledger.append(*(change.entry for change in changes if isinstance(change, Record)))
            continue
        for change in changes:
            arn = _apply(context, change, progress) or arn
    return arn


def _apply(context: Context, change: Change, progress: Progress | None) -> str:
    match change:
        case Record():
            raise AssertionError("entries are written together")
        case CreateVersion():
            return context.sagemaker.create_model_package(change.request)
        case UploadFile():
            context.storage.upload(change.path, change.bucket, change.key, _counted(change.size, progress))
        case PutText():
            context.storage.put_text(change.text, change.bucket, change.key)
        case UpdateVersion():
            _update_version(context, change)
        case AskReconciler():
            asked = {"model": change.model, "environment": change.environment, "version": change.version}
            context.bus(change.model, change.environment).put(ROLLOUT_REQUESTED, asked)
        case LookAgain():
            asked = {"model": change.model, "environment": change.environment}
            context.queue.send([asked], delay_s=change.delay_s)
        case RegisterScaling(endpoint, scaling):
            limits = {"least": scaling.min, "most": scaling.max}
            context.autoscaling.register(endpoint, **limits, tracking=tracking_of(scaling))
        case DeregisterScaling(endpoint):
            _unless_gone(lambda: context.autoscaling.deregister(endpoint))
        case _:
            _apply_to_hosting(context, change)
    return ""


def _update_version(context: Context, change: UpdateVersion) -> None:
    context.sagemaker.update_model_package(
        change.arn,
        approval=change.approval,
        reason=change.reason,
        life_cycle=change.life_cycle,
        entered=change.entered,
        is_decision=change.is_decision,
        share=change.share,
    )


def _apply_to_hosting(context: Context, change: _Hosted) -> None:
    sagemaker = context.hosting
    match change:
        case CreateModel():
            _unless_there(
                lambda: sagemaker.create_model(
                    name=change.name,
                    package_arn=change.package_arn,
                    role_arn=change.role_arn,
                    network=network_of(change),
                    tags=_TAGS,
                )
            )
        case CreateEndpointConfig():
            _unless_there(
                lambda: sagemaker.create_endpoint_config(
                    name=change.name, variants=variants_of(change), settings=settings_of(change), tags=_TAGS
                )
            )
        case ShiftCalls():
            sagemaker.update_weights(change.endpoint, change.weights)
        case CreateEndpoint():
            named = {"name": change.name, "config_name": change.config_name}
            _patiently(context, lambda: sagemaker.create_endpoint(**named, tags=_TAGS))
        case UpdateEndpoint():
            _patiently(context, lambda: _update_endpoint(sagemaker, change))
        case RunSmokeTest():
            raise AssertionError("a smoke test is run before the plan that needs its verdict")
        case DeleteEndpoint() | DeleteEndpointConfig() | DeleteModel():
            _delete(sagemaker, change)
        case CreateTransformJob():
            tags = {**_TAGS, "modelward:model": change.model, "modelward:version": str(change.version)}
            sagemaker.create_transform_job(job_of(change), tags=tags)


def _delete(sagemaker: SageMaker, change: DeleteEndpoint | DeleteEndpointConfig | DeleteModel) -> None:
    match change:
        case DeleteEndpoint(name):
            sagemaker.delete_endpoint(name)
        case DeleteEndpointConfig():
            _delete_config(sagemaker, change)
        case DeleteModel(name):
            _unless_gone(lambda: sagemaker.delete_model(name))


def _delete_config(sagemaker: SageMaker, change: DeleteEndpointConfig) -> None:
    """Delete a config, unless a look right before it shows that it is needed after all.

    Raises:
        ConflictError: the endpoint is being changed, or rests on it.
    """
    endpoint = sagemaker.describe_endpoint(change.endpoint)
    if endpoint and (endpoint.is_busy or change.name in (endpoint.config_name, endpoint.pending_config)):
        why = f"endpoint {endpoint.name} is {endpoint.status} on {endpoint.config_name}"
        raise ConflictError("DeleteEndpointConfig", "InUse", why, "Try again once it is at rest.")
    _unless_gone(lambda: sagemaker.delete_endpoint_config(change.name))


def job_of(change: CreateTransformJob) -> dict[str, Any]:
    """Spell a batch transform as the API's `CreateTransformJob`."""
    wish = change.transform
    lines = {"BatchStrategy": "MultiRecord"} if wish.split_type == "Line" else {}
    key = {"KmsKeyId": change.key_arn} if change.key_arn else {}
    return {
        "TransformJobName": change.name,
        "ModelName": change.model_name,
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": wish.input_uri}},
            "ContentType": wish.content_type,
            "SplitType": wish.split_type,
        },
        "TransformOutput": {"S3OutputPath": change.output_uri, **key},
        "TransformResources": {"InstanceType": wish.instance_type, "InstanceCount": wish.instance_count},
        **lines,
    }


def _update_endpoint(sagemaker: SageMaker, change: UpdateEndpoint) -> None:
    deployment = deployment_of(change.guard) if change.guard else None
    sagemaker.update_endpoint(
        name=change.name, config_name=change.config_name, deployment=deployment, keeps_count=change.keeps_count
    )


def deployment_of(guard: Guard) -> dict[str, Any]:
    """Spell how an endpoint moves as the API's `DeploymentConfig`."""
    spec = guard.rollout
    limit = {"MaximumExecutionTimeoutInSeconds": spec.time_limit_s} if spec.time_limit_s else {}
    alarms = [{"AlarmName": name} for name in guard.alarms]
    watched = {"AutoRollbackConfiguration": {"Alarms": alarms}} if alarms else {}
    if spec.strategy is Strategy.ROLLING:
        batch = {"MaximumBatchSize": _part(spec), "WaitIntervalInSeconds": spec.wait_s}
        return {"RollingUpdatePolicy": {**batch, **limit}, **watched}
    routing: dict[str, Any] = {"Type": _ROUTINGS[spec.strategy], "WaitIntervalInSeconds": spec.wait_s or 0}
    if spec.strategy in _SIZES:
        routing[_SIZES[spec.strategy]] = _part(spec)
    blue_green = {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": spec.termination_wait_s or 0}
    return {"BlueGreenUpdatePolicy": {**blue_green, **limit}, **watched}


def _part(spec: RolloutSpec) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": spec.percent}


def network_of(change: CreateModel) -> dict[str, Any]:
    """Spell what a model has of a network as members of the API's `CreateModel`."""
    vpc = change.vpc
    inside = {"VpcConfig": {"Subnets": [*vpc.subnets], "SecurityGroupIds": [*vpc.security_groups]}} if vpc else {}
    return {"EnableNetworkIsolation": change.is_isolated, **inside}


def settings_of(change: CreateEndpointConfig) -> dict[str, Any]:
    """Spell what an endpoint config has beside its variant as members of the API's `CreateEndpointConfig`."""
    key, shadows = change.endpoint.volume_key_arn, _shadows_of(change)
    return {
        **({"KmsKeyId": key} if key else {}),
        **({"ShadowProductionVariants": shadows} if shadows else {}),
        **_capture_of(change.endpoint.data_capture, change.captures),
        **_answering(change.endpoint.asynchronous, change.answers),
    }


def _capture_of(spec: CaptureSpec | None, to: Captures | None) -> dict[str, Any]:
    """Spell what is captured.

    The key is named outright: of captures AWS does not say what holds without one, and of SageMaker's other outputs
    that it is AWS's own key then, not the bucket's.
    """
    if spec is None or to is None:
        return {}
    modes = [mode for side, mode in _MODES.items() if spec.only in (None, side)]
    capture = {
        "EnableCapture": True,
        "InitialSamplingPercentage": spec.percent,
        "DestinationS3Uri": to.uri,
        "KmsKeyId": to.key_arn,
        "CaptureOptions": [{"CaptureMode": mode} for mode in modes],
        "CaptureContentTypeHeader": _READABLE,
    }
    return {"DataCaptureConfig": capture}


def _answering(spec: AsynchronousSpec | None, to: Answers | None) -> dict[str, Any]:
    """Spell where an asynchronous endpoint answers; the key is named outright, as that of captures is."""
    if spec is None or to is None:
        return {}
    topics = {"SuccessTopic": spec.success_topic_arn, "ErrorTopic": spec.error_topic_arn}
    told = {name: arn for name, arn in topics.items() if arn}
    places = {"S3OutputPath": f"{to.uri}answers/", "S3FailurePath": f"{to.uri}failures/", "KmsKeyId": to.key_arn}
    most = spec.max_concurrent_calls
    return {
        "AsyncInferenceConfig": {
            **({"ClientConfig": {"MaxConcurrentInvocationsPerInstance": most}} if most else {}),
            "OutputConfig": {**places, **({"NotificationConfig": told} if told else {})},
        }
    }


def variants_of(change: CreateEndpointConfig) -> list[dict[str, Any]]:
    """Spell the variants of an endpoint config that answer as the API's `ProductionVariants`."""
    tried = change.challenger
    if tried is None or tried.is_shadow:
        return [_variant(VARIANT, change.model_name, change.endpoint, 1.0)]
    shares = {VARIANT: (change.model_name, 100 - tried.percent), CHALLENGER: (tried.model_name, tried.percent)}
    return [_variant(name, model, change.endpoint, float(share)) for name, (model, share) in shares.items()]


def _shadows_of(change: CreateEndpointConfig) -> list[dict[str, Any]]:
    """Spell the one that gets copies: as large a part of the calls as its weight is of that of the other."""
    tried = change.challenger
    if tried is None or not tried.is_shadow:
        return []
    return [_variant(CHALLENGER, tried.model_name, change.endpoint, tried.percent / 100)]


def _variant(name: str, model: str, spec: EndpointSpec, weight: float) -> dict[str, Any]:
    variant: dict[str, Any] = {"VariantName": name, "ModelName": model, "InitialVariantWeight": weight}
    if spec.serverless:
        capacity = {"MemorySizeInMB": spec.serverless.memory_mb, "MaxConcurrency": spec.serverless.max_concurrency}
        return {**variant, "ServerlessConfig": capacity}
    return {**variant, "InstanceType": spec.instance_type, "InitialInstanceCount": spec.initial_count}


def tracking_of(spec: AutoscalingSpec) -> dict[str, Any]:
    """Spell what the number of instances follows as the API's `TargetTrackingScalingPolicyConfiguration`."""
    cooldowns = {"ScaleInCooldown": spec.scale_in_cooldown_s, "ScaleOutCooldown": spec.scale_out_cooldown_s}
    return {
        "TargetValue": float(spec.invocations_per_instance),
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        **{name: seconds for name, seconds in cooldowns.items() if seconds is not None},
    }


def _unless_there(create: Callable[[], None]) -> None:
    """Create what may be there already: its name holds a digest of its contents, so it is the same."""
    try:
        create()
    except AlreadyExistsError:
        return


def _unless_gone(remove: Callable[[], None]) -> None:
    """Remove what may be gone already."""
    try:
        remove()
    except NotFoundError:
        return


def _patiently(context: Context, call: Callable[[], None]) -> None:
    """Try again while a config that was just made cannot be seen yet (CreateEndpoint advises so)."""
    for pause in _PATIENCE_S:
        try:
            return call()
        except NotFoundError:
            context.sleep(pause)
    return call()


def _counted(total: int, progress: Progress | None) -> Callable[[int], None] | None:
    if progress is None:
        return None
    sent = 0

    def count(more: int) -> None:
        nonlocal sent
        sent += more
        progress(sent, total)

    return count
