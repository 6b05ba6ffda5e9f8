"""The registry as the SDK shows it: `Registry`, `Model`, `Version`.

Thin on purpose: each method is one service. A verb that changes something has a twin `plan_…` that returns the `Plan`
and changes nothing; the verb carries out exactly that plan.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from modelward.aws.storage import Storage
from modelward.config.spec import ModelSpec, RegistrySpec
from modelward.core.account import Held
from modelward.core.errors import ConflictError, IntegrityError, NotFoundError
from modelward.core.ledger import Entry
from modelward.core.model_package import ApprovalStatus, Dataset, Lineage, ModelPackage
from modelward.core.smoke import SmokeTest
from modelward.core.transform import Transform, TransformJob
from modelward.planning.changes import Plan, UpdateVersion
from modelward.planning.comparison import Comparison
from modelward.planning.deployment import Finding
from modelward.planning.lineage import Graph
from modelward.planning.status import State, Status
from modelward.services import (
    account,
    decisions,
    deployment,
    fleet,
    housekeeping,
    lineage,
    reading,
    registration,
    transform,
)
from modelward.services.context import Context
from modelward.services.datasets import digest_in_s3
from modelward.services.deployment import Watch
from modelward.services.execution import Progress, apply
from modelward.services.record import record_of
from modelward.services.registration import Submission
from modelward.services.status import status

if TYPE_CHECKING:
    from modelward.services.reproduction import Part

_WATCH_S = 2.0


class Registry:
    """All models that one `registry.toml` declares, in one AWS account and region."""

    def __init__(self, context: Context) -> None:
        """Take what `bootstrap.connect` made."""
        self._context = context

    @property
    def spec(self) -> RegistrySpec:
        """The declaration."""
        return self._context.spec

    def models(self) -> list["Model"]:
        """Give all declared models, in the order of the file."""
        return [Model(self._context, spec) for spec in self.spec.models.values()]

    def model(self, name: str) -> "Model":
        """Give one model.

        Raises:
            NotFoundError: registry.toml declares none of that name.
        """
        return Model(self._context, self._context.model(name))

    def status(self, models: Collection[str] = ()) -> list[Status]:
        """Tell how models stand in their environments, by model and environment in the order of the file.

        It costs a search for each model, and two or three reads for each endpoint. The search index may lag by moments.

        Args:
            models: Names of models; all when empty.

        Raises:
            NotFoundError: registry.toml declares no model of a name, or the registry is not deployed here.
        """
        return [each for name in self._named(models) for each in status(self._context, name)]

    def watch(self, models: Collection[str] = ()) -> Iterator[list[Status]]:
        """Look every two seconds until each environment serves what it should; arguments and errors are `status`'s."""
        while True:
            found = self.status(models)
            yield found
            if all(each.state in (State.SERVING, State.ON_TRIAL, State.EMPTY) for each in found):
                return
            self._context.sleep(_WATCH_S)

    def tidy(self, models: Collection[str] = ()) -> list[Plan]:
        """Delete models and endpoint configs that nobody needs any more, in the registry's account; give what was done.

        The sweep does the same by itself, for models of which there is more than registry.toml says to keep.

        Args:
            models: Names of models; all when empty.

        Raises:
            NotFoundError: registry.toml declares no model of a name, or the registry is not deployed here.
            AccessError: the caller may not delete them.
        """
        made = housekeeping.all_made(self._context)
        return [plan for name in self._named(models) for plan in housekeeping.tidy(self._context, name, made)]

    def plan_tidy(self, models: Collection[str] = ()) -> list[Plan]:
        """Plan to tidy, a plan for each endpoint, and change nothing; arguments and errors are those of `tidy`."""
        made = housekeeping.all_made(self._context)
        return [plan for name in self._named(models) for plan in housekeeping.plan_tidy(self._context, name, made)]

    def _named(self, models: Collection[str]) -> list[str]:
        return [self._context.model(name).name for name in dict.fromkeys(models)] or list(self.spec.models)

    def reach(self, origin: str) -> Graph:
        """Find the versions that came of data, of a commit or of bytes, and the environments that serve them now.

        It costs one search, and what `status` costs for each model that has such a version.

        Args:
            origin: The URI of data, or of an object in a folder that versions were trained on; a commit, 7 digits or
                more; or `sha256:` and the digest of data, of an artifact or of uncommitted changes.

        Raises:
            InputError: it is none of these.
        """
        return lineage.reach(self._context, origin)

    def held(self, groups: Collection[str] = ()) -> list[Held]:
        """Read what groups the account holds, declared or not, with the endpoints that serve their versions.

        Raises:
            NotFoundError: there is no group of a name that was given.
        """
        return account.held(self._context, groups)

    def deployment_findings(self) -> tuple[Finding, ...]:
        """Compare the declaration with the account: what a deployment would meet there."""
        return account.deployment_findings(self._context)


