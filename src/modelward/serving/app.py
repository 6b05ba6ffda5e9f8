"""The three routes over a `Switch`, named as SageMaker's containers name them."""

import logging
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from modelward.serving.artifact import LoadedModel
from modelward.serving.inference import Answer, refuse
from modelward.serving.switch import Switch

LOGGER = logging.getLogger("modelward.serving")


def build(switch: Switch[LoadedModel], *, model: str, stage: str) -> FastAPI:
    """Make the ASGI application that answers with whatever a switch holds live."""
    app = FastAPI(title=f"{model} in {stage}", docs_url=None, redoc_url=None)

    @app.get("/ping")
    async def ping() -> Response:
        """Answer 200 when a version is loaded, else 503."""
        return Response(status_code=503 if switch.report().version is None else 200)

    @app.get("/version")
    async def version() -> JSONResponse:
        """Tell what is served, and why a newer version is not."""
        return JSONResponse(describe(switch, model=model, stage=stage))

    @app.post("/invocations")
    async def invocations(request: Request) -> Response:
        """Predict."""
        body, headers = await request.body(), request.headers
        content_type, accept = headers.get("content-type", "application/json"), headers.get("accept", "*/*")
        return await run_in_threadpool(_respond, switch, body, content_type, accept)

    return app


def describe(switch: Switch[Any], *, model: str, stage: str) -> dict[str, Any]:
    """Give what `/version` says."""
    return {"model": model, "stage": stage, **switch.report().to_json()}


def _respond(switch: Switch[LoadedModel], body: bytes, content_type: str, accept: str) -> Response:
    with switch.lease() as leased:
        if leased is None:
            return _response(refuse(503, "no version is loaded; GET /version tells why"))
        version, loaded = leased
        answer = _answer(loaded, body, content_type, accept)
    return _response(answer, {"x-modelward-version": str(version.version)})


def _answer(loaded: LoadedModel, body: bytes, content_type: str, accept: str) -> Answer:
    try:
        return loaded.inference.answer(body, content_type, accept)
    except Exception as error:  # a model's own code runs here and may raise anything
        LOGGER.exception("the model raised")
        return refuse(500, f"{type(error).__name__}: {error}")


def _response(answer: Answer, headers: dict[str, str] | None = None) -> Response:
    return Response(answer.body, answer.status, headers, media_type=answer.content_type)
