# SPDX-License-Identifier: Apache-2.0
"""Jobs of tools/model_accuracy with the kinds of transformers, diffusion and recommendation, and steps of their networks."""
from model_jobs import Graph, Job, on_members, on_slice, settings, trace

PLACES = ("die", "1x2", "2x2", "2x3", "3x3", "5x5")
ATTENTION = {  # batch, heads, heads of keys, queries, keys, size of a head, causal, scores
    "gpt_s512": (1, 12, 12, 512, 512, 64, 1, 0), "gpt_s1024": (1, 12, 12, 1024, 1024, 64, 1, 0),
    "gpt_explicit_s256": (2, 12, 12, 256, 256, 64, 1, 1), "bert_s128": (8, 12, 12, 128, 128, 64, 0, 0),
    "grouped_s512": (1, 32, 8, 512, 512, 128, 1, 0), "cross": (4, 8, 8, 256, 77, 40, 0, 0),
    "vit_s197": (4, 12, 12, 197, 197, 64, 0, 0), "prime": (3, 7, 7, 251, 509, 61, 0, 0)}
ROWS = {  # rows, elements of a row
    "gpt": (1024, 768), "wide": (128, 8192), "narrow": (16384, 64), "prime": (1021, 509), "few": (17, 4096)}
ROW_KINDS = ("layer_norm", "layer_norm_grad", "rms_norm", "rms_norm_grad", "softmax", "softmax_grad")
LOOKUPS = {  # look-ups, width, pooled, share of distinct rows in per cent
    "tokens": (1024, 768, 1, 60), "pooled": (8192, 64, 32, 90), "few": (64, 2048, 1, 100), "prime": (1021, 509, 1, 37)}
LOOKUP_KINDS = ("embedding", "embedding_grad", "gather", "scatter", "dispatch", "combine")
GROUPED = {  # images, channels, size, filters, window, stride, groups, transposed
    "depthwise": (4, 128, 28, 128, 3, 1, 128, 0), "groups_32": (4, 256, 28, 256, 3, 1, 32, 0),
    "transposed": (4, 128, 28, 64, 2, 2, 1, 1), "two_groups": (2, 96, 27, 256, 5, 1, 2, 0)}
NETWORKS = {
    "gpt_flash": ("gpt", "sequence=1024"), "gpt_explicit": ("gpt", "sequence=512", "attention=explicit"),
    "llama": ("llama", "size=7B", "hidden=1024", "heads=16", "kv_heads=4", "feed_forward=2816", "sequence=512"),
    "bert": ("bert", "size=large", "sequence=128", "batch=4"), "vit": ("vit", "size=B/16", "batch=2"),
    "moe": ("moe", "size=8x7B", "hidden=512", "heads=8", "kv_heads=8", "feed_forward=1024", "sequence=256", "experts=4")}
FOUR_RANKS = {"tensor_4": ("tensor=4",), "tensor_4_sequence": ("tensor=4", "sequence_parallel=true"),
              "data_4": (), "pipeline_2": ("pipeline=2", "microbatches=4", "batch=4", "layers=2")}


def one(name, group, place, kind, x, y, w=0, **keys):
    """An operation with an input of x elements, an output of y, and w of parameters or state."""
    graph = Graph()
    inputs = [graph.tensor("x", x, "activation")]
    if w:
        inputs.append(graph.tensor("w", w, "weight"))
    output = graph.tensor("y", y, "activation")
    graph.op(name, kind, inputs, (output,), phase="backward" if "_grad" in kind else "forward", **keys)
    return Job(f"{name}_{place}", "kernels", group, place, on_slice(place), trace(graph))


def attention(name, kind, place, shape):
    batch, heads, kv_heads, queries, keys, size, causal, scores = shape
    body = {"batch": batch, "heads": heads, "kv_heads": kv_heads, "queries": queries, "keys": keys, "head_size": size,
            "causal": causal, "scores": scores}
    rows = batch * queries * heads * size
    whole = rows + 2 * batch * keys * kv_heads * size
    gradient = kind == "attention_grad"
    return one(f"{kind}_{name}", "attention", place, kind, whole + (rows if gradient else 0), whole if gradient else rows,
               attention=body)


