// SPDX-License-Identifier: Apache-2.0
// Loads shared objects of users.
#include "dojo/run/plugins.h"

#include <dlfcn.h>
#include <elf.h>
#include <fmt/format.h>

#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <utility>

#include "dojo/base/error.h"

namespace dojo::run {
namespace {

[[noreturn]] void refuse(const std::string& file, const std::string& found) {
  throw Error(ExitCode::kInvalidInput,
              fmt::format("--plugin {}: found {}, expected a shared object with DOJO_PLUGIN of dojo/run/plugins.h",
                          file, found));
}

/// False where the file ends before a part that the loader would map: reading there ends the program by a signal.
/// What is no shared object at all is for the loader to say.
bool is_whole(const std::filesystem::path& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  std::ifstream in(path, std::ios::binary);
  Elf64_Ehdr head{};
  if (!in.read(reinterpret_cast<char*>(&head), sizeof(head)) || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
      head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_phentsize != sizeof(Elf64_Phdr))
    return true;
  in.seekg(static_cast<std::streamoff>(head.e_phoff));
  for (unsigned i = 0; i < head.e_phnum; ++i) {
    Elf64_Phdr part{};
    if (!in.read(reinterpret_cast<char*>(&part), sizeof(part))) return false;
    if (part.p_filesz > size || part.p_offset > size - part.p_filesz) return false;
  }
  return true;
}

template <class Function>
Function* function_of(void* object, const std::string& file, const char* name) {
  void* const found = dlsym(object, name);
  if (found == nullptr) refuse(file, fmt::format("no function {}", name));
  return reinterpret_cast<Function*>(found);
}

}  // namespace

void Plugins::add_core(const std::string& name, core::NodeFactory make) {
  if (!make) return cores_.add(name, {});
  cores_.add(name, systemc::plain_core(std::move(make)));
}

void Plugins::load(const std::string& file) {
  std::error_code error;
  const std::filesystem::path path = std::filesystem::absolute(file, error);  // dlopen() would search for a bare name
  const bool there = !error && std::filesystem::exists(path, error);
  if (error) throw Error(ExitCode::kIo, fmt::format("--plugin {}: cannot be looked at: {}", file, error.message()));
  if (!there)
    throw Error(ExitCode::kIo, fmt::format("--plugin {}: found no such file, expected a shared object", file));
  if (!std::filesystem::is_regular_file(path, error)) refuse(file, "no regular file");
  if (!is_whole(path)) refuse(file, "a file that was cut off");
  void* const object = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (object == nullptr) {
    const char* const why = dlerror();
    refuse(file, fmt::format("what cannot be loaded ({})", why == nullptr ? "no reason given" : why));
  }
  const int version = function_of<int()>(object, file, "dojo_plugin_version")();
  if (version != kVersion) refuse(file, fmt::format("version {} of the interface, not {}", version, kVersion));
  auto* const add = function_of<void(Plugins&)>(object, file, "dojo_plugin");
  try {
    add(*this);
  } catch (const Error& e) {
    std::vector<std::string> lines = e.lines();
    for (std::string& line : lines) line = fmt::format("--plugin {}: {}", file, line);
    throw Error(e.code(), lines);
  } catch (const std::exception& e) {
    refuse(file, fmt::format("an exception of its own ({})", e.what()));
  }
}

}  // namespace dojo::run
