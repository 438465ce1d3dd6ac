// SPDX-License-Identifier: Apache-2.0
// Set-up of the sources of a block.
#include "reference/sources.h"

#include "reference/block.h"

namespace dojo::reference {

Sources::Sources(const Sending& sending, const MeshShape& shape)
    : SourceQueues(sending.load, shape), sending_(sending), calendar_(kCalendar, kNone) {
  for (std::uint32_t index = 0; index < sources_.size(); ++index) {
    Source& source = sources_[index];
    source.open = static_cast<std::uint8_t>((1u << sending.virtual_channels) - 1);
    source.credits.fill(static_cast<std::uint8_t>(sending.buffer_flits));
    put_in_calendar(index, 0);
  }
}

TrafficBlock::TrafficBlock(const MeshShape& shape, const RouterParams& params, const Sending& sending)
    : sources(sending, shape),
      headings_(sending.load.headings),
      rings_(sending.load.endpoints.rings()),
      all_channels_((1u << params.virtual_channels) - 1),
      before_seam_((1u << params.virtual_channels / 2) - 1) {}

}  // namespace dojo::reference
