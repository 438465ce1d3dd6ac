# SPDX-License-Identifier: Apache-2.0
"""tools/sbom lists the program and every package that it is built from, and says the same twice."""
import json
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def listed():
    return subprocess.run([sys.executable, ROOT / "tools/sbom"], capture_output=True, text=True, check=True).stdout


class Sbom(unittest.TestCase):
    def test_every_package_is_listed_with_its_version(self):
        document = json.loads(listed())
        packages = {package["name"]: package for package in document["packages"]}
        text = (ROOT / "tools/packages.txt").read_text()
        wanted = text.split("\n[run]\n")[1].split("\n[pages]\n")[0].split()
        self.assertEqual(set(packages), {"dojosim", *wanted, "echarts", "esbuild", "tslib", "zrender"})
        self.assertTrue(all(package["versionInfo"] for package in packages.values()))

    def test_identifiers_are_unique_and_relations_lead_to_them(self):
        document = json.loads(listed())
        ids = [package["SPDXID"] for package in document["packages"]]
        self.assertEqual(len(ids), len(set(ids)))
        for relation in document["relationships"]:
            self.assertIn(relation["relatedSpdxElement"], ids)

    def test_the_same_sources_give_the_same_list(self):
        self.assertEqual(listed(), listed())


if __name__ == "__main__":
    unittest.main()
