#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the commands of docs/own_core.md against the installed package, outside of the tree, and tries wrong plug-ins."""
import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path


def run(command, folder, environment, code=0, says=()):
    done = subprocess.run(["bash", "-ec", command], cwd=folder, env=environment, capture_output=True, text=True)
    output = done.stdout + done.stderr
    if done.returncode != code or any(sentence not in output for sentence in says):
        sys.exit(f"{command}\nexit code {done.returncode}, expected {code} and {list(says)}\n{output}")
    return output


def main():
    parser = argparse.ArgumentParser()
    for name in ("prefix", "source", "folder", "flags"):
        parser.add_argument(f"--{name}", required=True)
    given = parser.parse_args()
    source, folder = Path(given.source), Path(given.folder)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source / "docs/examples/own_core", folder / "own_core")
    environment = dict(os.environ, CMAKE_PREFIX_PATH=given.prefix, CXXFLAGS=given.flags,
                       PATH=f"{given.prefix}/bin:{os.environ['PATH']}",
                       DOJOSIM=f"{given.prefix}/share/dojosim")
    text = (source / "docs/own_core.md").read_text()
    blocks = re.findall(r"^```sh shown\n(.*?)^```$", text, re.M | re.S)
    if len(blocks) < 3:
        sys.exit("docs/own_core.md: found fewer than three blocks of commands")
    for block in blocks:
        print(run(block, folder / "own_core", environment))
    wrong(folder, environment)
    broken(folder, environment)


BROKEN = r"""
#include <stdexcept>
#include <string>
#include "dojo/run/plugins.h"
using namespace dojo;
struct Late final : sc_core::sc_module {
  explicit Late(sc_core::sc_module_name name) : sc_module(name) {}
};
struct Broken final : core::NodeModel {
  explicit Broken(std::string how) : how_(std::move(how)) {}
  void start(const core::Step&, Cycles) override { done_ = false; }
  void signal(std::int32_t, Cycles) override {}
  Cycles run(Cycles now) override {
    if (how_ == "throws_int") throw 7;
    if (how_ == "throws") throw std::runtime_error("my own mistake");
    if (how_ == "notifies") event_.notify();
    if (how_ == "makes_modules") Late("late");
    return how_ == "sleeps" ? kNever : now + 1;
  }
  bool done() const override { return done_; }
  core::Counters counters() const override { return {}; }
  std::string how_;
  bool done_ = true;
  sc_core::sc_event event_;
};
DOJO_PLUGIN(plugins) {
  for (const char* how : {"throws_int", "throws", "notifies", "makes_modules", "sleeps"})
    plugins.add_core(how, [how](const core::NodeSite&) { return std::make_unique<Broken>(how); });
}
"""


def broken(folder, environment):
    """Cores that are loaded, and do what they must not."""
    (folder / "broken").mkdir()
    (folder / "broken/broken.cpp").write_text(BROKEN)
    (folder / "broken/CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\nproject(broken LANGUAGES CXX)\nfind_package(dojosim 0.1 REQUIRED)\n"
        "add_library(broken MODULE broken.cpp)\ntarget_link_libraries(broken PRIVATE dojo::plugin)\n"
        'set_target_properties(broken PROPERTIES PREFIX "")\n')
    run("cmake -S . -B build -G Ninja && cmake --build build", folder / "broken", environment)
    job = ("$DOJOSIM/configs/runs/matmul_die.json --set workload.generate.m=512 --set workload.generate.n=384 "
           "--set workload.generate.k=256 --set 'machine.detailed=[\"die.node[0]\"]' --plugin broken/build/broken.so")
    for how, code, sentence in [
            ("throws_int", 3, "found an exception of its own that is no std::exception"),
            ("throws", 3, "found an exception of its own (my own mistake)"),
            ("notifies", 3, "found a call of sc_event::notify()"),
            ("makes_modules", 3, "expected a core that makes its modules in its constructor"),
            ("sleeps", 4, "die.node[0]: its core has not ended a step")]:
        says = [sentence] if code == 4 else [f"the core '{how}' of die.node[0]: ", sentence]
        run(f"dojosim run {job} --set run.detailed_core={how}", folder, environment, code, says)


def wrong(folder, environment):
    """Plug-ins that are none, or add what cannot be added."""
    (folder / "text.so").write_text("not a shared object")
    (folder / "wrong.cpp").write_text(
        '#include <stdexcept>\n#include "dojo/run/plugins.h"\n'
        "#ifdef CASE_OTHER\n"
        'extern "C" int dojo_plugin_version() { return 999; }\n'
        'extern "C" void dojo_plugin(dojo::run::Plugins&) {}\n'
        "#elif !defined(CASE_NONE)\n"
        "DOJO_PLUGIN(plugins) {\n"
        "#ifdef CASE_TAKEN\n"
        '  plugins.add_core("pipeline", dojo::core::make_pipeline_node);\n'
        "#elif defined(CASE_EMPTY)\n"
        '  plugins.add_core("mine", {});\n'
        "#else\n"
        '  (void)plugins;\n  throw std::runtime_error("no licence");\n'
        "#endif\n}\n#endif\n")
    (folder / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\nproject(wrong LANGUAGES CXX)\nfind_package(dojosim 0.1 REQUIRED)\n"
        "foreach(name NONE OTHER TAKEN EMPTY THROWS)\n"
        "  add_library(${name} MODULE wrong.cpp)\n"
        "  target_link_libraries(${name} PRIVATE dojo::plugin)\n"
        "  target_compile_definitions(${name} PRIVATE CASE_${name})\n"
        '  set_target_properties(${name} PROPERTIES PREFIX "")\nendforeach()\n')
    run("cmake -S . -B build -G Ninja && cmake --build build", folder, environment)
    config = environment["DOJOSIM"] + "/configs/runs/matmul_die.json"
    cases = [
        ("missing.so", 5, "found no such file"),
        (".", 3, "no regular file"),
        ("text.so", 3, "cannot be loaded"),
        ("build/NONE.so", 3, "no function dojo_plugin_version"),
        ("build/OTHER.so", 3, "version 999 of the interface"),
        ("build/TAKEN.so", 3, "expected another name"),
        ("build/EMPTY.so", 3, "found no factory"),
        ("build/THROWS.so", 3, "no licence"),
    ]
    for file, code, sentence in cases:
        run(f"dojosim run {config} --plugin {file}", folder, environment, code, [sentence])
    core = "--set run.detailed_core=mine"
    run(f"dojosim run {config} {core}", folder, environment, 3, ["without nodes that have it"])
    run(f"dojosim run {config} {core} --set 'machine.detailed=[\"die.node[0]\"]'", folder, environment, 3,
        ["expected one of pipeline"])


if __name__ == "__main__":
    main()
