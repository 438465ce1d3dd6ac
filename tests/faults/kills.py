#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills runs and sweeps at random times and looks at what they leave.

usage: tests/faults/kills.py --program build/release/src/cli/dojosim [--kills 200] [--seed 1] [--jobs N]

Half of the kills are of a run that replaces old results, half of a sweep of six points, or of a search with three rungs,
that is killed up to three times, also while it resumes. The signal is SIGKILL, SIGINT or SIGTERM; the time is drawn evenly over that of an undisturbed one.
Right is: every file of a result whole; after SIGINT and SIGTERM exit code 130 (0 or 1 when it had ended, the signal's own
before main() begins) and no temporary; no child that goes on; at the next start every temporary gone, and of a sweep with
--resume the same results.csv as without a kill. Exit code 1 when anything else was found."""
import argparse
import collections
import concurrent.futures
import itertools
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import jobs  # noqa: E402

SIGNALS = [signal.SIGKILL, signal.SIGINT, signal.SIGTERM]
MOST_IN_A_ROW = 3
CHILD_S = 10  # until a child that was told to end has ended


def killed(words, folder, seconds, sign):
    """The exit code of a program that gets a signal after some time, and whether it ran until then."""
    process = subprocess.Popen(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        return process.wait(seconds), False
    except subprocess.TimeoutExpired:
        process.send_signal(sign)
    try:
        return process.wait(jobs.TIMEOUT_S), True
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return None, True


def children_in(folder):
    """Processes that work in a folder."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / "cwd").startswith(str(folder)):
                found.append(entry.name)
        except OSError:
            pass
    return found


def wait_for_children(folder):
    ended = time.monotonic() + CHILD_S
    while children_in(folder) and time.monotonic() < ended:
        time.sleep(0.05)


def cut_off(folder):
    return [f"{name} is cut off" for name, content in jobs.tree(folder).items()
            if name.startswith("out") and not jobs.MARK.search(name) and not jobs.is_whole(name, content)]


def temporaries(folder):
    return [name for name in jobs.tree(folder) if jobs.MARK.search(name)]


