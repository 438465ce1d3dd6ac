// SPDX-License-Identifier: Apache-2.0
// Finds sample traces: the folder that the environment variable DOJOSIM_SAMPLES names. Tests skip, saying so, without
// it:
//   DOJO_NEEDS_SAMPLE(prefix, "chakra-et/all_reduce_8npus_1MB/all_reduce");   // std::string prefix
#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace dojo::test {

/// Path of a sample, "" when there are none.
inline std::string sample(const std::string& name) {
  const char* folder = std::getenv("DOJOSIM_SAMPLES");
  return folder == nullptr || *folder == '\0' ? "" : std::string(folder) + "/" + name;
}

}  // namespace dojo::test

#define DOJO_NEEDS_SAMPLE(variable, name)                  \
  const std::string variable = ::dojo::test::sample(name); \
  if (variable.empty())                                    \
  GTEST_SKIP() << "needs the sample " << (name) << ": set DOJOSIM_SAMPLES to the folder of samples"
