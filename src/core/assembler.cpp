// SPDX-License-Identifier: Apache-2.0
// Reads micro-programs: one instruction a line. All mistakes of a text are told at once.
#include "dojo/core/assembler.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "core/arrivals.h"
#include "dojo/base/error.h"
#include "dojo/base/nearest.h"
#include "dojo/base/text.h"

namespace dojo::core {
namespace {

constexpr std::size_t kMostInstructions = 1u << 20;
constexpr std::int32_t kMostPackets = 65535;
constexpr std::int32_t kMostSemaphores = 64;

struct Line {
  std::vector<std::string_view> words;
  std::size_t next = 1;  ///< operand to read
  [[nodiscard]] bool more() const { return next < words.size(); }
};

Line words_of(std::string_view text) {
  constexpr const char* kBlanks = " \t\r,";
  Line line;
  text = text.substr(0, text.find('#'));
  for (std::size_t at = text.find_first_not_of(kBlanks); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kBlanks, at), text.size());
    line.words.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(kBlanks, end);
  }
  return line;
}

std::optional<std::int64_t> number_of(std::string_view word) {
  if (!word.empty() && word.front() == '+') word.remove_prefix(1);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return value;
}

/// A register whose letter is one of `letters`.
std::optional<std::uint8_t> register_of(std::string_view word, std::string_view letters) {
  if (word.size() < 2 || letters.find(word.front()) == std::string_view::npos || word[1] == '+') return std::nullopt;
  const auto number = number_of(word.substr(1));
  const std::uint8_t first = word.front() == 'a' ? 0 : word.front() == 'v' ? kFirstVector : kFirstSum;
  const std::int64_t count = word.front() == 'a' ? kScalarRegisters : word.front() == 'v' ? kVectorRegisters : kSums;
  if (!number || *number < 0 || *number >= count) return std::nullopt;
  return static_cast<std::uint8_t>(first + *number);
}

class Assembler {
 public:
  Assembler(std::string_view text, const std::string& name) : text_(text), name_(name) {
    for (Program& program : assembly_.programs) program.name = name;
  }
  Assembly take() {
    for (std::size_t at = 0; at <= text_.size();) {
      const std::size_t end = std::min(text_.find('\n', at), text_.size());
      ++number_;
      line_ = words_of(text_.substr(at, end - at));
      if (!line_.words.empty()) read_line();
      at = end + 1;
    }
    end_thread();
    if (findings_.empty() && assembly_.threads() == 0)
      findings_.add("{}:{}: found no instruction, expected at least one", name_, number_);
    findings_.throw_if_any();
    return std::move(assembly_);
  }

 private:
  template <class... Args>
  void expect(std::string_view found, fmt::format_string<Args...> expected, Args&&... args) {
    const std::string what = found.empty() ? "the end of the line" : "'" + printable_line(found) + "'";
    findings_.add("{}:{}: found {}, expected {}", name_, number_, what,
                  fmt::format(expected, std::forward<Args>(args)...));
  }
  std::string_view take_word() { return line_.more() ? line_.words[line_.next++] : std::string_view(); }

  void read_line();
  void read_operands(std::string_view word);
  void read_thread();
  void read_arrivals();
  void end_thread();
  void add();
  std::uint8_t destination(std::string_view letters, const char* expected);
  void sources(std::string_view letters, std::size_t most, bool memory_too, const char* expected);
  void memory(std::string_view word);
  bool is_memory(std::string_view word) const { return !word.empty() && word.front() == 'a'; }
  std::int32_t integer(const char* what, std::int64_t low, std::int64_t high, std::optional<std::int32_t> otherwise);

  std::string_view text_;
  const std::string& name_;
  Assembly assembly_;
  Findings findings_;
  Line line_;
  std::uint32_t number_ = 0;
  std::size_t thread_ = 0;
  std::array<bool, kThreads> seen_{};
  std::vector<std::uint32_t> open_loops_;  ///< their lines
  Instruction made_;
};

std::int32_t Assembler::integer(const char* what, std::int64_t low, std::int64_t high,
                                std::optional<std::int32_t> otherwise) {
  if (!line_.more() && otherwise) return *otherwise;
  const std::string_view word = take_word();
  const auto value = number_of(word);
  if (value && *value >= low && *value <= high) return static_cast<std::int32_t>(*value);
  expect(word, "{}: a whole number from {} to {}", what, low, high);
  return static_cast<std::int32_t>(low);
}

std::uint8_t Assembler::destination(std::string_view letters, const char* expected) {
  const std::string_view word = take_word();
  const auto place = register_of(word, letters);
  if (!place) expect(word, "{}", expected);
  return place.value_or(kNoRegister);
}

/// "a3", "a3+64", "a3-64".
void Assembler::memory(std::string_view word) {
  const std::size_t sign = std::min(word.find_first_of("+-"), word.size());
  const auto base = register_of(word.substr(0, sign), "a");
  const auto displacement = sign == word.size() ? std::optional<std::int64_t>(0) : number_of(word.substr(sign));
  constexpr std::int64_t kMost = 0x7fffffff;
  if (!base || !displacement || *displacement < -kMost || *displacement > kMost) {
    expect(word, "an address: a register a0 to a{} and a displacement in bytes, as in a0+64", kScalarRegisters - 1);
    return;
  }
  made_.base = *base;
  made_.immediate = static_cast<std::int32_t>(*displacement);
}

