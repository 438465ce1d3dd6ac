# SPDX-License-Identifier: Apache-2.0
"""Jobs of tools/model_accuracy that nobody chose: sizes, kinds, passes and slices drawn by a seed.

Sizes are drawn evenly by their logarithm, and not rounded. A job is drawn again when it is larger than the reference
takes about half a minute for."""
import math
import random

from model_jobs import PASSES, SLICES, Graph, Job, messages_on, on_grid, on_slice, settings, three_passes, trace
import model_kinds

MACS_A_DIE, ELEMENTS_A_DIE = 1 << 30, 1 << 23
KIB, MIB = 1 << 10, 1 << 20
ALGORITHMS = {"tree": ("all_reduce", "reduce", "broadcast", "reduce_scatter", "all_gather"),
              "mesh2d": ("all_reduce", "reduce_scatter", "all_gather"), "ring": ("all_reduce", "reduce_scatter", "all_gather"),
              "combs": ("all_reduce", "reduce_scatter", "all_gather"),
              "direct": ("all_to_all", "reduce_scatter", "all_gather", "broadcast")}
KINDS = ("convolution", "product", "batched product", "attention", "rows", "look-ups", "grouped convolution", "transposition")
WEIGHTS = (6, 5, 3, 2, 2, 1, 2, 1)


class Draw:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def size(self, least, most):
        return round(math.exp(self.random.uniform(math.log(least), math.log(most))))

    def one_of(self, *values):
        return self.random.choice(values)

    def place(self):
        """Half of the kernels are on a die."""
        return self.one_of("die", self.one_of(*list(SLICES)[1:]))


def dies(place):
    return SLICES[place][0] * SLICES[place][1]


def fits(place, macs, elements):
    return macs <= MACS_A_DIE * dies(place) and elements <= ELEMENTS_A_DIE * dies(place)


def product(draw, name, place, batched):
    count = draw.size(2, 48) if batched else 1
    m, n, k = (draw.size(1, 1024 if batched else 8192) for _ in range(3))
    if not fits(place, count * m * n * k, count * (m * n + n * k + k * m)) or count * m * n * k < 1 << 16:
        return None
    graph, which = Graph(), draw.one_of(*PASSES)
    second = "activation" if batched else "weight"
    three_passes(graph, "product", "matmul", which, {"batch": count, "m": m, "n": n, "k": k},
                 (count * m * k, count * k * n, count * m * n), ("activation", second, "activation"))
    return Job(f"{name}_{which.replace(' ', '_')}_{place}_{count}x{m}x{n}x{k}", "kernels",
               "random batched products" if batched else "random products", place, on_slice(place), trace(graph))


def convolution(draw, name, place):
    n, c, k = draw.size(1, 16) * dies(place), draw.size(3, 512), draw.size(8, 512)
    height, width, window, stride = draw.size(5, 64), draw.size(5, 64), draw.one_of(1, 3, 3, 5, 7), draw.one_of(1, 1, 2)
    pad = window // 2
    out_h, out_w = (height + 2 * pad - window) // stride + 1, (width + 2 * pad - window) // stride + 1
    sizes = (n * c * height * width, c * k * window ** 2, n * k * out_h * out_w)
    if not fits(place, sizes[2] * c * window ** 2, sum(sizes)):
        return None
    shape = {"n": n, "c": c, "h": height, "w": width, "k": k, "r": window, "s": window, "stride": stride, "pad": pad}
    graph, which = Graph(), draw.one_of(*PASSES)
    three_passes(graph, "conv", "conv", which, shape, sizes)
    return Job(f"{name}_{which.replace(' ', '_')}_{place}_n{n}_{c}x{height}x{width}_{k}r{window}s{stride}", "kernels",
               "random convolutions", place, on_slice(place), trace(graph))


def attention(draw, name, place):
    kv_heads = draw.size(1, 8)
    heads, batch = kv_heads * draw.one_of(1, 1, 2, 4), draw.size(1, 8) * dies(place)
    causal, size = draw.one_of(0, 1), draw.size(16, 128)
    queries = draw.size(16, 1024)
    keys = queries if causal else draw.size(16, 1024)
    if not fits(place, 4 * batch * heads * queries * keys * size, batch * size * (2 * heads * queries + 2 * kv_heads * keys)):
        return None
    kind = draw.one_of("attention", "attention_grad")
    return model_kinds.attention(name, kind, place, (batch, heads, kv_heads, queries, keys, size, causal, draw.one_of(0, 0, 1)))


