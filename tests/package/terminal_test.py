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
TOP = ["run", "net", "core", "sweep", "compare", "trace", "topo", "validate", "report", "list", "completion", "man"]


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
        self.assertEqual(json.loads(call("list", "plugins", "--json")), [])
        self.assertIn("--plugin FILE.so", call("list", "plugins"))
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


class JsonAnswers(Folder):
    """Every answer is one object, as its schema says."""

    def setUp(self):
        super().setUp()
        self.schema = json.loads((ROOT / "configs/schema/answers.schema.json").read_text())

    def answer(self, *words, code=0, schema=None):
        done = subprocess.run([PROGRAM, *words], cwd=ROOT, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, code, f"{words}: {done.stderr}")
        answer = json.loads(done.stdout)
        self.assertIsInstance(answer, dict, words)
        self.assertEqual(answer["schema"], f"dojosim.{schema}/1", words)
        try:
            import jsonschema
        except ImportError:
            return answer
        if schema != "report":
            jsonschema.validate(answer, self.schema)
            jsonschema.validate(answer, {**self.schema, "oneOf": [{"$ref": f"#/definitions/{schema}"}]})
        return answer

    def test_version_help_and_pages_of_the_manual(self):
        version = self.answer("--version", "--json", schema="version")
        self.assertIn(f"dojosim {version['version']}\n", call("--version"))
        self.assertIn("expected nothing more than --json", call("--version", "--jso", code=2))
        every = self.answer("help", "--json", schema="help")["commands"]
        self.assertEqual([one["name"] for one in every if " " not in one["name"]],
                         [one for one in TOP if one not in ("trace", "topo", "list")])
        for words in [["help", "trace", "gen", "--json"], ["trace", "gen", "--help", "--json"]]:
            command, = self.answer(*words, schema="help")["commands"]
            self.assertEqual(command["name"], "trace gen")
            self.assertIn({"name": "ranks", "letter": "", "takes_value": True, "sentence": "ranks; default 1"}, command["options"])
        for words in [["help", "topo", "--json"], ["topo", "--help", "--json"]]:
            self.assertEqual([one["name"] for one in self.answer(*words, schema="help")["commands"]], ["topo check", "topo show"])
        self.assertIn("unknown command 'topp'", call("help", "topp", "--json", code=2))
        self.assertIn(str(self.folder / "dojosim-run.1"), self.answer("man", str(self.folder), "--json", schema="manual")["pages"])

    def test_runs_and_networks_print_their_report(self):
        report = self.answer("net", "--mesh", "4x4", "--rate", "0.1", "--packet-flits", "4", "--json", "--out",
                             str(self.folder / "net"), schema="report")
        self.assertEqual(report["digest"], json.loads((self.folder / "net/report.json").read_text())["digest"])
        self.assertEqual(self.answer("report", str(self.folder / "net"), "--json", schema="page")["page"],
                         str(self.folder / "net/report.html"))
        self.answer("run", "configs/runs/matmul_die.json", "--json", "--quiet", schema="report")

    def test_cores_traces_and_machines(self):
        self.assertGreater(self.answer("core", "matmul", "--k", "64", "--json", schema="core")["cycles"], 0)
        self.assertIn("\n", self.answer("core", "matmul", "--print", "--json", schema="core")["program"])
        file = str(self.folder / "t.json")
        self.assertEqual(self.answer("trace", "gen", "all_reduce", "--bytes", "1024", "--ranks", "4", "-o", file, "--json", schema="trace")["ranks"], 4)
        self.assertEqual(self.answer("trace", "check", file, "--json", schema="trace")["format"], "dojo-json")
        self.answer("trace", "info", file, "--json", schema="trace_info")
        for command in [["convert", file, file + ".gz"], ["rescale", file, file + ".gz", "--to-ranks", "8"]]:
            self.assertEqual(self.answer("trace", *command, "--json", schema="trace")["file"], file + ".gz")
        for command in [["convert", file, "-"], ["gen", "matmul", "-o", "-"]]:
            self.assertIn("expected one of them", call("trace", *command, "--json", code=2))
        self.assertEqual(self.answer("topo", "check", "configs/machines/tile.json", "--json", schema="topo_check")["dies"], 25)
        shown = self.answer("topo", "show", "configs/machines/tile.json", "--json", schema="topo_show")
        self.assertEqual(shown["drawing"], call("topo", "show", "configs/machines/tile.json"))
        self.assertEqual(shown["machine"]["level"], "tile")
        picture = str(self.folder / "t.svg")
        self.assertEqual(self.answer("topo", "show", "configs/machines/tile.json", "--svg", picture, "--json",
                                     schema="topo_show")["svg"], picture)
        self.assertIn("expected one of them", call("topo", "show", "configs/machines/tile.json", "--svg", "-", "--json", code=2))

    def test_comparisons(self):
        for hops in ["1", "2"]:
            call("run", "configs/runs/matmul_die.json", "--set", f"machine.noc.hop_cycles={hops}", "--out", str(self.folder / hops))
        base, new = str(self.folder / "1"), str(self.folder / "2")
        same = self.answer("compare", base, base, "--json", schema="compare")
        self.assertEqual((same["good"], same["runs"][0]["changes"]), (True, []))
        changed = self.answer("compare", base, new, "--json", code=1, schema="compare")
        run, = changed["runs"]
        self.assertEqual((changed["good"], run["failed"]), (False, True))
        self.assertEqual(run["causes"], ["machine.noc.hop_cycles 1 -> 2"])
        self.assertEqual(run["headline"][0]["path"], "latency.step_s")
        self.assertLess(run["headline"][0]["base"], run["headline"][0]["new"])
        self.assertEqual(len(run["changes"]), run["counts"]["compared"] - run["counts"]["same"])
        self.assertIn("time.seconds", [one["path"] for one in run["changes"]])
        suite = self.answer("compare", str(self.folder), str(self.folder), "--json", schema="compare")
        self.assertEqual([one["name"] for one in suite["runs"]], ["1", "2"])
        slim = str(self.folder / "base.json")
        self.assertEqual(self.answer("compare", slim, base, "--update", "--json", schema="compare")["updated"], [slim])
        self.assertIn("expected one of them", call("compare", base, new, "--json", "--format", "github", code=2))

    def test_sweeps(self):
        (self.folder / "s.json").write_text(json.dumps({
            "base": str(ROOT / "configs/runs/matmul_die.json"), "mode": "search",
            "axes": [{"path": "machine.noc.hop_cycles", "values": [1, 2, 3]}],
            "search": {"goal": {"min": "time.seconds"}, "keep": 0.5, "rungs": [{"run.network_model": "ideal"}]}}))
        sweep = ["sweep", str(self.folder / "s.json"), "--out", str(self.folder / "out"), "--quiet", "--json"]
        plan = self.answer(*sweep, "--dry-run", schema="sweep_plan")
        self.assertEqual((plan["runs"], len(plan["points"])), (5, 3))
        self.assertEqual(plan["rungs"], [{"set": {"run.network_model": "ideal"}, "points": 3}, {"set": {}, "points": 2}])
        done = self.answer(*sweep, schema="sweep_results")
        self.assertEqual((done["done"], done["dropped"], done["good"]), (2, 1, True))
        self.assertTrue(pathlib.Path(done["results"]).exists())
        script = self.answer(*sweep, "--script", "slurm", schema="sweep_results")["script"]
        self.assertTrue(pathlib.Path(script).exists())


class Schemas(Folder):
    def test_shipped_files_follow_them(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not there")
        schema = lambda kind: json.loads((ROOT / f"configs/schema/{kind}.schema.json").read_text())
        for file in (ROOT / "configs/schema").glob("*.json"):
            jsonschema.Draft7Validator.check_schema(json.loads(file.read_text()))
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
