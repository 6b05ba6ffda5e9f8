"""Approve the newest pending version with plain boto3, as the console does, and watch what follows by itself.

    python examples/approve_like_the_console.py digits "the figures are fine"

Nothing of Modelward is imported: the events that SageMaker emits are enough.
"""

import sys
import time

import boto3

LIMIT_S = 120  # on a real account an endpoint takes minutes: raise it, or look at `modelward history` later


def newest_pending(sagemaker, group):
    """Find the version that waits; SageMaker lists the oldest first unless told otherwise."""
    found = sagemaker.list_model_packages(
        ModelPackageGroupName=group,
        ModelApprovalStatus="PendingManualApproval",
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=1,
    )["ModelPackageSummaryList"]
    if not found:
        sys.exit(f"no version of {group} waits for approval")
    return found[0]["ModelPackageArn"]


def main():
    """Flip the status, then show each change of the version until it is settled."""
    group, reason = sys.argv[1:3]
    sagemaker = boto3.client("sagemaker")
    arn = newest_pending(sagemaker, group)
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription=reason)
    shown, deadline = None, time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        now = sagemaker.describe_model_package(ModelPackageName=arn)
        cycle = now.get("ModelLifeCycle", {})
        seen = (now["ModelApprovalStatus"], cycle.get("Stage"), cycle.get("StageStatus"))
        if seen != shown:
            print(*(word for word in seen if word), now["ApprovalDescription"], sep="  ", flush=True)
            shown = seen
        if seen[0] == "Rejected" or seen[2] in ("Approved", "Rejected"):
            return
        time.sleep(0.2)
    sys.exit(f"not settled after {LIMIT_S} s: see `modelward history {group}`")


if __name__ == "__main__":
    main()
