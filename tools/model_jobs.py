# SPDX-License-Identifier: Apache-2.0
"""The jobs of tools/model_accuracy: kernels, collectives, messages and training steps, each with its group."""
import hashlib
import json
import typing

# Rows and columns of the dies that one rank's slice covers; a die alone is a machine of its own.
SLICES = {"die": (1, 1), "1x2": (1, 2), "2x2": (2, 2), "2x3": (2, 3), "3x3": (3, 3), "5x5": (5, 5)}
MEMBERS = {4: (2, 2), 8: (2, 4), 9: (3, 3), 25: (5, 5)}  # dies of a collective, a rank each
PLACES = [*SLICES, *(f"{members} dies" for members in MEMBERS)]
BATCHES = (1, 2, 4, 7, 8, 16)
PASSES = {"forward": "", "input gradient": "_input_grad", "weight gradient": "_weight_grad"}
GPT_WIDTH, GPT_HEADS = 768, 12  # GPT-2 small
KIB, MIB = 1 << 10, 1 << 20


class Job(typing.NamedTuple):
    name: str
    kind: str                   # kernels, collectives or steps: whose bounds hold
    group: str
    place: str                  # the dies, as the tables say them
    words: tuple                # options of `dojosim run` that say the job
    trace: typing.Optional[dict]  # a workload that has to be written first
    heavy: bool = False         # over a minute in the reference

    def order(self):
        """A fixed shuffle: what is done when a run is stopped is a fair sample."""
        return hashlib.sha256(self.name.encode()).hexdigest()


def settings(*values):
    return tuple(word for value in values for word in ("--set", value))


def on_slice(place):
    """Options for one rank on a slice of a tile."""
    if place == "die":
        return ("--machine", "configs/machines/die.json")
    rows, columns = SLICES[place]
    unit = json.dumps({"unit": "die", "rows": rows, "columns": columns}, separators=(",", ":"))
    return ("--machine", "configs/machines/tile.json") + settings(f"workload.rank_unit={unit}", "workload.ranks=1")


def on_grid(grid):
    """Options for a rank on each die of a small tile with these rows and columns of dies."""
    rows, columns = grid
    small = () if grid == (5, 5) else settings(f"machine.tile.dies.rows={rows}", f"machine.tile.dies.columns={columns}")
    return ("--machine", "configs/machines/tile.json") + small


def on_members(members):
    return on_grid(MEMBERS[members])


class Graph:
    """A graph in the project's own trace format. An operation waits for those that wrote its inputs."""

    def __init__(self):
        self.tensors, self.ops, self.writer = {}, [], {}

    def tensor(self, name, elements, role, size=2):
        self.tensors.setdefault(name, {"name": name, "bytes": elements * size, "role": role})
        return name

    def op(self, name, kind, inputs=(), outputs=(), **keys):
        deps = sorted({self.writer[tensor] for tensor in inputs if tensor in self.writer})
        self.ops.append({"id": len(self.ops), "name": name, "kind": kind, "deps": deps, "inputs": list(inputs),
                         "outputs": list(outputs), **keys})
        self.writer.update({tensor: len(self.ops) - 1 for tensor in outputs})

    def body(self, batch=1):
        return {"batch": batch, "tensors": list(self.tensors.values()), "ops": self.ops}


def trace(graph, ranks=1):
    return {"format": "dojo.trace/1", "ranks": [{"graph": 0, "ranks": ranks}], "graphs": [graph.body()]}


def three_passes(graph, name, kind, which, shape, sizes, roles=("activation", "weight", "activation")):
    """One pass of a layer with operands x and w and result y."""
    x, w, y = (graph.tensor(f"{name}.{t}", size, role) for t, size, role in zip("xwy", sizes, roles))
    if which == "forward":
        inputs, output = (x, w), y
    elif which == "input gradient":
        inputs, output = (y, w), x
    else:
        role = "gradient" if roles[1] == "weight" else "activation"
        inputs, output = (y, x), graph.tensor(f"{name}.w.grad", sizes[1], role)
    phase = "forward" if which == "forward" else "backward"
    graph.op(name, kind + PASSES[which], inputs, (output,), phase=phase, **{kind: shape})
    used = set(inputs) | {output}
    graph.tensors = {key: value for key, value in graph.tensors.items() if key in used}


