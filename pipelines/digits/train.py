"""Train a classifier of handwritten digits and register it: what a data scientist's own script looks like.

    python train.py --kind logistic --notes "baseline"

Run it where a registry.toml that declares the model `digits` can be found upwards. It prints the new version as JSON.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

import modelward

IMAGE = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
CODE = Path(__file__).with_name("code") / "inference.py"
SEED = 7


def data():
    """Split scikit-learn's digits: 1,257 images to train on, 540 held out; always the same ones."""
    bunch = load_digits()
    return train_test_split(bunch.data, bunch.target, test_size=0.3, random_state=SEED, stratify=bunch.target)


def digest(images, labels):
    """Compute the SHA-256 of the data as trained on."""
    return hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()


def spoil(labels, share):
    """Replace a share of the labels with wrong ones, as a bad join does."""
    random = np.random.default_rng(SEED)
    hit = random.random(len(labels)) < share
    return np.where(hit, (labels + random.integers(1, 10, len(labels))) % 10, labels)


def classifier(kind):
    """Make an untrained model that also tells probabilities."""
    if kind == "logistic":
        return make_pipeline(StandardScaler(), LogisticRegression(max_iter=200))
    if kind == "svm":
        return SVC(gamma=0.001, probability=True, random_state=SEED)
    raise ValueError(f"unknown kind {kind!r}")


def pack(model, code, folder):
    """Write model.tar.gz: the model and the code that serves it; the same contents give the same bytes."""
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    path = folder / "model.tar.gz"
    with (
        path.open("wb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as zipped,
        tarfile.open(fileobj=zipped, mode="w") as archive,
    ):
        for name, content in (("model.joblib", buffer.getvalue()), ("code/inference.py", code.read_bytes())):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def main():
    """Train, measure on the held-out images, register."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", choices=["logistic", "svm"], default="logistic")
    parser.add_argument("--notes", default="")
    parser.add_argument("--spoil", type=float, default=0.0, help="share of labels to spoil, 0 to 1")
    parser.add_argument("--code", type=Path, default=CODE, help="what serves the model: an inference.py")
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("SM_MODEL_DIR", "build")))
    arguments = parser.parse_args()

    images, held_out, labels, truth = data()
    labels = spoil(labels, arguments.spoil)
    model = classifier(arguments.kind).fit(images, labels)
    metrics = {
        "accuracy": float(accuracy_score(truth, model.predict(held_out))),
        "log_loss": float(log_loss(truth, model.predict_proba(held_out), labels=range(10))),
    }
    arguments.out.mkdir(parents=True, exist_ok=True)
    version = (
        modelward.connect()
        .model("digits")
        .register(
            artifact=pack(model, arguments.code, arguments.out),
            image=IMAGE,
            metrics=metrics,
            dataset=modelward.Dataset(name="sklearn-digits", version="1.0", sha256=digest(images, labels)),
            notes=arguments.notes,
        )
    )
    (arguments.out / "held_out.json").write_text(json.dumps({"x": held_out.tolist(), "y": truth.tolist()}))
    print(json.dumps({"version": version.version, "arn": version.arn, "metrics": metrics}))


if __name__ == "__main__":
    main()
