# SPDX-License-Identifier: Apache-2.0
"""sweep --backend command with GNU parallel. usage: command_test.py --program DOJOSIM; ends with 77, saying so, without it."""
import argparse
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = None
PARALLEL = "parallel --jobs {jobs} < {tasks}"
SWEEP = {"base": str(ROOT / "configs/runs/resnet50_die.json"),
         "axes": [{"path": "machine.noc.hop_cycles", "values": [1, 2, 3, 4]},
                  {"path": "workload.generate.batch", "values": [2, 100000]}],
         "metrics": ["time.seconds", "flops.utilisation"], "pareto": {"min": ["time.seconds"]}}


class CommandBackend(unittest.TestCase):
    def setUp(self):
        self.place = tempfile.TemporaryDirectory(prefix="dojosim it's ")
        self.addCleanup(self.place.cleanup)
        self.work = pathlib.Path(self.place.name)
        (self.work / "s.json").write_text(json.dumps(SWEEP))

    def words(self, out, *more):
        return [PROGRAM, "sweep", "s.json", "--out", out, *more]

    def sweep(self, out, *more):
        return subprocess.run(self.words(out, *more), cwd=self.work, capture_output=True, text=True, timeout=120)

    def results(self, out):
        return (self.work / out / "results.csv").read_bytes()

    def test_parallel_runs_all_tasks(self):
        self.assertEqual(self.sweep("local").returncode, 1)
        done = self.sweep("out", "--backend", "command", "--tasks", "3", "--jobs", "2", "--command", PARALLEL)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(self.results("out"), self.results("local"))
        self.assertEqual(len((self.work / "out/tasks/all.txt").read_text().splitlines()), 3)
        done = self.sweep("out", "--backend", "command", "--resume", "--command", PARALLEL)
        self.assertIn("0 of 8 points to run", done.stderr)
        self.assertEqual(done.stderr.count("found a need of"), 1, "the same for all points of 100000 samples")

    def test_a_search_starts_its_tasks_for_each_rung(self):
        search = {"goal": {"min": "time.seconds"}, "keep": 0.5, "rungs": [{"run.network_model": "ideal"}]}
        (self.work / "s.json").write_text(json.dumps(dict(SWEEP, mode="search", search=search)))
        self.assertEqual(self.sweep("local").returncode, 1)
        done = self.sweep("out", "--backend", "command", "--tasks", "3", "--jobs", "2", "--command", PARALLEL)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("4 of 8 points to run on rung 1 of 2, in 3 tasks", done.stderr)
        self.assertIn("4 of 4 points to run on rung 2 of 2, in", done.stderr)
        self.assertEqual(self.results("out"), self.results("local"))

    def test_a_template_for_each_task(self):
        self.assertEqual(self.sweep("local").returncode, 1)
        done = self.sweep("out", "--backend", "command", "--tasks", "4", "--command", "sh {task}")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(self.results("out"), self.results("local"))

    def test_a_command_that_fails_leaves_points_that_can_be_resumed(self):
        done = self.sweep("out", "--backend", "command", "--command", "echo no such queue >&2; false {task}")
        self.assertEqual(done.returncode, 1)
        self.assertIn("exit 1, see", done.stderr)
        self.assertIn("no such queue", (self.work / "out/tasks/1.log").read_text())
        self.assertEqual(self.results("out").count(b",pending,"), 4)
        self.assertEqual(self.sweep("out", "--resume").returncode, 1)
        self.assertEqual(self.results("out").count(b",done,"), 4)

    def test_a_signal_reaches_what_the_command_started(self):
        child = subprocess.Popen(self.words("out", "--backend", "command", "--command", PARALLEL + "; true"), cwd=self.work,
                                 stderr=subprocess.PIPE, text=True)
        log = self.work / "out/tasks/command.log"
        try:
            end = time.monotonic() + 60
            while not list(self.work.glob("out/points/[0246]-*.log")) and time.monotonic() < end:
                time.sleep(0.05)
            child.send_signal(signal.SIGINT)
            words = child.communicate(timeout=60)[1]
        finally:
            child.kill()
        self.assertEqual(child.returncode, 130, words)
        self.assertIn("--resume", words)
        self.assertTrue(log.exists())
        self.assertEqual(self.sweep("out", "--resume").returncode, 1)
        self.assertEqual(self.results("out").count(b",done,"), 4)

    def test_bad_options(self):
        for more, words in [(["--backend", "command"], "expected a shell command with either {tasks}"),
                            (["--backend", "command", "--command", "sh {task} {tasks}"], "with either {tasks}"),
                            (["--command", "sh {task}"], "--command: found --backend local"),
                            (["--backend", "slrm"], "expected local, slurm or command"),
                            (["--wait"], "expected slurm"),
                            (["--script", "pbs"], "expected: slurm"),
                            (["--script", "slurm", "--backend", "command", "--command", "sh {task}"], "expected slurm"),
                            (["--script", "slurm", "--wait"], "submits nothing"),
                            (["--script", "slurm", "--sbatch=partition=long"], "expected an option of sbatch"),
                            (["--script", "slurm", "--sbatch=--comment=a\n#SBATCH --wrap=x"], "expected an option of sbatch"),
                            (["--backend", "slurm", "--shard", "1/2"], "expected --tasks"),
                            (["--tasks", "2"], "has no tasks"), (["--tasks", "0"], "expected 1 or more"),
                            (["--processors", "0"], "expected 1 or more"), (["--only", "some"], "expected points or results"),
                            (["--only", "results", "--shard", "1/2"], "reads all points")]:
            done = self.sweep("out", *more)
            self.assertEqual(done.returncode, 2, more)
            self.assertIn(words, done.stderr, more)
            self.assertFalse((self.work / "out").exists(), more)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    options, rest = parser.parse_known_args()
    PROGRAM = options.program
    if shutil.which("parallel") is None:
        print("skipped: parallel not found (Debian: parallel)")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *rest])
