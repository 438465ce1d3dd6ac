# SPDX-License-Identifier: Apache-2.0
"""tools/mutants: what is changed, how the changed sources are written, and that a change happens when it is chosen."""
import collections
import importlib.machinery
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "tools"))
import mutant_sources  # noqa: E402

SOURCE = """// The licence
#include <algorithm>
#include <cstdio>
#include <vector>
// A comment with 1 + 2 < 3.
namespace {
constexpr int kFour = 4;
struct Pair {
  int first = 1, second = 2;  // no formula
};
bool first(Pair a, Pair b) { return a.first < b.first; }
template <int N>
int times(int x) {
  return N * x;
}
int formula(int a, std::vector<int> b) {
  int sum = std::max(a, b[0]) - kFour;
  sum += a > 2 ? times<3>(a) : -a;
  for (std::size_t i = 0; i < b.size(); ++i) sum -= b[i];
  return std::min<int>(sum, 100) + static_cast<int>(1.5 * a);
}
}  // namespace
int main() {
  std::printf("%d %d 3 < 4\\n", formula(5, {1, 7}), first(Pair{1, 2}, Pair{2, 1}));
}
"""


def find(text, functions=None):
    return mutant_sources.find("part", "a.cpp", text, functions, 1)


def changes(text):
    return [m.key[2] for m in find(f"int f() {{\n  {text}\n}}\n")]


class Finds(unittest.TestCase):
    def test_each_kind(self):
        self.assertEqual(changes("return a <= b;"), ["<= to <"])
        self.assertEqual(changes("return a != b;"), ["!= to =="])
        self.assertEqual(changes("x += 2;"), ["+= to -=", "2 to 3"])
        self.assertEqual(changes("return f(-x);"), ["- to "])
        self.assertEqual(changes("return std::max<Cycles>(a, b);"), ["std::max to std::min"])
        self.assertEqual(changes("return 1'000 * 2.5e3 * 0u;"),
                         ["1'000 to 1001", "2.5e3 to (2.5e3 * 1.25)", "0u to 1u"])

    def test_nothing_that_is_no_formula(self):
        for text in ("return static_cast<double>(a);", 'print("a + 1");', "++a;", "p->x();", "// 1 + 1",
                     "DOJO_CHECK(a + 1 < b, \"\");", "std::get<1>(t);", "return a << b;", "return 0xff;"):
            self.assertEqual(changes(text), [], text)
        self.assertEqual(find("struct A {\n  int a = 1;\n};\nenum B { kC = 2 };\n"), [])

    def test_only_the_functions_that_are_named(self):
        text = "int f() {\n  return 1;\n}\nint A::g() const {\n  return 2;\n}\n"
        self.assertEqual([m.key[2] for m in find(text, "g")], ["2 to 3"])

    def test_a_name_stays_when_lines_are_added(self):
        text = "int f() {\n  return a + 1 + 1;\n}\n"
        names = [m.key for m in find(text)]
        self.assertEqual(len(set(names)), 4)
        self.assertEqual([m.key for m in find("// more\n" + text)], names)

    def test_every_place_is_there_and_has_mutants(self):
        mutants = mutant_sources.find_all(ROOT)
        self.assertGreater(len(mutants), 2000)
        self.assertEqual(len({m.id for m in mutants}), len(mutants))
        self.assertEqual(len({m.key for m in mutants}), len(mutants))
        for part, files in mutant_sources.PLACES.items():
            for file in files:
                self.assertTrue(any(m.file == file and m.part == part for m in mutants), file)


class Sample(unittest.TestCase):
    MUTANTS = mutant_sources.find_all(ROOT)

    def test_has_each_file_by_its_share(self):
        drawn = mutant_sources.sample(self.MUTANTS, 240, 15)
        self.assertAlmostEqual(len(drawn), 240, delta=20)
        all_of, drawn_of = (collections.Counter(m.file for m in some) for some in (self.MUTANTS, drawn))
        for file, number in all_of.items():
            self.assertGreaterEqual(drawn_of[file], 1, file)
            self.assertAlmostEqual(drawn_of[file], 240 * number / len(self.MUTANTS), delta=1, msg=file)

    def test_depends_on_the_seed_alone(self):
        ids = [[m.id for m in mutant_sources.sample(self.MUTANTS, 240, seed)] for seed in (15, 15, 16)]
        self.assertEqual(ids[0], ids[1])
        self.assertNotEqual(ids[0], ids[2])

    def test_is_never_more_than_there_are(self):
        some = self.MUTANTS[:7]
        self.assertEqual(mutant_sources.sample(some, 1000, 1), some)


