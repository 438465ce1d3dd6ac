# SPDX-License-Identifier: Apache-2.0
"""Finds the constants, comparisons and signs in C++ sources, and writes sources in which each can be changed at run time.

The sources are as clang-format leaves them: a binary operator has white space on both sides, a template's bracket has not.
tests/mutants/mutants.h has what is put in the operators' places. Nothing moves to another line.
"""
import dataclasses
import random
import re

# The formulas of time, by part: files, and where a file does more than that, the functions (None: all of them).
PLACES = {
    "node cost": {"src/node/kernel_cost.cpp": None, "src/node/pipeline_cost.cpp": None,
                  "src/node/attention_cost.cpp": None, "src/node/grouped_cost.cpp": None},
    "core pipeline": {
        "include/dojo/core/core.h": None, "include/dojo/core/pipeline.h": None,
        "include/dojo/core/pipeline_decode.h": None, "include/dojo/core/pipeline_issue.h": None,
        "include/dojo/core/scheduler.h": None, "include/dojo/core/sram.h": None,
    },
    "links": {
        "include/dojo/fabric/die_network.h": None, "src/fabric/die_network.cpp": None, "src/fabric/die_gather.cpp": None,
        "src/fabric/die_stripe.cpp": None, "include/dojo/fabric/ideal_die.h": None, "src/fabric/ideal_die.cpp": None,
        "include/dojo/fabric/port_times.h": None, "src/fabric/port_times.cpp": None,
    },
    "edges": {
        "include/dojo/fabric/edge.h": None, "include/dojo/fabric/edge_slots.h": None, "src/machine/network/border.h": None, "src/machine/network/border.cpp": None,
        "src/machine/network/burst_port.h": None, "src/machine/network/burst_port.cpp": None,
        "src/machine/network/burst_port_lanes.cpp": None, "src/machine/network/burst_port_ways.cpp": None, "src/machine/network/flit_port.cpp": None,
        "src/machine/network/send_queues.h": None,
        "src/topology/topology.cpp": "femtoseconds|up|cycles_from_ns|edge|level_between|lookahead_cycles",
    },
    "DIPs": {"include/dojo/fabric/ttpoe.h": None, "src/machine/dip_shard.cpp": None, "src/machine/zplane.h": None,
             "src/machine/zplane.cpp": None},
    "dies": {
        "src/machine/context.cpp": "split_over|shape_info|stripe_limit|configure_edge", "src/machine/die/adders.h": None, "src/machine/die/broken_lines.cpp": None, "src/machine/die/dataflow_runs.cpp": None,
        "src/machine/die/die_dataflows.cpp": None, "src/machine/die/gather_rounds.h": None,
        "src/machine/die/kernel_runs.cpp": None, "src/machine/die/line_gathers.cpp": None,
        "src/machine/die/line_senders.cpp": None,
        "src/machine/die/piece_gathers.cpp": None, "src/machine/die/reductions.cpp": None,
        "src/machine/die/sequencer.cpp": None,
    },
    "collectives": {
        "src/collectives/common.h": None, "src/collectives/costs.cpp": None, "src/collectives/bounds.cpp": None,
        "src/collectives/direct_load.cpp": None, "src/collectives/direct.cpp": "ends|choose_split|layout|model_seconds",
        "src/collectives/mesh2d.cpp": "choose_split|layout|model_seconds",
        "src/collectives/ring.cpp": "choose_split|layout|model_seconds",
        "src/collectives/ring_steps.cpp": "ring_cost|ring_cycles",
        "src/collectives/schedule.cpp": None, "src/collectives/schedule_links.cpp": None,
        "src/collectives/schedule_links.h": None,
        "src/collectives/tree_plan.cpp": "zplane_children|costs|model_cycles|fill_bytes|tree_layout",
        "src/collectives/zplane.cpp": "model_seconds",  # layout() tries a list of numbers, any of which may be another
    },
    "cost model of kernels": {
        "src/lower/candidate.cpp": "results|compute|times_of|step_cycles|score", "src/lower/delivery_load.cpp": None,
        "src/lower/product.cpp": "peak_cycles", "src/lower/reduction.cpp": "|tree_depth|choose_reduction",
        "src/lower/vector.cpp": "plan_vector|plan_shapeless", "src/lower/slice_grid.cpp": "measure_links",
    },
}
# Functions of those files that give no time: hints to the host, names of copied dies, drawn losses.
NOT_TIMED = re.compile("prefetch\\w*|copy|rename|draw_loss|events")
HEADER = "dojo/base/mutants.h"  # tests/mutants/mutants.h in the copy
OPERATORS = {"<": ("Less", "<="), "<=": ("LessEqual", "<"), ">": ("Greater", ">="), ">=": ("GreaterEqual", ">"),
             "==": ("Equal", "!="), "!=": ("Unequal", "=="), "+": ("Plus", "-"), "-": ("Minus", "+"),
             "+=": ("Add", "-="), "-=": ("Subtract", "+=")}
