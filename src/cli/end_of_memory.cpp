// SPDX-License-Identifier: Apache-2.0
// The one variable that a handler of SIGABRT may look at.
#include "end_of_memory.h"

#include <unistd.h>

#include <csignal>
#include <new>

#include "dojo/base/error.h"
#include "terminal.h"

namespace dojo::cli {
namespace {

volatile std::sig_atomic_t memory_ended = 0;  // not a choice: a handler has no other way to know something

void remember_and_throw() {
  memory_ended = 1;
  throw std::bad_alloc();
}

extern "C" void on_abort(int) {
  if (memory_ended == 0) return;  // a mistake of the program: it aborts
  put_last_words("dojosim: error: ended at once: ", kNoMemory);
  ::_exit(static_cast<int>(ExitCode::kHostMemory));
}

}  // namespace

void end_well_without_memory() {
  std::set_new_handler(remember_and_throw);
  std::signal(SIGABRT, on_abort);
}

}  // namespace dojo::cli
