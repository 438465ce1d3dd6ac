// SPDX-License-Identifier: Apache-2.0
// Attributes of a Chakra node by name: real files write one and the same number in any integer encoding.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "chakra_trace.pb.h"

namespace dojo::workload {

/// Text of digits counts as an integer too; a real number only when it is whole.
std::optional<std::int64_t> integer_of(const chakra::Attribute& attribute);
/// Text, or an integer as text.
std::optional<std::string> text_of(const chakra::Attribute& attribute);

/// The attribute called `name`, nullptr when absent. The last one wins, as in other readers.
template <class Message>
const chakra::Attribute* find_attribute(const Message& message, const char* name) {
  const chakra::Attribute* found = nullptr;
  for (const chakra::Attribute& attribute : message.attributes()) {
    if (attribute.name() == name) found = &attribute;
  }
  return found;
}

}  // namespace dojo::workload
