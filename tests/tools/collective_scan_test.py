#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""tools/collective_scan: errors, regrets and tables from times that are made up."""
import importlib.machinery
import importlib.util
import pathlib
import sys
import unittest

sys.dont_write_bytecode = True
FILE = pathlib.Path(__file__).resolve().parents[2] / "tools/collective_scan"


def load():
    loader = importlib.machinery.SourceFileLoader("collective_scan", str(FILE))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("collective_scan", loader))
    loader.exec_module(module)
    return module


class Scan(unittest.TestCase):
    def setUp(self):
        self.scan = load()

    def results(self, **times):
        return {("4 dies", "all_reduce", algorithm, 4096): time for algorithm, time in times.items()}

    def test_the_regret_is_that_of_the_least_prediction(self):
        found = self.scan.regrets(self.results(tree=(1.0, 3.0), ring=(2.0, 2.0), mesh2d=(4.0, 4.0)))
        self.assertEqual(found, {("4 dies", "all_reduce", 4096): (0.5, "tree", "ring")})

    def test_what_is_never_chosen_takes_no_part(self):
        found = self.scan.regrets(self.results(tree=(2.0, 2.0), ring=(3.0, 3.0), zplane=(1.0, 9.0)))
        self.assertEqual(found[("4 dies", "all_reduce", 4096)][0], 0)

    def test_no_choice_has_no_regret(self):
        self.assertEqual(self.scan.regrets(self.results(tree=(1.0, 3.0))), {})

    def test_the_page_names_what_is_beyond_the_bounds(self):
        results = self.results(tree=(1.0, 2.0), ring=(1.5, 1.5))
        lines, beyond = self.scan.page(results, self.scan.regrets(results), 20)
        self.assertTrue(beyond)
        text = "\n".join(lines)
        self.assertIn("| 4 dies | all_reduce | tree | 4 KiB | 1000000.00 | 2000000.00 | 0.50 |", text)
        self.assertIn("| 4 dies | all_reduce | 4 KiB | tree | ring | 33.3 |", text)
        results = self.results(tree=(1.0, 1.05), ring=(1.5, 1.5))
        self.assertFalse(self.scan.page(results, self.scan.regrets(results), 20)[1])

    def test_every_kind_has_an_algorithm_and_every_job_a_place(self):
        jobs = list(self.scan.jobs(None))
        self.assertEqual({job[1] for job in jobs}, set(self.scan.KINDS))
        self.assertEqual({job[0] for job in jobs}, set(self.scan.PLACES))
        self.assertEqual(len(jobs), len(set(jobs)))


if __name__ == "__main__":
    unittest.main()
