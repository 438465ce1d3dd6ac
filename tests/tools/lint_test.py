# SPDX-License-Identifier: Apache-2.0
"""tools/lint: what clang gets of gcc's arguments, and a reason for each suppression. tools/compilers: where reports differ."""
import importlib.machinery
import importlib.util
import pathlib
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True


def tool(name):
    loader = importlib.machinery.SourceFileLoader(name, str(ROOT / "tools" / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


LINT, COMPILERS = tool("lint"), tool("compilers")


class Lint(unittest.TestCase):
    def test_clang_gets_definitions_and_folders_and_the_file(self):
        gcc = ["/usr/bin/c++", "-DA=1", "-I/x/src", "-isystem", "/y", "-O2", "-g1", "-Wall", "-o", "a.o", "-c", "/x/a.cpp"]
        clang = LINT.with_clang(gcc)
        self.assertEqual(clang[-5:], ["-DA=1", "-I/x/src", "-isystem", "/y", "/x/a.cpp"])
        self.assertNotIn("-o", clang)

    def test_warnings_are_those_of_the_build(self):
        build = (ROOT / "cmake/DojoModule.cmake").read_text()
        self.assertIn(f"set(DOJO_COMPILE_OPTIONS {' '.join(LINT.WARNINGS[:-1])})", build)

    def test_each_suppression_is_of_one_file_and_has_a_reason(self):
        before = ""
        for line in LINT.SUPPRESSIONS.read_text().split("\n"):
            if line and not line.startswith("#"):
                self.assertRegex(before, r"^# \w", f"no reason stands before {line}")
                self.assertTrue((ROOT / line.split(":")[1]).is_file(), line)
            before = line


class Compilers(unittest.TestCase):
    def test_equal_reports_do_not_differ(self):
        self.assertIsNone(COMPILERS.difference({"a": [1, {"b": 2.5}]}, {"a": [1, {"b": 2.5}]}))

    def test_the_first_place_that_differs_is_named(self):
        self.assertEqual(COMPILERS.difference({"a": [1, {"b": 2.5}]}, {"a": [1, {"b": 2.6}]}), "/a/1/b")
        self.assertEqual(COMPILERS.difference({"a": [1, 2]}, {"a": [1]}), "/a")
        self.assertEqual(COMPILERS.difference({"a": {"b": 1}}, {"a": {"c": 1}}), "/a")

    def test_the_release_preset_is_one_of_the_builds_and_comes_first(self):
        name, compiler, flags = COMPILERS.BUILDS[0]
        self.assertEqual((name, compiler), (COMPILERS.RELEASE, "g++"))
        self.assertIn(f'"CMAKE_CXX_FLAGS": "{flags}"', (ROOT / "CMakePresets.json").read_text())
        self.assertEqual(len({name for name, _, _ in COMPILERS.BUILDS}), 8)


if __name__ == "__main__":
    unittest.main()
