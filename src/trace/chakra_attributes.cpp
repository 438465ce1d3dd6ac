// SPDX-License-Identifier: Apache-2.0
// Every encoding of a number that an attribute can have.
#include "trace/chakra_attributes.h"

#include <charconv>
#include <cmath>
#include <limits>

namespace dojo::workload {
namespace {

std::optional<std::int64_t> from_unsigned(std::uint64_t value) {
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

std::optional<std::int64_t> from_real(double value) {
  if (!(std::abs(value) < 9.0e15) || std::floor(value) != value) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

std::optional<std::int64_t> from_text(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::int64_t> integer_of(const chakra::Attribute& attribute) {
  using A = chakra::Attribute;
  switch (attribute.value_case()) {
    case A::kDoubleValue:
      return from_real(attribute.double_value());
    case A::kFloatValue:
      return from_real(attribute.float_value());
    case A::kInt32Value:
      return attribute.int32_value();
    case A::kInt64Value:
      return attribute.int64_value();
    case A::kUint32Value:
      return attribute.uint32_value();
    case A::kUint64Value:
      return from_unsigned(attribute.uint64_value());
    case A::kSint32Value:
      return attribute.sint32_value();
    case A::kSint64Value:
      return attribute.sint64_value();
    case A::kFixed32Value:
      return attribute.fixed32_value();
    case A::kFixed64Value:
      return from_unsigned(attribute.fixed64_value());
    case A::kSfixed32Value:
      return attribute.sfixed32_value();
    case A::kSfixed64Value:
      return attribute.sfixed64_value();
    case A::kBoolValue:
      return attribute.bool_value() ? 1 : 0;
    case A::kStringValue:
      return from_text(attribute.string_value());
    case A::kBytesValue:
      return from_text(attribute.bytes_value());
    case A::kInt64List:
    case A::kBoolList:
    case A::VALUE_NOT_SET:
      return std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::string> text_of(const chakra::Attribute& attribute) {
  if (attribute.value_case() == chakra::Attribute::kStringValue) return attribute.string_value();
  if (attribute.value_case() == chakra::Attribute::kBytesValue) return attribute.bytes_value();
  if (const auto number = integer_of(attribute)) return std::to_string(*number);
  return std::nullopt;
}

}  // namespace dojo::workload
