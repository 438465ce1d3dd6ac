// SPDX-License-Identifier: Apache-2.0
#include "machine/network/mail.h"

namespace dojo::machine {

DieMail::DieMail(Context& context, DieId die, const Moment& moment) : context_(context), die_(die), moment_(moment) {
  for (int d = 0; d < topology::kDirections; ++d)
    neighbours_[static_cast<std::size_t>(d)] =
        context.topology.edge(die, static_cast<topology::Direction>(d)).neighbour;
}

std::size_t DieMail::incoming(topology::Direction d) const {
  return is_dip(d) ? context_.mailbox_of_dip(neighbour(d) - context_.topology.die_count())
                   : context_.mailbox_of_die(neighbour(d), topology::opposite(d));
}

}  // namespace dojo::machine
