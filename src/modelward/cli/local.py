"""The command of the laptop: local up."""

import sys
from pathlib import Path

from modelward.cli.context import Context, require_extra


def up(_context: Context, *, port: int | None, bare: bool) -> int:
    """Run a local AWS until interrupted."""
    require_extra("local up", "local", "ministack", "hypercorn", "moto")
    if not bare:
        require_extra("local up", "infra", "aws_cdk", "cdk_nag")
    from modelward.local.up import run_local

    return run_local(port, is_bare=bare, folder=Path.cwd(), out=sys.stdout, talk=sys.stderr)
