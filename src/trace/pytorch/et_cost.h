// SPDX-License-Identifier: Apache-2.0
// What an ATen operation computes, from its name and the shapes of its tensors. Private to the module.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "trace/graph_builder.h"
#include "trace/pytorch/et_node.h"

namespace dojo::workload::pytorch {

/// One operation of the graph and which tensors of the node it reads and writes.
struct EtWork {
  Op op;                  ///< kind, shapes, elements
  const char* part = "";  ///< behind the node's name when a node becomes several operations
  std::vector<const EtTensor*> reads, writes;
  std::string note = {};  ///< said of all such operations together, with their count
};

/// Views, allocations and questions: no work on any machine.
bool is_free(const std::string& name);
/// Takes new storage, so that what lay there before is forgotten.
bool is_allocation(const std::string& name);
/// Products, convolutions, attention and lookups do their work themselves, even when they call smaller operators, to
/// clear a result for example.
bool is_kernel_of_its_own(const std::string& name);
bool is_product(const std::string& name);  ///< of matrices: products, attention, recurrent networks
bool product_work(const EtNode& node, EtWork& work);
/// An operator that nobody has described, whose operands and result have the shapes of a product.
bool unnamed_product(const EtNode& node, EtWork& work);
bool is_convolution(const std::string& name);  ///< backward too
bool is_convolution_backward(const std::string& name);
bool convolution(const EtNode& node, EtWork& work);
/// Up to two operations, the gradients that its mask asks for.
bool convolution_backward(const EtNode& node, std::vector<EtWork>& out);
DType dtype_of(const EtTensor& tensor);
bool is_lookup(std::string_view name);
void lookup(const EtNode& node, EtWork& work);
/// A Triton kernel of torch.compile; false when the trace says what it writes.
bool compiled_kernel(const EtNode& node, EtWork& work);
/// The operations of a node with tensors; FLOP from shapes for products, convolutions and attention, bytes for the
/// rest.
std::vector<EtWork> work_of(const EtNode& node);

}  // namespace dojo::workload::pytorch
