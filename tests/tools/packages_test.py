# SPDX-License-Identifier: Apache-2.0
"""tools/packages.txt and docs/dependencies.md name the same packages, and the shell reads the sections as written."""
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def listed():
    return [line for line in (ROOT / "tools/packages.txt").read_text().split("\n") if re.match(r"[a-z]", line)]


def sections(*names):
    script = 'source tools/common.sh; packages "$@"'
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script, "_", *names], cwd=ROOT, capture_output=True, text=True)
    return done.stdout.split()


class Packages(unittest.TestCase):
    def test_each_package_has_its_reason_and_each_reason_its_package(self):
        rows = [line.split("|")[1] for line in (ROOT / "docs/dependencies.md").read_text().split("\n") if line.startswith("| `")]
        explained = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
        self.assertEqual(sorted(explained), sorted(listed()))

    def test_sections_split_the_list(self):
        self.assertEqual(sections("run", "pages", "test", "browser", "cluster", "develop"), listed())
        self.assertIn("cmake", sections("run"))
        self.assertNotIn("libgtest-dev", sections("run"))
        self.assertEqual(sections("nothing"), [])


if __name__ == "__main__":
    unittest.main()
