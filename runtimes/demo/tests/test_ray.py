"""Ray mode on two real Ray nodes. Slower than the other tests: Ray takes seconds to start."""

from __future__ import annotations

import json
import os
import signal
import unittest
from typing import Any

import support
from ray_nodes import RAY, RayPair, signal_process, start_time, wait_gone
from support import Server, Stream, complete, request, start, unsplit

LOSS_S = 60.0  # a loss must be noticed in about 3 s; the rest is for a busy machine


def shards(port: int) -> list[dict[str, Any]]:
    """The shards as /v1/models shows them."""
    return request(port, "GET", "/v1/models")[1]["data"][0]["shards"]


@unittest.skipUnless(RAY.exists(), "Ray is not installed beside this Python")
class TwoNodes(unittest.TestCase):
    """Tests that leave both nodes as they were."""

    pair: RayPair

    @classmethod
    def setUpClass(cls) -> None:
        cls.pair = RayPair(cls.addClassCleanup)

    def serve(self, *args: str) -> Server:
        return start(self.addCleanup, *args, env={"RAY_ADDRESS": self.pair.address})

    def test_split_over_two_nodes_it_says_what_the_whole_model_says(self) -> None:
        server = self.serve("-tp", "2")
        port = server.port()
        self.assertTrue(server.said("tensor-parallel 2 over 2 nodes"))
        for prompt in ("a", "long " * 40):
            self.assertEqual(complete(port, prompt), unsplit(prompt))
        held = shards(port)
        self.assertEqual(len({shard["node_id"] for shard in held}), 2)
        self.assertEqual(len({shard["pid"] for shard in held} | {server.process.pid}), 3)
        self.assertEqual([shard["heads"] for shard in held], [[0, 1, 2, 3], [4, 5, 6, 7]])
        server.process.terminate()
        self.assertEqual(server.status(), 0)
        for shard in held:
            self.assertTrue(wait_gone(shard["pid"], LOSS_S), "an actor outlived the server")
        self.assertEqual(server.lines[1:], [], "a quiet end")

    def test_one_shard_needs_one_node(self) -> None:
        port = self.serve("--ray-address", self.pair.address).port()
        self.assertEqual(complete(port, "a"), unsplit("a"))

    def test_a_lost_actor_ends_the_running_request_and_the_server(self) -> None:
        server = self.serve("-tp", "2")
        port = server.port()
        stream = Stream(port, prompt="a", max_tokens=500)
        stream.next()
        os.kill(shards(port)[1]["pid"], signal.SIGKILL)
        self.assertIn("has lost a shard: shard 1", json.loads(stream.rest()[-1])["error"]["message"])
        self.assertEqual(server.status(LOSS_S), 1)
        self.assertTrue(server.said("^demo: shard 1 on node .* is gone: ActorDiedError$"))

    def test_a_lost_actor_is_noticed_when_idle(self) -> None:
        server = self.serve("-tp", "2")
        os.kill(shards(server.port())[0]["pid"], signal.SIGKILL)
        self.assertEqual(server.status(LOSS_S), 1)
        self.assertTrue(server.said("^demo: shard 0 on node .* is gone: "))

    def test_a_silent_actor_is_lost(self) -> None:
        server = self.serve("-tp", "2")
        pid = shards(server.port())[1]["pid"]
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(signal_process, (pid, start_time(pid)), signal.SIGKILL)
        self.assertEqual(server.status(LOSS_S), 1)
        self.assertTrue(server.said("^demo: shard 1 on node .* has not answered for 3 s$"))

    def test_too_few_nodes(self) -> None:
        server = self.serve("-tp", "4", "--connect-timeout", "5")
        self.assertEqual(server.status(), 1)
        self.assertIn("4 shards need 4 Ray nodes with a free CPU each; 2 nodes are alive", server.lines[-1])

    def test_nothing_at_the_address(self) -> None:
        address = f"127.0.0.1:{support.free_port()}"
        server = start(self.addCleanup, "--ray-address", address, "--connect-timeout", "0.5")
        self.assertEqual(server.status(), 1)
        self.assertRegex(server.lines[-1], f"^demo: nothing answers at the Ray address {address}: .*refused")


@unittest.skipUnless(RAY.exists(), "Ray is not installed beside this Python")
class LostNode(unittest.TestCase):
    def test_a_node_without_power_ends_the_server(self) -> None:
        pair = RayPair(self.addCleanup)
        server = start(self.addCleanup, "-tp", "2", "--ray-address", pair.address)
        self.assertEqual(complete(server.port(), "a"), unsplit("a"))
        pair.worker.kill()
        self.assertEqual(server.status(LOSS_S), 1)
        self.assertTrue(server.said("^demo: shard [01] on node "))


if __name__ == "__main__":
    unittest.main()
