#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes small valid files of every trace format, as first inputs of the fuzzers.

usage: tests/fuzz/make_corpus.py FOLDER      makes FOLDER/<format>/<number>
       tests/fuzz/make_corpus.py --formats   prints the names of the formats
"""
import json
import pathlib
import sys


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def block(field, payload):
    payload = payload.encode() if isinstance(payload, str) else payload
    return varint(field << 3 | 2) + varint(len(payload)) + payload


def chakra():
    def attribute(name, field, value):
        return block(10, block(1, name) + (block(field, value) if isinstance(value, str) else number(field, value)))

    def node(identity, kind, rest):
        body = number(1, identity) + block(2, f"n{identity}") + number(3, kind) + rest
        return varint(len(body)) + body
    head = block(1, "0.0.4") + block(2, block(1, "schema") + block(29, "1.0.1"))
    start = varint(len(head)) + head + node(1, 4, number(7, 5) + attribute("num_ops", 9, 640))
    end = node(4, 2, attribute("tensor_size", 11, 99)) + node(5, 1, block(8, block(1, "[]")))
    yield start + node(2, 7, number(5, 1) + attribute("comm_type", 9, 0) + attribute("comm_size", 13, 64) +
                       attribute("pg_name", 29, "0")) + end
    yield start + node(3, 5, number(4, 1) + attribute("comm_dst", 7, 1) + attribute("comm_size", 9, 8)) + end


def onnx():
    def info(name, sizes):
        dims = b"".join(block(1, number(1, size)) for size in sizes)
        return block(1, name) + block(2, block(1, number(1, 1) + block(2, dims)))

    def weight(name, sizes):
        return block(5, b"".join(number(1, size) for size in sizes) + number(2, 1) + block(8, name))

    def node(kind, inputs, output, rest=b""):
        return block(1, b"".join(block(1, i) for i in inputs) + block(2, output) + block(4, kind) + rest)
    pads = block(5, block(1, "pads") + number(20, 7) + number(8, 1) * 4)
    graph = (node("Conv", ["x", "w"], "c", pads) + node("BatchNormalization", ["c", "s", "s", "s", "s"], "b") +
             node("Relu", ["b"], "r") + node("Add", ["r", "c"], "a") + node("GlobalAveragePool", ["a"], "p") +
             node("Flatten", ["p"], "f") + node("Gemm", ["f", "v"], "y") + node("Softmax", ["y"], "z") + block(2, "g") +
             weight("w", [4, 3, 3, 3]) + weight("s", [4]) + weight("v", [4, 5]) + block(11, info("x", [2, 3, 8, 8])))
    yield number(1, 7) + block(7, graph) + block(8, number(2, 13))
    groups = block(5, block(1, "group") + number(20, 2) + number(3, 2))
    heads = block(5, block(1, "num_heads") + number(20, 2) + number(3, 2))
    graph = (node("Conv", ["x", "w"], "c", groups) + node("ConvTranspose", ["c", "u"], "t") +
             node("GroupNormalization", ["t", "s", "s"], "n") + node("Reshape", ["n", "o"], "r") +
             node("LayerNormalization", ["r", "q"], "l") + node("MatMul", ["l", "m"], "p") +
             node("Attention", ["p", "k"], "a", heads) + node("Softmax", ["a"], "f") + node("Gather", ["e", "i"], "h") +
             node("Einsum", ["f", "h"], "z") + block(2, "g") + weight("w", [4, 2, 3, 3]) + weight("u", [4, 4, 3, 3]) +
             weight("s", [4]) + weight("q", [8]) + weight("m", [8, 8]) + weight("k", [8, 24]) + weight("e", [16, 8]) +
             weight("o", [3]) + block(11, info("x", [2, 4, 8, 8])) + block(11, info("i", [2, 3])))
    yield number(1, 7) + block(7, graph) + block(8, number(2, 17))


def pytorch():
    tensor = [9, 3, 0, 64, 4, "cuda:0"]
    for flat in (False, True):
        nodes = []
        for identity, name, schema in ((3, "aten::mm", "aten::mm(Tensor self, Tensor mat2) -> Tensor"), (4, "aten::add_", ""),
                                       (5, "record_param_comms", "")):
            values = [tensor, tensor] if identity < 5 else [[tensor], 1, ["0", "d"], 0, "allreduce", [], []]
            shapes = [[8, 8], [8, 8]] if identity < 5 else [[[64]]]
            if flat:
                nodes.append({"id": identity, "name": name, "parent": 2, "op_schema": schema, "inputs": values,
                              "input_shapes": shapes, "input_types": ["Tensor(float)"] * 2, "outputs": [tensor],
                              "output_shapes": [[8, 8]], "output_types": ["Tensor(float)"]})
            else:
                nodes.append({"id": identity, "name": name, "ctrl_deps": 2,
                              "inputs": {"values": values, "shapes": shapes, "types": ["Tensor(float)"] * 2},
                              "outputs": {"values": [tensor], "shapes": [[8, 8]], "types": ["Tensor(float)"]},
                              "attrs": [{"name": "op_schema", "value": schema}, {"name": "dtype", "value": "Float"}]})
        yield json.dumps({"schema": "1.1.1", "nodes": nodes})
    ids = [9, 3, 0, 64, 8, "cuda:0"]
    calls = [("embedding", [tensor, ids, -1, False], [[16, 8], [2, 4]], [[2, 4, 8]]),
             ("layer_norm", [tensor, [8], tensor, tensor, 1e-5], [[2, 4, 8], [], [8], [8], []], [[2, 4, 8]]),
             ("_scaled_dot_product_flash_attention", [tensor] * 3 + [0.0, True], [[2, 2, 4, 4]] * 3, [[2, 2, 4, 4]]),
             ("_softmax", [tensor, -1, False], [[2, 4, 8], [], []], [[2, 4, 8]]),
             ("convolution", [tensor, tensor, None, [1, 1], [1, 1], [1, 1], True, [0, 0], 2],
              [[2, 4, 6, 6], [4, 2, 3, 3], [], [[], []], [[], []], [[], []], [], [[], []], []], [[2, 4, 6, 6]]),
             ("native_group_norm", [tensor, tensor, tensor, 2, 4, 36, 2, 1e-5], [[2, 4, 6, 6], [4], [4]], [[2, 4, 6, 6]]),
             ("_fused_adam_", [[tensor], [tensor], [tensor], [tensor]], [[[8, 8]]] * 4, [])]
    nodes = [{"id": i + 3, "name": "aten::" + name, "ctrl_deps": 2,
              "inputs": {"values": values, "shapes": shapes, "types": ["Tensor(float)"] * len(values)},
              "outputs": {"values": [tensor] * len(out), "shapes": out, "types": ["Tensor(float)"] * len(out)},
              "attrs": [{"name": "op_schema", "value": ""}]} for i, (name, values, shapes, out) in enumerate(calls)]
    yield json.dumps({"schema": "1.1.1", "nodes": nodes})


def kineto():
    args = {"stream": 7, "External id": 3, "Collective name": "allreduce", "In msg nelems": 5, "dtype": "Float",
            "Group size": 1, "Process Group Name": "0", "Process Group Ranks": "[0]"}
    events = [{"ph": "X", "cat": "kernel", "name": "k", "ts": 1.5, "dur": 2, "args": {"stream": 9}},
              {"ph": "X", "cat": "kernel", "name": "nccl", "ts": 2, "dur": 3, "args": args},
              {"ph": "X", "cat": "cuda_sync", "name": "Stream Wait Event", "ts": 3, "dur": 0,
               "args": {"stream": 7, "wait_on_stream": 9}}]
    yield json.dumps({"traceEvents": events, "distributedInfo": {"world_size": 1, "pg_config": [{"pg_name": "0", "ranks": [0]}]}})
    yield json.dumps(events)


def kinds():
    """One operation of each shape and family."""
    conv = {"n": 2, "c": 4, "h": 6, "w": 5, "k": 8, "r": 3, "s": 2, "stride": 2, "pad": 1}
    rows, lookup = {"elements": 64, "channels": 8}, {"lookup": {"lookups": 12, "width": 8, "pooled": 3, "distinct_percent": 40}}
    attention = {"batch": 2, "heads": 4, "kv_heads": 2, "queries": 8, "keys": 8, "head_size": 4, "causal": 1, "window": 3}
    ops = [("attention", {"attention": attention}), ("attention_grad", {"attention": {**attention, "scores": 1}}),
           ("conv", {"conv": {**conv, "groups": 2, "dilation": 2, "pad": 2}}),
           ("conv_input_grad", {"conv": {**conv, "transposed": 1, "pad_out": 1}}), ("layer_norm", rows),
           ("rms_norm_grad", rows), ("softmax", rows), ("group_norm_stats", rows), ("embedding", lookup),
           ("embedding_grad", lookup), ("dispatch", lookup), ("transpose", {"elements": 64}),
           ("optimizer", {"elements": 64, "rule": "adam"})]
    return {"format": "dojo.trace/1", "ranks": [{"graph": 0, "ranks": 1}],
            "graphs": [{"ops": [{"id": i, "kind": kind, **keys} for i, (kind, keys) in enumerate(ops)]}]}


SEEDS = {
    "aicb-csv": ["comm_type,comm_group,comm_group_size,msg_size,stage,_elapsed_time\n"
                 "CommType.all_reduce,CommGroup.tp_group,2,1024,forward,\nCommType.computation,,,,backward,5\n"],
    "astra-text": ["HYBRID_TRANSFORMER_FWD_IN_BCKWD model_parallel_NPU_group: 2 ep: 2 checkpoints: 1 0 "
                   "checkpoint_initiates: 1 0\n1\na -1 5 ALLREDUCE 64 5 ALLTOALL_EP 64 5 REDUCESCATTER_DP_EP 64 5\n",
                   "HYBRID_DLRM 1\n2\na -1 5 ALLTOALL 64 5 ALLTOALL 64 5 NONE 0 5\nb -1 5 NONE 0 5 NONE 0 5 ALLREDUCE 64 5\n"],
    "chakra-et": chakra(),
    "chakra-json": ['{"workload_graph":[{"Id":1,"NodeType":4,"runtime":5},{"Id":2,"NodeType":7,"data_deps":[1],"comm_type":0,'
                    '"comm_size":8}]}', '{"version":"1"}{"id":"7","type":"COMP_NODE","durationMicros":"5"}'],
    "dojo-json": ['{"format":"dojo.trace/1","ranks":[{"graph":0,"ranks":2}],"graphs":[{"tensors":[{"name":"x","bytes":8,'
                  '"role":"input"}],"ops":[{"id":1,"kind":"matmul","matmul":{"m":2,"n":3,"k":4},"inputs":["x"]},'
                  '{"id":2,"kind":"all_reduce","bytes":8,"deps":[1]}]}]}', json.dumps(kinds())],
    "group-file": ['{"1":[0,1],"2":[2]}', '["[{\\"pg_name\\": \\"0\\", \\"ranks\\": [0, 1]}]"]'],
    "kineto": kineto(),
    "onnx": onnx(),
    "pytorch-et": pytorch(),
    "scalesim-csv": ["Layer,M,N,K,\nfc,16,32,64,\n",
                     "Layer name, IFMAP Height, IFMAP Width, Filter Height, Filter Width, Channels, Num Filter, Strides,\n"
                     "c_DP,8,8,3,3,4,5,1,\n"],
}


def main(arguments):
    if len(arguments) != 1 or arguments[0] == "--help":
        print(__doc__)
        return 0 if arguments == ["--help"] else 2
    if arguments == ["--formats"]:
        print(" ".join(sorted(SEEDS)))
        return 0
    for name, seeds in SEEDS.items():
        folder = pathlib.Path(arguments[0]) / name
        folder.mkdir(parents=True, exist_ok=True)
        for index, seed in enumerate(seeds):
            (folder / str(index)).write_bytes(seed.encode() if isinstance(seed, str) else seed)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
