// SPDX-License-Identifier: Apache-2.0
// What the program says. Names in it come from files of strangers, so that nothing in it may control a terminal.
#pragma once
#include <fmt/format.h>

#include <string>
#include <utility>

namespace dojo::cli {

/// To standard output; the program's end finds out whether it could be written.
void put(const std::string& text);
/// A line to standard error. There is nobody to tell when that is closed or full.
void put_error(const std::string& line);
/// Two parts of a line to standard error, without taking memory.
void put_last_words(const char* begin, const char* words);

template <class... Args>
void print(fmt::format_string<Args...> text, Args&&... args) {
  put(fmt::format(text, std::forward<Args>(args)...));
}

/// A standard stream that is closed is opened on /dev/null: else the next file that is opened would take its place and
/// receive what is meant for the terminal. Standard output stays unwritable, so that its loss is noticed.
void open_standard_streams();

}  // namespace dojo::cli