/// The rest of the operands: registers, and where allowed an address as the last one.
void Assembler::sources(std::string_view letters, std::size_t most, bool memory_too, const char* expected) {
  std::size_t count = 0;
  for (; line_.more() && count < most; ++count) {
    const std::string_view word = take_word();
    if (memory_too && is_memory(word)) {
      memory(word);
      return;
    }
    const auto place = register_of(word, letters);
    if (!place) return expect(word, "{}", expected);
    made_.sources[count] = *place;
  }
}

void Assembler::add() {
  Program& program = assembly_.programs[thread_];
  if (program.size() == kMostInstructions)
    findings_.add("{}:{}: found more than {} instructions of a thread", name_, number_, kMostInstructions);
  if (program.size() >= kMostInstructions) return;
  program.instructions.push_back(made_);
  program.lines.push_back(number_);
}

void Assembler::read_operands(std::string_view word) {
  constexpr const char* kVector = "a vector register, v0 to v31";
  constexpr const char* kAnyVector = "a vector register v0 to v31 or a sum c0 to c15";
  constexpr const char* kSum = "a sum, c0 to c15";
  constexpr const char* kScalar = "a scalar register, a0 to a31";
  constexpr std::int64_t kMost = 0x7fffffff;
  const std::size_t before = findings_.lines().size();
  if (word == "li" || word == "addi") {
    made_.op = word == "li" ? Op::kLoadImmediate : Op::kAddImmediate;
    made_.destination = destination("a", kScalar);
    made_.immediate = integer("the value", -kMost, kMost, std::nullopt);
    if (word == "addi") made_.sources[0] = made_.destination;
  } else if (word == "salu") {
    made_.op = Op::kScalar;
    made_.destination = destination("a", kScalar);
    sources("a", 3, false, kScalar);
  } else if (word.substr(0, 3) == "vld") {
    made_.op = Op::kLoad;
    made_.lines = word.size() == 3 ? 1 : static_cast<std::uint8_t>(word[3] - '0');
    made_.destination = destination("vc", kAnyVector);
    memory(take_word());
  } else if (word == "vst") {
    made_.op = Op::kStore;
    made_.sources[0] = destination("vc", kAnyVector);
    memory(take_word());
  } else if (word == "fma") {
    made_.op = Op::kFma;
    made_.destination = destination("v", kVector);
    sources("v", 3, true, "a vector register, v0 to v31, or as the last operand an address, as in a0+64");
  } else if (word == "x") {
    made_.op = Op::kShuffle;
    made_.destination = destination("v", kVector);
    sources("vc", 3, true, "a vector register, a sum, or as the last operand an address, as in a0+64");
  } else if (word == "mm" || word == "mmz") {
    made_.op = Op::kMatrix;
    made_.starts_sum = word == "mmz";
    made_.destination = destination("c", kSum);
    made_.sources[0] = destination("v", kVector);
    const std::string_view second = take_word();
    if (is_memory(second)) {
      memory(second);
    } else if (const auto place = register_of(second, "v")) {
      made_.sources[1] = *place;
    } else {
      expect(second, "a vector register, v0 to v31, or an address, as in a0+64");
    }
  } else if (word == "mrd") {
    made_.op = Op::kReadSum;
    made_.destination = destination("v", kVector);
    made_.sources[0] = destination("c", kSum);
  } else if (word == "send") {
    made_.op = Op::kSend;
    memory(take_word());
    made_.count = integer("the packets", 1, kMostPackets, 1);
  } else if (word == "swait" || word == "sset") {
    made_.op = word == "swait" ? Op::kWait : Op::kSignal;
    made_.immediate = integer("the semaphore", 0, kMostSemaphores - 1, std::nullopt);
    made_.count = integer("the count", 1, kMost / 2, 1);
  } else if (word == "loop") {
    made_.op = Op::kLoop;
    made_.count = integer("the turns", 1, kMost, 0);
    if (made_.count == 0) assembly_.programs[thread_].endless = true;
    open_loops_.push_back(number_);
    if (open_loops_.size() == kMostLoops + 1) expect(word, "at most {} loops inside each other", kMostLoops);
  } else if (word == "end") {
    made_.op = Op::kEnd;
    if (open_loops_.empty()) expect(word, "a loop before it");
    if (!open_loops_.empty()) open_loops_.pop_back();
  } else if (word == "halt") {
    made_.op = Op::kHalt;
    if (!open_loops_.empty()) expect(word, "no halt inside a loop; the loop is in line {}", open_loops_.back());
  }
  // One sentence a line is enough: what follows a mistake is not looked at.
  if (findings_.lines().size() == before && line_.more()) expect(take_word(), "the end of the line");
}

