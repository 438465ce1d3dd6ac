// SPDX-License-Identifier: Apache-2.0
// ONNX models made byte by byte, for tests.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "trace_support.h"

namespace dojo::workload {

inline std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 128; value >>= 7) out += static_cast<char>((value & 127) | 128);
  return out + static_cast<char>(value);
}
inline std::string number(int field, std::uint64_t value) {
  return varint(static_cast<std::uint64_t>(field) << 3) + varint(value);
}
inline std::string block(int field, const std::string& bytes) {
  return varint((static_cast<std::uint64_t>(field) << 3) | 2) + varint(bytes.size()) + bytes;
}
/// A size of 0 is a name: "N".
inline std::string dims(const std::vector<int>& shape) {
  std::string out;
  for (const int size : shape) out += block(1, size > 0 ? number(1, static_cast<std::uint64_t>(size)) : block(2, "N"));
  return out;
}
inline std::string value_info(const std::string& name, const std::vector<int>& shape) {
  return block(1, name) + block(2, block(1, number(1, 1) + block(2, dims(shape))));
}
inline std::string weight(const std::string& name, const std::vector<int>& shape) {
  std::string out;
  int elements = 1;
  for (const int size : shape) out += number(1, static_cast<std::uint64_t>(size)), elements *= size;
  return block(
      5, out + number(2, 1) + block(8, name) + block(9, std::string(static_cast<std::size_t>(elements) * 4, '\0')));
}
inline std::string ints(const std::string& name, const std::vector<int>& values) {
  std::string out = block(1, name) + number(20, 7);
  for (const int value : values) out += number(8, static_cast<std::uint64_t>(value));
  return block(5, out);
}
inline std::string node(const std::string& type, const std::vector<std::string>& inputs, const std::string& output,
                        const std::string& attributes = "") {
  std::string out;
  for (const std::string& input : inputs) out += block(1, input);
  return block(1, out + block(2, output) + block(3, output) + block(4, type) + attributes);
}
inline std::string model(const std::string& graph) {
  return number(1, 7) + block(2, "test") + block(7, graph) + block(8, number(2, 13));
}
/// An integer attribute.
inline std::string attribute(const std::string& name, int value) {
  return block(5, block(1, name) + number(3, static_cast<std::uint64_t>(value)) + number(20, 2));
}
inline std::string text_attribute(const std::string& name, const std::string& value) {
  return block(5, block(1, name) + block(4, value) + number(20, 3));
}
/// A node of another domain than ONNX's own.
inline std::string node_of(const std::string& domain, const std::string& type, const std::vector<std::string>& inputs,
                           const std::string& output, const std::string& attributes = "") {
  return node(type, inputs, output, attributes + block(7, domain));
}

}  // namespace dojo::workload
