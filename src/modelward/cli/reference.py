"""Print docs/cli.md, made of the very text that `--help` prints: `python -m modelward.cli.reference > docs/cli.md`."""

import sys

from modelward.cli import exits, pages
from modelward.cli.commands import COMMANDS

_HEAD = """\
# The command line

Made from the program's own help by `python -m modelward.cli.reference > docs/cli.md`; a test keeps it current.

Results go to stdout: tables for people, JSON with `--json`. Talk, progress and errors go to stderr. An error is two
lines, what is wrong and what to do next; the exit code says of which kind it is. `--plan` prints the calls that a
command would make and makes none. `modelward --help` lists the commands.
"""


def reference() -> str:
    """Make the text of docs/cli.md."""
    codes = "\n".join(f"| {code} | {meaning} |" for code, meaning in exits.MEANINGS)
    commands = "\n\n".join(f"## modelward {c.name}\n\n```text\n{pages.page(c)}\n```" for c in COMMANDS)
    return "\n".join(
        (
            _HEAD,
            f"```text\n{pages.global_options()}\n```\n",
            f"## Exit codes\n\n| code | meaning |\n|---|---|\n{codes}\n",
            f"{commands}\n",
        )
    )


if __name__ == "__main__":
    sys.stdout.write(reference())