class _More(TypedDict, total=False):
    """The rarer arguments of `Model.register`."""

    metadata: Mapping[str, str]
    run: str
    content_types: tuple[str, ...]
    smoke: SmokeTest | None
    record: str
    environment: Mapping[str, str]
    parent: int | None


class _Chosen(TypedDict, total=False):
    """Which version is meant."""

    stage: str
    version: int


class Model:
    """One model: a named line of versions."""

    def __init__(self, context: Context, spec: ModelSpec) -> None:
        """Take the context and the declaration of the model."""
        self._context = context
        self.spec = spec
        self.name = spec.name

    def __repr__(self) -> str:
        return f"Model({self.name!r})"

    # --- reading ------------------------------------------------------------------------------------------------

    def versions(self) -> list["Version"]:
        """Read all versions with their metrics, newest first; two calls for each hundred.

        Raises:
            AwsError: AWS refused or did not answer.
        """
        return [self._version(package) for package in reading.versions(self._context, self.name)]

    def version(self, number: int) -> "Version":
        """Read one version as it is now.

        Raises:
            NotFoundError: there is none of that number, or the registry is not deployed here.
        """
        return self._version(reading.describe(self._context, self.name, number))

    def current(self, stage: str) -> "Version | None":
        """Read the version that holds a stage, None when none does; two calls whatever the number of versions.

        Raises:
            NotFoundError: the stage is not declared.
        """
        package = reading.current(self._context, self.name, stage)
        return self._version(package) if package else None

    def best(self, metric: str) -> "Version":
        """Find the version with the best figure: the lowest where the metric's gate says so, else the highest.

        Raises:
            NotFoundError: no version has such a metric.
        """
        return self._version(reading.best(self._context, self.name, metric))

    def compare(self, a: int, b: int) -> Comparison:
        """Compare two versions: metrics, gates, and which one should go to production and why.

        Raises:
            NotFoundError: one of them does not exist.
        """
        return reading.compare(self._context, self.name, a, b)

    def history(self, limit: int | None = None) -> list[Entry]:
        """Read what happened, newest first: who did what, when, why, on which figures.

        Raises:
            NotFoundError: the registry is not deployed here.
        """
        return reading.history(self._context, self.name, limit)

    def report_served(self, stage: str, version: int | None) -> None:
        """Report that a server of your own runs a version for a stage, for `status`; once a minute is enough.

        Args:
            stage: The stage that the server follows.
            version: What it runs; None while it has loaded nothing.

        Raises:
            AccessError: the caller may not write metrics in the namespace Modelward/Serving.
        """
        fleet.tell_served(self._context, self.name, stage, version)

    # --- registering --------------------------------------------------------------------------------------------

    def register(
        self,
        artifact: str | Path,
        image: str,
        metrics: Mapping[str, float],
        *,
        dataset: Dataset | None = None,
        notes: str = "",
        progress: Progress | None = None,
        **more: Unpack["_More"],
    ) -> "Version":
        """Register a version; git state, training time and who did it are recorded unasked.

        Args:
            artifact: A path to a model.tar.gz, an s3:// URI of one that stays where it is, or dvc://PATH@REVISION for
                one that the DVC repository around the working folder tracks; its remote has the bytes.
            image: URI of the serving image; that of registry.toml when empty.
            metrics: Figures by name, finite numbers. All go into a file in S3; those with a gate, and all others if
                there is room, also onto the version itself.
            dataset: What it was trained on.
            notes: One line of at most 1,024 characters.
            progress: Called with the bytes sent so far and in all.
            more: `metadata` (more pairs to keep), `run` (the training job or pipeline execution that made it),
                `content_types` (MIME types that it takes and gives), `smoke` (a `SmokeTest` that every endpoint must
                pass before the version counts as verified there), `record` (what is known of the run, as JSON),
                `environment` (variables of the container) and `parent` (the number of the version that training went on
                from); see `Submission`.

        Returns:
            The new version, or the one that was registered with the very same contents before.

        Raises:
            ArtifactError: the archive is missing, broken or unsafe.
            InputError: something is not what SageMaker takes.
            NotFoundError: the registry is not deployed here.
            AwsError: AWS refused; call again, nothing is registered twice.
        """
        with registration.brought(
            self._context, Submission(artifact, image, metrics, dataset, notes, **more)
        ) as submission:
            return self._registered(submission, progress)

    def _registered(self, submission: Submission, progress: Progress | None) -> "Version":
        existing, plan = registration.plan_registration(self._context, self.name, submission)
        if existing:
            return self._version(existing)
        try:
            return Version(self._context, apply(self._context, plan, progress))
        except ConflictError:
            existing = registration.registered_before(self._context, self.name, plan)
            if existing is None:
                raise
            return self._version(existing)

    def plan_register(self, submission: Submission) -> Plan:
        """Plan to register a version, and change nothing; raises what `register` raises."""
        with registration.brought(self._context, submission) as brought:
            return registration.plan_registration(self._context, self.name, brought)[1]

    def of_commit(self, commit: str) -> "list[Version]":
        """Find the versions that were registered from a commit, newest first (one `Search`); the index may lag.

        Args:
            commit: All its digits.
        """
        found = self._context.sagemaker.search_model_packages(self.name, any_of=[(lineage.COMMIT_ID, commit)])
        return [self._version(package) for package in found]

    def data_digest(self, uri: str) -> str:
        """Compute a digest of data in S3 from what S3 lists, without reading them; a call for each 1,000 objects.

        Equal digests mean equal data: names, sizes and ETags are the same. Data whose digests differ may be equal
        still, where they were uploaded in other parts or encrypted in another way, since ETags tell these apart too.

        Args:
            uri: `s3://BUCKET/KEY` of an object, or of a folder.

        Returns:
            64 hexadecimal digits: the SHA-256 of the sorted lines `<ETag>  <size>  <key behind the folder>`.

        Raises:
            InputError: it is no such URI, or nothing lies there.
            NotFoundError: there is no such bucket.
            AccessError: the caller may not list the bucket.
        """
        return digest_in_s3(self._context, uri)

    # --- environments -------------------------------------------------------------------------------------------

    def deploy(
        self, environment: str, *, wait: bool = True, timeout_s: float = 3600, progress: Watch | None = None
    ) -> "Version":
        """Have the environment serve the version that its stage wants, and wait until that is verified.

        Args:
            environment: A declared environment.
            wait: Whether to wait, or only to ask.
            timeout_s: How long to wait, in seconds.
            progress: Told at each look: seconds waited, and the state of things.

        Raises:
            NotFoundError: no such environment, or no approved version stands in its stage.
            RolloutError: the rollout failed, was overtaken, or takes longer.
        """
        package = deployment.ask(self._context, self.name, environment)
        if wait:
            package = deployment.wait(self._context, package, environment, timeout_s, progress)
        return self._version(package)

    def plan_deploy(self, environment: str) -> Plan:
        """Plan what the reconciler would do now, and change nothing; raises what `deploy` raises."""
        return deployment.plan_deployment(self._context, self.name, environment)

    def preflight(self, environment: str, plan: Plan) -> tuple[Finding, ...]:
        """Look at what a plan of `plan_deploy` needs: artifact, image, role, quota, instances.

        Returns:
            What was found, what would make the rollout fail first; nothing for a plan that rolls nothing out.
        """
        from modelward.services.preflight import preflight

        return preflight(self._context, self.name, environment, plan)

    def roll_back(self, environment: str, *, reason: str, to: int | None = None) -> "Version":
        """Go back to a version that the environment was seen to serve: the one before, or the one named.

        The decision is made here, and the reconciler is asked to follow it at once, whatever becomes of SageMaker's
        event; `deploy` waits for it.

        Raises:
            InputError: the reason is blank or not one line.
            NotFoundError: no such environment, or there is nothing to go back to.
            PolicyError: the named version was never verified there, or is not approved.
        """
        package, plan = decisions.plan_roll_back(self._context, self.name, environment, reason, to)
        return self._carried_out(package, plan)

    def plan_roll_back(self, environment: str, *, reason: str, to: int | None = None) -> Plan:
        """Plan to roll back, and change nothing; raises what `roll_back` raises."""
        return decisions.plan_roll_back(self._context, self.name, environment, reason, to)[1]

    def share(self, environment: str, percent: int, *, reason: str) -> "Version":
        """Give the version that is tried in an environment another share of the calls; the endpoint follows by itself.

        Raises:
            InputError: the reason is blank or not one line, or the share is not 1 to 100.
            NotFoundError: no such environment.
            PolicyError: no version is tried there.
        """
        return self._carried_out(*decisions.plan_share(self._context, self.name, environment, percent, reason))

    def plan_share(self, environment: str, percent: int, *, reason: str) -> Plan:
        """Plan another share, and change nothing; raises what `share` raises."""
        return decisions.plan_share(self._context, self.name, environment, percent, reason)[1]

    def finish(self, environment: str, winner: int, *, reason: str) -> "Version":
        """Finish the trial of two versions in an environment: the winner takes all calls.

        Raises:
            InputError: the reason is blank or not one line.
            NotFoundError: no such environment.
            PolicyError: no version is tried there, or the winner is neither of the two.
        """
        return self._carried_out(*decisions.plan_finish(self._context, self.name, environment, winner, reason))

    def plan_finish(self, environment: str, winner: int, *, reason: str) -> Plan:
        """Plan to finish a trial, and change nothing; raises what `finish` raises."""
        return decisions.plan_finish(self._context, self.name, environment, winner, reason)[1]

    # --- batch transform ----------------------------------------------------------------------------------------

    def transform(
        self,
        wish: Transform | str,
        *,
        wait: bool = True,
        timeout_s: float = 86_400,
        progress: Watch | None = None,
        **chosen: Unpack["_Chosen"],
    ) -> TransformJob:
        """Have a version answer all that lies in a place of S3, on instances of its own (`CreateTransformJob`).

        Args:
            wish: What to answer and how; a URI (`s3://BUCKET/PREFIX`) for that and everything else as usual.
            wait: Whether to wait until it has ended.
            timeout_s: How long to wait, in seconds.
            progress: Told at each look: seconds waited, and the state of the job.
            chosen: `stage`, whose holder answers, or `version`.

        Returns:
            The job; its answers are below `output_uri`, each beside the name of its object with `.out` at the end.

        Raises:
            InputError: both or neither of stage and version are given, or a place is no s3:// URI.
            NotFoundError: no version holds the stage, nothing lies at the input, or the version's artifact is gone.
            PolicyError: the version is not approved.
            JobError: the job failed, was stopped, or takes longer.
            AwsError: AWS refused.
        """
        job = transform.begin(self._context, self.plan_transform(wish, **chosen))
        return transform.wait(self._context, job, timeout_s, progress) if wait else job

    def plan_transform(self, wish: Transform | str, **chosen: Unpack["_Chosen"]) -> Plan:
        """Plan to have a version answer, and change nothing; raises what `transform` raises."""
        asked = Transform(wish) if isinstance(wish, str) else wish
        return transform.plan_transform(self._context, self.name, asked, **chosen)

    def _version(self, package: ModelPackage) -> "Version":
        return Version(self._context, package.arn, package)

    def _carried_out(self, package: ModelPackage, plan: Plan) -> "Version":
        apply(self._context, plan)
        return self._version(_after(package, plan))


