"""Serving images of one's own: the ECR repositories that hold them, and who may pull from them."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_ecr as ecr
from constructs import Construct

from modelward_infra.grants import acknowledge_checkov, from_abroad

PULLING = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_OWN_KEY = {"CKV_AWS_136": "ECR encrypts images itself; with a key of ours, whoever pulls elsewhere would need it too."}


@dataclass(frozen=True, slots=True)
class ImageRepositoryProps:
    """What the repository is called, and the roles of other accounts that pull from it."""

    name: str
    served_by: Sequence[str] = ()


class ImageRepository(Construct):
    """A repository, kept when its stack goes: images are scanned when they are pushed, and a tag never changes its own.

    In the registry's account IAM is enough to pull; the execution role of models may.
    """

    def __init__(self, scope: Construct, construct_id: str, props: ImageRepositoryProps) -> None:
        """Make the repository."""
        super().__init__(scope, construct_id)
        self.repository = ecr.Repository(
            self,
            "Repository",
            image_scan_on_push=True,
            image_tag_mutability=ecr.TagMutability.IMMUTABLE,
            lifecycle_rules=[ecr.LifecycleRule(max_image_age=Duration.days(30), tag_status=ecr.TagStatus.UNTAGGED)],
            removal_policy=RemovalPolicy.RETAIN,
            repository_name=props.name,
        )
        for role_arn in props.served_by:
            self.repository.add_to_resource_policy(from_abroad(role_arn, PULLING))
        acknowledge_checkov(self.repository, _OWN_KEY)
