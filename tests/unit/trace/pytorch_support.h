// SPDX-License-Identifier: Apache-2.0
// Nodes of PyTorch execution traces, made by tests.
#pragma once
#include <string>
#include <vector>

#include "trace_support.h"

namespace dojo::workload {

/// [tensor, storage, offset, elements, bytes of an element, device]
inline std::string tensor(int storage, long elements, int width = 4, const char* device = "cuda:0", long offset = 0) {
  return "[" + std::to_string(storage + 1000) + "," + std::to_string(storage) + "," + std::to_string(offset) + "," +
         std::to_string(elements) + "," + std::to_string(width) + ",\"" + device + "\"]";
}

struct Arguments {
  std::string values, shapes, types;
};

class PyTorchNodes : public TraceFiles {
 protected:
  /// A node of schema 1.0.2 and later.
  std::string node(int id, int parent, const std::string& name, const Arguments& in, const Arguments& out,
                   const std::string& schema = "", const std::string& attributes = "") const {
    return "{\"id\":" + std::to_string(id) + ",\"name\":\"" + name + "\",\"ctrl_deps\":" + std::to_string(parent) +
           ",\"inputs\":{\"values\":[" + in.values + "],\"shapes\":[" + in.shapes + "],\"types\":[" + in.types +
           "]},\"outputs\":{\"values\":[" + out.values + "],\"shapes\":[" + out.shapes + "],\"types\":[" + out.types +
           "]},\"attrs\":[{\"name\":\"rf_id\",\"type\":\"uint64\",\"value\":" + std::to_string(id) +
           "},{\"name\":\"op_schema\",\"type\":\"string\",\"value\":\"" + schema + "\"}" + attributes + "]}";
  }
  static std::string trace(const std::vector<std::string>& nodes, const std::string& schema = "1.1.1-chakra.0.0.4") {
    std::string text = "{\"schema\":\"" + schema + "\",\"pid\":1,\"nodes\":[\n";
    for (std::size_t i = 0; i < nodes.size(); ++i) text += (i == 0 ? "" : ",\n") + nodes[i];
    return text + "\n]}\n";
  }
};

}  // namespace dojo::workload
