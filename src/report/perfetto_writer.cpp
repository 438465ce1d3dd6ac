// SPDX-License-Identifier: Apache-2.0
#include "report/perfetto_writer.h"

#include <zlib.h>

#include "dojo/base/error.h"
#include "perfetto_trace.pb.h"

namespace dojo::report {
namespace {

constexpr std::uint32_t kSequence = 1, kNamesBegin = 1, kNamesNeeded = 2;
constexpr std::uint8_t kPacketTag = 0x0a;  // Trace.packet: field 1, with a length

}  // namespace

struct PerfettoWriter::State {
  z_stream zip{};
  std::string out, bytes;
  std::unordered_map<std::string, std::uint64_t> names;
  bool first = true;

  void pack(const std::string& in, int flush) {
    zip.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    zip.avail_in = static_cast<uInt>(in.size());
    char block[65536];
    do {
      zip.next_out = reinterpret_cast<Bytef*>(block);
      zip.avail_out = sizeof block;
      const int result = deflate(&zip, flush);
      DOJO_CHECK(result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR, "zlib says {}", result);
      out.append(block, sizeof block - zip.avail_out);
    } while (zip.avail_out == 0);
  }
  void put(perfetto::TracePacket& packet) {
    packet.set_trusted_packet_sequence_id(kSequence);
    packet.set_sequence_flags(first ? kNamesBegin | kNamesNeeded : kNamesNeeded);
    first = false;
    const std::string body = packet.SerializeAsString();
    bytes.assign(1, static_cast<char>(kPacketTag));
    std::uint64_t size = body.size();
    for (; size >= 0x80; size >>= 7) bytes += static_cast<char>((size & 0x7f) | 0x80);
    bytes += static_cast<char>(size);
    bytes += body;
    pack(bytes, Z_NO_FLUSH);
  }
  std::uint64_t intern(const std::string& name, perfetto::TracePacket& packet) {
    const auto [at, fresh] = names.try_emplace(name, names.size() + 1);
    if (fresh) {
      perfetto::InternedName* entry = packet.mutable_interned_data()->add_event_names();
      entry->set_iid(at->second);
      entry->set_name(name);
    }
    return at->second;
  }
};

PerfettoWriter::PerfettoWriter() : state_(std::make_unique<State>()) {
  constexpr int kGzip = 15 + 16, kMemory = 8;
  const int result = deflateInit2(&state_->zip, 6, Z_DEFLATED, kGzip, kMemory, Z_DEFAULT_STRATEGY);
  DOJO_CHECK(result == Z_OK, "zlib says {}", result);
}

PerfettoWriter::~PerfettoWriter() {
  deflateEnd(&state_->zip);
}

void PerfettoWriter::process(std::uint64_t uuid, std::int32_t pid, const std::string& name) {
  perfetto::TracePacket packet;
  perfetto::TrackDescriptor* track = packet.mutable_track_descriptor();
  track->set_uuid(uuid);
  track->mutable_process()->set_pid(pid);
  track->mutable_process()->set_process_name(name);
  state_->put(packet);
}

void PerfettoWriter::track(std::uint64_t uuid, std::uint64_t parent, const std::string& name) {
  perfetto::TracePacket packet;
  perfetto::TrackDescriptor* track = packet.mutable_track_descriptor();
  track->set_uuid(uuid);
  track->set_parent_uuid(parent);
  track->set_name(name);
  state_->put(packet);
}

void PerfettoWriter::counter_track(std::uint64_t uuid, const std::string& name, const std::string& unit) {
  perfetto::TracePacket packet;
  perfetto::TrackDescriptor* track = packet.mutable_track_descriptor();
  track->set_uuid(uuid);
  track->set_name(name);
  track->mutable_counter()->set_unit_name(unit);
  state_->put(packet);
}

void PerfettoWriter::begin(std::uint64_t track, std::uint64_t ns, const std::string& name, const char* category) {
  perfetto::TracePacket packet;
  packet.set_timestamp(ns);
  perfetto::TrackEvent* event = packet.mutable_track_event();
  event->set_type(perfetto::TrackEvent::TYPE_SLICE_BEGIN);
  event->set_track_uuid(track);
  event->set_name_iid(state_->intern(name, packet));
  event->add_categories(category);
  state_->put(packet);
}

void PerfettoWriter::end(std::uint64_t track, std::uint64_t ns) {
  perfetto::TracePacket packet;
  packet.set_timestamp(ns);
  packet.mutable_track_event()->set_type(perfetto::TrackEvent::TYPE_SLICE_END);
  packet.mutable_track_event()->set_track_uuid(track);
  state_->put(packet);
}

void PerfettoWriter::counter(std::uint64_t track, std::uint64_t ns, double value) {
  perfetto::TracePacket packet;
  packet.set_timestamp(ns);
  packet.mutable_track_event()->set_type(perfetto::TrackEvent::TYPE_COUNTER);
  packet.mutable_track_event()->set_track_uuid(track);
  packet.mutable_track_event()->set_double_counter_value(value);
  state_->put(packet);
}

std::string PerfettoWriter::finish() {
  state_->pack("", Z_FINISH);
  return std::move(state_->out);
}

}  // namespace dojo::report
