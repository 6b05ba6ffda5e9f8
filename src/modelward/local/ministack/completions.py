"""What MiniStack's CloudFormation leaves out of the resources that it makes, done through its own services.

Each `apply` reads the properties that it acts on, and no others: what it does not read is refused by name.
"""

# ruff: noqa: SLF001 - private names are what this package is for

import json
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

from ministack.services import cloudwatch, dynamodb, iam, lambda_svc, s3, sns

from modelward.local.ministack import mappings
from modelward.local.ministack.templates import Completion

Properties = Mapping[str, Any]


def _table(name: str, properties: Properties) -> None:
    """Apply point-in-time recovery, encryption and the resource policy of AWS::DynamoDB::Table."""
    table = dynamodb._tables.get(name)
    if table is None:
        return
    recovery = properties.get("PointInTimeRecoverySpecification") or {}
    is_recoverable = _is_true(recovery.get("PointInTimeRecoveryEnabled"))
    request = {"TableName": name, "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": is_recoverable}}
    _check(dynamodb._update_continuous_backups(request))
    _check(dynamodb._update_table({"TableName": name, "SSESpecification": _encryption(properties)}))
    policy = (properties.get("ResourcePolicy") or {}).get("PolicyDocument")
    if policy:
        _check(dynamodb._put_resource_policy({"ResourceArn": table["TableArn"], "Policy": _json(policy)}))
    else:
        _check(dynamodb._delete_resource_policy({"ResourceArn": table["TableArn"]}))


def _encryption(properties: Properties) -> dict[str, Any]:
    """Spell an SSESpecification as the API does; CloudFormation names one member otherwise."""
    declared = properties.get("SSESpecification") or {}
    members = {
        "Enabled": _is_true(declared.get("SSEEnabled")),
        "SSEType": declared.get("SSEType"),
        "KMSMasterKeyId": declared.get("KMSMasterKeyId"),
    }
    return {name: value for name, value in members.items() if value}


def _protected_table(name: str) -> None:
    if (dynamodb._tables.get(name) or {}).get("DeletionProtectionEnabled"):
        raise ValueError("Table is protected against deletion. To delete the table, disable deletion protection.")


def _bucket(name: str, properties: Properties) -> None:
    """Apply encryption, life cycle, logging, tags and the end of versioning of AWS::S3::Bucket."""
    if name not in s3._buckets:
        return
    if properties.get("AccessControl") not in (None, "Private"):
        # A new bucket has object ownership `BucketOwnerEnforced`, with which S3 takes no other ACL.
        raise ValueError("Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting")
    _encrypt_bucket(name, properties.get("BucketEncryption"))
    _age_bucket(name, properties.get("LifecycleConfiguration"))
    _log_bucket(name, properties.get("LoggingConfiguration"))
    tags = properties.get("Tags")
    if tags:
        found = [{"Key": tag["Key"], "Value": tag["Value"]} for tag in tags]
        _check(s3._put_bucket_tagging(name, _xml("Tagging", {"TagSet": {"Tag": found}})))
    else:
        _check(s3._delete_bucket_tagging(name))
    versioning = (properties.get("VersioningConfiguration") or {}).get("Status")
    if versioning != "Enabled" and s3._bucket_versioning.get(name) == "Enabled":
        _check(s3._put_bucket_versioning(name, _xml("VersioningConfiguration", {"Status": "Suspended"})))


def _encrypt_bucket(name: str, declared: Properties | None) -> None:
    if not declared:
        _check(s3._delete_bucket_encryption(name))
        return
    rules = []
    for rule in declared.get("ServerSideEncryptionConfiguration") or ():
        default = rule.get("ServerSideEncryptionByDefault") or {}
        spelled = {key: default[key] for key in ("SSEAlgorithm", "KMSMasterKeyID") if default.get(key)}
        is_cheap = str(_is_true(rule.get("BucketKeyEnabled"))).lower()
        rules.append({"ApplyServerSideEncryptionByDefault": spelled, "BucketKeyEnabled": is_cheap})
    _check(s3._put_bucket_encryption(name, _xml("ServerSideEncryptionConfiguration", {"Rule": rules})))


def _age_bucket(name: str, declared: Properties | None) -> None:
    if not declared:
        _check(s3._delete_bucket_lifecycle(name))
        return
    rules = [_lifecycle_rule(rule) for rule in declared.get("Rules") or ()]
    _check(s3._put_bucket_lifecycle(name, _xml("LifecycleConfiguration", {"Rule": rules})))


def _lifecycle_rule(rule: Properties) -> dict[str, Any]:
    spelled: dict[str, Any] = {
        "ID": rule.get("Id"),
        "Filter": {"Prefix": rule.get("Prefix") or ""},
        "Status": rule.get("Status"),
    }
    if rule.get("ExpirationInDays"):
        spelled["Expiration"] = {"Days": rule["ExpirationInDays"]}
    for part, members in (
        ("NoncurrentVersionExpiration", ("NoncurrentDays", "NewerNoncurrentVersions")),
        ("AbortIncompleteMultipartUpload", ("DaysAfterInitiation",)),
    ):
        declared = rule.get(part)
        if declared:
            spelled[part] = {member: declared[member] for member in members if declared.get(member)}
    return {key: value for key, value in spelled.items() if value is not None}


