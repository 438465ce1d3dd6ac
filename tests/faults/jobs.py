# SPDX-License-Identifier: Apache-2.0
"""Small jobs of each command, and what may be in their folders afterwards."""
import csv
import gzip
import io
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
MARK = re.compile(r"\.dojosim-\d+-\d+\.tmp$")
NUMBER = re.compile(r"[\d.,eE+-]*\d[\d.,eE+-]*( ?([kMG]|[kMG]?i?B|[num]?s|min|h)\b)?")
# What the host says, and files by the names that they have from the folder of the call.
HOST_LINE = re.compile(r"^(host  .*|<p>wall .*|<p>workload .*)$", re.MULTILINE)
# A program hangs when it and its children do nothing for so long, or do not end at all. Wall time alone would not tell
# that from a host which does other things, or was put to sleep.
IDLE_S = 60
TIMEOUT_S = 900


def without_mark(name):
    return MARK.sub("", name)


def copy(template, to):
    shutil.copytree(template, to, dirs_exist_ok=True, symlinks=True)


def tree(folder):
    """Name and content of each file; the folder's own name in it is @."""
    own = str(folder).encode()
    return {str(path.relative_to(folder)): path.read_bytes().replace(own, b"@")
            for path in sorted(pathlib.Path(folder).rglob("*")) if path.is_file() and not path.is_symlink()}


class Done:
    def __init__(self, returncode, stdout, stderr):
        self.returncode, self.stdout, self.stderr = returncode, stdout, stderr


# What a page draws.
ISLAND = re.compile(r'<script type="application/json" id="island">(.*?)</script>', re.DOTALL)


def family(process):
    """(number, its line of /proc/N/stat behind the name) of a process and all that it started."""
    stats = {}
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit():
                stats[entry.name] = (entry / "stat").read_text().rpartition(") ")[2].split()
        except OSError:
            pass
    found = [str(process)] if str(process) in stats else []
    for number in found:
        found += [child for child, stat in stats.items() if stat[1] == number]
    return {number: stats[number] for number in found}


def used(stats):
    """Numbers of processes with the processor time that each took: equal when nothing happened."""
    return {number: stat[11:13] for number, stat in stats.items()}


