// SPDX-License-Identifier: Apache-2.0
// Payloads of one line that are used again and again.
#pragma once
#include <array>
#include <tlm>

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

}  // namespace dojo::systemc
