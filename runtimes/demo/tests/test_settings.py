"""Which command lines are refused, and in which words."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path

import support  # noqa: F401 - puts the package on the path
from demo_server.settings import Settings, parse_settings

NATIVE = ["--nnodes", "2", "--node-rank", "1", "--master-addr", "127.0.0.1", "--master-port", "7000"]


def refusal(argv: list[str]) -> str:
    """What is said on stderr; the status must be 2."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            parse_settings(argv)
        except SystemExit as end:
            assert end.code == 2, end.code
            return said.getvalue()
    raise AssertionError(f"{argv} was accepted")


class Refused(unittest.TestCase):
    def test_in_one_line_that_names_the_argument(self) -> None:
        cases = {
            "unknown argument: --tensor-paralel-size": ["--tensor-paralel-size", "2"],
            "unknown argument: --tensor-parallel": ["--tensor-parallel", "2"],
            "unknown argument: stray": ["stray"],
            "'x' is not a whole number": ["--port", "x"],
            "'65536' is not a whole number from 0 to 65535": ["--port", "65536"],
            "'2' is not a whole number from 1 to 1": ["--pipeline-parallel-size", "2"],
            "--tensor-parallel-size 3 does not divide the model's 8 heads": ["-tp", "3"],
            "--tensor-parallel-size 1 cannot be divided over --nnodes 2": NATIVE,
            "--node-rank needs --nnodes": ["--node-rank", "0"],
            "--nnodes 2 needs --master-port": ["--nnodes", "2", "-tp", "2", *NATIVE[2:6]],
            "--node-rank 1 is not below --nnodes 1": ["--nnodes", "1", "--node-rank", "1"],
            "not a number of seconds": ["--grace", "nan"],
            "is not a directory": ["--model-dir", "/nonexistent"],
        }
        for words, argv in cases.items():
            with self.subTest(words):
                said = refusal(argv)
                self.assertIn(words, said)
                self.assertEqual(said.count("\n"), 1)

    def test_configs_that_cannot_be_used(self) -> None:
        cases = {
            "is not JSON": "{",
            "must hold a JSON object": "[]",
            "heads must be a whole number": json.dumps({"heads": "8"}),
            "layers must be a whole number from 1 to 8, not 9": json.dumps({"layers": 9}),
            "hidden 64 cannot be divided into 7 heads": json.dumps({"heads": 7}),
            "larger than": " " * 70_000,
        }
        for words, text in cases.items():
            with self.subTest(words), tempfile.TemporaryDirectory() as folder:
                Path(folder, "config.json").write_text(text)
                self.assertIn(words, refusal(["--model-dir", folder]))


class Accepted(unittest.TestCase):
    def test_spellings(self) -> None:
        for argv in (["-tp", "4"], ["-tp=4"], ["--tensor-parallel-size=4"], ["--tensor_parallel_size", "4"]):
            self.assertEqual(parse_settings(argv).tensor_parallel_size, 4)
        for flag in ("--model-name", "--model_name", "--served-model-name"):
            self.assertEqual(parse_settings([flag, "m"]).model_name, "m")

    def test_only_ranks_above_0_are_headless(self) -> None:
        self.assertTrue(parse_settings([*NATIVE, "-tp", "2"]).is_headless)
        self.assertFalse(parse_settings(["--nnodes", "1"]).is_headless)
        self.assertFalse(parse_settings([]).is_headless)

    def test_config_gives_the_shape_and_a_given_seed_wins(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "config.json").write_text(json.dumps({"seed": 5, "heads": 4, "hidden": 32, "other": "x"}))
            read: Settings = parse_settings(["--model-dir", folder])
            self.assertEqual((read.shape.seed, read.shape.heads, read.shape.hidden), (5, 4, 32))
            self.assertEqual(parse_settings(["--model_dir", folder, "--seed", "0"]).shape.seed, 0)
            Path(folder, "config.json").unlink()
            self.assertEqual(parse_settings(["--model-dir", folder]).shape.heads, 8)


if __name__ == "__main__":
    unittest.main()