def resnet50_layers():
    """(channels, size, filters, window, stride) of each distinct convolution."""
    layers, channels = [(3, 224, 64, 7, 2)], 64
    for stage in range(4):
        width, size, stride = 64 << stage, (56, 56, 28, 14)[stage], 1 if stage == 0 else 2
        half = size // stride
        layers += [(channels, size, width, 1, 1), (width, size, width, 3, stride), (width, half, 4 * width, 1, 1),
                   (channels, size, 4 * width, 1, stride)]
        channels = 4 * width
        layers += [(channels, half, width, 1, 1), (width, half, width, 3, 1)]
    return list(dict.fromkeys(layers))


def convolution(which, place, batch, layer):
    channels, size, filters, window, stride = layer
    pad, out = window // 2, (size + 2 * (window // 2) - window) // stride + 1
    shape = {"n": batch, "c": channels, "h": size, "w": size, "k": filters, "r": window, "s": window,
             "stride": stride, "pad": pad}
    sizes = (batch * channels * size ** 2, channels * filters * window ** 2, batch * filters * out ** 2)
    graph = Graph()
    three_passes(graph, "conv", "conv", which, shape, sizes)
    name = f"conv_{which.replace(' ', '_')}_{place}_n{batch}_{channels}x{size}_{filters}r{window}s{stride}"
    return Job(name, "kernels", f"convolutions, {which}", place, on_slice(place), trace(graph))


def convolutions():
    """On a die each layer forward with each batch, its gradients with every other; on each slice one pass a layer, with
    1 to 8 images a die."""
    layers = resnet50_layers()
    for i, layer in enumerate(layers):
        for j, batch in enumerate(BATCHES):
            yield convolution("forward", "die", batch, layer)
            if layer[0] != 3 and (i + j) % 2 == 0:
                yield convolution("input gradient", "die", batch, layer)
            if (i + j) % 2 == 1:
                yield convolution("weight gradient", "die", batch, layer)
        for j, place in enumerate(list(SLICES)[1:]):
            which = list(PASSES)[(i + j) % 3]
            if layer[0] != 3 or which != "input gradient":
                dies = SLICES[place][0] * SLICES[place][1]
                yield convolution(which, place, dies * BATCHES[(i + 2 * j) % 5], layer)


def gpt_products(sequence):
    """name: (products in a batch, m, n, k) of a block's layers."""
    w, head = GPT_WIDTH, GPT_WIDTH // GPT_HEADS
    return {"qkv": (1, sequence, 3 * w, w), "scores": (GPT_HEADS, sequence, sequence, head),
            "context": (GPT_HEADS, sequence, head, sequence), "projection": (1, sequence, w, w),
            "up": (1, sequence, 4 * w, w), "down": (1, sequence, w, 4 * w)}


def gpt_layer(graph, name, which, product):
    count, m, n, k = product
    second = "activation" if name.endswith(("scores", "context")) else "weight"
    shape = {"batch": count, "m": m, "n": n, "k": k}
    sizes = (count * m * k, count * k * n, count * m * n)
    three_passes(graph, name, "matmul", which, shape, sizes, ("activation", second, "activation"))


def gpt_layers():
    sequences = (128, 256, 512, 1024, 2048)
    for i, layer in enumerate(gpt_products(0)):
        for j, sequence in enumerate(sequences):
            for k, which in enumerate(PASSES):
                places = ["die"] + (["1x2", "2x2", "3x3"][k:k + 1] if (i + j) % 2 == 0 else [])
                for place in places:
                    graph = Graph()
                    gpt_layer(graph, layer, which, gpt_products(sequence)[layer])
                    name = f"gpt_{layer}_{which.replace(' ', '_')}_{place}_s{sequence}"
                    yield Job(name, "kernels", "GPT block layers", place, on_slice(place), trace(graph))


