#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the commands of docs/own_collective.md and docs/own_reader.md against the installed package, outside of the
tree, and uses plug-ins wrongly."""
import argparse
import json
import os
import re
import shutil
import sys
from pathlib import Path

from own_core import run

HEAD = ('#include <cstdlib>\n#include <stdexcept>\n#include "dojo/run/plugins.h"\nusing namespace dojo::workload;\n'
        "static OwnCollective own(const char* name) {\n"
        '  return {name, "for a test", {OpKind::kAllReduce}, [](const CollectiveCall& call) {\n'
        "    return CollectiveSchedule(call.members.size()); }, {}, {}};\n}\n"
        "static OwnReader reader(const char* name) {\n"
        '  return {name, "for a test", [](const std::string&, std::string_view b) { return b.substr(0, 4) == "mine"; },\n'
        '          [](const std::string&, std::string_view) { return std::string("{}"); }, {}};\n}\n'
        'DOJO_PLUGIN(plugins) {\n  const std::string wanted = std::getenv("CASE");\n')
# Case: lines of DOJO_PLUGIN, exit code, sentence.
CASES = {
    "taken": ('plugins.add_collective(own("ring"));', 3, "a name that a built-in algorithm has"),
    "twice": ('plugins.add_collective(own("x")); plugins.add_collective(own("x"));', 3,
              "found a name that --plugin build/wrong.so has"),
    "incomplete": ('plugins.add_collective(own("mine"));', 3,
                   "--plugin build/wrong.so: collective \"mine\", all_reduce of 4 members: it is not complete"),
    "deadlock": ('OwnCollective o = own("mine"); o.steps = [](const CollectiveCall& c) { CollectiveSchedule s(4);\n'
                 "  for (unsigned m = 0; m < 4; ++m) { s.receive(m, (m + 3) % 4, 0); s.send(m, (m + 1) % 4, 0); }\n"
                 "  (void)c; return s; };\n  plugins.add_collective(o);", 3, "found a deadlock"),
    "throws": ('OwnCollective o = own("mine"); o.steps = [](const CollectiveCall&) -> CollectiveSchedule {\n'
               '  throw std::runtime_error("no licence"); };\n  plugins.add_collective(o);', 3,
               "--plugin build/wrong.so: collective \"mine\": found an exception (no licence)"),
    "other_kind": ('OwnCollective o = own("mine"); o.kinds = {OpKind::kBarrier}; plugins.add_collective(o);', 3,
                   "cannot serve all_reduce of 4 members"),
    "kind_taken": ('OwnOperation o; o.name = "matmul"; o.cost = [](const auto&) { return OwnCost{}; };\n'
                   "  plugins.add_operation(o);", 3, "found a built-in kind"),
    "bad_text": ('plugins.add_trace_reader(reader("bad"));', 0, ""),
    "format_taken": ('plugins.add_trace_reader(reader("onnx"));', 3, "a name that a built-in format has"),
}


def tutorial(page, example, least, source, folder, environment):
    shutil.copytree(source / "docs/examples" / example, folder / example)
    blocks = re.findall(r"^```sh shown\n(.*?)^```$", (source / "docs" / page).read_text(), re.M | re.S)
    if len(blocks) < least:
        sys.exit(f"docs/{page}: found {len(blocks)} blocks of commands, expected {least} or more")
    return [run(block, folder / example, environment) for block in blocks]


def step_of(report):
    return json.loads(report.read_text())["latency"]["step_s"]


def wrong(folder, environment):
    """One plug-in that does what the environment says, and one of another version."""
    cases = [f'  if (wanted == "{name}") {{ {lines} }}\n' for name, (lines, _, _) in CASES.items()]
    (folder / "wrong.cpp").write_text(HEAD + "".join(cases) + "}\n")
    (folder / "older.cpp").write_text(
        'extern "C" int dojo_plugin_version() { return 3; }\nnamespace dojo::run { class Plugins; void gone(); }\n'
        'extern "C" void dojo_plugin(dojo::run::Plugins&) { dojo::run::gone(); }\n')
    (folder / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\nproject(wrong LANGUAGES CXX)\nfind_package(dojosim 0.1 REQUIRED)\n"
        "foreach(name wrong older)\n  add_library(${name} MODULE ${name}.cpp)\n"
        "  target_link_libraries(${name} PRIVATE dojo::plugin)\n"
        '  set_target_properties(${name} PROPERTIES PREFIX "")\nendforeach()\n')
    run("cmake -S . -B build -G Ninja && cmake --build build", folder, environment)
    job = ("dojosim run --machine $DOJOSIM/configs/machines/tile.json --set workload.generate.model=all_reduce "
           "--set workload.generate.bytes=65536 --set workload.ranks=4 ")
    for name, (_, code, sentence) in CASES.items():
        if code != 0:
            run(f"{job} --plugin build/wrong.so --set workload.collective_algorithm=mine", folder,
                dict(environment, CASE=name), code, [sentence])
    run(f"{job} --plugin build/older.so", folder, environment, 3, ["version 3 of the interface, not"])
    run(f"{job} --set workload.collective_algorithm=mine", folder, environment, 3, ["/workload/collective_algorithm",
                                                                                 'found "mine", expected one of'])
    run(f"{job} --set workload.collective_algorithm=absent.json", folder, environment, 5, ["absent.json"])
    (folder / "broken.json").write_text('{"format": "dojo.schedule/1", "schedules": [{"kind": "all_reduce", "ranks": 4,\n'
                                        '"steps": [[], [], [], [{"send": 0, "slot": 0}]]}]}')
    run(f"{job} --set workload.collective_algorithm=broken.json", folder, environment, 3,
        ["broken.json:1: /schedules/0: member 3, step 0 (send of slot 0 to member 0)"])
    (folder / "three.json").write_text('{"format": "dojo.schedule/1", "schedules": [{"kind": "barrier", "ranks": 1, "steps": [[]]}]}')
    run(f"{job} --set workload.collective_algorithm=three.json", folder, environment, 3,
        ["found no schedule for all_reduce of 4 members", "barrier of 1"])
    job_text = "own_reader/build/job_text.so"
    (folder / "odd.job").write_text("job of 2 ranks\nfft 100 2\n")
    run(f"dojosim trace check odd.job --plugin {job_text}", folder, environment, 3,
        [f'--plugin {job_text}: operation "fft": found an exception (found 100 points, expected a power of two)'])
    (folder / "bad.job").write_text("job of 2 ranks\nfft\n")
    run(f"dojosim trace check bad.job --plugin {job_text}", folder, environment, 3, ["bad.job:2: found 'fft', expected"])
    (folder / "some.mine").write_text("mine")
    run("dojosim trace check some.mine --plugin build/wrong.so", folder, dict(environment, CASE="bad_text"), 3,
        ['--plugin build/wrong.so: trace reader "bad" gave a text that is no trace'])
    run("dojosim trace check some.mine", folder, environment, 3, ["no known format"])
    run("dojosim list plugins --json --plugin build/absent.so", folder, environment, 5, ["found no such file"])


def sweeps(folder, environment):
    """A plug-in's name as an axis: points run in processes of their own, and again when the plug-in changes."""
    (folder / "base.json").write_text(json.dumps({
        "machine": environment["DOJOSIM"] + "/configs/machines/tile.json",
        "workload": {"generate": {"model": "all_reduce", "bytes": 65536}, "ranks": 4}}))
    (folder / "sweep.json").write_text(json.dumps({
        "base": "base.json", "mode": "grid", "metrics": ["time.cycles"],
        "axes": [{"path": "workload.collective_algorithm", "values": ["ring", "two_way_ring"]}]}))
    plugin = "own_collective/build/two_way_ring.so"
    sweep = f"dojosim sweep sweep.json --out sweep --plugin {plugin}"
    run(sweep, folder, environment)
    rows = (folder / "sweep/results.csv").read_text()
    if rows.count(",done,") != 2 or "two_way_ring" not in rows:
        sys.exit(f"sweep/results.csv: found\n{rows}\nexpected two points that are done")
    made = [report.stat().st_mtime_ns for report in sorted(folder.glob("sweep/points/*/report.json"))]
    run(sweep + " --resume", folder, environment)
    if made != [report.stat().st_mtime_ns for report in sorted(folder.glob("sweep/points/*/report.json"))]:
        sys.exit("sweep --resume: found points made again, expected them kept")
    with open(folder / plugin, "ab") as file:
        file.write(b"\0")
    run(sweep + " --resume", folder, environment)
    again = [report.stat().st_mtime_ns for report in sorted(folder.glob("sweep/points/*/report.json"))]
    if any(old == new for old, new in zip(made, again)):
        sys.exit("sweep --resume: found points kept, expected them made again with another plug-in")
    run("dojosim sweep sweep.json --out other", folder, environment, 3, ["two_way_ring", "expected one of"])