NO_CODE = re.compile(r"""//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])'|^[ \t]*\#(?:\\\n|[^\n])*""",
                     re.S | re.M)
# Checks and declarations that take part in no formula, up to the closing bracket.
NO_FORMULA = re.compile(r"\b(DOJO_CHECK|static_assert|field|__builtin_\w+|sizeof|std::get<\d+>|template )\s*[(<]")
TOKEN = re.compile(r"""(?<![\w.'<])(?P<number>\d[\d']*(?:\.\d*)?(?:e[+-]?\d+)?)(?P<suffix>[uUlLfF]*)(?![\w.'])
    |(?<=\s)(?P<operator><=|>=|==|!=|\+=|-=|<|>|\+|-)(?=\s)
    |(?<=[(\[{,=?:<>&|\s])(?P<negate>-)(?=[A-Za-z0-9_(])
    |std::(?P<choice>max|min)(?=[(<])""", re.X)
SCOPE = re.compile(r"\b(?:class|struct|union|enum|namespace)\b")
FUNCTION = re.compile(r"(?:([\w~]+)|operator\S+)\s*\(")
CONSTANT = re.compile(r"\b(static )?(inline )?constexpr (?=[\w:<>, ]+ \w+(?:\[\w*\])?(?: = |\{))")


@dataclasses.dataclass
class Mutant:
    """One change: characters begin to end of a file become `change`; `key` names it whatever stands elsewhere."""
    id: int
    part: str
    file: str
    line: int
    function: str
    begin: int
    end: int
    text: str
    change: str
    written: str
    key: tuple = ()
    declaration: int = None  # where the `constexpr` of its declaration begins

    def place(self):
        return f"{self.file}:{self.line}"

    def __str__(self):
        return f"{self.place()}: `{self.text}` becomes `{self.change}` in `{self.key[1]}`"


def blanked(text):
    """The text with comments, strings and directives as spaces, so that places stay."""
    blank = lambda match: re.sub(r"[^\n]", " ", match.group())  # noqa: E731
    return NO_CODE.sub(blank, text)


def closing(code, opening):
    """Behind the bracket that closes the one at `opening`."""
    pairs, depth = {"(": ")", "<": ">", "{": "}"}, 0
    for at in range(opening, len(code)):
        depth += (code[at] == code[opening]) - (code[at] == pairs[code[opening]])
        if depth == 0:
            return at + 1
    return len(code)


def without_checks(code):
    while match := NO_FORMULA.search(code):
        end = closing(code, match.end() - 1)
        code = code[:match.start()] + re.sub(r"[^\n]", " ", code[match.start():end]) + code[end:]
    return code


def scopes(code):
    """For each brace the scope behind it: (place, kind, name of the function), kind: space, type, enum or code."""
    stack, result, statement = [("space", "")], [(0, "space", "")], 0
    depth = 0  # of round brackets: their semicolons end no statement
    for at, character in enumerate(code):
        if character in "()":
            depth += 1 if character == "(" else -1
        elif character == "{":
            kind, name = stack[-1]
            head = code[statement:at]
            if kind != "code" and depth == 0:
                if SCOPE.search(head) and "(" not in head:
                    kind = "enum" if "enum" in head else "space" if "namespace" in head else "type"
                elif (found := FUNCTION.search(head)) and not re.search(r"[^=!<>]=\s*$", head):
                    kind, name = "code", found.group(1) or "operator"
            stack.append((kind, name))
            result.append((at + 1, *stack[-1]))
            statement = at + 1
        elif character == "}":
            stack.pop()
            result.append((at + 1, *stack[-1]))
            statement = at + 1
        elif character == ";" and depth == 0:
            statement = at + 1
        elif character == ":" and code[max(0, at - 7):at].strip() in ("public", "private", "ed"):
            statement = at + 1
    return result


