// SPDX-License-Identifier: Apache-2.0
// The binary encoding of one rank's Chakra file: framing and records.
#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>

#include <algorithm>

#include "chakra_trace.pb.h"
#include "dojo/base/stop_point.h"
#include "trace/chakra.h"
#include "trace/chakra_assembler.h"

namespace dojo::workload {
namespace {

using google::protobuf::io::CodedInputStream;

constexpr std::size_t kLongestRecord = std::size_t{1} << 30;

/// Reads the length at `at` and moves behind it; false when the bytes end first or are no length.
bool read_length(const std::string& bytes, std::size_t& at, std::uint64_t& length) {
  const std::size_t left = std::min<std::size_t>(bytes.size() - at, 10);
  CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(bytes.data()) + at, static_cast<int>(left));
  if (!stream.ReadVarint64(&length)) return false;
  at += static_cast<std::size_t>(stream.CurrentPosition());
  return true;
}

template <class Message>
bool parse(Message& message, const std::string& bytes, std::size_t at, std::uint64_t length) {
  return message.ParseFromArray(bytes.data() + at, static_cast<int>(length));
}

class Decoder {
 public:
  Decoder(const RankRequest& request, Findings& findings)
      : request_(request), assembler_(request, "byte", "chakra-et", findings) {}

  RankTrace run() {
    if (!read_records()) return {};
    assembler_.warn_of_open_end();
    return assembler_.finish();
  }

 private:
  bool fail(std::size_t at, const std::string& words) {
    assembler_.fail(at, words);
    return false;
  }

  bool read_records() {
    const std::string& bytes = request_.bytes;
    if (bytes.empty()) return fail(0, "found an empty file, expected a Chakra trace; write the trace again");
    bool first = true;
    StopPoints stops;
    for (std::size_t at = 0; at < bytes.size();) {
      stops.pass();
      const std::size_t record = at;
      std::uint64_t length = 0;
      if (!read_length(bytes, at, length)) {
        return fail(record,
                    "found no whole record length, expected a varint: the file is cut or damaged; write the trace "
                    "again");
      }
      if (length > bytes.size() - at || length > kLongestRecord) {
        return fail(record,
                    fmt::format("found {} bytes of a record of {}, expected all of them: the file is cut inside this "
                                "record, or damaged; write the trace again",
                                bytes.size() - at, length));
      }
      if (!(first ? read_metadata(at, length) : read_node(record, at, length))) return false;
      first = false;
      at += static_cast<std::size_t>(length);
    }
    if (!assembler_.empty()) return true;
    return fail(bytes.size(), "found no node after the metadata, expected at least one; write the trace again");
  }

  bool read_metadata(std::size_t at, std::uint64_t length) {
    chakra::Metadata metadata;  // may be empty: an all-default record has length 0
    if (!parse(metadata, request_.bytes, at, length)) {
      return fail(at,
                  "found a first record that is no Chakra metadata, expected version and attributes; give a Chakra "
                  ".et file");
    }
    assembler_.metadata(metadata);
    return true;
  }

  bool read_node(std::size_t record, std::size_t at, std::uint64_t length) {
    chakra::Node node;
    if (length == 0 || !parse(node, request_.bytes, at, length)) {
      return fail(record, fmt::format("found a record of {} bytes that is no Chakra node, expected one: the file is "
                                      "damaged; write the trace again",
                                      length));
    }
    assembler_.node(node, record);
    return true;
  }

  const RankRequest& request_;
  ChakraAssembler assembler_;
};

}  // namespace

RankTrace decode_chakra_rank(const RankRequest& request, Findings& findings) {
  return Decoder(request, findings).run();
}

bool looks_like_chakra(const std::string& bytes) {
  if (bytes.empty()) return true;  // the decoder says what is wrong
  std::size_t at = 0;
  std::uint64_t length = 0;
  if (!read_length(bytes, at, length)) return bytes.size() < 10;
  if (length > bytes.size() - at) {
    // Cut inside the metadata: its first field is a version or an attribute.
    return at == bytes.size() || bytes[at] == '\x0a' || bytes[at] == '\x12';
  }
  // "{" is a length, too, and a new line the tag of a text: what goes on like JSON is JSON.
  const std::size_t next = bytes.find_first_not_of(" \t\r\n", 1);
  if (bytes[0] == '{' && next != std::string::npos && (bytes[next] == '"' || bytes[next] == '}')) return false;
  chakra::Metadata metadata;
  return parse(metadata, bytes, at, length);
}

}  // namespace dojo::workload
