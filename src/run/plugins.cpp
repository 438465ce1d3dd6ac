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
#include <set>
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

void refuse_other_version(int version, const std::string& file) {
  if (version == Plugins::kVersion) return;
  refuse(file, fmt::format("version {} of the interface, not {}; build it against the installed package", version,
                           Plugins::kVersion));
}

void* opened(const std::filesystem::path& path, const std::string& file) {
  if (void* const object = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) return object;
  const char* const why = dlerror();
  const std::string words = why == nullptr ? "no reason given" : why;
  // One of another version may ask for functions that there are no more. Lazily, it can still say its version.
  if (void* const lazy = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL)) {
    if (void* const version = dlsym(lazy, "dojo_plugin_version"))
      refuse_other_version(reinterpret_cast<int (*)()>(version)(), file);
  }
  refuse(file, fmt::format("what cannot be loaded ({})", words));
}

/// Files that were loaded into this process.
std::set<std::string>& loaded_files() {
  static std::set<std::string> files;
  return files;
}

}  // namespace

void Plugins::add_collective(workload::OwnCollective collective) {
  if (again_) return;
  if (collective.origin.empty()) collective.origin = origin_;
  (void)workload::add_collective(std::move(collective));
}

void Plugins::add_operation(workload::OwnOperation operation) {
  if (again_) return;
  if (operation.origin.empty()) operation.origin = origin_;
  workload::add_operation(std::move(operation));
}

void Plugins::add_trace_reader(workload::OwnReader reader) {
  if (again_) return;
  if (reader.origin.empty()) reader.origin = origin_;
  workload::add_trace_reader(std::move(reader));
}

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
  void* const object = opened(path, file);
  refuse_other_version(function_of<int()>(object, file, "dojo_plugin_version")(), file);
  auto* const add = function_of<void(Plugins&)>(object, file, "dojo_plugin");
  origin_ = "--plugin " + file;
  again_ = !loaded_files().insert(path.lexically_normal().string()).second;
  try {
    add(*this);
    origin_ = Plugins().origin_;
    again_ = false;
  } catch (const Error& e) {
    std::vector<std::string> lines = e.lines();
    for (std::string& line : lines) line = fmt::format("--plugin {}: {}", file, line);
    throw Error(e.code(), lines);
  } catch (const std::exception& e) {
    refuse(file, fmt::format("an exception of its own ({})", e.what()));
  } catch (...) {
    refuse(file, "an exception of its own of no known kind");
  }
}

}  // namespace dojo::run
