# SPDX-License-Identifier: Apache-2.0
"""sweep --backend slurm against a real Slurm of two nodes: a node is killed while it works, and results.csv is that of a local
sweep. usage: slurm_test.py --program DOJOSIM; ends with 77, saying so, where no cluster can be started."""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import loopback_slurm

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = None
SWEEP = {"base": str(ROOT / "configs/runs/resnet50_die.json"),
         "axes": [{"path": "machine.noc.hop_cycles", "values": [1, 2, 3, 4]},
                  {"path": "workload.generate.batch", "values": [2, 4, 100000]}],
         "metrics": ["time.seconds", "flops.utilisation"], "pareto": {"min": ["time.seconds"]}}


def setUpModule():
    global cluster, folder
    folder = pathlib.Path(tempfile.mkdtemp(prefix="dojosim-slurm-"))
    folder.chmod(0o755)
    cluster = loopback_slurm.LoopbackSlurm(folder / "cluster")
    cluster.start()


def tearDownModule():
    cluster.__exit__()
    subprocess.run(["rm", "-rf", folder], check=True)


class Slurm(unittest.TestCase):
    def setUp(self):
        self.work = folder / self.id().rpartition(".")[2]
        self.work.mkdir()
        (self.work / "my sweep.json").write_text(json.dumps(SWEEP))

    def words(self, out, *more):
        return [PROGRAM, "sweep", "my sweep.json", "--out", out, *more]

    def sweep(self, out, *more, environment=None):
        return subprocess.run(self.words(out, *more), cwd=self.work, env=environment or cluster.environment, capture_output=True,
                              text=True, timeout=240)

    def results(self, out):
        return (self.work / out / "results.csv").read_bytes()

    def log(self, out, task):
        file = self.work / out / f"slurm/task-{task}.log"
        return file.read_text() if file.exists() else ""

    def local(self):
        done = self.sweep("local", "--jobs", "2")
        self.assertEqual(done.returncode, 1, done.stderr)  # the points of 100000 samples do not fit
        return self.results("local")

    def test_a_node_that_dies_leaves_the_same_results(self):
        self.lose_a_node("points to run", "4 of 12 points to run")

    def test_a_node_that_dies_in_a_search_leaves_the_same_results(self):
        search = {"goal": {"min": "time.seconds"}, "keep": 0.5, "rungs": [{"run.network_model": "ideal"}]}
        (self.work / "my sweep.json").write_text(json.dumps(dict(SWEEP, mode="search", search=search)))
        self.lose_a_node("points to run on rung 1", "4 of 12 points to run on rung 1")

    def lose_a_node(self, begins, whole_task):
        expected = self.local()
        child = subprocess.Popen(self.words("out", "--backend", "slurm", "--tasks", "2", "--wait"), cwd=self.work,
                                 env=cluster.environment, stderr=subprocess.PIPE, text=True)
        try:
            cluster.until(lambda: cluster.call("squeue", "-h", "-t", "R", "-w", "n2", "-o", "%i"), "n2 has a task")
            number = cluster.call("squeue", "-h", "-t", "R", "-w", "n2", "-o", "%K")
            job = cluster.call("squeue", "-h", "-t", "R", "-w", "n2", "-o", "%A")
            cluster.until(lambda: " done\n" in self.log("out", number), "the task on n2 has finished a point")
            cluster.kill_node("n2")
            self.assertLess(self.log("out", number).count(" done\n"), 4, "it was killed in the middle")
            cluster.until(lambda: cluster.call("squeue", "-h", "-j", job, "-t", "PD", "-o", "%i"), "Slurm requeues the task")
            cluster.call("scontrol", "update", f"JobId={job}", "StartTime=now")  # it would wait two minutes
            cluster.start_node("n2")
            self.assertEqual(child.wait(timeout=200), 1, child.stderr.read())
        finally:
            child.kill()
            child.communicate()
        self.assertEqual(self.results("out"), expected)
        log = self.log("out", number)
        self.assertGreaterEqual(log.count(begins), 2, log)
        self.assertEqual(log.count(whole_task), 1, "what was done is kept: " + log)

    def test_scripts_that_are_written_alone_do_the_same(self):
        expected = self.local()
        done = self.sweep("out", "--script", "slurm", "--sbatch=--comment=mine", environment=dict(os.environ, PATH="/nowhere"))
        # Four points do not fit in memory, which is known, and a failure, before anything is submitted.
        self.assertEqual((done.returncode, done.stdout), (1, "out/slurm/submit.sh\n"), done.stderr)
        self.assertIn("4 of 12 runs cannot be", done.stderr)
        self.assertIn("#SBATCH --comment=mine\n", (self.work / "out/slurm/points.sh").read_text())
        done = subprocess.run([self.work / "out/slurm/submit.sh", "--wait"], cwd="/", env=cluster.environment, timeout=240,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(self.results("out"), expected)
        for number in (1, 4, 7, 10):
            made, = self.work.glob(f"out/points/{number:02}-*.made")
            made.unlink()
        done = self.sweep("out", "--backend", "slurm", "--resume", "--tasks", "12")
        self.assertIn("4 of 12 points to run, in 4 tasks", done.stderr)
        self.assertEqual((self.work / "out/slurm/points.sh").read_text().count("--array=1,4,7,10\n"), 1)
        job = (self.work / "out/slurm/job").read_text().strip()
        cluster.call("scancel", "--user=root")
        self.assertTrue(job.isdigit(), job)

    def test_what_slurm_refuses_is_said(self):
        done = self.sweep("out", "--backend", "slurm", "--sbatch=--partition=nowhere")
        self.assertEqual(done.returncode, 5)
        self.assertIn("invalid partition", done.stderr)
        done = self.sweep("out", "--backend", "slurm", environment=dict(os.environ, PATH="/nowhere"))
        self.assertEqual(done.returncode, 5)
        self.assertIn("sbatch", done.stderr)

    def test_a_signal_while_it_waits_leaves_the_jobs(self):
        child = subprocess.Popen(self.words("out", "--backend", "slurm", "--wait"), cwd=self.work, env=cluster.environment,
                                 stderr=subprocess.PIPE, text=True)
        try:
            job = self.work / "out/slurm/job"
            cluster.until(lambda: job.exists() and job.read_text(), "the jobs are submitted")
            time.sleep(1)
            child.send_signal(signal.SIGINT)
            words = child.communicate(timeout=30)[1]
        finally:
            child.kill()
        self.assertEqual(child.returncode, 130)
        self.assertIn(f"job {job.read_text().strip()} goes on", words)
        self.assertTrue(cluster.call("squeue", "-h", "-j", job.read_text().strip()))
        cluster.call("scancel", "--user=root")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    options, rest = parser.parse_known_args()
    PROGRAM = options.program
    reason = loopback_slurm.why_not()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *rest])
