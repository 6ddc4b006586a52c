"""One process that holds all shards, seen through HTTP."""

from __future__ import annotations

import json
import signal
import socket
import unittest

import support
from support import Stream, complete, connect, free_port, request, start, unsplit

LONG = {"prompt": "a", "max_tokens": 8000}  # seconds of work, in a context of 8192


class Answers(unittest.TestCase):
    port: int

    @classmethod
    def setUpClass(cls) -> None:
        args = ("--nnodes", "1", "-tp", "4", "--model-name", "m", "--custom-param", "mode=fast")
        server = start(cls.addClassCleanup, *args)
        cls.port = server.port()

    def test_completion_in_openais_shape(self) -> None:
        body = {"model": "m", "prompt": "hé", "max_tokens": 5, "seed": 3, "temperature": 0.7}
        status, answer = request(self.port, "POST", "/v1/completions", body)
        self.assertEqual(status, 200)
        self.assertEqual(answer["object"], "text_completion")
        text = unsplit("hé", 5)
        self.assertEqual(answer["choices"], [{"index": 0, "text": text, "logprobs": None, "finish_reason": "length"}])
        self.assertEqual(answer["usage"], {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8})

    def test_streaming_equals_not_streaming(self) -> None:
        *events, usage, done = Stream(
            self.port, prompt="hello", max_tokens=20, stream_options={"include_usage": True}
        ).rest()
        choices = [json.loads(event)["choices"][0] for event in events]
        self.assertEqual("".join(choice["text"] for choice in choices), complete(self.port, "hello", 20))
        self.assertEqual([choice["finish_reason"] for choice in choices], [None] * 19 + ["length"])
        self.assertEqual(json.loads(usage)["usage"]["total_tokens"], 25)
        self.assertEqual(done, "[DONE]")

    def test_requests_at_the_same_time_do_not_mix(self) -> None:
        streams = {prompt: Stream(self.port, prompt=prompt, max_tokens=40) for prompt in ("a", "b")}
        for prompt, stream in streams.items():
            texts = [json.loads(event)["choices"][0]["text"] for event in stream.rest()[:-1]]
            self.assertEqual("".join(texts), unsplit(prompt, 40))

    def test_refusals(self) -> None:
        cases = [
            (400, b"{"),
            (400, b"[" * 200_000),
            (400, []),
            (400, {"prompt": ""}),
            (400, {"prompt": ["a"]}),
            (400, {"prompt": "a", "max_tokens": 0}),
            (400, {"prompt": "a", "max_tokens": True}),
            (400, {"prompt": "a", "n": 2}),
            (400, {"prompt": "a", "stop": ["x"]}),
            (400, {"prompt": "a" * 500, "max_tokens": 13}),
            (404, {"prompt": "a", "model": "other"}),
            (413, b"x" * 1_048_577),
        ]
        for want, body in cases:
            with self.subTest(status=want, body=str(body)[:40]):
                status, answer = request(self.port, "POST", "/v1/completions", body)
                self.assertEqual(status, want)
                self.assertTrue(answer["error"]["message"])

    def test_a_context_that_just_fits(self) -> None:
        body = {"prompt": "a" * 500, "max_tokens": 12}
        self.assertEqual(request(self.port, "POST", "/v1/completions", body)[0], 200)

    def test_models_shows_the_split_and_the_custom_param(self) -> None:
        status, answer = request(self.port, "GET", "/v1/models")
        (model,) = answer["data"]
        self.assertEqual((status, answer["object"], model["id"], model["object"]), (200, "list", "m", "model"))
        self.assertEqual(model["custom_param"], "mode=fast")
        self.assertEqual([shard["heads"] for shard in model["shards"]], [[0, 1], [2, 3], [4, 5], [6, 7]])
        self.assertEqual(sum(shard["parameters"] for shard in model["shards"]), model["split_parameters"])
        fields = {"rank", "node_id", "node_ip", "pid", "hostname", "parameters", "heads"}
        self.assertEqual(set(model["shards"][0]), fields)

    def test_health_paths(self) -> None:
        for path in ("/health", "/v2/health/live", "/v2/health/ready", "/v2/models/m/ready"):
            self.assertEqual(request(self.port, "GET", path)[0], 200, path)
        for path in ("/v2/models/other/ready", "/nothing"):
            self.assertEqual(request(self.port, "GET", path)[0], 404, path)


class Life(unittest.TestCase):
    def test_port_is_open_but_not_ready_while_loading(self) -> None:
        port = free_port()
        server = start(self.addCleanup, "--nnodes", "1", "--port", str(port), "--startup-delay", "600")
        connect(port).close()
        self.assertEqual(request(port, "GET", "/v2/health/ready")[0], 503)
        self.assertEqual(request(port, "GET", "/v2/health/live")[0], 200)
        self.assertEqual(request(port, "POST", "/v1/completions", {"prompt": "a"})[0], 503)
        server.process.terminate()
        self.assertEqual(server.status(), 0)

    def test_a_taken_port_is_said_at_once(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            server = start(self.addCleanup, "--port", str(port))
            self.assertEqual(server.status(), 1)
            self.assertEqual(server.lines, [f"demo: port {port} is taken"])

    def test_an_unknown_argument_is_status_2(self) -> None:
        server = start(self.addCleanup, "--nnodes", "1", "--bogus")
        self.assertEqual(server.status(), 2)
        self.assertEqual(server.lines, ["demo: unknown argument: --bogus; see --help"])

    def test_a_running_request_is_finished_after_sigterm(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            server, stream = self.start_busy("--grace", "600")
            server.process.send_signal(number)
            self.assertEqual(stream.rest()[-1], "[DONE]")
            self.assertEqual(server.status(), 0)

    def test_a_running_request_is_cut_when_grace_is_over(self) -> None:
        server, stream = self.start_busy("--grace", "0")
        server.process.terminate()
        self.assertIn("the server is stopping", json.loads(stream.rest()[-1])["error"]["message"])
        self.assertEqual(server.status(), 0)

    def start_busy(self, *args: str) -> tuple[support.Server, Stream]:
        server = start(self.addCleanup, "--nnodes", "1", "--max-model-len", "8192", *args)
        stream = Stream(server.port(), **LONG)
        stream.next()
        return server, stream


if __name__ == "__main__":
    unittest.main()
