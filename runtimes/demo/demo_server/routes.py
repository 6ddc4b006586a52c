"""Which path answers what."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import unquote, urlsplit

from .completions import Completion, RequestError, Writer, read_completion
from .http_server import JsonHandler
from .service import Service
from .settings import Settings


def make_handler(settings: Settings, service: Service) -> type[JsonHandler]:
    """The request handler of one server."""

    class Handler(Routes):
        pass

    Handler.settings, Handler.service, Handler.started = settings, service, int(time.time())
    return Handler


class Routes(JsonHandler):
    """OpenAI completions, and the health paths of OpenAI-style and V2 servers."""

    settings: Settings
    service: Service
    started: int  # seconds since 1970

    def do_GET(self) -> None:
        path, name = unquote(urlsplit(self.path).path), self.settings.model_name
        if path in ("/health", "/v2/health/ready", f"/v2/models/{name}/ready"):
            self.send_health(self.service.phase == "ready")
        elif path == "/v2/health/live":
            self.send_health(self.service.phase != "lost")
        elif path == "/v1/models":
            self.send_json(200, {"object": "list", "data": [self.model()]})
        elif path.startswith("/v2/models/") and path.endswith("/ready"):
            self.send_error_body(RequestError(404, f"there is only the model {name!r}", "model", "model_not_found"))
        else:
            self.send_error_body(RequestError(404, f"there is no {path}"))

    do_HEAD = do_GET

    def do_POST(self) -> None:
        with self.service.counted():
            try:
                body = self.read_body()
                if urlsplit(self.path).path != "/v1/completions":
                    raise RequestError(404, f"there is no {self.path} to post to")
                self.complete(body)
            except RequestError as error:
                self.send_error_body(error)

    def complete(self, body: bytes) -> None:
        """Answers a completion request; raises RequestError if nothing has been written yet."""
        request = read_completion(body, self.settings.model_name, self.settings.shape.max_model_len)
        with self.service.admitted(), closing(self.service.tokens(request)) as tokens:
            if request.stream:
                self.stream(request, tokens)
            else:
                self.send_json(200, Writer.start(request).whole(bytes(tokens)))

    def stream(self, request: Completion, tokens: Iterator[int]) -> None:
        """Writes each token as an event. An error before the first one is an ordinary error answer."""
        writer, count = Writer.start(request), 0
        try:
            for count, token in enumerate(tokens, start=1):
                if count == 1:
                    self.start_events()
                self.send_event(json.dumps(writer.chunk(token, last=count == request.max_tokens)))
        except RequestError as error:
            if count == 0:
                raise
            self.send_event(json.dumps(error.body()))
            return
        if request.stream_usage:
            self.send_event(json.dumps(writer.closing_usage(count)))
        self.send_event("[DONE]")

    def model(self) -> dict[str, Any]:
        """The model as OpenAI lists it, with fields of our own that show how it is split."""
        settings, shape = self.settings, self.settings.shape
        return {
            "id": settings.model_name,
            "object": "model",
            "created": self.started,
            "owned_by": "muster-demo",
            "max_model_len": shape.max_model_len,
            "tensor_parallel_size": settings.tensor_parallel_size,
            "split_parameters": shape.heads * shape.block_parameters,
            "coordinator_parameters": shape.coordinator_parameters,
            "custom_param": settings.custom_param,
            "shards": self.service.shards,
        }

    def send_health(self, well: bool) -> None:
        """200 or 503, with the phase."""
        self.send_json(200 if well else 503, {"ready": well, "phase": self.service.phase})

    def send_error_body(self, error: RequestError) -> None:
        """The error as OpenAI writes it."""
        self.send_json(error.status, error.body())
