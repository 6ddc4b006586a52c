"""Frames are bounded, and nonsense is named."""

from __future__ import annotations

import socket
import unittest

import numpy as np

import support  # noqa: F401 - puts the package on the path
from demo_server import wire


class Frames(unittest.TestCase):
    def setUp(self) -> None:
        self.ours, self.theirs = socket.socketpair()
        self.addCleanup(self.ours.close)
        self.addCleanup(self.theirs.close)
        self.ours.settimeout(0.1)

    def test_a_step_arrives_as_it_was_sent(self) -> None:
        x = np.random.default_rng(0).standard_normal((3, 8))
        wire.send_frame(self.theirs, wire.pack_step(2, 1, 500, x))
        op, layer, start, got = wire.unpack_step(wire.receive_frame(self.ours, 1000), 8)
        self.assertEqual((op, layer, start), (2, 1, 500))
        np.testing.assert_array_equal(got, x)

    def test_what_cannot_be_received(self) -> None:
        cases = {"more than 8": b"\xff\xff\xff\xff", "no answer in time": b"\x00\x00\x00\x08half", "in time": b"\x00"}
        for words, sent in cases.items():
            with self.subTest(words):
                self.setUp()
                self.theirs.sendall(sent)
                with self.assertRaisesRegex(wire.WireError, words):
                    wire.receive_frame(self.ours, 8)

    def test_a_closed_connection(self) -> None:
        self.theirs.close()
        with self.assertRaisesRegex(wire.WireError, "connection closed"):
            wire.receive_frame(self.ours, 8)

    def test_frames_that_are_no_step(self) -> None:
        for frame in (b"", b"\x00" * (wire.STEP.size + 12)):
            with self.assertRaisesRegex(wire.WireError, "is no step"):
                wire.unpack_step(frame, 8)

    def test_hellos_that_are_no_object(self) -> None:
        for sent in (b"{", b"[]", b"\xff"):
            wire.send_frame(self.theirs, sent)
            with self.assertRaisesRegex(wire.WireError, "hello is not"):
                wire.receive_json(self.ours)


if __name__ == "__main__":
    unittest.main()