PRODUCTS = {
    "square": [(256, 256, 256), (512, 512, 512), (1024, 1024, 1024), (1536, 1536, 1536), (2048, 2048, 2048)],
    "skinny": [(4, 4096, 4096), (64, 4096, 2048), (4096, 32, 2048), (4096, 2048, 64), (16384, 256, 128)],
    "ragged": [(1000, 1000, 1000), (300, 700, 1100), (1540, 2050, 130), (6250, 250, 90), (2052, 500, 3000)],
    "prime": [(251, 257, 263), (1021, 1031, 1033), (61, 2039, 1021), (2053, 127, 499), (509, 1999, 67)],
}
LARGER_PRODUCTS = {  # on several dies: the smaller ones would run on a part of them
    "square": [(1024, 1024, 1024), (1280, 1280, 1280), (1536, 1536, 1536), (2048, 2048, 2048), (2560, 2560, 2560)],
    "skinny": [(64, 8192, 4096), (32768, 128, 256), (8192, 64, 4096), (8192, 4096, 64), (256, 4096, 2048)],
    "ragged": [(3000, 1000, 2000), (6250, 1000, 390), (1540, 3050, 1300), (12500, 510, 190), (2052, 1500, 3000)],
    "prime": [(2053, 1021, 2069), (4099, 1031, 509), (1021, 4093, 257), (8191, 509, 131), (3001, 2003, 997)],
}


def products():
    for shape in PRODUCTS:
        for place in SLICES:
            for m, n, k in (PRODUCTS if place == "die" else LARGER_PRODUCTS)[shape]:
                words = on_slice(place) + ("--workload", "configs/workloads/matmul_4096.json") + settings(
                    f"workload.generate.m={m}", f"workload.generate.n={n}", f"workload.generate.k={k}")
                yield Job(f"product_{shape}_{place}_{m}x{n}x{k}", "kernels", f"products, {shape}", place, words, None)


SIZES = (4 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB, 16 * MIB)
COLLECTIVES = {
    "tree": ("all_reduce", "reduce", "broadcast", "reduce_scatter", "all_gather"),
    "mesh2d": ("all_reduce", "reduce_scatter", "all_gather"),
    "ring": ("all_reduce", "reduce_scatter", "all_gather"),
    "direct": ("all_to_all", "reduce_scatter", "all_gather", "broadcast"),
    "combs": ("all_reduce", "reduce_scatter", "all_gather", "broadcast", "reduce"),
}


def collectives():
    """All-reduces and all-to-alls at each size, the others at every third; sizes are those of the whole vector."""
    for algorithm, kinds in COLLECTIVES.items():
        for i, kind in enumerate(kinds):
            for j, members in enumerate(MEMBERS):
                for k, size in enumerate(SIZES):
                    if i > 0 and (i + j + k) % 3 != 0:
                        continue
                    own = size // members if kind == "all_gather" else size
                    words = on_members(members) + ("--workload", "configs/workloads/allreduce_64mib.json") + settings(
                        f"workload.generate.model={kind}", f"workload.generate.bytes={own}",
                        f"workload.collective_algorithm={algorithm}")
                    yield Job(f"{kind}_{algorithm}_{members}_{size // KIB}KiB", "collectives", f"collectives, {algorithm}",
                              f"{members} dies", words, None)


