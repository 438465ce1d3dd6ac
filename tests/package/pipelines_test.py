# SPDX-License-Identifier: Apache-2.0
"""The files of docs/ci as a pipeline would run them: their commands against a baseline, against one that a change moved,
and after that change was accepted; and the libraries of the Containerfile. usage: pipelines_test.py --program DOJOSIM"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

try:
    import yaml
except ImportError:
    print("skipped: python3-yaml not found")
    sys.exit(77)

ROOT = pathlib.Path(__file__).resolve().parents[2]
CI = ROOT / "docs/ci"
PROGRAM = None
#: Of Debian's own base image.
IN_EVERY_IMAGE = {"libc6", "libgcc-s1", "libstdc++6"}


class Gate(unittest.TestCase):
    """A repository with the project's configs, the rules, and baselines that are made as the files say."""

    def setUp(self):
        place = tempfile.TemporaryDirectory(prefix="dojosim-pipelines-")
        self.addCleanup(place.cleanup)
        self.folder = pathlib.Path(place.name)
        (self.folder / "bin").mkdir()
        (self.folder / "bin/dojosim").symlink_to(PROGRAM)
        shutil.copytree(ROOT / "configs", self.folder / "configs")
        # A product and a sum in place of ResNet-50, so that the test is quick.
        product = {"model": "matmul", "m": 512, "n": 512, "k": 512}
        self.edit("configs/runs/resnet50_die.json", lambda run: run["workload"].update(generate=product))
        total = {"model": "all_reduce", "bytes": 100000}
        self.edit("configs/workloads/resnet50.json", lambda workload: workload.update(generate=total))
        (self.folder / "ci").mkdir()
        shutil.copy(CI / "rules.json", self.folder / "ci")
        self.environment = {**os.environ, "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
                            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md")}

    def edit(self, name, change):
        file = self.folder / name
        content = json.loads(file.read_text())
        change(content)
        file.write_text(json.dumps(content))

    def shell(self, lines):
        done = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", lines], cwd=self.folder, env=self.environment,
                              capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    def baseline(self, text, run):
        """The command that the head of each file gives, after the runs."""
        [command] = re.findall(r"^#   (dojosim compare .*)$", text, re.MULTILINE)
        self.assertEqual(self.shell(f"{run}\n{command}")[0], 0)

    def move(self):
        for machine in ["die", "tile"]:
            self.edit(f"configs/machines/{machine}.json", lambda values: values["noc"].update(hop_cycles=8))

    def test_github(self):
        text = (CI / "github-actions.yml").read_text()
        workflow = yaml.safe_load(text)
        self.assertEqual(workflow[True], "pull_request", "YAML 1.1 reads `on` as true")
        [job] = workflow["jobs"].values()
        for step in job["steps"]:
            self.assertEqual(len({"uses", "run"} & set(step)), 1, step)
        run, compare, show = [step["run"] for step in job["steps"] if "run" in step]
        self.baseline(text, run)
        code, out, error = self.shell(compare)
        self.assertEqual((code, error), (0, ""))
        self.assertRegex(out, "^::notice .*\n::notice .*\n$")
        self.move()
        self.assertEqual(self.shell(run)[0], 0)
        code, out, _ = self.shell(compare)
        self.assertEqual(code, 1)
        errors = [line for line in out.splitlines() if line.startswith("::error ")]
        self.assertEqual(len(errors), 2, out)
        self.assertIn("machine.noc.hop_cycles 1 -> 8", errors[0])
        self.assertEqual(self.shell(show)[0], 0)
        self.assertIn("machine.noc.hop\\_cycles 1 -&#62; 8", (self.folder / "summary.md").read_text())
        suites = xml.etree.ElementTree.parse(self.folder / "compare.xml").getroot()
        self.assertEqual(len(suites.findall("testsuite")), 2)
        self.assertGreater(len(suites.findall(".//failure")), 0)
        uploaded = job["steps"][-1]["with"]["path"].split()
        self.assertTrue(all((self.folder / name).exists() for name in uploaded), uploaded)
        self.baseline(text, "true")
        self.assertEqual(self.shell(compare)[0], 0, "the change was accepted")

    def test_gitlab(self):
        text = (CI / "gitlab-ci.yml").read_text()
        [job] = yaml.safe_load(text).values()
        *runs, compare = job["script"]
        run = "\n".join(runs)
        self.baseline(text, run)
        self.assertEqual(self.shell(compare)[0], 0)
        quality = self.folder / job["artifacts"]["reports"]["codequality"]
        self.assertTrue(all(row["severity"] == "info" for row in json.loads(quality.read_text())))
        self.move()
        self.assertEqual(self.shell(f"{run}\n{compare}")[0], 1)
        rows = json.loads(quality.read_text())
        self.assertEqual(len(rows), 2)
        for row in rows:  # what GitLab asks of a Code Quality report
            self.assertLessEqual({"description", "check_name", "fingerprint", "severity", "location"}, set(row))
            self.assertIn(row["severity"], ["info", "minor", "major", "critical", "blocker"])
            self.assertGreater(row["location"]["lines"]["begin"], 0)
        self.assertEqual(len({row["fingerprint"] for row in rows}), 2)
        for name in [*job["artifacts"]["paths"], *job["artifacts"]["reports"].values()]:
            self.assertTrue((self.folder / name).exists(), name)


class Container(unittest.TestCase):
    def lines(self):
        return (CI / "Containerfile").read_text().replace("\\\n", " ").splitlines()

    def test_has_the_libraries_that_the_program_needs_and_no_others(self):
        if shutil.which("dpkg-query") is None or shutil.which("readelf") is None:
            self.skipTest("dpkg-query or readelf not found")
        [install] = [line for line in self.lines() if "libsystemc" in line]
        named = set(re.findall(r"\b(?:lib|zlib)\S+", install)) - {"lib/apt/lists/*"}
        asked = set()
        for library in re.findall(r"\(NEEDED\).*\[(.*)\]", subprocess.check_output(["readelf", "-d", PROGRAM], text=True)):
            places = [f"{root}/*-linux-gnu/{library}" for root in ["/lib", "/usr/lib"]]
            owner = subprocess.run(["dpkg-query", "--search", *places], capture_output=True, text=True).stdout
            if not owner:
                self.skipTest(f"{library} is of no Debian package here")
            asked.add(owner.split(":")[0])
        self.assertEqual(asked - IN_EVERY_IMAGE, named)

    def test_builds_with_the_packages_and_presets_that_there_are(self):
        text = "\n".join(self.lines())
        [sections] = re.findall(r"packages ([a-z ]+)'", text)
        script = f"source tools/common.sh && packages {sections}"
        packages = subprocess.check_output(["bash", "-c", script], cwd=ROOT, text=True).split()
        self.assertTrue({"cmake", "g++", "libsystemc-dev", "npm"} <= set(packages), packages)
        presets = json.loads((ROOT / "CMakePresets.json").read_text())
        for kind, name in re.findall(r"cmake (--build )?--preset (\w+)", text):
            self.assertIn(name, [one["name"] for one in presets["buildPresets" if kind else "configurePresets"]])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    options, rest = parser.parse_known_args()
    PROGRAM = str(pathlib.Path(options.program).resolve())
    unittest.main(argv=[sys.argv[0], *rest])
