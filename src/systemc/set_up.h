// SPDX-License-Identifier: Apache-2.0
// Payloads of one line that are used again and again.
#pragma once
#include <fmt/format.h>

#include <array>
#include <tlm>

#include "dojo/base/error.h"
#include "dojo/core/program.h"

namespace dojo::systemc {

inline void set_up(tlm::tlm_generic_payload& payload, std::array<unsigned char, core::kLineBytes>& line) {
  payload.set_data_ptr(line.data());
  payload.set_data_length(core::kLineBytes);
  payload.set_streaming_width(core::kLineBytes);
  payload.set_byte_enable_ptr(nullptr);
  payload.set_dmi_allowed(false);
}

/// What every target here refuses; true: it has.
inline bool refuses(tlm::tlm_generic_payload& payload) {
  if (payload.get_command() == tlm::TLM_IGNORE_COMMAND) {
    payload.set_response_status(tlm::TLM_COMMAND_ERROR_RESPONSE);
  } else if (payload.get_byte_enable_ptr() != nullptr) {
    payload.set_response_status(tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE);
  } else if (payload.get_data_length() == 0 || payload.get_streaming_width() < payload.get_data_length()) {
    payload.set_response_status(tlm::TLM_BURST_ERROR_RESPONSE);
  } else {
    return false;
  }
  return true;
}

/// Sockets of nodes are loosely timed; the approximately timed protocol would start processes behind them.
[[noreturn]] inline void refuse_non_blocking(const char* module) {
  throw Error(ExitCode::kInvalidInput,
              fmt::format("{}: found a call of nb_transport_fw, expected b_transport: sockets of nodes are loosely "
                          "timed, and delay says all",
                          module));
}

}  // namespace dojo::systemc