def beside_a_product():
    for members in MEMBERS:
        for algorithm in ("tree", "mesh2d"):
            for size in (64 * KIB, MIB, 4 * MIB):
                graph = Graph()
                gpt_layer(graph, "product", "forward", (1, 512, 1024, 1024))
                graph.tensor("g", size // 2, "gradient")
                graph.op("sum", "all_reduce", ("g",), ("g",), bytes=size, algorithm=algorithm)
                yield Job(f"beside_{algorithm}_{members}_{size // KIB}KiB", "collectives", "collectives beside a product",
                          f"{members} dies", on_members(members), trace(graph, members))


def messages(name, members, sizes):
    return messages_on(name, MEMBERS[members], f"{members} dies", sizes)


def messages_on(name, grid, place, sizes):
    """A trace of one graph a rank; sizes is {(from, to): bytes}."""
    graphs, members = [], grid[0] * grid[1]
    for rank in range(members):
        graph = Graph()
        for (a, b), size in sizes.items():
            if a == rank:
                graph.op(f"to {b}", "send", bytes=size, peer=b)
            if b == rank:
                graph.op(f"from {a}", "recv", bytes=size, peer=a)
        graphs.append(graph.body())
    whole = {"format": "dojo.trace/1", "ranks": [{"graph": rank, "ranks": 1} for rank in range(members)], "graphs": graphs}
    return Job(name, "collectives", "halo exchange and scatter", place, on_grid(grid), whole)


def halos_and_scatters():
    """Each die to its neighbours; each die a share that is made up, and uneven, to every other one."""
    for members, (rows, columns) in MEMBERS.items():
        sites = [divmod(rank, columns) for rank in range(members)]
        near = [(a, b) for a in range(members) for b in range(members)
                if abs(sites[a][0] - sites[b][0]) + abs(sites[a][1] - sites[b][1]) == 1]
        for size in (4 * KIB, 64 * KIB, MIB):
            yield messages(f"halo_{members}_{size // KIB}KiB", members, {pair: size for pair in near})
        for mean in (KIB, 16 * KIB, 128 * KIB):
            shares = {(a, b): 64 + (2 * mean * ((37 * a + 101 * b + 11 * a * b) % 97)) // 97 // 64 * 64
                      for a in range(members) for b in range(members) if a != b}
            yield messages(f"scatter_{members}_{mean // KIB}KiB", members, shares)


def gpt_step(sequence):
    """Forward, backward and update of a block; the normalisations and softmax as vector work, a residual as an addition."""
    graph, layers, width = Graph(), gpt_products(sequence), GPT_WIDTH
    wide = {"softmax": GPT_HEADS * sequence ** 2, "gelu": 4 * sequence * width}
    forward = ("norm1", "qkv", "scores", "softmax", "context", "projection", "add1", "norm2", "up", "gelu", "down", "add2")
    last = graph.tensor("samples", sequence * width, "input")
    weights, inputs = {}, {}
    for name in forward:
        inputs[name] = last
        if name in layers:
            count, m, n, k = layers[name]
            size, role = count * m * n, "activation"
            weights[name] = last if name in ("scores", "context") else graph.tensor(f"{name}.w", k * n, "weight")
            out = graph.tensor(f"{name}.y", size, role)
            graph.op(name, "matmul", tuple(dict.fromkeys((last, weights[name]))), (out,), phase="forward",
                     matmul={"batch": count, "m": m, "n": n, "k": k})
        else:
            size = wide.get(name, sequence * width)
            out = graph.tensor(f"{name}.y", size, "activation")
            graph.op(name, "elementwise", (last,), (out,), phase="forward", elements=size, vector_flops_per_element=8)
        last = out
    for name in reversed(forward):
        entry = inputs[name]
        size = graph.tensors[entry]["bytes"] // 2
        out = graph.tensor(f"{name}.dx", size, "activation")
        if name not in layers:
            graph.op(f"{name}.grad", "elementwise", (last, entry), (out,), phase="backward", elements=size,
                     vector_flops_per_element=12)
        else:
            count, m, n, k = layers[name]
            shape = {"batch": count, "m": m, "n": n, "k": k}
            trained = weights[name] != entry
            grad = graph.tensor(f"{name}.w.grad", count * k * n, "gradient" if trained else "activation")
            graph.op(f"{name}.input_grad", "matmul_input_grad", (last, weights[name]), (out,), phase="backward", matmul=shape)
            graph.op(f"{name}.weight_grad", "matmul_weight_grad", (last, entry), (grad,), phase="backward", matmul=shape)
            if trained:
                graph.op(f"{name}.update", "optimizer", (grad, weights[name]), (weights[name],), phase="update",
                         elements=k * n, vector_flops_per_element=4)
        last = out
    return trace(graph)


def steps():
    resnet = ("--workload", "configs/workloads/resnet50.json")
    for place, batches in {"die": (1, 2, 4, 7, 8), "2x2": (1, 4)}.items():
        for batch in batches:
            words = on_slice(place) + resnet + settings(f"workload.generate.batch={batch}")
            yield Job(f"resnet50_{place}_b{batch}", "steps", "ResNet-50 steps", place, words, None)
    for batch in (1, 2, 4, 7, 8):
        words = on_members(25) + resnet + settings(f"workload.generate.batch={batch}")
        yield Job(f"resnet50_25dies_b{batch}", "steps", "ResNet-50 steps", "25 dies", words, None, True)
    for place in ("die", "2x2"):
        for sequence in (128, 256, 512, 1024):
            yield Job(f"gpt_step_{place}_s{sequence}", "steps", "GPT block steps", place, on_slice(place), gpt_step(sequence))


def jobs():
    """All of them, in the order of the page."""
    found = [*convolutions(), *gpt_layers(), *products(), *collectives(), *beside_a_product(), *halos_and_scatters(), *steps()]
    assert len({job.name for job in found}) == len(found)
    return found
