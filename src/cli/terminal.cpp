// SPDX-License-Identifier: Apache-2.0
// Standard output and standard error.
#include "terminal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "dojo/base/text.h"

namespace dojo::cli {

void put(const std::string& text) {
  const std::string plain = printable(text);
  std::fwrite(plain.data(), 1, plain.size(), stdout);
}

void put_error(const std::string& line) {
  const std::string plain = shortened(printable_line(line)) + "\n";
  std::fwrite(plain.data(), 1, plain.size(), stderr);
}

void put_last_words(const char* begin, const char* words) {
  for (const char* part : {begin, words, "\n"}) {
    if (::write(STDERR_FILENO, part, std::strlen(part)) < 0) return;
  }
}

void open_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) != -1) continue;
    // The lowest free number is this one: those below it are open.
    (void)::open("/dev/null", stream == STDERR_FILENO ? O_WRONLY : O_RDONLY);
  }
}

}  // namespace dojo::cli