class Changes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.mutants = find(SOURCE)
        text = mutant_sources.written(SOURCE, cls.mutants)
        assert text.count("\n") == SOURCE.count("\n")
        (cls.folder / "a.cpp").write_text(text)
        header = cls.folder / mutant_sources.HEADER
        header.parent.mkdir(parents=True)
        header.write_bytes((ROOT / "tests/mutants/mutants.h").read_bytes())
        subprocess.run(["c++", "-std=c++17", "-O1", "-Wall", "-Wconversion", "-Werror", "-I.", "a.cpp", "-o", "a"],
                       cwd=cls.folder, check=True)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def output(self, **environment):
        run = subprocess.run([self.folder / "a"], capture_output=True, text=True, env={**os.environ, **environment})
        return run.stdout if run.returncode == 0 else "crash"

    def test_without_a_choice_nothing_changes(self):
        self.assertEqual(self.output(), "15 1 3 < 4\n")
        self.assertEqual(self.output(DOJO_MUTANT="0"), "15 1 3 < 4\n")

    def test_each_choice_changes_one_thing(self):
        expected = {  # change and line: what is printed
            ("4 to 5", 7): "14 1", ("std::max to std::min", 17): "11 1", ("- to +", 17): "23 1", ("+= to -=", 18): "-15 1",
            ("std::min to std::max", 20): "107 1", ("1.5 to (1.5 * 1.25)", 20): "17 1", ("+ to -", 20): "1 1",
            ("-= to +=", 19): "31 1",
        }
        for mutant in self.mutants:
            if (mutant.key[2], mutant.line) in expected:
                wanted = expected.pop((mutant.key[2], mutant.line)) + " 3 < 4\n"
                self.assertEqual(self.output(DOJO_MUTANT=str(mutant.id)), wanted, str(mutant))
        self.assertEqual(expected, {})

    def test_the_trace_has_what_was_reached(self):
        trace = self.folder / "trace"
        self.output(DOJO_MUTANT_TRACE=str(trace))
        missing = {m.id for m in self.mutants} - {int(line) for line in trace.read_text().split()}
        self.assertEqual([m.key[2] for m in self.mutants if m.id in missing], ["- to "])  # of -a


class Report(unittest.TestCase):
    """20 mutants, some of which no test notices."""

    def findings(self, alive, reasons):
        loader = importlib.machinery.SourceFileLoader("mutants_tool", str(ROOT / "tools/mutants"))
        tool = importlib.util.module_from_spec(importlib.util.spec_from_loader("mutants_tool", loader))
        loader.exec_module(tool)
        part = next(iter(mutant_sources.PLACES))
        mutants = [mutant_sources.Mutant(i, part, "f", i, "", 0, 0, "", "", "", ("f", str(i), "a to b", 1)) for i in range(20)]
        results = {m.key: {"killed_by": None if m.id < alive else "test", "reached_by": 1} for m in mutants}
        with tempfile.TemporaryDirectory() as folder:
            return tool.report(pathlib.Path(folder), mutants, results,
                               {("f", str(i), "a to b", 1): reason for i, reason in reasons.items()}, 20)

    def test_each_survivor_needs_a_reason(self):
        self.assertEqual(self.findings(0, {}), [])
        self.assertIn("no reason", self.findings(1, {})[0])
        self.assertEqual(self.findings(1, {0: "a limit of the host"}), [])

    def test_a_reason_for_what_is_noticed_is_stale(self):
        self.assertIn("take it out", self.findings(0, {7: "equivalent: it is"})[0])

    def test_five_per_cent_of_those_that_are_not_equivalent_may_survive(self):
        self.assertEqual(self.findings(5, dict.fromkeys(range(5), "equivalent: it is")), [])
        self.assertIn("2 of 20", self.findings(2, {0: "a limit", 1: "a limit"})[-1])
        self.assertIn("1 of 19", self.findings(2, {0: "equivalent: it is", 1: "a limit"})[-1])


if __name__ == "__main__":
    unittest.main()