class Version:
    """One version of a model. Its fields are as they were read; `refresh` reads them anew."""

    def __init__(self, context: Context, arn: str, package: ModelPackage | None = None) -> None:
        """Take the ARN, and the version where it was read already."""
        self._context = context
        self._package = package
        self.arn = arn
        self.version = package.version if package else decisions.parsed(arn).version

    def __repr__(self) -> str:
        return f"Version({self.arn!r})"

    @property
    def package(self) -> ModelPackage:
        """All that SageMaker holds of it; read at first use."""
        if self._package is None:
            self._package = self._context.sagemaker.describe_model_package(self.arn)
        return self._package

    @property
    def storage(self) -> Storage:
        """Reads S3 with the caller's rights."""
        return self._context.storage

    def refresh(self) -> "Version":
        """Read it as it is now.

        Raises:
            NotFoundError: it was deleted.
        """
        return Version(self._context, self.arn, self._context.sagemaker.describe_model_package(self.arn))

    @property
    def approval_status(self) -> ApprovalStatus:
        """The verdict of the review."""
        return self.package.approval_status

    @property
    def stage(self) -> str | None:
        """The stage where it stands; None when it was never given one."""
        return self.package.stage

    @property
    def stage_status(self) -> str | None:
        """How far it has come in its stage: InProgress, Approved (verified), Rejected (failed) or Retired."""
        return self.package.stage_status

    @property
    def metrics(self) -> dict[str, float]:
        """Its figures, by name."""
        return self.package.metrics

    @property
    def lineage(self) -> Lineage:
        """Code, data and run that it came from."""
        return self.package.lineage

    @property
    def notes(self) -> str:
        """What was written when it was registered."""
        return self.package.notes

    @property
    def created_by(self) -> str:
        """The ARN of who registered it; empty when SageMaker does not tell."""
        return self.package.created_by.arn

    @property
    def created_at(self) -> datetime:
        """When it was registered."""
        return self.package.created_at

    @property
    def sha256(self) -> str:
        """The digest of its artifact, 64 hexadecimal digits; empty when it was registered by other means."""
        return self.package.sha256

    @property
    def image(self) -> str:
        """The URI of its serving image."""
        return self.package.image

    @property
    def artifact_uri(self) -> str:
        """The s3:// URI of its artifact."""
        return self.package.artifact_uri

    def record(self) -> dict[str, Any]:
        """Read what was recorded of the run that made it.

        Returns:
            `parameters`, `metrics`, `datasets`, `schema`, `packages`, `hardware`, `job`, and `duration_s`.

        Raises:
            IntegrityError: it is not what was registered.
            NotFoundError: nothing was recorded with it, or the object is gone.
        """
        return record_of(self._context, self.package)

    def graph(self) -> Graph:
        """Draw what it came from (code, data, run, image, artifact), and which environments serve it or did.

        Raises:
            IntegrityError: the record of its run is not what was registered.
            NotFoundError: it was deleted.
        """
        return lineage.lineage(self._context, self.package.group, self.version)

    def reproduce(self, folder: str | Path) -> "list[Part]":
        """Fetch its code, data and list of packages into a folder, as far as they can be had.

        Code comes from the repository around the present folder, if it has the commit, else from the recorded one; data
        come from S3 and from files here, and only those stay whose digest is the registered one.

        Args:
            folder: An empty folder, or a new one: it gets `code`, `data` and `requirements.txt`.

        Returns:
            What was fetched, and what is missing and why.

        Raises:
            InputError: the folder is not empty.
            IntegrityError: the record of its run is not what was registered.
        """
        from modelward.services.reproduction import reproduce  # no function fetches

        return reproduce(self._context, self.package, Path(folder))

    def plan_reproduce(self, folder: str | Path) -> "list[Part]":
        """Tell what would be fetched, and fetch nothing; raises what `reproduce` raises."""
        from modelward.services.reproduction import plan_reproduction

        return plan_reproduction(self._context, self.package, Path(folder))

    def approve(self, *, reason: str) -> "Version":
        """Approve it.

        Raises:
            InputError: the reason is blank or not one line.
            PolicyError: a gate does not hold; the error lists each one with its figure.
        """
        return self._carried_out(decisions.plan_approval(self._context, self.arn, reason))

    def plan_approve(self, *, reason: str) -> Plan:
        """Plan to approve it, and change nothing; raises what `approve` raises."""
        return decisions.plan_approval(self._context, self.arn, reason)[1]

    def reject(self, *, reason: str) -> "Version":
        """Reject it; if it serves, the version verified before it comes back by itself.

        Raises:
            InputError: the reason is blank or not one line.
        """
        return self._carried_out(decisions.plan_rejection(self._context, self.arn, reason))

    def plan_reject(self, *, reason: str) -> Plan:
        """Plan to reject it, and change nothing; raises what `reject` raises."""
        return decisions.plan_rejection(self._context, self.arn, reason)[1]

    def promote(self, stage: str, *, reason: str) -> "Version":
        """Put it into a stage; where an environment serves the stage, its rollout follows by itself.

        Raises:
            InputError: the reason is blank or not one line.
            NotFoundError: the stage is not declared.
            PolicyError: it is not approved, or a gate does not hold; the error lists each one with its figure.
        """
        return self._carried_out(decisions.plan_promotion(self._context, self.arn, stage, reason))

    def plan_promote(self, stage: str, *, reason: str) -> Plan:
        """Plan to promote it, and change nothing; raises what `promote` raises."""
        return decisions.plan_promotion(self._context, self.arn, stage, reason)[1]

    def download(self, folder: str | Path) -> Path:
        """Download its artifact to `folder/model.tar.gz`; the file appears only when its SHA-256 is the registered one.

        Raises:
            IntegrityError: the bytes are not those that were registered.
            NotFoundError: the object is gone, or was registered without a digest that could be checked.
        """
        if not self.sha256:
            raise NotFoundError(
                "SHA-256 of the artifact", self.arn, next_step=f"If you trust it: `aws s3 cp {self.artifact_uri} .`"
            )
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        path, part = folder / "model.tar.gz", folder / f".model-{self.version}.part"
        try:
            found = self._context.storage.download(self.artifact_uri, part)
            if found != self.sha256:
                raise IntegrityError(self.artifact_uri, expected=self.sha256, found=found)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        return path

    def _carried_out(self, planned: tuple[ModelPackage, Plan]) -> "Version":
        package, plan = planned
        apply(self._context, plan)
        return Version(self._context, self.arn, _after(package, plan))


def _after(package: ModelPackage, plan: Plan) -> ModelPackage:
    """Tell what a version is after its update, without reading it again."""
    for change in plan.changes:
        if isinstance(change, UpdateVersion):
            approval, cycle = change.approval or package.approval_status, change.life_cycle or package.life_cycle
            package = replace(package, approval_status=approval, life_cycle=cycle)
            if change.approval:
                package = replace(package, approval_description=change.reason)
    return package
