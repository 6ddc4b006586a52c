"""Native mode: real processes that share a model over TCP."""

from __future__ import annotations

import json
import signal
import struct
import unittest
from pathlib import Path

from support import Server, Stream, complete, connect, free_port, request, start, start_native, unsplit

LOSS_S = 60.0  # a loss must be noticed in 3 s; the rest is for a busy machine


class SameTokens(unittest.TestCase):
    def test_every_number_of_members_says_what_the_whole_model_says(self) -> None:
        for nnodes in (1, 2, 4):
            with self.subTest(nnodes=nnodes):
                servers = start_native(self.addCleanup, nnodes, 4)
                port = servers[0].port()
                for prompt in ("a", "long " * 40):
                    self.assertEqual(complete(port, prompt), unsplit(prompt))
                self.check_split(port, servers)

    def check_split(self, port: int, servers: list[Server]) -> None:
        model = request(port, "GET", "/v1/models")[1]["data"][0]
        pids = [shard["pid"] for shard in model["shards"]]
        each = 4 // len(servers)
        self.assertEqual(pids, [server.process.pid for server in servers for _ in range(each)])
        self.assertEqual([shard["rank"] for shard in model["shards"]], [0, 1, 2, 3])
        self.assertEqual([head for shard in model["shards"] for head in shard["heads"]], list(range(8)))
        self.assertEqual(sum(shard["parameters"] for shard in model["shards"]), model["split_parameters"])
        self.assertEqual(len({shard["node_id"] for shard in model["shards"]}), len(servers))

    def test_ray_is_not_loaded(self) -> None:
        servers = start_native(self.addCleanup, 2, 2)
        servers[0].port()
        for server in servers:
            self.assertNotIn("/ray/", Path(f"/proc/{server.process.pid}/maps").read_text())


class Loss(unittest.TestCase):
    def test_an_idle_rank_0_notices_that_a_rank_is_gone(self) -> None:
        first, second = start_native(self.addCleanup, 2, 2)
        first.port()
        second.process.kill()
        self.assertEqual(first.status(LOSS_S), 1)
        self.assertRegex(first.lines[-1], "^demo: rank 1 is gone: ")

    def test_an_idle_rank_0_notices_that_a_rank_is_silent(self) -> None:
        first, second = start_native(self.addCleanup, 2, 2)
        first.port()
        second.process.send_signal(signal.SIGSTOP)
        self.assertEqual(first.status(LOSS_S), 1)
        self.assertEqual(first.lines[-1], "demo: rank 1 is gone: no answer in time")

    def test_a_running_request_ends_with_an_error(self) -> None:
        first, second = start_native(self.addCleanup, 2, 2, "--max-model-len", "8192")
        stream = Stream(first.port(), prompt="a", max_tokens=8000)
        stream.next()
        second.process.kill()
        self.assertIn("has lost a shard: rank 1", json.loads(stream.rest()[-1])["error"]["message"])
        self.assertEqual(first.status(LOSS_S), 1)

    def test_the_other_ranks_end_when_rank_0_does(self) -> None:
        for end in (signal.SIGKILL, signal.SIGTERM):
            first, *others = start_native(self.addCleanup, 4, 4)
            first.port()
            first.process.send_signal(end)
            for other in others:
                self.assertEqual(other.status(LOSS_S), 1)
                self.assertRegex(other.lines[-1], r"^demo: rank 0 at 127\.0\.0\.1:\d+ is gone: ")

    def test_a_rank_that_is_told_to_stop_ends_with_0(self) -> None:
        first, second = start_native(self.addCleanup, 2, 2)
        first.port()
        second.process.terminate()
        self.assertEqual(second.status(LOSS_S), 0)
        self.assertEqual(first.status(LOSS_S), 1)


class Joining(unittest.TestCase):
    def setUp(self) -> None:
        self.master = free_port()

    def rank(self, rank: int, *args: str) -> Server:
        place = ("--nnodes", "2", "--node-rank", str(rank), "--master-addr", "127.0.0.1")
        return start(self.addCleanup, *place, "--master-port", str(self.master), "-tp", "2", *args)

    def test_members_that_disagree_are_told_both_values(self) -> None:
        first = self.rank(0)
        cases = {
            "seed is 1 on rank 1 but 0 on rank 0": ("--seed", "1"),
            "max-model-len is 100 on rank 1 but 512 on rank 0": ("--max-model-len", "100"),
            "tensor-parallel-size is 4 on rank 1 but 2 on rank 0": ("-tp", "4"),
        }
        for words, args in cases.items():
            second = self.rank(1, *args)
            self.assertEqual(second.status(), 1)
            self.assertIn(f"refused this member: {words}", second.lines[-1])
            first.said(f"refused a member: {words}")
        self.rank(1)
        first.port()

    def test_strangers_do_not_disturb_rank_0(self) -> None:
        first = self.rank(0)
        for sent in (b"", b"GET / HTTP/1.1\r\n\r\n", struct.pack("!I", 2) + b"{}", b"\x00\x00"):
            with connect(self.master) as stranger:
                stranger.sendall(sent)
        self.rank(1)
        first.port()

    def test_waiting_has_an_end(self) -> None:
        first = self.rank(0, "--connect-timeout", "0.5")
        self.assertEqual(first.status(), 1)
        self.assertEqual(first.lines, ["demo: waited 0.5 s for rank 1; check that every member runs"])
        second = self.rank(1, "--connect-timeout", "0.5")
        self.assertEqual(second.status(), 1)
        self.assertRegex(second.lines[0], rf"^demo: waited 0.5 s for rank 0 at 127.0.0.1:{self.master}: .*refused")

    def test_a_rank_that_died_before_the_others_came_may_come_again(self) -> None:
        place = ("--nnodes", "4", "--master-addr", "127.0.0.1", "--master-port", str(self.master), "-tp", "4")
        first = start(self.addCleanup, *place, "--node-rank", "0")
        early = start(self.addCleanup, *place, "--node-rank", "1")
        early.said("rank 1 joined")
        early.process.kill()
        early.status()
        for rank in ("2", "3"):  # it must not count as there when all the others are
            start(self.addCleanup, *place, "--node-rank", rank).said(f"rank {rank} joined")
        start(self.addCleanup, *place, "--node-rank", "1")
        first.port()

    def test_two_members_of_one_rank(self) -> None:
        place = ("--nnodes", "4", "--master-addr", "127.0.0.1", "--master-port", str(self.master), "-tp", "4")
        start(self.addCleanup, *place, "--node-rank", "0")
        start(self.addCleanup, *place, "--node-rank", "1").said("rank 1 joined")
        double = start(self.addCleanup, *place, "--node-rank", "1")
        self.assertEqual(double.status(), 1)
        self.assertIn("refused this member: rank 1 has already joined", double.lines[-1])


if __name__ == "__main__":
    unittest.main()