def rows(draw, name, place):
    count, channels = draw.size(8, 32768), draw.size(32, 8192)
    if not fits(place, 0, 2 * count * channels):
        return None
    kind = draw.one_of(*model_kinds.ROW_KINDS)
    return model_kinds.one(f"{name}_{kind}_{count}x{channels}", "norms and softmax of rows", place, kind, count * channels,
                           count * channels, elements=count * channels, channels=channels)


def lookups(draw, name, place):
    count, width, pooled = draw.size(32, 8192), draw.size(32, 2048), draw.one_of(1, 1, 8, 32)
    count = max(1, count // pooled) * pooled
    if not fits(place, 0, 2 * count * width):
        return None
    kind = draw.one_of(*model_kinds.LOOKUP_KINDS)
    body = {"lookups": count, "width": width, "pooled": pooled, "distinct_percent": draw.size(20, 100)}
    return model_kinds.one(f"{name}_{kind}_{count}x{width}", "look-ups", place, kind, count * width, count * width // pooled,
                           lookup=body)


def grouped(draw, name, place):
    groups, transposed = draw.one_of((1, 1), (2, 0), (8, 0), (32, 0), (0, 0))
    each = draw.size(1, 64)
    c = draw.size(16, 256) if groups == 0 else groups * each
    k = c if groups == 0 else groups * draw.size(1, 64)
    size, n = draw.size(5, 56), draw.size(1, 8) * dies(place)
    window, stride = (2, 2) if transposed else (draw.one_of(1, 3, 5), draw.one_of(1, 1, 2))
    if not fits(place, n * k * size ** 2 * (c // (groups or c)) * window ** 2, 4 * n * size ** 2 * (c + k)):
        return None
    kind = draw.one_of("conv", "conv_input_grad", "conv_weight_grad")
    return model_kinds.convolution(name, kind, place, (n, c, size, k, window, stride, groups or c, transposed))


def transposition(draw, name, place):
    count, columns = draw.size(32, 8192), draw.size(32, 8192)
    if not fits(place, 0, 2 * count * columns):
        return None
    size = count * columns
    return model_kinds.one(f"{name}_{count}x{columns}", "transpositions", place, "transpose", size, size, elements=size)


def kernel(draw, number):
    kind, place = draw.random.choices(KINDS, WEIGHTS)[0], draw.place()
    name = f"random_{number}_{kind.replace(' ', '_')}"
    makers = {"convolution": convolution, "attention": attention, "rows": rows, "look-ups": lookups,
              "grouped convolution": grouped, "transposition": transposition}
    if kind in makers:
        return makers[kind](draw, name, place)
    return product(draw, name, place, kind.startswith("batched"))


def collective(draw, number):
    grid = (draw.size(1, 5), draw.size(1, 5))
    members = grid[0] * grid[1]
    if members < 2:
        return None
    place = f"{grid[0]}x{grid[1]}"
    if draw.one_of(0, 0, 0, 1):
        mean, share = draw.size(64, 256 * KIB), draw.random.uniform(0.1, 1)
        sizes = {(a, b): 64 * draw.size(1, max(2, mean // 32)) for a in range(members) for b in range(members)
                 if a != b and draw.random.random() < share}
        busy = {rank for pair in sizes for rank in pair}  # a rank without work is refused
        return messages_on(f"random_{number}_messages_{place}", grid, place, sizes) if len(busy) == members else None
    algorithm = draw.one_of(*ALGORITHMS)
    if algorithm in ("mesh2d", "combs") and min(grid) < 2:
        return None
    kind, size = draw.one_of(*ALGORITHMS[algorithm]), draw.size(KIB, 16 * MIB)
    own = max(64, size // members) if kind == "all_gather" else size
    words = on_grid(grid) + ("--workload", "configs/workloads/allreduce_64mib.json") + settings(
        f"workload.generate.model={kind}", f"workload.generate.bytes={own}", f"workload.collective_algorithm={algorithm}")
    return Job(f"random_{number}_{kind}_{algorithm}_{place}_{size}B", "collectives", f"random, {algorithm}", place, words, None)


def jobs(number, seed):
    """As many jobs as asked for: seven kernels, then three collectives or messages, and so on."""
    draw, found = Draw(seed), []
    while len(found) < number:
        job = (kernel if len(found) % 10 < 7 else collective)(draw, len(found))
        if job:
            found.append(job)
    return found
