// SPDX-License-Identifier: Apache-2.0
// What this program was built from: version, commit, compiler, libraries.
#include "dojo/report/report.h"
#include "dojo_build_info.h"

namespace dojo::report {

const BuildInfo& build_info() {
  static const BuildInfo info{DOJO_VERSION, DOJO_GIT, DOJO_COMPILER, DOJO_LIBRARIES};
  return info;
}

}  // namespace dojo::report
