// SPDX-License-Identifier: Apache-2.0
// Lines of a part of a slice.
#include "dojo/workload/program.h"

namespace dojo::workload {

SliceShape::Line clipped(const SliceShape& shape, const SliceShape::Line& line, const SlicePart& part) {
  SliceShape::Line in = line;
  if (part.is_all()) return in;
  const SliceShape::Node& any = shape.nodes[shape.line_nodes[line.nodes_begin]];
  const std::int32_t along = line.horizontal ? any.die % shape.die_columns : any.die / shape.die_columns;
  const std::int32_t sites = line.horizontal ? shape.columns / shape.die_columns : shape.rows / shape.die_rows;
  const std::int32_t begin = line.horizontal ? part.column_begin : part.row_begin;
  const std::int32_t end = line.horizontal ? part.column_end : part.row_end;
  in.goes_on_low = line.goes_on_low && begin < along * sites;
  in.goes_on_high = line.goes_on_high && end > (along + 1) * sites;
  while (in.nodes_begin < in.nodes_end && !part.has(shape.nodes[shape.line_nodes[in.nodes_begin]])) ++in.nodes_begin;
  while (in.nodes_end > in.nodes_begin && !part.has(shape.nodes[shape.line_nodes[in.nodes_end - 1]])) --in.nodes_end;
  return in;
}

}  // namespace dojo::workload
