// SPDX-License-Identifier: Apache-2.0
#include "dojo/fabric/flit_size.h"

#include <gtest/gtest.h>

namespace dojo::fabric {
namespace {

TEST(FlitSize, CountsAsDivisionDoesWhateverTheSize) {
  for (const Bytes size : {1, 3, 16, 48, 64, 100, 128}) {
    const FlitSize flit(size);
    EXPECT_EQ(flit.bytes(), size);
    for (const Bytes bytes : {Bytes{0}, Bytes{1}, size - 1, size, size + 1, 10 * size - 1, Bytes{1} << 40}) {
      EXPECT_EQ(flit.whole(bytes), bytes / size) << bytes << " by " << size;
      EXPECT_EQ(flit.to_carry(bytes), (bytes + size - 1) / size) << bytes << " by " << size;
      EXPECT_EQ(flit.padded(bytes), flit.to_carry(bytes) * size) << bytes << " by " << size;
    }
  }
}

}  // namespace
}  // namespace dojo::fabric
