// SPDX-License-Identifier: Apache-2.0
// Hashes, in a fixed order, every integer and parameter from which the report derives (host and program apart).
#include "report/digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>
#include <type_traits>

#include "dojo/base/error.h"
#include "dojo/config/later_keys.h"

namespace dojo::report {
namespace {

class Hash {
 public:
  Hash() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    DOJO_CHECK(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1, "no SHA-256 in libcrypto");
  }
  /// As text with a separator, so that neither byte order nor neighbouring values can be confused.
  template <class T>
  void add(const T& value) {
    std::string text;
    if constexpr (std::is_enum_v<T>) {
      text = fmt::format("{};", static_cast<long long>(value));
    } else if constexpr (std::is_floating_point_v<T>) {
      text = fmt::format("{:a};", value);
    } else {
      text = fmt::format("{};", value);
    }
    EVP_DigestUpdate(context_.get(), text.data(), text.size());
  }
  template <class... Ts>
  void all(const Ts&... values) {
    (add(values), ...);
  }
  std::string hex() {  ///< ends the hash
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), bytes, &size);
    std::string text;
    for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", bytes[i]);
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
};

template <class Member>
std::string text_of(const Member& member) {
  if constexpr (std::is_enum_v<Member>) {
    return schema::enum_text(member);
  } else if constexpr (std::is_floating_point_v<Member>) {
    return fmt::format("{:a}", member);
  } else if constexpr (std::is_same_v<Member, std::vector<std::int64_t>>) {
    return fmt::format("{}", fmt::join(member, ","));
  } else {
    return fmt::format("{}", member);
  }
}

template <class T>
std::vector<std::string> texts_of(const T& value) {
  std::vector<std::string> texts;
  T::fields(value, [&](const char*, const auto& member, const auto&...) { texts.push_back(text_of(member)); });
  return texts;
}

/// Hashes what differs from the defaults. Sections that came after the first reports are hashed so: jobs that do not
/// touch them keep their digest.
template <class T>
void add_changes(Hash& hash, const T& value) {
  const std::vector<std::string> defaults = texts_of(T{});
  std::size_t index = 0;
  T::fields(value, [&](const char* name, const auto& member, const auto&...) {
    const std::string now = text_of(member);
    if (now != defaults[index++]) hash.all(std::string(name), now);
  });
}

/// The same for the groups of a struct.
class GroupChanges {
 public:
  explicit GroupChanges(Hash& hash) : hash_(hash) {}
  template <class Group>
  void group(const char*, const Group& value, const char*) {
    add_changes(hash_, value);
  }

 private:
  Hash& hash_;
};

/// Walks a parameter struct: rates, sizes and energies turn counters into figures.
class ParameterHash {
 public:
  ParameterHash(Hash& hash, bool zplane) : hash_(hash), zplane_(zplane) {}
  template <class T, class... Rest>
  void operator()(const char* name, const T& value, const Rest&...) {
    if constexpr (std::is_same_v<T, std::vector<std::string>>) {
      if (value.empty()) return;
      hash_.add(std::string(name));
      for (const std::string& text : value) hash_.add(text);
      return;
    }
    hash_.add(std::string(name));
    if constexpr (std::is_same_v<T, std::vector<std::int64_t>>) {
      for (const std::int64_t v : value) hash_.add(v);
    } else if constexpr (!std::is_same_v<T, std::vector<std::string>>) {
      hash_.add(value);
    }
  }
  template <class T, class... Rest>
  void group(const char*, const T& value, const Rest&...) {
    if constexpr (std::is_same_v<T, topology::ZplaneParams>) {
      if (!zplane_) return;  // no figure derives from it
    }
    if constexpr (std::is_same_v<T, topology::NocParams>) {
      const std::vector<std::string> defaults = texts_of(T{});
      std::size_t index = 0;
      T::fields(value, [&](const char* key, const auto& member, const auto&...) {
        const bool changed = text_of(member) != defaults[index++];
        if (changed || !config::is_later_noc_key(key)) (*this)(key, member);
      });
      return;
    }
    T::fields(value, *this);
  }
  template <class T, class... Rest>
  void list(const char*, const std::vector<T>& values, const Rest&...) {
    for (const T& value : values) T::fields(value, *this);
  }

 private:
  Hash& hash_;
  bool zplane_;
};

/// What Results knows in words.
void add_words(Hash& h, const machine::Results& r) {
  h.add(r.format);
  for (const auto& c : r.collectives) h.add(c.algorithm);
  for (const auto& w : r.waiting) {
    h.add(w.rank);
    for (const auto& operation : w.operations) h.add(operation);
  }
}

}  // namespace

std::string hash_of(const std::string& text) {
  Hash hash;
  hash.add(text);
  return hash.hex();
}

std::string digest(const RunContext& context) {
  Hash hash;
  hash.add(context.results.digest);
  machine::visit_counted(context.results, [&hash](std::uint64_t word) { hash.add(word); });
  if (context.ideal_cycles != 0) hash.add(context.ideal_cycles);
  add_words(hash, context.results);
  ParameterHash parameters(hash, context.results.zplane.messages > 0);
  topology::MachineParams::fields(context.config.machine, parameters);
  GroupChanges later(hash);
  config::Machine::later_fields(context.config.machine, later);
  if (context.failures != nullptr) add_changes(hash, context.config.run.failures);
  hash.all(context.config.run.seed, std::string(schema::enum_text(context.config.run.network_model)),
           std::string(schema::enum_text(context.config.run.node_model)), context.workload.ranks());
  std::vector<std::string> contents;
  for (const auto& [file, sha256] : context.config.input_sha256) contents.push_back(sha256);
  std::sort(contents.begin(), contents.end());
  for (const auto& sha256 : contents) hash.add(sha256);
  return hash.hex();
}

}  // namespace dojo::report
