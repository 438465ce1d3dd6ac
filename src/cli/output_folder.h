// SPDX-License-Identifier: Apache-2.0
// Finds out before a long run whether its results can be written.
#pragma once
#include <string>

namespace dojo::cli {

/// Makes the folder when it is not there. Throws Error(kIo) when nothing can be written into it.
void require_writable_folder(const std::string& directory);

}  // namespace dojo::cli
