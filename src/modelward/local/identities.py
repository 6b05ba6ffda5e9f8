"""Who works with the local AWS: IAM users with access keys, and what each may do.

They are there before anything is deployed, also where nothing ever is, and work with the groups of every registry: so
their policies cannot be those of a deployment, which name its models, bucket and key (docs/access.md), and are wider.
In this they agree: who registers does not approve, and registers nothing that is approved from birth.
"""

import json
from collections.abc import Iterable, Mapping
from configparser import ConfigParser
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Statement = Mapping[str, Any]

_READ_REGISTRY: tuple[Statement, ...] = (
    {
        "Sid": "ReadRegistry",
        "Effect": "Allow",
        "Action": [
            "sagemaker:BatchDescribeModelPackage",
            "sagemaker:DescribeEndpoint",
            "sagemaker:DescribeEndpointConfig",
            "sagemaker:DescribeModel",
            "sagemaker:DescribeModelPackage",
            "sagemaker:DescribeModelPackageGroup",
            "sagemaker:InvokeEndpoint",
            "sagemaker:ListEndpointConfigs",
            "sagemaker:ListEndpoints",
            "sagemaker:ListModelPackageGroups",
            "sagemaker:ListModelPackages",
            "sagemaker:ListModels",
            "sagemaker:ListTags",
            "sagemaker:Search",
        ],
        "Resource": "*",
    },
    {"Sid": "ReadFiles", "Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "arn:aws:s3:::*"},
    {"Sid": "Decrypt", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"},
    {
        "Sid": "FindDeployment",
        "Effect": "Allow",
        "Action": ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"],
        "Resource": "arn:aws:ssm:*:*:parameter/modelward/*",
    },
    {
        "Sid": "ReadLedger",
        "Effect": "Allow",
        "Action": ["dynamodb:GetItem", "dynamodb:Query"],
        "Resource": "arn:aws:dynamodb:*:*:table/*",
    },
)
_REGISTER: tuple[Statement, ...] = (
    {
        "Sid": "Register",
        "Effect": "Allow",
        "Action": ["sagemaker:CreateModelPackage", "s3:PutObject", "s3:AbortMultipartUpload", "kms:GenerateDataKey"],
        "Resource": "*",
    },
    {
        "Sid": "LeaveApprovalToOthers",
        "Effect": "Deny",
        "Action": "sagemaker:CreateModelPackage",
        "Resource": "*",
        "Condition": {"StringEquals": {"sagemaker:ModelApprovalStatus": "Approved"}},
    },
)
_APPROVE: tuple[Statement, ...] = (
    {"Sid": "Approve", "Effect": "Allow", "Action": "sagemaker:UpdateModelPackage", "Resource": "*"},
    {"Sid": "AskForRollout", "Effect": "Allow", "Action": "events:PutEvents", "Resource": "*"},
    {"Sid": "LookAbroad", "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "arn:aws:iam::*:role/*-look"},
    {"Sid": "Encrypt", "Effect": "Allow", "Action": "kms:GenerateDataKey", "Resource": "*"},
)
_EVERYTHING: tuple[Statement, ...] = ({"Sid": "Everything", "Effect": "Allow", "Action": "*", "Resource": "*"},)

# Profile and user name to what the user may do.
IDENTITIES: Mapping[str, tuple[Statement, ...]] = {
    "admin": _EVERYTHING,
    "data-scientist": _READ_REGISTRY + _REGISTER,
    "approver": _READ_REGISTRY + _APPROVE,
}


@dataclass(frozen=True, slots=True)
class AccessKey:
    """The credentials of one identity."""

    key_id: str
    secret: str


def create(iam: Any) -> dict[str, AccessKey]:
    """Make the users, by a client for IAM of whoever may do that, and return the keys by profile."""
    return {name: _create_user(iam, name, statements) for name, statements in IDENTITIES.items()}


def _create_user(iam: Any, name: str, statements: Iterable[Statement]) -> AccessKey:
    iam.create_user(UserName=name)
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    iam.put_user_policy(UserName=name, PolicyName="modelward", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return AccessKey(key["AccessKeyId"], key["SecretAccessKey"])


def write_credentials(path: Path, keys: Mapping[str, AccessKey], *, default: str) -> None:
    """Write a credentials file with a profile for each identity; `default` is the one without a name, too."""
    _write(
        path,
        {
            name: {"aws_access_key_id": key.key_id, "aws_secret_access_key": key.secret}
            for name, key in {"default": keys[default], **keys}.items()
        },
    )


def write_config(path: Path, keys: Mapping[str, AccessKey], *, endpoint_url: str, region: str) -> None:
    """Write a config file whose profiles lead to the local AWS, wherever the environment of a client may lead."""
    _write(path, {f"profile {name}": {"endpoint_url": endpoint_url, "region": region} for name in keys})


def _write(path: Path, sections: Mapping[str, Mapping[str, str]]) -> None:
    parser = ConfigParser()
    parser.read_dict(sections)
    with path.open("w", encoding="utf-8") as file:
        parser.write(file)
    path.chmod(0o600)
