"""Feature flags of our own stacks.

They are set on our stacks and nowhere else: the templates are then the same under `cdk synth`, `python app.py`, in
tests and inside somebody's larger app, whatever its cdk.json says, and that app's other stacks keep the flags they
have. Only flags that change our templates are here; a test synthesizes with all others on and off.
"""

from constructs import Construct

_FLAGS = {
    "@aws-cdk/aws-iam:minimizePolicies": True,
    "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True,
    # What a registry gives is referenced strongly anyhow (`registry.py`); without a flag the CDK warns.
    "@aws-cdk/core:defaultCrossStackReferences": "strong",
    "@aws-cdk/core:enablePartitionLiterals": False,
    # The functions' code is assembled in a folder that is gone after synthesis.
    "aws:cdk:disable-asset-staging": False,
    # What the CDK CLI switches on, and a bare `python app.py` would not.
    "aws:cdk:enable-asset-metadata": True,
    "aws:cdk:enable-path-metadata": True,
}


def pin_flags(scope: Construct) -> None:
    """Set the feature flags that the templates of this package were tested with, for a scope without children."""
    for flag, value in _FLAGS.items():
        scope.node.set_context(flag, value)
