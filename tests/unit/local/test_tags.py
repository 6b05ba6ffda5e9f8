import pytest

PREFIX = "arn:aws:sagemaker:eu-west-1:123456789012:"


def test_tags_are_added_overwritten_listed_and_removed(api) -> None:
    arn = api.group(Tags=[{"Key": "team", "Value": "vision"}])
    api("AddTags", ResourceArn=arn, Tags=[{"Key": "team", "Value": "speech"}, {"Key": "cost", "Value": "1"}])
    tags = [{"Key": "team", "Value": "speech"}, {"Key": "cost", "Value": "1"}]
    assert api("ListTags", ResourceArn=arn) == {"Tags": tags}
    api("DeleteTags", ResourceArn=arn, TagKeys=["team", "absent"])
    assert api("ListTags", ResourceArn=arn) == {"Tags": tags[1:]}


def test_every_hosting_resource_takes_tags_whatever_the_case_of_its_name(api) -> None:
    tags = [{"Key": "team", "Value": "vision"}]
    variant = {"VariantName": "live", "ModelName": "Digits", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    api("CreateModel", ModelName="Digits", PrimaryContainer={"Image": "i"}, Tags=tags)
    api("CreateEndpointConfig", EndpointConfigName="Digits", ProductionVariants=[variant], Tags=tags)
    api("CreateEndpoint", EndpointName="Digits", EndpointConfigName="Digits", Tags=tags)
    for kind in ("model", "endpoint-config", "endpoint"):
        assert api("ListTags", ResourceArn=f"{PREFIX}{kind}/Digits") == {"Tags": tags}
    assert api.events[-1]["detail"]["Tags"] == {"team": "vision"}


def test_a_version_takes_no_tags(api) -> None:
    api.group()
    arn = api.version()
    refusal = api.refusal("AddTags", ResourceArn=arn, Tags=[{"Key": "a", "Value": "b"}])
    assert "not supported on versioned model packages" in refusal.message


@pytest.mark.parametrize("operation", ["AddTags", "ListTags", "DeleteTags"])
def test_what_is_not_there_takes_no_tags(api, operation) -> None:
    request = {"AddTags": {"Tags": []}, "DeleteTags": {"TagKeys": ["a"]}}.get(operation, {})
    refusal = api.refusal(operation, ResourceArn=f"{PREFIX}endpoint/absent", **request)
    assert "does not exist" in refusal.message


def test_a_resource_has_at_most_fifty_tags(api) -> None:
    arn = api.group(Tags=[{"Key": f"k{n}", "Value": ""} for n in range(50)])
    assert "at most 50" in api.refusal("AddTags", ResourceArn=arn, Tags=[{"Key": "one", "Value": "more"}]).message
    api("AddTags", ResourceArn=arn, Tags=[{"Key": "k0", "Value": "again"}])


def test_tags_go_with_their_group(api) -> None:
    arn = api.group(Tags=[{"Key": "team", "Value": "vision"}])
    api("DeleteModelPackageGroup", ModelPackageGroupName="digits")
    api.group()
    assert api("ListTags", ResourceArn=arn) == {"Tags": []}
