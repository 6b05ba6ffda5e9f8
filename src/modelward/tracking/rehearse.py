"""Answer one request as a SageMaker container would: run as a script, on an unpacked archive.

    python -B -P rehearse.py FOLDER < BODY

The body is JSON. The answer goes to the end of stdout, after a line of its own, because a model may print.
"""

import importlib
import json
import sys
from pathlib import Path


def main() -> None:
    """Load the model, predict, print the answer and what shape it has."""
    folder, body = Path(sys.argv[1]), sys.stdin.buffer.read()
    sys.path.insert(0, str(folder / "code"))
    code = importlib.import_module("inference")
    prediction = code.predict_fn(code.input_fn(body, "application/json"), code.model_fn(str(folder)))
    answer = code.output_fn(prediction, "application/json")
    shape, dtype = getattr(prediction, "shape", None), getattr(prediction, "dtype", None)
    told = {"answer": json.loads(answer), "shape": list(shape or ()), "dtype": str(dtype) if dtype else ""}
    sys.stdout.flush()
    sys.stdout.write(f"\n{json.dumps(told)}")


if __name__ == "__main__":
    main()
