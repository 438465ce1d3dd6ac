# SPDX-License-Identifier: Apache-2.0
"""tools/model_accuracy: its list of jobs covers what it says, results are kept, bounds are held."""
import importlib.machinery
import importlib.util
import json
import math
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"
TOOL = TOOLS / "model_accuracy"
sys.dont_write_bytecode = True
sys.path.insert(0, str(TOOLS))
import model_jobs  # noqa: E402
import model_random  # noqa: E402

loader = importlib.machinery.SourceFileLoader("model_accuracy", str(TOOL))
tool = importlib.util.module_from_spec(importlib.util.spec_from_loader("model_accuracy", loader))
loader.exec_module(tool)

# Stands for dojosim: 1,000 cycles in the reference, 1,050 in the fast model; notes each run.
PROGRAM = """#!/bin/sh
echo run >>"$(dirname "$0")/runs"
cycles=1000
for word; do
  case $word in run.network_model=fast) cycles=1050 ;; esac
  out=$word
done
mkdir "$out" && echo "{\\"time\\": {\\"cycles\\": $cycles}, \\"host\\": {\\"wall_s\\": 1}}" >"$out/report.json"
"""


class Jobs(unittest.TestCase):
    def setUp(self):
        self.jobs = model_jobs.jobs()

    def test_every_group_and_place_has_ten_jobs(self):
        for key in (lambda job: job.group, lambda job: job.place):
            counts = {}
            for job in self.jobs:
                counts[key(job)] = counts.get(key(job), 0) + 1
            small = {name: count for name, count in counts.items() if count < 10 and name != "GPT block steps"}
            self.assertEqual(small, {})

    def test_resnet50_has_23_distinct_convolutions(self):
        # 53 in all: a stem, 3 + 4 + 6 + 3 blocks of 3, and 4 that change the shape.
        self.assertEqual(len(model_jobs.resnet50_layers()), 23)

    def test_operations_name_tensors_of_their_graph_and_wait_for_earlier_ones(self):
        for job in self.jobs:
            for graph in (job.trace or {"graphs": []})["graphs"]:
                names = {tensor["name"] for tensor in graph["tensors"]}
                for op in graph["ops"]:
                    self.assertLessEqual(set(op["inputs"] + op["outputs"]), names, job.name)
                    self.assertTrue(all(dep < op["id"] for dep in op["deps"]), job.name)


class RandomJobs(unittest.TestCase):
    def test_a_seed_gives_the_same_jobs_and_another_seed_others(self):
        self.assertEqual(model_random.jobs(40, 1), model_random.jobs(40, 1))
        self.assertNotEqual(model_random.jobs(40, 1), model_random.jobs(40, 2))

    def test_every_kind_of_job_is_drawn_and_each_fits(self):
        jobs = model_random.jobs(400, 1)
        kernels = [job for job in jobs if job.kind == "kernels"]
        self.assertEqual(len(kernels), 280)
        self.assertEqual(len({job.group for job in kernels}), len(model_random.KINDS))
        self.assertEqual(len({job.group for job in jobs if job.kind == "collectives"}), len(model_random.ALGORITHMS) + 1)
        for job in kernels:
            size = sum(tensor["bytes"] for tensor in job.trace["graphs"][0]["tensors"])
            self.assertLess(size, 16 * model_random.ELEMENTS_A_DIE * model_random.dies(job.place), job.name)


class Figures(unittest.TestCase):
    def rows(self, *ratios):
        job = model_jobs.Job("j", "kernels", "g", "die", (), None)
        return [tool.Row(job, {"fast": {"cycles": 1000 * ratio, "seconds": 1}, "reference": {"cycles": 1000, "seconds": 1}})
                for ratio in ratios]

    def test_twice_and_half_are_equally_wrong(self):
        for row in self.rows(2, 0.5):
            self.assertAlmostEqual(row.error, 100 * math.log(2))

    def test_a_quantile_is_a_value_that_the_share_does_not_exceed(self):
        self.assertEqual([tool.quantile(list(range(1, 21)), share) for share in (0.05, 0.5, 0.95, 1)], [1, 10, 19, 20])

    def test_each_bound_is_looked_at(self):
        self.assertEqual(tool.missed(self.rows(*[1.01] * 20), "kernels"), [False, False, False])
        self.assertEqual(tool.missed(self.rows(*[1.03] * 20), "kernels"), [True, False, False])
        self.assertEqual(tool.missed(self.rows(*[1.0] * 19, 1.2), "kernels"), [False, False, True])
        self.assertEqual(tool.missed(self.rows(*[1.0] * 18, 1.1, 1.1), "kernels"), [False, True, False])