def main():
    parser = argparse.ArgumentParser()
    for name in ("prefix", "source", "folder", "flags"):
        parser.add_argument(f"--{name}", required=True)
    given = parser.parse_args()
    source, folder = Path(given.source), Path(given.folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    environment = dict(os.environ, CMAKE_PREFIX_PATH=given.prefix, CXXFLAGS=given.flags,
                       PATH=f"{given.prefix}/bin:{os.environ['PATH']}", DOJOSIM=f"{given.prefix}/share/dojosim")
    collective = tutorial("own_collective.md", "own_collective", 3, source, folder, environment)
    print("\n".join(collective))
    if "two_way_ring" not in collective[1] or "half of the parts" not in collective[1]:
        sys.exit("dojosim list plugins: found no two_way_ring")
    cycles = {words[0]: int(words[1]) for words in map(str.split, collective[2].splitlines()) if len(words) == 3}
    if not 0 < cycles["two_way_ring"] < 0.95 * cycles["ring"]:  # 0.86: both directions of most links
        sys.exit(f"own_program: found {cycles}, expected the ring both ways in less than 0.95 of one way")
    print("\n".join(tutorial("own_reader.md", "own_reader", 1, source, folder, environment)))
    steps = [step_of(folder / "own_reader" / out / "report.json") for out in ("out", "converted")]
    if steps[0] != steps[1] or steps[0] <= 0:
        sys.exit(f"own_reader: found steps of {steps}, expected the same from the file and from what it was converted to")
    wrong(folder, environment)
    sweeps(folder, environment)


if __name__ == "__main__":
    main()