class Kills:
    def __init__(self, program, folder):
        self.program, self.folder = program, pathlib.Path(folder)
        self.run_words = [program, "run", "base.json", "--threads", "2", "--out", "out"]
        self.sweep_words = [program, "sweep", "sweep.json", "--out", "out", "--jobs", "2"]
        self.run, self.sweep, self.search = self.folder / "run", self.folder / "sweep", self.folder / "search"
        for at in (self.run, self.sweep, self.search):
            jobs.inputs(at)
            trace = json.loads((at / "job.json").read_text())
            trace["graphs"][0]["ops"] += [{"id": i, "kind": "all_reduce", "bytes": 1 << 18, "deps": [i - 1]} for i in range(3, 60)]
            (at / "job.json").write_text(json.dumps(trace))
            sweep = dict(jobs.SWEEP, axes=[{"path": "machine.noc.hop_cycles", "values": [1, 2, 3, 4, 5, 6]}])
            if at == self.search:  # 6 + 3 + 2 runs
                sweep.update(mode="search", search={"goal": {"min": "time.cycles"}, "keep": 0.5, "rungs": [
                    {"run.network_model": "ideal"}, {"machine.noc.link_bytes_per_cycle": 32}]})
            (at / "sweep.json").write_text(json.dumps(sweep))
        jobs.good(self.run_words + ["--set", "machine.noc.hop_cycles=9"], self.run)
        self.times, self.tables = {}, {}
        for words, at in ((self.run_words, self.run), (self.sweep_words, self.sweep), (self.sweep_words, self.search)):
            with tempfile.TemporaryDirectory(dir=self.folder) as here:
                jobs.copy(at, here)
                began = time.monotonic()
                jobs.good(words, here)
                self.times[at] = time.monotonic() - began
                if at != self.run:
                    self.tables[at] = (pathlib.Path(here) / "out/results.csv").read_bytes()

    def after_kill(self, code, sign, here, right):
        found = cut_off(here)
        if code is None:
            found.append("hangs")
        elif code not in right | {-sign}:
            found.append(f"exit {code}, expected one of {sorted(right)}")
        if code not in (-signal.SIGKILL, None) and temporaries(here):
            found.append(f"left {temporaries(here)}")
        return found

    @staticmethod
    def old_or_new(before, after):
        same = [name for name in before if name.startswith("out") and after.get(name) == before[name]]
        changed = "out/report.json" not in same or "out/links.csv" not in same
        return [f"of the old results {same} stayed"] if changed and "out/report.json" in same else []

    def kill_run(self, draw):
        sign, seconds = draw.choice(SIGNALS), draw.uniform(0, self.times[self.run] * 1.05)
        with tempfile.TemporaryDirectory(dir=self.folder) as here:
            jobs.copy(self.run, here)
            before = jobs.tree(here)
            code, sent = killed(self.run_words, here, seconds, sign)
            found = self.after_kill(code, sign, here, {0, 130})
            if code == -sign and sign != signal.SIGKILL:  # before main() or behind its end
                found += self.old_or_new(before, jobs.tree(here))
            if code == 130 and not json.loads((pathlib.Path(here) / "out/report.json").read_text())["partial"]:
                found.append("exit 130 with a report that is not partial")
            done = jobs.start(self.run_words, here)
            found += self.after_kill(done.returncode, sign, here, {0})
        return ["run"] if sent else [], [str(code)] if sent else [], [f"run: {sign.name} after {seconds:.3f} s: {words}" for words in found]

    def kill_sweep(self, draw):
        kills, codes, signs, found = [], [], [], []
        which = draw.choice([self.sweep, self.search])
        with tempfile.TemporaryDirectory(dir=self.folder) as here:
            jobs.copy(which, here)
            for _ in range(draw.randint(1, MOST_IN_A_ROW)):
                sign, seconds = draw.choice(SIGNALS), draw.uniform(0, self.times[which] * 1.05)
                code, sent = killed(self.sweep_words + (["--resume"] if kills else []), here, seconds, sign)
                if sent:
                    kills.append("sweep")
                    codes.append(str(code))
                going_on = children_in(here) if code == 130 else []
                if signal.SIGKILL in signs:  # what an earlier kill left alone may still write its temporaries
                    wait_for_children(here)
                signs.append(sign)
                words = self.after_kill(code, sign, here, {0, 130})
                if going_on:
                    words.append(f"processes {going_on} go on")
                found += [f"{which.name}: {sign.name} after {seconds:.3f} s: {w}" for w in words]
            done = jobs.start(self.sweep_words + ["--resume"], here)
            words = self.after_kill(done.returncode, 0, here, {0})
            if (pathlib.Path(here) / "out/results.csv").read_bytes() != self.tables[which]:
                words.append("another results.csv: " + (pathlib.Path(here) / "out/results.csv").read_text())
            wait_for_children(here)
            if children_in(here):
                words.append(f"processes {children_in(here)} outlive the sweep")
            found += [f"{which.name}, resumed after kills with {codes}: {w}: {done.stderr.strip()[-300:]}" for w in words]
        return kills, codes, found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=os.path.abspath, required=True)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    count, codes, findings = collections.Counter(), collections.Counter(), []
    with tempfile.TemporaryDirectory(prefix="dojosim-kills-") as folder, \
            concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        kills = Kills(options.program, folder)
        for first in itertools.count(0, 4 * options.jobs):
            if sum(count.values()) >= options.kills:
                break
            draws = [random.Random(f"{options.seed} {first + i}") for i in range(4 * options.jobs)]
            each = [kills.kill_sweep if i % 3 == 0 else kills.kill_run for i in range(len(draws))]
            for what, ends, found in pool.map(lambda pair: pair[0](pair[1]), zip(each, draws)):
                count.update(what)
                codes.update(ends)
                findings += found
                for sentence in found:
                    print("FOUND " + sentence, flush=True)
            print(f"{sum(count.values())} of {options.kills} kills, {len(findings)} findings", flush=True)
    print(f"{count['run']} kills of runs, {count['sweep']} of sweeps (seed {options.seed}); ended with "
          + ", ".join(f"{code} x {number}" for code, number in sorted(codes.items())) + f"; {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
