#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes calls of the C library fail under small runs of each command, one after the other, and looks at what comes out.

usage: tests/faults/walk.py --program build/release/src/cli/dojosim --library build/release/tests/libdojo_inject.so
                            [--sample N] [--case NAME...] [--group NAME...] [--depth 4] [--jobs N] [--repeat]

First each command runs with all its calls noted. Then it runs again for each call of a file and of a thread, and for
each place that takes memory, with that call failing: once, and with every later one. Reads and writes also do half of
what was asked, and are interrupted. --sample takes N of each kind, evenly spread.

Of many reads of one file after one another the first and the last few are walked. A place that takes memory is walked in
the first command that comes to it; --repeat walks it in each.

Right is: the exit code of the kind (5 for files, 6 for memory) or a result as without a fault; a message that names the
file; old results as they were, or all new; no temporary that the next start leaves. Exit code 1 when anything else was
found. docs/robustness.md has the rules and figures."""
import argparse
import collections
import concurrent.futures
import itertools
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import jobs  # noqa: E402

# group, how: which faults are walked
WALKS = [("file", "once"), ("file", "lasting"), ("file", "part"), ("file", "signal"), ("memory", "once"),
         ("memory", "lasting"), ("thread", "once"), ("thread", "lasting")]
RIGHT = {"file": {5}, "memory": {5, 6}, "thread": set()}
HARMLESS = {"part", "signal"}
ENDS_OF_READS = 3  # walked at each end of a file that is read in many pieces
MOVES = {"unlink", "remove", "unlinkat", "rmdir", "rename", "renameat2"}  # without which a temporary may stay


class Walk:
    def __init__(self, options, case, folder, walked):
        self.options, self.case, self.folder, self.walked = options, case, pathlib.Path(folder), walked
        self.reference = self.attempt({})

    def attempt(self, environment, again=False):
        with tempfile.TemporaryDirectory(dir=self.folder) as here:
            jobs.copy(self.case.template, here)
            before = jobs.tree(here)
            done = jobs.start(self.case.words(self.options.program), here, environment)
            after = jobs.tree(here)
            result = jobs.Result(done, before, after)
            if again:
                words = self.case.words(self.options.program) + self.case.resume
                result.second = jobs.Result(jobs.start(words, here), after, jobs.tree(here))
            return result

    def calls(self, group):
        """(number, function, path) of each call that may fail."""
        log = self.folder / f"{self.case.name}-{group}.calls"
        self.attempt(self.environment(group, "once", 0, log))
        lines = [line.split(" ", 3) for line in log.read_text().splitlines()] if log.exists() else []
        calls = [(int(number), function, path) for number, _, function, path in lines]
        if group == "file" or group == "thread":
            return without_middles(calls)
        if self.case.threads > 1:  # the order differs: no places, but numbers
            return [(n, "malloc", "-") for n in range(1, calls[-1][0] + 1, 37)]
        places = [place for _, place, _, _ in lines]
        new = [call for call, place in zip(calls, places) if self.options.repeat or place not in self.walked]
        self.walked.update(places)
        return new

    def environment(self, group, how, number, log):
        return {"LD_PRELOAD": str(self.options.library), "DOJO_FAULT_GROUP": group, "DOJO_FAULT_HOW": how,
                "DOJO_FAULT_AT": str(number), "DOJO_FAULT_LOG": str(log), "DOJO_FAULT_DEPTH": str(self.options.depth)}

    def fault(self, group, how, call):
        number = call[0]
        log = self.folder / f"{self.case.name}-{group}-{how}-{number}.log"
        result = self.attempt(self.environment(group, how, number, log), again=self.case.sweep)
        if not log.exists():
            return "not reached", []
        function, path = log.read_text().splitlines()[0].split(" ", 1)
        log.unlink()
        found = self.judge(group, how, number, function, path, result)
        if not found and result.temporaries and result.code is not None and not self.case.sweep:
            found = self.next_start(group, how, number)
        where = f"{self.case.name}: {group} {how} {number}: {function} {path}: exit {result.code}: "
        return result.code, [where + sentence + "\n    " + result.error.strip()[-300:] for sentence in found]

    def judge(self, group, how, number, function, path, result):
        found = []
        expected = {self.reference.code} if how in HARMLESS else RIGHT[group] | {self.reference.code}
        if result.code is None:
            return ["hangs"]
        if result.code not in expected:
            found.append(f"the exit code is none of {sorted(expected)}")
        if result.code == self.reference.code:
            found += self.case.complete(result, self.reference)
            # The first threads are those that the program counts; it does not count again.
            counted = group == "thread" and number < self.case.threads
            if counted and how == "lasting" and "threads" not in result.error:
                found.append("nothing is said of the threads")
        else:
            found += self.message(group, "/dev" if how == "lasting" else path, result) + self.case.untouched(
                result, self.reference, how == "lasting")
        new = [name for name in result.temporaries if name not in result.before]
        if new and how != "lasting" and function not in MOVES and "ended at once" not in result.error:
            found.append(f"left {new}")
        if self.case.sweep:
            found += jobs.same_table(result.second, self.reference)
        return found

    @staticmethod
    def message(group, path, result):
        if not result.error.strip():
            return ["there is no message"]
        if group == "memory":
            return [] if "memory" in result.error else ["the message does not speak of memory"]
        name = jobs.without_mark(os.path.basename(path.rstrip("/")))
        if path.startswith(("/proc", "/sys", "/dev")) or name in result.error:
            return []
        return [f"the message does not name {name}"]

    def next_start(self, group, how, number):
        """What was left has to go."""
        with tempfile.TemporaryDirectory(dir=self.folder) as here:
            jobs.copy(self.case.template, here)
            words = self.case.words(self.options.program)
            jobs.start(words, here, self.environment(group, how, number, "/dev/null"))
            result = jobs.Result(jobs.start(words, here), {}, jobs.tree(here))
            found = [f"the next start leaves {result.temporaries}"] if result.temporaries else []
            return found + ([] if result.code == self.reference.code else [f"the next start ends with {result.code}"])

    def streams(self):
        """Standard output and error that are full or closed."""
        found = []
        for name, redirect, right in (("stdout full", ">/dev/full", {5}), ("stdout closed", ">&-", {5}),
                                      ("stderr full", "2>/dev/full", {self.reference.code}),
                                      ("stderr closed", "2>&-", {self.reference.code})):
            with tempfile.TemporaryDirectory(dir=self.folder) as here:
                jobs.copy(self.case.template, here)
                words = ["sh", "-c", f'"$@" {redirect}', "sh"] + self.case.words(self.options.program)
                done = jobs.start(words, here)
                if done.returncode not in right and not (self.case.silent and done.returncode == self.reference.code):
                    found.append(f"{self.case.name}: {name}: exit {done.returncode}, expected {right}")
        return found


def without_middles(calls):
    """Without the middle of each row of many equal calls."""
    kept = []
    for _, row in itertools.groupby(calls, key=lambda call: call[1:]):
        row = list(row)
        kept += row if len(row) <= 2 * ENDS_OF_READS else row[:ENDS_OF_READS] + row[-ENDS_OF_READS:]
    return kept


def sampled(calls, wanted):
    if not wanted or len(calls) <= wanted:
        return calls
    return [calls[i * len(calls) // wanted] for i in range(wanted)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=os.path.abspath, required=True)
    parser.add_argument("--library", type=os.path.abspath, required=True)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--case", nargs="*")
    parser.add_argument("--group", nargs="*", default=["file", "memory", "thread"])
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--repeat", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    findings, total, walked = [], collections.Counter(), set()
    with tempfile.TemporaryDirectory(prefix="dojosim-faults-") as folder, \
            concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for case in jobs.cases(options.program, folder):
            if options.case and case.name not in options.case:
                continue
            walk = Walk(options, case, folder, walked)
            found = walk.streams()
            for group in options.group:
                calls = walk.calls(group)
                for how in [h for g, h in WALKS if g == group]:
                    some = calls if how not in HARMLESS else [c for c in calls if c[1] in ("read", "write")]
                    if case.threads > 1 and group == "file":
                        continue  # as with one thread
                    results = list(pool.map(lambda call: walk.fault(group, how, call), sampled(some, options.sample)))
                    codes = collections.Counter(str(code) for code, _ in results)
                    total.update({group: len(results) - codes["not reached"]})
                    found += [sentence for _, sentences in results for sentence in sentences]
                    print(f"{case.name:16} {group:7} {how:8} {len(results):6} faults; exit codes: "
                          + ", ".join(f"{code} x {count}" for code, count in sorted(codes.items())), flush=True)
            for sentence in found:
                print("FOUND " + sentence, flush=True)
            findings += found
    print(f"{sum(total.values())} faults injected: "
          + ", ".join(f"{count} {group}" for group, count in total.items()) + f"; {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
