// SPDX-License-Identifier: Apache-2.0
// Readers wait for the writers of what they read, writers for the readers and writers of what they replace.
#include "trace/pytorch/dataflow.h"

#include <fmt/format.h>

#include <algorithm>

namespace dojo::workload::pytorch {
namespace {

template <class A, class B>
bool overlap(const A& a, const B& b) {
  return a.begin < b.end && b.begin < a.end;
}

struct Range {
  std::int64_t begin, end;
};

Range range_of(const EtTensor& tensor) {
  return {tensor.offset, tensor.offset + std::max<std::int64_t>(tensor.elements, 1)};
}

void add_unique(std::vector<std::uint32_t>& list, std::uint32_t value) {
  if (value != kNone && std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
}

}  // namespace

void Dataflow::allocate(const EtTensor& tensor) {
  storages_.erase(tensor.storage);
}

void Dataflow::read(const EtTensor& tensor, OpDraft& draft) {
  Storage& storage = storages_[tensor.storage];
  const Range range = range_of(tensor);
  bool found = false;
  for (const Access& writer : storage.writers) {
    if (!overlap(writer, range)) continue;
    found = true;
    add_unique(draft.deps, writer.op);
    add_unique(draft.inputs, writer.tensor);
  }
  if (found) return;
  // Nobody wrote it: a parameter, or data that was there before the trace began.
  const std::uint32_t made =
      graph_.tensor(fmt::format("storage{}+{}", tensor.storage, tensor.offset), bytes_of(tensor), TensorRole::kWeight);
  storage.writers.push_back({range.begin, range.end, kNone, made});
  draft.inputs.push_back(made);
}

void Dataflow::write(const EtTensor& tensor, std::uint32_t op, OpDraft& draft) {
  Storage& storage = storages_[tensor.storage];
  const Range range = range_of(tensor);
  std::uint32_t reused = kNone;
  for (const Access& writer : storage.writers) {
    if (!overlap(writer, range)) continue;
    if (writer.op != op) add_unique(draft.deps, writer.op);
    // What is replaced in place stays one tensor: a parameter that the optimizer updates, a buffer.
    if (writer.begin == range.begin && writer.end == range.end &&
        std::find(draft.inputs.begin(), draft.inputs.end(), writer.tensor) != draft.inputs.end())
      reused = writer.tensor;
  }
  for (const Access& reader : storage.readers) {
    if (overlap(reader, range) && reader.op != op) add_unique(draft.deps, reader.op);
  }
  const auto covered = [&](const Access& a) { return a.begin >= range.begin && a.end <= range.end; };
  const auto drop = [&](std::vector<Access>& list) {
    list.erase(std::remove_if(list.begin(), list.end(), covered), list.end());
  };
  drop(storage.writers);
  drop(storage.readers);
  if (reused == kNone) {
    reused = graph_.tensor(fmt::format("storage{}+{}#{}", tensor.storage, tensor.offset, ++storage.versions),
                           bytes_of(tensor), TensorRole::kActivation);
  }
  storage.writers.push_back({range.begin, range.end, op, reused});
  add_unique(draft.outputs, reused);
}

void Dataflow::connect(const std::vector<const EtTensor*>& reads, const std::vector<const EtTensor*>& writes,
                       OpDraft& draft) {
  const std::uint32_t op = graph_.op_count();
  for (const EtTensor* tensor : reads) read(*tensor, draft);
  for (const EtTensor* tensor : writes) write(*tensor, op, draft);
  // Readers are noted behind the writes: what is written in place is not read any more.
  for (const EtTensor* tensor : reads) {
    const Range range = range_of(*tensor);
    std::vector<Access>& readers = storages_[tensor->storage].readers;
    const bool again = !readers.empty() && readers.back().op == op && readers.back().begin == range.begin &&
                       readers.back().end == range.end;
    if (!again) readers.push_back({range.begin, range.end, op, kNone});
  }
  std::sort(draft.deps.begin(), draft.deps.end());
}

}  // namespace dojo::workload::pytorch
