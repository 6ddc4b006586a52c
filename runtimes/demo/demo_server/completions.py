"""The OpenAI completions format: what we read of a request, and how answers are written. No I/O here."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

# Asking for these with another value would change the answer in a way that this server cannot.
FIXED: dict[str, Any] = {"n": 1, "best_of": 1, "echo": False, "logprobs": None, "stop": None, "suffix": None}
DEFAULT_MAX_TOKENS = 16


class RequestError(Exception):
    """A request we refuse: HTTP status, and OpenAI's error fields."""

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code

    def body(self) -> dict[str, Any]:
        """The error as OpenAI writes it."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": str(self), "type": kind, "param": self.param, "code": self.code}}


@dataclass(frozen=True)
class Completion:
    """A checked request. Its length fits the model."""

    model: str
    prompt: bytes
    max_tokens: int
    stream: bool
    stream_usage: bool


def read_completion(body: bytes, model_name: str, max_model_len: int) -> Completion:
    """Checks a request body; raises RequestError 400, or 404 for another model. `seed` and `temperature` are
    accepted and change nothing: decoding is greedy.
    """
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RequestError(400, "the body is not JSON") from error
    if not isinstance(request, dict):
        raise RequestError(400, "the body must be a JSON object")
    check_model(request.get("model", model_name), model_name)
    for param, only in FIXED.items():
        if request.get(param) not in (None, only):
            raise RequestError(400, f"{param} is not supported", param)
    prompt = read_prompt(request.get("prompt"))
    max_tokens = read_max_tokens(request.get("max_tokens"))
    if len(prompt) + max_tokens > max_model_len:
        raise RequestError(
            400,
            f"prompt of {len(prompt)} tokens and max_tokens {max_tokens} exceed the model's {max_model_len}",
            "prompt",
            "context_length_exceeded",
        )
    options = request.get("stream_options")
    usage = isinstance(options, dict) and options.get("include_usage") is True
    return Completion(model_name, prompt, max_tokens, read_stream(request.get("stream")), usage)


def check_model(asked: Any, served: str) -> None:
    """Raises unless `asked` is the model we serve."""
    if not isinstance(asked, str):
        raise RequestError(400, "model must be a string", "model")
    if asked != served:
        raise RequestError(404, f"the model {asked!r} does not exist; this is {served!r}", "model", "model_not_found")


def read_prompt(value: Any) -> bytes:
    """The prompt's tokens: its UTF-8 bytes."""
    if not isinstance(value, str) or not value:
        raise RequestError(400, "prompt must be a string of at least one character", "prompt")
    return value.encode("utf-8", "surrogatepass")


def read_max_tokens(value: Any) -> int:
    """The length of the answer."""
    if value is None:
        return DEFAULT_MAX_TOKENS
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise RequestError(400, "max_tokens must be a whole number from 1", "max_tokens")
    return value


def read_stream(value: Any) -> bool:
    """Whether the answer comes as events."""
    if value not in (None, True, False):
        raise RequestError(400, "stream must be true or false", "stream")
    return value is True


@dataclass(frozen=True)
class Writer:
    """Writes the answers to one request, all under the same id."""

    request: Completion
    id: str
    created: int  # seconds since 1970

    @staticmethod
    def start(request: Completion) -> Writer:
        return Writer(request, f"cmpl-{uuid.uuid4().hex}", int(time.time()))

    def whole(self, tokens: bytes) -> dict[str, Any]:
        """The answer in one piece."""
        return self.envelope([self.choice(tokens, last=True)]) | {"usage": self.usage(len(tokens))}

    def chunk(self, token: int, last: bool) -> dict[str, Any]:
        """One token of a streamed answer."""
        return self.envelope([self.choice(bytes([token]), last)])

    def closing_usage(self, count: int) -> dict[str, Any]:
        """The extra event of `stream_options.include_usage`."""
        return self.envelope([]) | {"usage": self.usage(count)}

    def envelope(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        model = self.request.model
        return {"id": self.id, "object": "text_completion", "created": self.created, "model": model, "choices": choices}

    def choice(self, tokens: bytes, last: bool) -> dict[str, Any]:
        reason = "length" if last else None  # the model has no end-of-text token
        return {"index": 0, "text": tokens.decode("ascii"), "logprobs": None, "finish_reason": reason}

    def usage(self, count: int) -> dict[str, int]:
        prompt = len(self.request.prompt)
        return {"prompt_tokens": prompt, "completion_tokens": count, "total_tokens": prompt + count}
