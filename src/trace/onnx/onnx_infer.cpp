// SPDX-License-Identifier: Apache-2.0
// libonnx infers the shapes in a process of its own: on some damaged models it reads out of bounds, and that must end
// in a sentence about the model.
#include <fmt/format.h>
#include <onnx/shape_inference/implementation.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "dojo/base/error.h"
#include "trace/onnx/onnx_layers.h"
#include "trace/onnx/onnx_nodes.h"

namespace dojo::workload::onnx_reader {
namespace {

constexpr char kGood = 'g';
constexpr unsigned kMostSeconds = 60;

void write_all(int file, const std::string& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t done = ::write(file, bytes.data() + at, bytes.size() - at);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return;
    at += static_cast<std::size_t>(done);
  }
}

std::string read_all(int file) {
  std::string bytes;
  std::array<char, 1 << 16> buffer{};
  while (true) {
    const ssize_t got = ::read(file, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return bytes;
    bytes.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

/// Strict inference says what it met, the other goes on behind it.
std::string infer(onnx::ModelProto& model, bool strict) {
  try {
    const onnx::ShapeInferenceOptions options(false, strict ? 1 : 0, true);
    onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(), options);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

/// In the child. Only what inference adds goes back, not the weights; before it, what the library said.
std::string inferred(onnx::ModelProto& model) {
  const std::string said = infer(model, true);
  // Behind each operator that the library does not know it can go on only when the shape is there.
  while (add_own_shapes(*model.mutable_graph()) > 0) (void)infer(model, false);
  onnx::GraphProto shapes;
  shapes.set_doc_string(said);
  shapes.mutable_value_info()->Swap(model.mutable_graph()->mutable_value_info());
  shapes.mutable_output()->Swap(model.mutable_graph()->mutable_output());
  return kGood + shapes.SerializeAsString();
}

[[noreturn]] void be_the_child(onnx::ModelProto& model, int to) {
  for (const int number : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGALRM}) std::signal(number, SIG_DFL);
  const rlimit no_core{0, 0};
  (void)::setrlimit(RLIMIT_CORE, &no_core);
  (void)::alarm(kMostSeconds);
  write_all(to, inferred(model));
  ::_exit(0);
}

}  // namespace

bool infer_shapes(onnx::ModelProto& model, std::string& said, std::string& why) {
  // The table of operators is filled at its first use: here, for all children.
  (void)onnx::OpSchemaRegistry::Schema("Relu", 13, "");
  std::array<int, 2> ends{};
  const bool piped = ::pipe(ends.data()) == 0;
  const pid_t child = piped ? ::fork() : -1;
  if (child < 0) {
    throw Error(ExitCode::kHostMemory,
                fmt::format("no process for the shapes of an ONNX model: {}", std::strerror(errno)));
  }
  if (child == 0) be_the_child(model, ends[1]);
  (void)::close(ends[1]);
  const std::string answer = read_all(ends[0]);
  (void)::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  onnx::GraphProto shapes;
  if (status != 0 || answer.empty()) {
    why = "libonnx broke off on a node whose operands do not fit it";
  } else if (shapes.ParseFromArray(answer.data() + 1, static_cast<int>(answer.size() - 1))) {
    model.mutable_graph()->mutable_value_info()->Swap(shapes.mutable_value_info());
    model.mutable_graph()->mutable_output()->Swap(shapes.mutable_output());
    said = shapes.doc_string();
    return true;
  }
  return false;
}

}  // namespace dojo::workload::onnx_reader
