// SPDX-License-Identifier: Apache-2.0
// The innermost scope of each thread.
#include "dojo/base/stop_point.h"

#include <utility>

namespace dojo {
namespace {

thread_local StopScope* innermost = nullptr;

}  // namespace

StopScope::StopScope(ShouldStop should_stop, Progress progress)
    : should_stop_(std::move(should_stop)), progress_(std::move(progress)), outer_(std::exchange(innermost, this)) {}

StopScope::~StopScope() {
  innermost = outer_;
}

void stop_point() {
  if (innermost != nullptr && innermost->should_stop_ && innermost->should_stop_()) throw Stopped{};
}

void stop_point(std::string_view what, std::size_t done, std::size_t all) {
  stop_point();
  if (innermost != nullptr && innermost->progress_) innermost->progress_(what, done, all);
}

}  // namespace dojo
