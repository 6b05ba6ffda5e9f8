"""Data capture: what endpoints were asked and what they answered, as files in S3.

Place and form of a record are those of "Capture data from real-time endpoint" in the developer guide. SageMaker gathers
the records of some minutes in one file; here each has a file of its own, written before the caller hears.
"""

import base64
import json
import logging
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from modelward.local.sagemaker.fleets import Variant
from modelward.local.sagemaker.interface import MemoryStore, Store

logger = logging.getLogger(__name__)

_EVERY = 100
_EVENT_VERSION = "0"
_SIDES = {"Input": ("Input",), "Output": ("Output",), "InputAndOutput": ("Input", "Output")}


@dataclass(frozen=True, slots=True)
class Payload:
    """One side of an invocation."""

    content_type: str
    body: bytes


class Captures:
    """Takes of each hundred invocations of an endpoint as many as its config says, evenly and without chance.

    `store` may be replaced at any time.
    """

    def __init__(self) -> None:
        self.store: Store = MemoryStore()
        self._credit: dict[str, int] = {}

    def take(self, variant: Variant, asked: Payload, answered: Payload, at: datetime) -> None:
        """Write an invocation down, if it is one of those that are captured."""
        config = variant.capture
        if not config.get("EnableCapture", bool(config)) or not self._is_sampled(variant.key, config):
            return
        record = json.dumps(_record(config, {"Input": asked, "Output": answered}, at), separators=(",", ":"))
        where = _place(config, variant, at)
        try:
            self.store.put(variant.hosted, where, f"{record}\n".encode(), config.get("KmsKeyId", ""))
        except OSError as error:  # lost, as on AWS: no caller of an endpoint hears of it
            logger.warning("Could not write captured data: %s", error)

    def _is_sampled(self, key: str, config: Mapping[str, Any]) -> bool:
        credit = self._credit.get(key, 0) + int(config["InitialSamplingPercentage"])
        self._credit[key] = credit % _EVERY
        return credit >= _EVERY


def _place(config: Mapping[str, Any], variant: Variant, at: datetime) -> str:
    prefix = str(config["DestinationS3Uri"]).rstrip("/")
    moment = at.astimezone(UTC)
    name = f"{moment:%M-%S}-{moment.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
    return f"{prefix}/{variant.hosted.endpoint_name}/{variant.name}/{moment:%Y/%m/%d/%H}/{name}"


def _record(config: Mapping[str, Any], payloads: Mapping[str, Payload], at: datetime) -> dict[str, Any]:
    modes = [side for option in config["CaptureOptions"] for side in _SIDES[option["CaptureMode"]]]
    forms = config.get("CaptureContentTypeHeader", {})
    return {
        "captureData": {f"endpoint{side}": _side(side, payloads[side], forms) for side in modes},
        "eventMetadata": {"eventId": str(uuid.uuid4()), "inferenceTime": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"},
        "eventVersion": _EVENT_VERSION,
    }


def _side(side: str, payload: Payload, forms: Mapping[str, Any]) -> dict[str, str]:
    encoding = _encoding(payload.content_type, forms)
    data = base64.b64encode(payload.body) if encoding == "BASE64" else payload.body
    told = {"observedContentType": payload.content_type, "mode": side.upper()}
    return {**told, "data": data.decode(errors="replace"), "encoding": encoding}


def _encoding(content_type: str, forms: Mapping[str, Any]) -> str:
    plain = content_type.partition(";")[0].strip().lower()
    named = {"CSV": forms.get("CsvContentTypes", ()), "JSON": forms.get("JsonContentTypes", ())}
    return next((encoding for encoding, types in named.items() if plain in types), "BASE64")
