"""Print the JSON Schema of `registry.toml`: python -m modelward.config > registry.schema.json."""

import sys

from modelward.config.document import schema_text

if __name__ == "__main__":
    sys.stdout.write(schema_text())