def where(stats):
    """What a hanging program waits for."""
    words = []
    for number, stat in stats.items():
        try:
            waits = (pathlib.Path("/proc") / number / "wchan").read_text()
            command = (pathlib.Path("/proc") / number / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            words.append(f"{number} ({command.strip()[:80]}) is in state {stat[0]} in {waits}")
        except OSError:
            pass
    return "hangs: " + "; ".join(words)


def start(words, folder, environment=None):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("DOJO_FAULT", "LD_PRELOAD"))}
    process = subprocess.Popen(words, cwd=folder, env={**clean, **(environment or {})}, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    before = None
    for _ in range(TIMEOUT_S // IDLE_S):
        try:
            out, err = process.communicate(timeout=IDLE_S)
            return Done(process.returncode, out.decode(), err.decode())
        except subprocess.TimeoutExpired:
            now = family(process.pid)
            if used(now) == before:
                break
            before = used(now)
    hanging = family(process.pid)
    state = where(hanging)
    for number in hanging:  # children of children that hold its pipes too
        try:
            os.kill(int(number), signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()
    process.stdout.close()
    process.stderr.close()
    return Done(None, "", state)


def plain(name, content):
    """The content without what differs between two equal runs: times and memory of the host, process numbers."""
    if name.endswith(".gz") and content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    if name.endswith("report.json"):
        report = json.loads(content)
        report.pop("host", None)
        report.pop("configuration", None)  # names of files depend on the folder
        report["inputs"] = sorted(report.get("inputs", {}).values())  # their names depend on the folder
        report.get("net", {}).pop("flit_hops_per_host_s", None)
        return json.dumps(report)
    if name.endswith(".html") and ISLAND.search(content.decode(errors="replace")):
        island = json.loads(ISLAND.search(content.decode(errors="replace"))[1])
        if "report" in island:
            island["report"] = plain("report.json", json.dumps(island["report"]).encode())
        return json.dumps(island)
    if name.endswith(".made"):
        return "a hash of the report"
    text = HOST_LINE.sub("", content.decode(errors="replace"))
    return text if name.endswith((".csv", ".et", "resolved.json")) else NUMBER.sub("#", text)


def is_whole(name, content):
    """A table, page or report that was not cut off."""
    try:
        text = (gzip.decompress(content) if name.endswith(".gz") else content).decode(errors="replace")
        if name.endswith((".json", ".json.gz")):
            json.loads(text)
        elif name.endswith(".csv"):
            return text.endswith("\n") and len({len(row) for row in csv.reader(io.StringIO(text))}) == 1
        elif name.endswith(".html"):
            return text.rstrip().endswith("</html>")
        return True
    except (ValueError, OSError, EOFError):
        return False


def difference(one, other):
    lines = [f"'{a.strip()[:100]}', not '{b.strip()[:100]}'" for a, b in zip(one.split("\n"), other.split("\n")) if a != b]
    return lines[0] if lines else "one is longer"


class Result:
    def __init__(self, done, before, after):
        self.code, self.output, self.error = done.returncode, done.stdout, done.stderr
        self.before = before
        self.temporaries = [name for name in after if MARK.search(name)]
        self.after = {name: content for name, content in after.items() if not MARK.search(name)}
        self.second = None


class Case:
    """One command in a folder that is a copy of `template`. Files of the template that it writes are old results."""
    def __init__(self, name, template, words, sweep=False, threads=1, silent=False):
        self.name, self.template, self.sweep, self.threads, self.silent = name, template, sweep, threads, silent
        self.arguments = words
        self.resume = [] if not sweep or "--resume" in words else ["--resume"]

    def words(self, program):
        return [program] + self.arguments

    def complete(self, result, reference):
        """As without a fault."""
        found = []
        for name in sorted(set(reference.after) | set(result.after)):
            if name not in result.after or name not in reference.after:
                found.append(f"{name} is {'missing' if name not in result.after else 'too much'}")
            elif plain(name, result.after[name]) != plain(name, reference.after[name]):
                found.append(f"{name} differs from the one without a fault: "
                             + difference(plain(name, result.after[name]), plain(name, reference.after[name])))
        if plain("", result.output.encode()) != plain("", reference.output.encode()):
            found.append("standard output differs from the one without a fault")
        return found

    def untouched(self, result, reference, lasting):
        """Every old file as it was, or every one new. When nothing can be moved any more, each is one or the other."""
        if self.sweep:
            return [f"{name} is cut off" for name, content in result.after.items()
                    if name.startswith("out") and not is_whole(name, content)]
        if result.after == {n: c for n, c in result.before.items() if not MARK.search(n)}:
            return []
        found = [sentence for sentence in self.complete(result, reference) if "output" not in sentence]
        if lasting:
            found = [words for words in found if result.after.get(words.split()[0]) != result.before.get(words.split()[0])]
        return ["old and new are mixed: " + sentence for sentence in found]


def same_table(result, reference):
    table = "out/results.csv"
    if result.temporaries:
        return [f"--resume left {result.temporaries}"]
    if result.code != reference.code:
        return [f"--resume ends with {result.code}: {result.error.strip()[-200:]}"]
    return [] if result.after.get(table) == reference.after.get(table) else [f"--resume makes another {table}"]


TRACE = {"format": "dojo.trace/1", "ranks": [{"graph": 0, "ranks": 2}], "graphs": [{
    "batch": 1, "tensors": [{"name": "x", "bytes": 4096, "role": "input"}, {"name": "w", "bytes": 4096, "role": "weight"},
                            {"name": "y", "bytes": 4096, "role": "activation"}],
    "ops": [{"id": 1, "name": "product", "kind": "matmul", "matmul": {"m": 32, "n": 32, "k": 32}, "inputs": ["x", "w"],
             "outputs": ["y"]},
            {"id": 2, "name": "sum", "kind": "all_reduce", "bytes": 4096, "deps": [1]}]}]}
# Its weights do not fit into 80,000 bytes a node, so that they are streamed.
STREAMED = {"format": "dojo.trace/1", "ranks": [{"graph": 0, "ranks": 2}], "graphs": [{
    "batch": 1, "tensors": [{"name": name, "bytes": size, "role": role} for name, size, role in
                            (("x", 16384, "input"), ("y", 16384, "activation"), ("z", 16384, "activation"),
                             ("v", 131072, "weight"), ("w", 131072, "weight"))],
    "ops": [{"id": i, "kind": "matmul", "matmul": {"m": 32, "n": 256, "k": 256}, "inputs": [x, w], "outputs": [y],
             "deps": deps} for i, x, w, y, deps in ((1, "x", "v", "y", []), (2, "y", "w", "z", [1]))]}]}
UNIT = 'workload.rank_unit={"unit": "node", "rows": 2, "columns": 2}'
SWEEP = {"base": "base.json", "mode": "grid", "axes": [{"path": "machine.noc.hop_cycles", "values": [1, 2, 3]}],
         "metrics": ["time.cycles"], "pareto": {"min": ["time.cycles"]}}


def good(words, folder, right=(0,)):
    done = start(words, folder)
    if done.returncode not in right:
        raise SystemExit(f"{' '.join(map(str, words))}: exit {done.returncode}: {done.stderr}")


def inputs(folder):
    folder.mkdir()
    (folder / "job.json").write_text(json.dumps(TRACE, indent=1))
    with gzip.open(folder / "job.json.gz", "wt") as packed:
        json.dump(TRACE, packed)
    (folder / "streamed.json").write_text(json.dumps(STREAMED))
    (folder / "core.so").write_bytes(b"\x7fELF, cut off")
    shutil.copy(ROOT / "configs/machines/die.json", folder / "die.json")
    # Whole names: points of a sweep are named by a hash that knows them, and copies of this folder read these files.
    workload = {"trace": str(folder / "job.json"), "rank_unit": {"unit": "node", "rows": 2, "columns": 2}}
    (folder / "base.json").write_text(json.dumps({"machine": str(folder / "die.json"), "workload": workload}))
    (folder / "sweep.json").write_text(json.dumps(SWEEP))


def cases(program, folder):
    """Every command, with old results in its folder where it writes."""
    folder = pathlib.Path(folder)
    run = ["run", "base.json", "--threads", "1", "--out", "out"]
    packed = ["run", "--machine", "die.json", "--workload", "job.json.gz", "--set", UNIT, "--out", "out", "--links", "all"]
    net = ["net", "--mesh", "3x3", "--pattern", "uniform", "--packet-flits", "2", "--warmup-cycles", "50", "--measure-cycles",
           "100", "--threads", "1", "--out", "out"]

    def template(name, *commands):
        at = folder / name
        inputs(at)
        for words in commands:
            good([program] + words, at)
        return at

    def with_leftover(at):
        (at / "out/report.json.dojosim-1-0.tmp").write_text("half")
        return at
    old_run = run + ["--set", "machine.noc.hop_cycles=9"]
    yield Case("run", with_leftover(template("run", old_run)), run)
    yield Case("run_new", template("run_new"), packed + ["--threads", "1"])
    yield Case("run_threads", template("run_threads", old_run), run[:2] + ["--threads", "3"] + run[4:], threads=3)
    yield Case("net", template("net", net + ["--rate", "0.2"]), net + ["--rate", "0.1"])
    yield Case("net_threads", template("net_threads"), net[:-4] + ["--threads", "3", "--rate", "0.1", "--out", "out"], threads=3)
    sweep = ["sweep", "sweep.json", "--out", "out", "--jobs", "2"]
    yield Case("sweep", template("sweep", sweep), sweep, sweep=True)
    resumed = template("resume", sweep)
    point = next(path for path in sorted((resumed / "out/points").iterdir()) if path.is_dir())
    shutil.rmtree(point)
    yield Case("sweep_resume", resumed, sweep + ["--resume"], sweep=True)
    compare = template("compare", run[:-1] + ["a"], old_run[:5] + ["b"] + old_run[6:])
    (compare / "c.xml").write_text("old")
    (compare / "c.md").write_text("old")
    (compare / "rules.json").write_text('{"rules": [{"path": "digest", "ignore": true}]}')
    yield Case("compare", compare, ["compare", "a/report.json", "b/report.json", "--rules", "rules.json", "--junit", "c.xml",
                                    "--markdown", "c.md"])
    convert = template("convert")
    for name in ("new.json.gz", "new.0.et", "new.1.et"):
        (convert / name).write_text("old")
    yield Case("convert", convert, ["trace", "convert", "job.json", "new.json.gz"])
    yield Case("convert_chakra", convert, ["trace", "convert", "job.json", "new.et"])
    yield Case("trace_gen", convert, ["trace", "gen", "all_reduce", "--bytes", "1024", "--ranks", "2", "-o", "new.json.gz"])
    yield Case("trace_rescale", convert, ["trace", "rescale", "job.json.gz", "new.json.gz", "--to-ranks", "4"])
    yield Case("trace_check", convert, ["trace", "check", "job.json.gz"])
    yield Case("trace_info", convert, ["trace", "info", "job.json", "--json"])
    yield Case("topo_check", convert, ["topo", "check", "die.json"])
    yield Case("topo_show", convert, ["topo", "show", "die.json"])
    report = template("report", run)
    (report / "out/report.html").write_text("old")
    yield Case("report", report, ["report", "out"])
    yield Case("list", convert, ["list", "params"])
    yield Case("version", convert, ["--version"])
    yield Case("run_stream", template("run_stream", old_run), [
        "run", "--machine", "die.json", "--workload", "streamed.json", "--set", UNIT, "--set", "machine.node.sram_bytes=80000",
        "--set", "workload.capacity_policy=stream", "--threads", "1", "--out", "out"])
    detailed = template("run_vcd", old_run)
    (detailed / "out.vcd").write_text("old")
    yield Case("run_vcd", detailed, run + ["--set", "run.network_model=reference", "--set", 'machine.detailed=["die.node[0]"]',
                                           "--vcd", "out.vcd"])
    yield Case("run_plugin", convert, run + ["--plugin", "core.so"], silent=True)  # refused
    backend = ["--jobs", "2", "--backend", "command", "--tasks", "2", "--command", "sh {task}"]
    yield Case("sweep_command", template("sweep_command"), sweep[:4] + backend, sweep=True)
    yield Case("sweep_slurm", template("sweep_slurm"), sweep[:4] + ["--script", "slurm"], sweep=True)
    for name in ("new.bash", "man/dojosim-run.1"):
        (convert / name).parent.mkdir(exist_ok=True)
        (convert / name).write_text("old")
    yield Case("completion", convert, ["completion", "bash", "-o", "new.bash"], silent=True)
    yield Case("man", convert, ["man", "man"])
