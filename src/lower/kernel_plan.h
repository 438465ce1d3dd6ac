// SPDX-License-Identifier: Apache-2.0
// Spatial partition of one operation over the nodes of a slice: the cheapest of all candidates by the cost model.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "dojo/core/piece_times.h"
#include "dojo/node/kernel_cost.h"
#include "dojo/workload/graph.h"
#include "lower/plan_cost.h"
#include "lower/reduction.h"
#include "lower/slices.h"

namespace dojo::workload {

/// How an activation lies on the nodes. In each case a node has an equal share of the bytes.
enum class Layout : std::uint8_t {
  kAny,           ///< as its first user wants it
  kPixels,        ///< pixels (rows of the matrix) cut over all nodes in row-major order
  kBandChannels,  ///< pixels cut over the rows of the slice, channels over the nodes of a row
  kOther          ///< by channels over all nodes
};

/// The part of a tensor that nothing has placed yet: it lies on the part of the first operation that uses it.
inline constexpr std::uint8_t kUnplaced = 0xff;
/// How a tensor lies, and on which part of the slice (index into PlanContext::parts).
struct TensorPlace {
  Layout layout = Layout::kAny;
  std::uint8_t part = kUnplaced;
};

/// Which dimension an axis of the slice cuts.
enum class Cut : std::uint8_t { kM, kN, kK };

/// (M x K) * (K x N). `pixels` is the dimension that counts pixels: M of forward and input gradient, K of weight
/// gradient. The matrices of a batch follow one another in this dimension.
struct ProductRequest {
  std::int64_t m = 0, n = 0, k = 0, batch = 1;
  std::int64_t groups = 1;  ///< of a convolution: n and its operands come in so many equal groups, k is that of one
  std::int64_t flops = 0;
  Bytes element_bytes = 2;
  Bytes a_bytes = 0, b_bytes = 0, c_bytes = 0;
  TensorPlace a, b;  ///< kAny: weights, or operands that nothing has laid out yet
  Cut pixels = Cut::kM;
  /// Convolution with a window: operand pixels [first, last) that the pixels [first, last) of the cut need.
  std::int64_t halo_pixels = 0;  ///< of the operand; 0 = no halo
  Bytes halo_pixel_bytes = 0;
  ConvShape conv;
  enum class Halo : std::uint8_t { kNone, kForward, kInputGrad } halo = Halo::kNone;
  /// Nodes of the slice on which the result has to lie; empty: where the product leaves it.
  std::vector<std::uint32_t> destinations;
  bool any_nodes = false;  ///< all nodes of the slice, with equal shares, will do as well
  friend bool operator<(const ProductRequest& x, const ProductRequest& y);
};

struct KernelPlan {
  Kernel kernel;
  std::string name;  ///< the partition: "M over 18 rows, N over 20 columns, 4 steps over M"
  std::uint8_t part = 0;
  TensorPlace output = {Layout::kPixels, 0};
  std::optional<ReductionSpec> reduction;  ///< follows the kernel
  Bytes buffer_bytes = 0;                  ///< of a node: operands in flight, halo, partial sums
  double cycles = 0;                       ///< by the cost model, reduction included
  Floors floors;                           ///< of the cores' work
  CoreCycles cores;
  double least_cycles = 0;  ///< what no number of steps goes below
};

/// What the planners need to know about the slice and its nodes.
struct PlanContext {
  const SliceGrid& grid;
  const node::NodeCost& cost;
  std::uint8_t part = 0;                          ///< which of the parts `grid` is
  const std::vector<SliceGrid>* parts = nullptr;  ///< each lies in the one before; nullptr: the grid is the only one
  core::PieceTimes* pieces = nullptr;             ///< gives the times of chosen plans; nullptr: the formulas do
  bool for_detailed = false;                      ///< some cores run cycle by cycle: kernels keep their core_pieces
  [[nodiscard]] PlanContext on(std::uint8_t index) const {
    return {parts == nullptr ? grid : (*parts)[index], cost, index, parts, pieces, for_detailed};
  }
  /// Of a piece of a chosen plan.
  [[nodiscard]] Cycles time(const node::ProductWork& piece) const {
    return pieces == nullptr ? cost.product(piece) : pieces->product(piece);
  }
  [[nodiscard]] Cycles time(const node::VectorPiece& piece) const {
    return pieces == nullptr ? cost.vector(piece) : pieces->vector(piece);
  }
  [[nodiscard]] Cycles time(const node::AttentionPart& piece) const {
    return pieces == nullptr ? node::attention_part_cycles(cost, piece) : pieces->attention(piece);
  }
};

/// The dimension along which a kernel's steps follow one another.
enum class Stream : std::uint8_t { kNone, kM, kN, kK };

/// Cycles of a plan's tasks by the cost model beside the kernel itself: their starts and ends, and the reduction, which
/// is a task of its own.
[[nodiscard]] double task_cycles(const KernelPlan& plan, const PlanContext& context);
[[nodiscard]] double write_port_bytes_per_cycle(const PlanContext& context);

// Words of a partition, for reports.
[[nodiscard]] const char* cut_name(Cut cut);
[[nodiscard]] const char* stream_name(Stream stream);
/// ", on 9 x 10 of 18 x 20 sites"; "" when it is all of the slice.
[[nodiscard]] std::string name_of_part(const PlanContext& context);

/// One candidate of a product's partition, with what it costs.
struct CandidateAxes {
  Cut rows = Cut::kM, columns = Cut::kN;  ///< what the rows and the columns of the part cut
  Stream stream = Stream::kNone;          ///< what the steps cut
  std::uint32_t steps = 1;
  std::uint8_t part = 0;
  bool b_by_columns = false;  ///< of a batch: the columns bring each row the other rows' B, else messages do
};
struct ProductChoice {
  CandidateAxes axes;
  Bytes buffer_bytes = 0;
  Bytes resident_bytes = 0;  ///< what a node of the part holds more than it would if all nodes of the slice shared it
  double cycles = 0;
};
/// Of all parts that hold the operands. Which there are depends on sizes, never on rates. Never empty.
[[nodiscard]] std::vector<ProductChoice> evaluate_products(const ProductRequest& request, const PlanContext& context);
/// The cheapest of those that take at most `budget_bytes` of a node's SRAM (0 = any); the smallest if none does.
/// `rank`: among the cheapest of each pair of cuts and part, the one after so many cheaper ones, or the last.
[[nodiscard]] ProductChoice choose_product(const std::vector<ProductChoice>& choices, Bytes budget_bytes,
                                           std::uint32_t rank = 0);
[[nodiscard]] KernelPlan build_product(const ProductRequest& request, const ProductChoice& choice,
                                       const PlanContext& context);

/// Operations on tensors that lie where they are needed, but for those named here.
struct VectorRequest {
  Bytes load_bytes = 0, store_bytes = 0;  ///< of the rank, local
  std::int64_t flops = 0;                 ///< vector FLOP
  std::int64_t operations = 0;            ///< of single elements on the FMA unit: a multiply-add is one
  Bytes element_bytes = 2;
  /// How its result lies, and how its inputs have to; on the last part that holds all inputs (kUnplaced: any).
  TensorPlace place = {Layout::kPixels, 0};
  /// Inputs that lie otherwise, or would on another part.
  struct Input {
    TensorPlace place;
    Bytes bytes = 0;
  };
  std::vector<Input> inputs;
  Bytes held_bytes = 0;    ///< result, and inputs that nothing has placed: they come to lie on the part
  Bytes to_all_bytes = 0;  ///< small operand that all nodes need (statistics)
  ConvShape window;        ///< pooling: r > 1 needs a halo
  ProductRequest::Halo halo = ProductRequest::Halo::kNone;
  Bytes pixel_bytes = 0;
  Bytes sums_bytes = 0;  ///< local sums (FP32) that are reduced over the rank; 0 = none
  /// Rows with sums of their own (FP32, `row_sums_bytes` each), which nodes that share rows send each other.
  std::int64_t rows = 0;
  Bytes row_sums_bytes = 0;
  node::RowWork row_work;                               ///< of one row
  std::int64_t shuffles = 0;                            ///< of single elements
  Bytes narrow_load_bytes = 0, narrow_store_bytes = 0;  ///< as of node::VectorPiece
  Bytes scattered_bytes = 0;                            ///< that go to other nodes, which may be any, in so many rows
  std::int64_t scattered_rows = 0;
  friend bool operator<(const VectorRequest& a, const VectorRequest& b);
};
/// Of all parts that hold the inputs. Never empty.
[[nodiscard]] std::vector<PlanCost> evaluate_vector(const VectorRequest& request, const PlanContext& context);
/// On the context's part. `build`: with the kernel, else only cost and buffers.
[[nodiscard]] KernelPlan plan_vector(const VectorRequest& request, const PlanContext& context, bool build = true);

/// An operation without shapes, spread evenly: roofline, or the recorded time.
struct ShapelessRequest {
  std::int64_t flops = 0;  ///< matrix FLOP
  Bytes bytes = 0;
  Cycles recorded_cycles = 0;  ///< 0 = roofline
  friend bool operator<(const ShapelessRequest& a, const ShapelessRequest& b);
};
[[nodiscard]] KernelPlan plan_shapeless(const ShapelessRequest& request, const PlanContext& context);

/// Operand pixels [first, last) that output pixels [begin, end) need; clipped to their images.
struct PixelRange {
  std::int64_t first = 0, last = 0;
};
[[nodiscard]] PixelRange needed_pixels(const ConvShape& conv, ProductRequest::Halo halo, std::int64_t begin,
                                       std::int64_t end);

class Deliveries;
/// `bytes` that every node gets an equal share of, from nodes that may be any: `rows` messages, at most 16 for a node.
/// Returns what a node gets.
Bytes add_scattered(Bytes bytes, std::int64_t rows, const SliceGrid& grid, Deliveries& deliveries);
/// Halo of pieces over all nodes: unicasts between neighbours in row-major order. False: more than four neighbours.
bool add_piece_halo(const ConvShape& conv, ProductRequest::Halo halo, std::int64_t cut_pixels,
                    std::int64_t operand_pixels, Bytes pixel_bytes, const SliceGrid& grid, Deliveries* deliveries,
                    Bytes* most_bytes);
/// Halo of bands: the same between rows; `pass_on`: every node of the row needs it. Returns how many rows it reaches.
std::int64_t add_band_halo(const ConvShape& conv, ProductRequest::Halo halo, std::int64_t cut_pixels,
                           std::int64_t operand_pixels, Bytes pixel_bytes, bool pass_on, const SliceGrid& grid,
                           Deliveries* deliveries, Bytes* most_bytes);

}  // namespace dojo::workload