class Runs(unittest.TestCase):
    def run_tool(self, folder, *options):
        program = pathlib.Path(folder) / "dojosim"
        if not program.exists():
            program.write_text(PROGRAM)
            program.chmod(0o755)
        done = subprocess.run([sys.executable, TOOL, "--program", program, "--cache", f"{folder}/cache", *options],
                              capture_output=True, text=True)
        runs = pathlib.Path(folder) / "runs"
        return done.returncode, done.stdout + done.stderr, len(runs.read_text().split()) if runs.exists() else 0

    def test_results_are_kept_until_an_input_changes(self):
        with tempfile.TemporaryDirectory() as folder:
            part = ("--only", "^product_square_die_")
            code, words, runs = self.run_tool(folder, *part)
            self.assertEqual((code, runs), (0, 10), words)
            self.assertEqual(self.run_tool(folder, *part)[2], 10)
            self.assertEqual(self.run_tool(folder, *part, "--set", "machine.noc.hop_cycles=2")[2], 20)
            with open(f"{folder}/dojosim", "a") as program:
                program.write("# another program\n")
            self.assertEqual(self.run_tool(folder, *part)[2], 30)

    def test_a_stopped_run_keeps_and_shows_what_it_has(self):
        with tempfile.TemporaryDirectory() as folder:
            self.run_tool(folder, "--only", "^product_square_die_256")
            program = pathlib.Path(folder) / "dojosim"
            program.write_text(PROGRAM.replace("cycles=1000", "case $* in *m=2048*) exec sleep 50 ;; esac; cycles=1000"))
            run = subprocess.Popen([sys.executable, TOOL, "--program", program, "--cache", f"{folder}/cache", "--jobs", "5",
                                    "--only", "^product_square_die_"], stdout=subprocess.PIPE, text=True)
            deadline = time.monotonic() + 30
            while len(list(pathlib.Path(folder, "cache/results").iterdir())) < 10 and time.monotonic() < deadline:
                time.sleep(0.05)
            run.terminate()
            words = run.communicate(timeout=30)[0]
            self.assertEqual(run.returncode, 130)
            self.assertIn("4 of 5 jobs.", words)
            self.assertIn("Not run: 1.", words)

    def test_a_missed_bound_fails_when_asked_to(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(self.run_tool(folder, "--only", "^product_square_die_", "--fail")[0], 1)  # 4.9 % > 2 %
            self.assertEqual(self.run_tool(folder, "--only", "^conv_forward_die_n1_3x", "--fail")[0], 1)

    def test_the_page_gets_the_tables_between_its_marks(self):
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "page.md"
            begin, end = (mark.format("") for mark in (tool.BEGIN, tool.END))
            page.write_text(f"before\n{begin}old\n{end}after\n")
            self.run_tool(folder, "--only", "^conv_forward_die_n[12]_", "--write", str(page))
            text = page.read_text()
            self.assertTrue(text.startswith("before\n") and text.endswith("after\n") and "old" not in text)
            self.assertIn("| convolutions, forward | 46 | 1.050 | **4.9** | 4.9 | 4.9 | 2 / 7 / 12 | not met |", text)
            self.assertLessEqual(max(len(line) for line in text.splitlines()), 110)

    def test_random_jobs_and_other_values_have_marks_and_looser_bounds(self):
        for options, words in ((("--random", "20"), " random"), (("--set", "a.b=1", "--only", "^product_square_"), " a.b=1")):
            with tempfile.TemporaryDirectory() as folder:
                page = pathlib.Path(folder) / "page.md"
                page.write_text("no marks\n")
                self.assertIn("has no line", self.run_tool(folder, *options, "--write", str(page))[1])
                page.write_text("".join(mark.format(words) for mark in (tool.BEGIN, tool.END)))
                self.run_tool(folder, *options, "--write", str(page))
                self.assertIn("| 3 / 10.5 / 18 |", page.read_text())

    def test_the_list_names_traces_that_are_there(self):
        with tempfile.TemporaryDirectory() as folder:
            code, words, runs = self.run_tool(folder, "--list", "--only", "gpt_step_die_s128")
            self.assertEqual((code, runs), (0, 0), words)
            trace = json.loads(pathlib.Path(words.split()[-1]).read_text())
            self.assertEqual(trace["format"], "dojo.trace/1")


if __name__ == "__main__":
    unittest.main()
