#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/plan_regret: errors, regrets and tables from times that are made up, and runs of a program that stands for dojosim."""
import importlib.machinery
import importlib.util
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"
TOOL = TOOLS / "plan_regret"
sys.dont_write_bytecode = True
sys.path.insert(0, str(TOOLS))
import model_jobs  # noqa: E402

loader = importlib.machinery.SourceFileLoader("plan_regret", str(TOOL))
tool = importlib.util.module_from_spec(importlib.util.spec_from_loader("plan_regret", loader))
loader.exec_module(tool)

# Four candidates, predicted 1.0, 1.5, 1.9 and 2.5 s; they take 2, 1, 3 and 1 s. The last comes again and again.
PROGRAM = """#!/bin/sh
echo run >>"$(dirname "$0")/runs"
for word; do
  case $word in
    workload.plan_choice=0) row='"a", "predicted_s": 1.0, "seconds": 2' ;;
    workload.plan_choice=1) row='"b", "predicted_s": 1.5, "seconds": 1' ;;
    workload.plan_choice=2) row='"c", "predicted_s": 1.9, "seconds": 3' ;;
    workload.plan_choice=*) row='"d", "predicted_s": LAST, "seconds": 1' ;;
  esac
  out=$word
done
mkdir "$out" && echo "{\\"latency\\": {\\"ops\\": [{\\"partition\\": $row}]}}" >"$out/report.json"
"""


def row(*plans, place="die"):
    job = model_jobs.Job("j", "kernels", "g", place, (), None)
    return tool.Row(job, [(name, predicted, simulated) for name, predicted, simulated in plans])


class Figures(unittest.TestCase):
    def test_the_regret_is_that_of_the_choice_over_the_fastest(self):
        found = row(("a", 1.0, 3.0), ("b", 2.0, 2.0), ("c", 4.0, 4.0))
        self.assertEqual((found.regret, found.best[0]), (0.5, "b"))
        self.assertEqual(row(("a", 1.0, 1.0), ("b", 0.5, 2.0)).regret, 0)

    def test_the_error_is_that_of_the_choice(self):
        self.assertAlmostEqual(row(("a", 1.2, 1.0), ("b", 1.0, 1.0)).error, 0.2)
        self.assertAlmostEqual(row(("a", 1.0, 2.0)).error, -0.5)

    def test_the_bounds_are_on_shares_of_the_jobs(self):
        good, regretted, wrong = row(("a", 1, 1)), row(("a", 2, 2), ("b", 2, 1)), row(("a", 2, 1))
        self.assertFalse(tool.page([good] * 19 + [regretted], [], 0, 9)[1])
        self.assertTrue(tool.page([good] * 18 + [regretted] * 2, [], 0, 9)[1])
        self.assertFalse(tool.page([good] * 18 + [wrong] * 2, [], 0, 9)[1])
        self.assertTrue(tool.page([good] * 17 + [wrong] * 3, [], 0, 9)[1])

    def test_the_page_names_what_is_beyond_the_bounds(self):
        text = "\n".join(tool.page([row(("a", 1e-6, 3e-6), ("b", 2e-6, 2e-6))], ["k: exit 3"], 4, 9)[0])
        self.assertIn("| j | 50.0 | a | 1.00 / 3.00 | b | 2.00 / 2.00 |", text)
        self.assertIn("| j | a | 1.00 | 3.00 | 0.33 |", text)
        self.assertIn("| g | 1 | 0 | 50.0 | 50.0 | 0 | 66.7 | 0.33 to 0.33 |", text)
        self.assertIn("1 jobs, 2 candidates. Not run: 4.", text)
        self.assertIn("- k: exit 3", text)


class Runs(unittest.TestCase):
    def run_tool(self, folder, *options, last=2.5):
        program = pathlib.Path(folder) / "dojosim"
        program.write_text(PROGRAM.replace("LAST", str(last)))
        program.chmod(0o755)
        done = subprocess.run([sys.executable, TOOL, "--program", program, "--only", "^product_square_die_256", *options],
                              capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr, len((pathlib.Path(folder) / "runs").read_text().split())

    def test_candidates_are_simulated_up_to_twice_the_time_of_the_choice(self):
        with tempfile.TemporaryDirectory() as folder:
            code, words, runs = self.run_tool(folder, "--csv", f"{folder}/all.csv")
            self.assertEqual((code, runs), (0, 4), words)
            rows = pathlib.Path(folder, "all.csv").read_text().splitlines()
            self.assertEqual([text.split(";")[1:] for text in rows[1:]], [["1", "2", "a"], ["1.5", "1", "b"], ["1.9", "3", "c"]])

    def test_the_last_candidate_is_simulated_once(self):
        with tempfile.TemporaryDirectory() as folder:
            code, words, runs = self.run_tool(folder, last=2.0)
            self.assertEqual((code, runs), (0, 5), words)
            self.assertIn("1 jobs, 4 candidates.", words)

    def test_a_missed_bound_fails_when_asked_to(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(self.run_tool(folder, "--fail")[0], 1)

    def test_what_would_lose_the_results_is_refused_before_anything_runs(self):
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "page.md"
            page.write_text("no marks")
            for words, sentence in ((["--write", str(page)], "found no marks"), (["--write", f"{folder}/none.md"], "No such"),
                                    (["--csv", f"{folder}/none/a.csv"], "cannot be written"), (["--few", "0"], "at least 1"),
                                    (["--minutes", "nan"], "at least 0"), (["--only", "("], "regular expression"),
                                    (["--program", f"{folder}/none"], "cannot be run")):
                (pathlib.Path(folder) / "runs").write_text("")
                code, text, runs = self.run_tool(folder, *words)
                self.assertEqual((code, runs), (2, 0), text)
                self.assertIn(sentence, text)
                self.assertNotIn("Traceback", text)

    def test_a_report_without_times_is_a_job_that_failed(self):
        for last, sentence in (("null", "TypeError"), ('1, "seconds_max": 0', "0 s simulated"), ("}", "JSONDecodeError")):
            with tempfile.TemporaryDirectory() as folder:
                code, text, _ = self.run_tool(folder, "--set", "workload.plan_choice=3", last=last)
                self.assertEqual(code, 1, text)
                self.assertIn(sentence, text)
                self.assertNotIn("Traceback", text)

    def test_the_page_gets_the_tables_between_its_marks(self):
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "page.md"
            page.write_text(f"before\n{tool.BEGIN}old\n{tool.END}after\n")
            self.run_tool(folder, "--write", str(page))
            text = page.read_text()
            self.assertTrue(text.startswith("before\n") and text.endswith("after\n") and "old" not in text)
            self.assertIn("| products, square | 1 | 0 | 100.0 | 100.0 | 0 | 50.0 | 0.50 to 0.50 |", text)


if __name__ == "__main__":
    unittest.main()