void Assembler::read_line() {
  const std::string_view word = line_.words.front();
  if (word == ".thread") return read_thread();
  if (word == ".arrive") return read_arrivals();
  std::vector<std::string> known{".thread", ".arrive"};
  bool is_known = false;
  for (const OpText& op : op_texts()) {
    known.emplace_back(op.word);
    is_known = is_known || word == op.word;
  }
  if (!is_known) {
    findings_.add("{}:{}: found '{}', expected an instruction{}", name_, number_, printable_line(word),
                  did_you_mean(std::string(word), known));
    return;
  }
  seen_[thread_] = true;
  made_ = Instruction{};
  read_operands(word);
  add();
}

void Assembler::read_thread() {
  const std::size_t before = findings_.lines().size();
  const auto thread = static_cast<std::size_t>(integer("the hardware thread", 0, kThreads - 1, std::nullopt));
  if (findings_.lines().size() != before) return;
  if (line_.more()) expect(take_word(), "the end of the line");
  end_thread();
  thread_ = thread;
  if (seen_[thread]) expect(line_.words[1], "a thread that has no program yet");
}

void Assembler::read_arrivals() {
  constexpr std::int64_t kMost = 0x7fffffff;
  Arrivals& arrivals = assembly_.arrivals;
  if (arrivals.packets != 0) expect(line_.words.front(), "one .arrive in a text");
  assembly_.arrivals_line = number_;
  arrivals.address = static_cast<std::uint32_t>(integer("the address in bytes", 0, kMost, std::nullopt));
  arrivals.packets = integer("the packets", 1, kMost, std::nullopt);
  arrivals.every = integer("cycles from packet to packet", 1, kMost, 1);
  arrivals.semaphore = integer("the semaphore, or -1 for none", -1, kMostSemaphores - 1, -1);
  arrivals.lines = integer("the lines that are written in turn", 1, kMost, 0);
  if (line_.more()) expect(take_word(), "the end of the line");
}

/// Every loop is closed, and the last instruction is halt.
void Assembler::end_thread() {
  for (const std::uint32_t line : open_loops_)
    findings_.add("{}:{}: found a loop without end, expected 'end' before the program of thread {} ends", name_, line,
                  thread_);
  open_loops_.clear();
  Program& program = assembly_.programs[thread_];
  if (program.instructions.empty() || program.instructions.back().op == Op::kHalt) return;
  made_ = Instruction{};
  add();
}

}  // namespace

const std::vector<OpText>& op_texts() {
  static const std::vector<OpText> all{
      {"li", "a N", "a = N; ends in the front end"},
      {"addi", "a N", "a = a + N"},
      {"salu", "a [a [a [a]]]", "an integer operation of up to three registers; addresses do not see its result"},
      {"vld", "v|c ADDRESS", "loads 64 B; a sum that lies in registers is loaded in four quarters"},
      {"vld2", "v|c ADDRESS", "a load that touches two lines, as of a window that straddles them"},
      {"vld3", "v|c ADDRESS", "the same, three lines"},
      {"vld4", "v|c ADDRESS", "the same, four lines"},
      {"vst", "v|c ADDRESS", "stores 64 B"},
      {"fma", "v [v [v [v|ADDRESS]]]", "one operation of the FMA unit: multiply, add, both, compare"},
      {"x", "v [v|c [v|c [v|c|ADDRESS]]]", "shuffle, transpose, convert, pack"},
      {"mm", "c v v|ADDRESS", "the matrix unit adds an 8 x 8 x 4 product to a sum"},
      {"mmz", "c v v|ADDRESS", "the same, and starts the sum"},
      {"mrd", "v c", "reads 64 B of a sum in the matrix unit, through the shuffle unit"},
      {"send", "ADDRESS [PACKETS]", "sends packets of 64 B from one address on; more than one is a block move"},
      {"swait", "SEMAPHORE [COUNT]", "waits until the semaphore holds COUNT (1) and takes them"},
      {"sset", "SEMAPHORE [COUNT]", "adds COUNT (1) once the thread's older stores and sends have left"},
      {"loop", "[TURNS]", "what follows up to its end, so many times; without a number for ever"},
      {"end", "", "of a loop"},
      {"halt", "", "the thread ends; the last line may leave it out"}};
  return all;
}

void check_arrivals(const Assembly& assembly, const std::string& name, const Hardware& hardware) {
  if (assembly.arrivals_line == 0) return;
  Findings findings;
  find_in_arrivals(assembly.arrivals, hardware, fmt::format("{}:{}: .arrive", name, assembly.arrivals_line), findings);
  findings.throw_if_any();
}

Work Assembly::work() const {
  Work work;
  for (std::size_t i = 0; i < kThreads; ++i)
    if (!programs[i].instructions.empty()) work.threads[i] = &programs[i];
  work.arrivals = arrivals;
  return work;
}

int Assembly::threads() const {
  int count = 0;
  for (const Program& program : programs) count += program.instructions.empty() ? 0 : 1;
  return count;
}

Assembly assemble(std::string_view text, const std::string& name) {
  return Assembler(text, name).take();
}

}  // namespace dojo::core