def _log_bucket(name: str, declared: Properties | None) -> None:
    status = {}
    if declared:
        target = declared.get("DestinationBucketName") or name
        status = {"LoggingEnabled": {"TargetBucket": target, "TargetPrefix": declared.get("LogFilePrefix") or ""}}
    _check(s3._put_bucket_logging(name, _xml("BucketLoggingStatus", status)))


def _full_bucket(name: str) -> None:
    if (s3._buckets.get(name) or {}).get("objects") or s3._bucket_has_versions(name):
        raise ValueError("The bucket you tried to delete is not empty. You must delete all versions in the bucket.")


def _dashboard(name: str, properties: Properties) -> None:
    """Apply the tags of AWS::CloudWatch::Dashboard."""
    dashboard = cloudwatch._dashboards.get(name)
    if dashboard is not None:
        tags = {tag["Key"]: tag["Value"] for tag in properties.get("Tags") or ()}
        cloudwatch._resource_tags[dashboard["DashboardArn"]] = tags


def _topic(arn: str, properties: Properties) -> None:
    """Apply the key of AWS::SNS::Topic."""
    topic = sns._topics.get(arn)
    if topic is None:
        return
    key = properties.get("KmsMasterKeyId")
    if key:
        topic["attributes"]["KmsMasterKeyId"] = key
    else:
        topic["attributes"].pop("KmsMasterKeyId", None)


# What AWS::Lambda::EventSourceMapping has when the template says nothing; an update must restore it.
_MAPPING_DEFAULTS: Mapping[str, Any] = {
    "MaximumBatchingWindowInSeconds": 0,
    "FunctionResponseTypes": [],
    "Enabled": True,
    **dict.fromkeys(
        (
            "BisectBatchOnFunctionError",
            "DestinationConfig",
            "FilterCriteria",
            "MaximumRecordAgeInSeconds",
            "MaximumRetryAttempts",
            "ParallelizationFactor",
            "ScalingConfig",
        )
    ),
}


def _mapping(uuid: str, properties: Properties) -> None:
    """Apply the tags of AWS::Lambda::EventSourceMapping, and the defaults of what an update leaves out."""
    mapping = lambda_svc._esms.get(uuid)
    if mapping is None:
        return
    refusal = mappings.refused(mapping) if properties else ""
    if refusal:
        raise ValueError(f"{refusal} (Service: Lambda, InvalidParameterValueException)")
    mapping["Tags"] = {tag["Key"]: tag["Value"] for tag in properties.get("Tags") or ()}
    defaults = {**_MAPPING_DEFAULTS, "BatchSize": 10 if ":sqs:" in mapping["EventSourceArn"] else 100}
    for name, default in defaults.items():
        if properties.get(name) is not None:
            continue
        if default is None:
            mapping.pop(name, None)
        else:
            mapping[name] = default
    mapping["State"] = "Enabled" if _is_true(mapping["Enabled"]) else "Disabled"


def _role(name: str, properties: Properties) -> None:
    """Apply the permissions boundary of AWS::IAM::Role."""
    role = iam._roles.get(name)
    if role is None:
        return
    boundary = properties.get("PermissionsBoundary")
    if boundary:
        _check(iam._put_role_permissions_boundary({"RoleName": [name], "PermissionsBoundary": [boundary]}))
    else:
        role["PermissionsBoundary"] = None


COMPLETIONS: Mapping[str, Completion] = {
    "AWS::CloudWatch::Dashboard": Completion(_dashboard),
    "AWS::DynamoDB::Table": Completion(_table, before_delete=_protected_table),
    "AWS::IAM::Role": Completion(_role),
    "AWS::Lambda::EventSourceMapping": Completion(_mapping),
    "AWS::S3::Bucket": Completion(_bucket, before_delete=_full_bucket),
    "AWS::SNS::Topic": Completion(_topic),
}


def _check(answer: tuple[int, Mapping[str, str], bytes | str]) -> None:
    """Raise what a service of MiniStack refuses."""
    status, _, body = answer
    if status >= 400:
        raise ValueError(body.decode() if isinstance(body, bytes) else body)


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"  # in YAML it may be text


def _json(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)


def _xml(tag: str, content: Mapping[str, Any]) -> bytes:
    """Write the body of a request to S3; a list repeats its element."""
    root = ET.Element(tag, xmlns=s3.S3_NS)
    _fill(root, content)
    return ET.tostring(root)


def _fill(element: ET.Element, content: Mapping[str, Any]) -> None:
    for tag, value in content.items():
        for each in value if isinstance(value, list) else [value]:
            child = ET.SubElement(element, tag)
            if isinstance(each, Mapping):
                _fill(child, each)
            else:
                child.text = str(each)