def changed_number(number, suffix):
    plain = number.replace("'", "")
    if "." in plain or "e" in plain or suffix in ("f", "F"):
        return ("1.0" if float(plain) == 0 else f"({number}{suffix} * 1.25{suffix})") if float(plain) else "1.0" + suffix
    return f"{int(plain) + 1}{suffix}" if not plain.startswith("0") or plain == "0" else None


def change_of(match):
    """Kind, what the text becomes, and how that is written with the number of the mutant."""
    if match["number"]:
        text = match["number"] + match["suffix"]
        change = changed_number(match["number"], match["suffix"])
        return change and (text, change, f"(::dojo_mutants::on({{}}) ? {change} : {text})")
    if match["operator"]:
        name, other = OPERATORS[match["operator"]]
        return match["operator"], other, f"{match['operator']} ::dojo_mutants::{name}<{{}}>{{{{}}}} {match['operator']}"
    if match["negate"]:
        return "-", "", "::dojo_mutants::Negate<{}>{{}}->*"
    other = {"max": "min", "min": "max"}[match["choice"]]
    return "std::" + match["choice"], "std::" + other, f"::dojo_mutants::{match['choice'].title()}<{{}}>::of"


def find(part, file, text, functions, first_id):
    """All mutants of a file."""
    code = without_checks(blanked(text))
    marks, lines = scopes(code), text.split("\n")
    mark, found, same = 0, [], {}
    for match in TOKEN.finditer(code):
        while mark + 1 < len(marks) and marks[mark + 1][0] <= match.start():
            mark += 1
        _, kind, function = marks[mark]
        begin = max(code.rfind(c, 0, match.start()) for c in ";{}") + 1
        declared = next((d for d in CONSTANT.finditer(code, max(begin - 80, 0), match.start())
                         if ";" not in code[d.end():match.start()]), None)
        if kind != "code" and not declared:
            continue  # a member's first value, an enumerator: no formula
        if NOT_TIMED.fullmatch(function) or functions is not None and not re.fullmatch(functions, function):
            continue
        change = change_of(match)
        if change is None or code[match.end():].lstrip(" ").startswith(":") and "case " in code[begin:match.start()]:
            continue
        line = text.count("\n", 0, match.start()) + 1
        words = " ".join(lines[line - 1].split("//")[0].split())
        key = (file, words, f"{change[0]} to {change[1]}")
        same[key] = same.get(key, 0) + 1
        id = first_id + len(found)
        found.append(Mutant(id, part, file, line, function, match.start(), match.end(), change[0], change[1],
                            change[2].format(id), (*key, same[key]), declared.start() if declared else None))
    return found


def find_all(root):
    mutants = []
    for number, (part, file) in enumerate((p, f) for p, files in PLACES.items() for f in files):
        mutants += find(part, file, (root / file).read_text(), PLACES[part][file], 1 + 2000 * number)
    return mutants


def sample(mutants, count, seed):
    """About `count` of the mutants, drawn from each file by its share and at least one of each; in their order. What is
    drawn from a file depends on the seed and on that file's mutants alone."""
    by_file = {}
    for mutant in mutants:
        by_file.setdefault(mutant.file, []).append(mutant)
    drawn = set()
    for file, own in by_file.items():
        wanted = max(1, round(count * len(own) / len(mutants)))
        drawn.update(m.id for m in random.Random(f"{seed} {file}").sample(own, min(wanted, len(own))))
    return [m for m in mutants if m.id in drawn]


def written(text, mutants):
    """The text with these mutants. A constant that one of them changes gets its value when the program starts."""
    places = [(m.begin, m.end, m.written) for m in mutants]
    for begin in {m.declaration for m in mutants if m.declaration is not None}:
        head = CONSTANT.match(text, begin)
        static = "static inline " if head.group(1) and any(m.function == "" for m in mutants if m.declaration == begin) else ""
        places.append((begin, head.end(), static + "const "))
    for begin, end, new in sorted(places, reverse=True):
        text = text[:begin] + new + text[end:]
    return f'#include "{HEADER}"' + text[text.index("\n"):]  # instead of the licence's line
