# SPDX-License-Identifier: Apache-2.0
"""What the program says of itself: completions, pages of the manual, answers as JSON, schemas and the files that follow
them, pictures of machines. usage: terminal_test.py --program DOJOSIM"""
import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = None
TOP = ["run", "net", "core", "sweep", "compare", "trace", "topo", "report", "list", "completion", "man"]


def call(*words, code=0):
    done = subprocess.run([PROGRAM, *words], cwd=ROOT, capture_output=True, text=True, timeout=60)
    if done.returncode != code:
        raise AssertionError(f"{words}: exit code {done.returncode}, expected {code}\n{done.stderr}")
    return done.stdout if code == 0 else done.stderr


class Folder(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory(prefix="dojosim-terminal-")
        self.addCleanup(place.cleanup)
        self.folder = pathlib.Path(place.name)


class Completions(Folder):
    def offered(self, *words):
        script = f'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _dojosim; printf "%s\\n" "${{COMPREPLY[@]}}"'
        done = subprocess.run(["bash", "-euc", script, "_", self.folder / "c", *words], capture_output=True, text=True)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_an_unknown_shell_and_a_missing_one_are_refused(self):
        self.assertIn("expected bash, zsh or fish", call("completion", "tcsh", code=2))
        self.assertIn("the shell is missing", call("completion", code=2))

    def test_bash_offers_commands_and_their_options(self):
        call("completion", "bash", "-o", str(self.folder / "c"))
        self.assertEqual(self.offered("dojosim", ""), [*TOP, "help"])
        self.assertEqual(self.offered("dojosim", "trace", ""), ["info", "check", "convert", "gen", "rescale"])
        self.assertEqual(self.offered("dojosim", "help", "topo", "s"), ["show"])
        self.assertEqual(self.offered("dojosim", "run", "a.json", "--set", "x=1", "--th"), ["--threads"])
        self.assertEqual(self.offered("dojosim", "trace", "gen", "--batch-"), ["--batch-norm-group"])
        self.assertEqual(self.offered("dojosim", "run", "conf"), [], "files are offered by the shell")

    def test_every_shell_can_read_its_own(self):
        for shell in ["bash", "zsh", "fish"]:
            text = call("completion", shell)
            self.assertIn("if-free", text, shell)
            if shutil.which(shell):
                (self.folder / shell).write_text(text)
                done = subprocess.run([shell, "-n", self.folder / shell], capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stderr), (0, ""), shell)


class Manual(Folder):
    def test_every_command_has_a_page_with_each_option(self):
        call("man", str(self.folder))
        pages = {page.name: page.read_text() for page in self.folder.iterdir()}
        for command in TOP:
            self.assertTrue(any(name.startswith(f"dojosim-{command}") for name in pages), command)
        for name in ["dojosim-trace-gen.1", "dojosim-list-params.1", "dojosim.1"]:
            self.assertIn(name, pages)
        self.assertIn(".B \\-q, \\-\\-quiet\n", pages["dojosim-run.1"])
        self.assertIn(".B \\-\\-timeline\\-ranks VALUE\n", pages["dojosim-run.1"])
        for name, text in pages.items():
            self.assertTrue(text.startswith(".TH DOJOSIM"), name)
            if shutil.which("groff"):
                done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", "-z", self.folder / name], capture_output=True, text=True)
                self.assertEqual(done.stderr, "", name)

    def test_a_folder_that_cannot_be_made_is_an_io_error(self):
        (self.folder / "file").write_text("")
        self.assertIn("cannot make the folder", call("man", str(self.folder / "file/x"), code=5))


class Answers(Folder):
    def test_lists_as_json(self):
        for what in ["params", "counters", "collectives", "patterns", "models", "formats"]:
            rows = json.loads(call("list", what, "--json"))
            self.assertGreater(len(rows), 2, what)
            self.assertTrue(all(row.get("sentence") is not None for row in rows), what)
        keys = {row["key"] for row in json.loads(call("list", "params", "--json"))}
        self.assertTrue({"machine.noc.hop_cycles", "workload.steps", "run.seed"} <= keys)

    def test_topo_takes_overrides(self):
        pod = json.loads(call("topo", "check", "configs/machines/exapod.json", "--json", "--set", "machine.exapod.tile_mesh.rows=4"))
        self.assertEqual((pod["good"], pod["tiles"]), (True, 12))
        self.assertIn("2 cycles a hop", call("topo", "show", "configs/machines/tile.json", "--set", "machine.noc.hop_cycles=2"))
        for command in ["check", "show"]:
            tile = ["topo", command, "configs/machines/tile.json", "--set"]
            self.assertIn("machine.noc.hop_cycles=0", call(*tile, "machine.noc.hop_cycles=0", code=3))
            self.assertIn("expected a key of a machine", call(*tile, "run.seed=2", code=2))
            self.assertIn("hop_cycles", call(*tile, "machine.noc.hop_cycls=2", code=3))

    def test_names_of_links_say_what_they_join(self):
        links = call("topo", "show", "configs/machines/exapod.json").partition("Links")[2]
        for words in ["die to die", "tile to tile", "tray to tray", "cabinet to cabinet", "die to DIP (dip)"]:
            self.assertEqual(links.count(words), 1, words)

    def test_pictures_are_whole_and_hold_every_die(self):
        for machine, dies in [("exapod", 3000), ("tile", 25), ("die", 1), ("node", 0)]:
            file = self.folder / f"{machine}.svg"
            call("topo", "show", f"configs/machines/{machine}.json", "--svg", str(file))
            root = xml.etree.ElementTree.parse(file).getroot()
            of_class = [one.get("class") for one in root.iter("{http://www.w3.org/2000/svg}rect")]
            if dies > 1:
                self.assertEqual(of_class.count("die"), dies)
            self.assertEqual(of_class.count("node"), 354 if dies else 0)
        name = 'a <b> & "c"\x1b'
        (self.folder / "m.json").write_text(json.dumps({"level": "tile", "name": name}))
        text = call("topo", "show", str(self.folder / "m.json"), "--svg", "-")
        xml.etree.ElementTree.fromstring(text)
        self.assertIn("a &lt;b&gt; &amp; ", text)
        self.assertIn("found a folder", call("topo", "show", "configs/machines/tile.json", "--svg", str(self.folder), code=5))


class Schemas(Folder):
    def test_shipped_files_follow_them(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not there")
        schema = lambda kind: json.loads((ROOT / f"configs/schema/{kind}.schema.json").read_text())
        for file in [*(ROOT / "configs/sweeps").glob("*.json")]:
            jsonschema.validate(json.loads(file.read_text()), schema("sweep"))
        jsonschema.validate(json.loads((ROOT / "docs/ci/rules.json").read_text()), schema("rules"))
        report = json.loads(call("run", "configs/runs/matmul_die.json", "--json", "--quiet"))
        jsonschema.validate(report, schema("report"))
        for wrong in [{"axes": []}, {"base": "x", "axes": [{"path": "a", "value": [1]}]}, {"base": "x", "mode": "gird"}]:
            with self.assertRaises(jsonschema.ValidationError):
                jsonschema.validate(wrong, schema("sweep"))
        with self.assertRaises(jsonschema.ValidationError):
            jsonschema.validate({"rules": [{"path": "a", "tolerance": -1}]}, schema("rules"))
        with self.assertRaises(jsonschema.ValidationError):
            jsonschema.validate(dict(report, schema="other"), schema("report"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    options, rest = parser.parse_known_args()
    PROGRAM = str(pathlib.Path(options.program).resolve())
    unittest.main(argv=[sys.argv[0], *rest])