def convolution(name, kind, place, shape):
    n, c, size, k, window, stride, groups, transposed = shape
    pad = 0 if transposed else window // 2
    out = (size - 1) * stride + window if transposed else (size + 2 * pad - window) // stride + 1
    body = {"n": n, "c": c, "h": size, "w": size, "k": k, "r": window, "s": window, "stride": stride, "pad": pad,
            "groups": groups, "transposed": transposed}
    x, y, w = n * c * size ** 2, n * k * out ** 2, c * k * window ** 2 // groups
    if kind == "conv_input_grad":
        return one(f"{kind}_{name}", "grouped and transposed convolutions", place, kind, y, x, w, conv=body)
    if kind == "conv_weight_grad":
        return one(f"{kind}_{name}", "grouped and transposed convolutions", place, kind, x + y, w, conv=body)
    return one(f"{kind}_{name}", "grouped and transposed convolutions", place, kind, x, y, w, conv=body)


def kernels():
    """Each shape on a die, and each kind of it on one or two of the slices."""
    for i, (name, shape) in enumerate(ATTENTION.items()):
        for j, kind in enumerate(("attention", "attention_grad")):
            for place in ("die", PLACES[1 + (2 * i + j) % 5]):
                yield attention(name, kind, place, shape)
    for i, (name, (rows, channels)) in enumerate(ROWS.items()):
        for j, kind in enumerate(ROW_KINDS):
            for place in ("die", PLACES[1 + (i + j) % 5])[:1 + (i + j) % 2]:
                yield one(f"{kind}_{name}", "norms and softmax of rows", place, kind, rows * channels, rows * channels,
                          elements=rows * channels, channels=channels)
    for i, (name, (lookups, width, pooled, distinct)) in enumerate(LOOKUPS.items()):
        for j, kind in enumerate(LOOKUP_KINDS):
            rows = lookups * width
            for place in ("die", PLACES[1 + (i + j) % 5])[:1 + (i + j) % 2]:
                body = {"lookups": lookups, "width": width, "pooled": pooled, "distinct_percent": distinct}
                yield one(f"{kind}_{name}", "look-ups", place, kind, rows, rows // pooled, lookup=body)
    for i, (name, shape) in enumerate(GROUPED.items()):
        for j, kind in enumerate(("conv", "conv_input_grad", "conv_weight_grad")):
            for place in ("die", PLACES[1 + (i + j) % 5]):
                yield convolution(name, kind, place, shape)
    for i, (rows, columns) in enumerate(((1024, 768), (4096, 64), (509, 1021))):
        for place in ("die", PLACES[1 + i]):
            size = rows * columns
            yield one(f"transpose_{rows}x{columns}", "transpositions", place, "transpose", size, size, elements=size)


def steps():
    """A block of each network on a die and on 2x2 dies; of a GPT with four ranks on a die each, by strategy."""
    base = ("--workload", "configs/workloads/gpt_layer.json")
    for name, (model, *more) in NETWORKS.items():
        for place in ("die", "2x2"):
            words = [f"workload.generate.{word}" for word in (f"model={model}", "layers=1", "vocabulary=256", "batch=1", *more)]
            yield Job(f"{name}_step_{place}", "steps", "steps of other networks", place, on_slice(place) + base + settings(*words),
                      None)
    for name, more in FOUR_RANKS.items():
        words = [f"workload.generate.{word}" for word in ("model=gpt", "layers=1", "vocabulary=256", "batch=1", "sequence=512",
                                                          *more)]
        ranks = 2 if "pipeline=2" in more else 4
        grid = on_members(4) + base + settings("workload.rank_unit=die", f"workload.ranks={ranks}", *words)
        yield Job(f"gpt_{name}", "steps", "steps of other networks", "4 dies", grid, None)
