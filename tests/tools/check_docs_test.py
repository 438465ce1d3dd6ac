# SPDX-License-Identifier: Apache-2.0
"""tools/check_docs runs what the documents show and reports what is not true."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "check_docs"


class CheckDocs(unittest.TestCase):
    def check(self, text, *options):
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "page.md"
            page.write_text(text)
            program = pathlib.Path(folder) / "dojosim"
            program.write_text('#!/bin/sh\nexit "${1:-0}"\n')
            program.chmod(0o755)
            done = subprocess.run([sys.executable, TOOL, "--program", program, *options, page],
                                  capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"})
            return done.returncode, done.stdout + done.stderr

    def test_a_failing_command_is_reported_with_its_line(self):
        code, words = self.check("text\n\n```sh run\ndojosim 0\ndojosim 3\n```\n")
        self.assertEqual(code, 1)
        self.assertIn("page.md:5: `dojosim 3` ended with 3, expected 0", words)

    def test_an_expected_exit_code_is_good_and_another_is_not(self):
        self.assertEqual(self.check("```sh run\ndojosim 3   # exit 3\n```\n")[0], 0)
        self.assertEqual(self.check("```sh run\ndojosim 0   # exit 3\n```\n")[0], 1)

    def test_continued_lines_are_one_command(self):
        self.assertEqual(self.check("```sh run\ndojosim \\\n  4  # exit 4\n```\n")[0], 0)

    def test_files_stay_for_the_next_block_of_the_document(self):
        self.assertEqual(self.check("```sh run\necho x >made\n```\n\n```sh run\ntest -f made\n```\n")[0], 0)

    def test_scale_blocks_run_only_with_scale_and_then_alone(self):
        text = "```sh run scale\ndojosim 1\n```\n\n```sh run\ndojosim 0\n```\n"
        self.assertEqual(self.check(text)[0], 0)
        self.assertEqual(self.check(text, "--scale")[0], 1)

    def test_a_block_that_no_test_runs_is_reported(self):
        self.assertEqual(self.check("```sh\ndojosim run x\n```\n")[0], 1)
        self.assertEqual(self.check("```sh shown\ndojosim run YOURS\n```\n")[0], 0)

    def test_blocks_with_samples_are_skipped_without_them(self):
        code, words = self.check("```sh run\ndojosim 3 $DOJOSIM_SAMPLES/x\n```\n")
        self.assertEqual(code, 0)
        self.assertIn("skipped, DOJOSIM_SAMPLES is not set", words)

    def test_a_dead_link_is_reported(self):
        code, words = self.check("see [there](nowhere.md)\n")
        self.assertEqual(code, 1)
        self.assertIn("page.md:1: link to 'nowhere.md'", words)

    def test_a_link_to_a_heading_that_is_not_there_is_reported(self):
        text = "# Why `a.b` is, here\n\nsee [there](#why-ab-is-here), [page](page.md#why-ab-is-here)\n"
        self.assertEqual(self.check(text)[0], 0)
        code, words = self.check("# Here\n\nsee [there](#gone)\n")
        self.assertEqual(code, 1)
        self.assertIn("page.md:3: link to '#gone', a heading that is not there", words)

    def test_a_file_of_the_project_that_is_not_there_is_reported(self):
        good = "`tools/check_docs`, `src/base/`, `tests/tools/*_test.py`, `base/error.h`, `dojo/base/error.h`, `a.cpp`\n"
        self.assertEqual(self.check(good)[0], 0)
        code, words = self.check("see\n`src/no/such.cpp` and `base/no_such.h`\n")
        self.assertEqual(code, 1)
        self.assertIn("page.md:2: found `src/no/such.cpp`, a file or folder that is not there", words)
        self.assertIn("page.md:2: found `base/no_such.h`", words)

    def test_a_long_line_is_reported_outside_tables_and_fenced_blocks(self):
        long = "word " * 24
        self.assertEqual(self.check(f"| {long} |\n\n```\n{long}\n```\n")[0], 0)
        code, words = self.check(f"{'x' * 110}\n{'x' * 111}\n")
        self.assertEqual(code, 1)
        self.assertIn("page.md:2: found a line of 111 columns, expected at most 110", words)

    def test_wrapping_breaks_running_text_only_and_changes_nothing_a_second_time(self):
        long = "some words. " * 12
        text = f"# {long}\n\n{long}`a b` {long}- no item\n\n- item {long}\n  goes on\n\n| {long} |\n\n```\n{long}\n```\n"
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "page.md"
            page.write_text(text)
            for _ in range(2):
                subprocess.run([sys.executable, TOOL, "--wrap", page], check=True)
                wrapped = page.read_text()
                self.assertEqual(self.check(wrapped.replace(f"# {long}", "# Title"))[0], 0)
                self.assertEqual(wrapped.split(), text.split())
                self.assertIn(f"\n```\n{long}\n```\n", wrapped)
                text = wrapped

    def test_a_long_sentence_is_reported_where_it_begins(self):
        twenty = "word " * 19 + "word\n"
        self.assertEqual(self.check(twenty + twenty)[0], 0)
        self.assertEqual(self.check(twenty + twenty.replace("word\n", "word.\n") + "More.\n")[0], 0)
        self.assertEqual(self.check(twenty + "\n" + twenty + "- " + twenty)[0], 0, "a blank line, an item end a sentence")
        self.assertEqual(self.check(twenty + twenty.replace("word\n", "`a b c`\n"))[0], 0, "a code span is one word")
        code, words = self.check("Short.\n\n" + twenty + twenty + "more\n")
        self.assertEqual(code, 1)
        self.assertIn("page.md:3: found a sentence of 41 words, expected at most 40", words)


if __name__ == "__main__":
    unittest.main()
