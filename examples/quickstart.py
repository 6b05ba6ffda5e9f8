"""A version's first day with the SDK, on a model that needs no library: it counts dark pixels.

    modelward local up > local.env      # in another terminal, in the folder of registry.toml; wait for "Ready"
    source local.env
    python examples/quickstart.py

It works on a real account, too; there an endpoint takes minutes, and bills.
"""

import io
import tarfile
import time
from pathlib import Path

import modelward

ARTIFACT = Path("build/model.tar.gz")
INFERENCE = """
def model_fn(model_dir):
    return 8

def predict_fn(data, model):
    return [sum(float(pixel) >= model for pixel in row) for row in data]
"""


def pack(path):
    """Write what SageMaker's containers unpack: the model's files, and the code that serves them under code/."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("code/inference.py")
        member.size = len(INFERENCE)
        archive.addfile(member, io.BytesIO(INFERENCE.encode()))


def main():
    """Register a version, approve it, see it serve staging, and put it into production."""
    pack(ARTIFACT)
    digits = modelward.connect().model("digits")
    version = digits.register(
        artifact=ARTIFACT,
        image="246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3",
        metrics={"accuracy": 0.973, "log_loss": 0.11},
        notes="counts dark pixels",
    )
    version.approve(reason="the figures are fine")

    # Staging takes what is approved by itself. `current` answers with a version once the endpoint is verified.
    while not is_current(digits, "Staging", version):
        time.sleep(1)
    print(f"v{version.version} serves staging")

    version.promote("Production", reason="staging answers as it should")
    version = digits.deploy("production")  # waits until the rollout is verified
    print(f"v{version.version} serves production")
    for entry in digits.history():
        print(entry)


def is_current(model, stage, version):
    """Tell whether a version holds a stage."""
    current = model.current(stage)
    return current is not None and current.version == version.version


if __name__ == "__main__":
    main()
