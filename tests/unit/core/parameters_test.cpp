// SPDX-License-Identifier: Apache-2.0
// No parameter of the pipeline does nothing: each is turned, and a program that it serves takes more or fewer cycles.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

#include "dojo/base/error.h"
#include "dojo/core/kernels.h"
#include "dojo/schema/declared.h"
#include "support/core_programs.h"

namespace dojo::test {
namespace {

using core::Hardware;

/// Sets the field of a name.
struct Setter {
  std::string name, value;
  bool found = false;
  template <class Member>
  void operator()(const char* key, Member& member, const char*, const schema::Range&, schema::Source) {
    if (key != name) return;
    found = true;
    if constexpr (std::is_same_v<Member, bool>) {
      member = value == "true";
    } else if constexpr (std::is_enum_v<Member>) {
      member = *schema::enum_value<Member>(value);
    } else {
      member = std::atoll(value.c_str());
    }
  }
};

std::string product(int block = 2, int threads = 2, std::int64_t k = 64, const Hardware& hardware = {}) {
  core::ProductKernel kernel;
  kernel.k = k;
  kernel.block_rows = kernel.block_columns = block;
  kernel.threads = threads;
  return core::product_text(kernel, hardware);
}
std::string sends_and_loads() {
  return long_loop("send a1$\nvld v@ a0$\nvld v8 a0$\n", 16);
}
std::string stores_and_loads() {
  return long_loop("vst v16 a1$\nvld v@ a0$\nvld v8 a0$\n", 16);
}
/// Eight block moves, and a chain behind a load that follows them.
std::string moves_before_a_chain() {
  return "li a1 512\n" + copies_of("send a1 16\n", 8) + "vld v0 a0\n" + copies_of("fma v0 v0\n", 40);
}
/// Sums of a unit that has 16.
std::string many_sums() {
  Hardware unit;
  unit.core.sums = topology::SumPlace::kUnit;
  unit.core.unit_sums = 16;
  return product(2, 2, 16, unit);
}

struct Turn {
  const char* value;
  std::string text;
  /// What else the machine must be; and whether less time is taken.
  std::map<std::string, std::string> also;
  bool faster = false;
};

/// One for each parameter: of some program whose time it changes.
const std::map<std::string, Turn>& turns() {
  static const std::map<std::string, Turn> all{
      {"fetch_instructions_per_cycle", {"4", long_loop("li a2 1\n", 64), {}}},
      {"fetch_buffer_instructions", {"8", product(1, 1), {}}},
      {"decode_instructions_per_cycle", {"4", long_loop("li a2 1\n", 64), {}}},
      {"decode_threads_per_cycle", {"1", product(1, 2), {}}},
      {"loop_exit_cycles", {"16", product(), {}}},
      {"loop_exits_predicted", {"true", long_loop("loop 2\nli a2 1\nend\n", 4), {}, true}},
      {"scalar_issues_per_cycle", {"2", long_loop("salu a2\nsalu a3\nvld v0 a0\nvld v1 a1+64\n", 8), {}}},
      {"integer_units", {"1", long_loop("salu a2\nsalu a3\n", 8), {}}},
      {"address_generators", {"1", long_loop("vld v@ a0$\n", 16), {}}},
      {"scalar_entries", {"4", product(1, 1, 16), {}}},
      {"vector_issues_per_cycle", {"1", long_loop("fma v1 v2\nx v3 v4\n", 8), {}}},
      {"vector_entries", {"2", long_loop("fma v0 v0\nfma v1 v2\nfma v3 v4\nfma v5 v6\nx v7 v7\n", 8), {}}},
      {"store_queue_entries", {"1", product(1, 1, 16), {}}},
      {"send_queue_entries", {"1", moves_before_a_chain(), {{"scalar_entries", "4"}}}},
      {"store_takes_address_generator", {"false", stores_and_loads(), {}, true}},
      {"send_takes_address_generator", {"false", sends_and_loads(), {}, true}},
      {"loads_first", {"true", stores_and_loads(), {}}},
      {"load_takes_vector_slot", {"true", product(), {}}},
      {"register_renaming", {"true", long_loop("vld v0 a0$\nfma v1 v0\n", 16), {}, true}},
      {"sums", {"unit", product(), {}}},
      {"unit_sums", {"16", many_sums(), {{"sums", "unit"}}}},
      {"sum_latency_cycles", {"4", long_loop("mm c7 v1 v2\n", 8), {}}},
      {"shuffle_latency_cycles", {"8", long_loop("x v0 v0\n", 8), {}}},
      {"sram_banks", {"1", long_loop("vld v@ a0$\n", 16), {}}},
      {"semaphores", {"8", "sset 9\n", {}}},
  };
  return all;
}

void set(topology::CoreParams& core, const std::string& name, const std::string& value) {
  Setter setter{name, value};
  topology::CoreParams::fields(core, setter);
  EXPECT_TRUE(setter.found) << name;
}
/// Nothing where the program is refused.
std::optional<core::Counters> counted(const std::string& text, const Hardware& hardware) {
  try {
    return run_text(text, hardware);
  } catch (const Error&) {
    return std::nullopt;
  }
}

class Parameter : public testing::TestWithParam<std::string> {};

TEST_P(Parameter, ChangesTheTimeOfAProgram) {
  const Turn& turn = turns().at(GetParam());
  Hardware before;
  for (const auto& [name, value] : turn.also) set(before.core, name, value);
  Hardware after = before;
  set(after.core, GetParam(), turn.value);
  const auto was = counted(turn.text, before), is = counted(turn.text, after);
  if (!was || !is) {
    EXPECT_NE(was.has_value(), is.has_value()) << "one of them is refused";
  } else if (turn.faster) {
    EXPECT_LT(is->cycles, was->cycles);
  } else {
    EXPECT_GT(is->cycles, was->cycles);
  }
}

std::vector<std::string> declared() {
  std::vector<std::string> names;
  for (const schema::Declared& one : schema::declarations_of<topology::CoreParams>()) names.push_back(one.path);
  return names;
}
INSTANTIATE_TEST_SUITE_P(All, Parameter, testing::ValuesIn(declared()), [](const auto& test) { return test.param; });

/// Of the page's table, as the declarations make it.
std::string parameter_row(const schema::Declared& one) {
  return fmt::format("| `{}` | {} | {} | {} | {} |\n", one.path, one.default_text,
                     one.words.empty() ? schema::range_text(one.range) : fmt::format("{}", fmt::join(one.words, ", ")),
                     one.source, one.sentence);
}

std::string op_row(const core::OpText& op) {
  std::string words = *op.operands == 0 ? op.word : fmt::format("{} {}", op.word, op.operands);
  for (std::size_t at = words.find('|'); at != std::string::npos; at = words.find('|', at + 2)) words.insert(at, "\\");
  return fmt::format("| `{}` | {} |\n", words, op.sentence);
}

TEST(CorePage, ShowsEveryParameterAndInstruction) {
  std::ifstream in(DOJO_SOURCE_DIR "/docs/core.md");
  std::ostringstream page;
  page << in.rdbuf();
  for (const schema::Declared& one : schema::declarations_of<topology::CoreParams>())
    EXPECT_NE(page.str().find(parameter_row(one)), std::string::npos) << "docs/core.md lacks\n" << parameter_row(one);
  for (const core::OpText& op : core::op_texts())
    EXPECT_NE(page.str().find(op_row(op)), std::string::npos) << op_row(op);
}

}  // namespace
}  // namespace dojo::test
