#include "trainer/interpreter.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cassert>
#include <string>

#include "trainer/forward.h"

namespace ballast::trainer {

namespace {

using candidate::Node;
using candidate::NodeId;
using candidate::Op;
using candidate::Program;

// One run over the nodes of a program.
//
// Numbers first, all of them: they are cheap and decide which branch of each Select is taken. One
// that Python would raise on keeps its message and hands it to whatever needs it, so the untaken
// branch of `x / n if n else 0` harms nobody. Then the tensors that the root needs, in order of
// their ids, so that two runs (and the gradients of two runs) have equal bits.
class Evaluation {
 public:
  Evaluation(const Program& program, const Context& context)
      : nodes_(program.nodes), context_(context), slots_(program.nodes.size()) {}

  // REQUIRES: the root's type is a tensor
  at::Tensor run(NodeId root) {
    for (NodeId id = 0; id <= root; ++id)
      if (!nodes_[id].type.tensor) evaluate_number(id);
    count_uses(root);
    for (NodeId id = 0; id <= root; ++id)
      if (nodes_[id].type.tensor && slots_[id].uses > 0) evaluate_tensor(id);
    return std::get<at::Tensor>(std::move(slots_[root].value));
  }

 private:
  struct Slot {
    Value value;
    std::string failure;  // why there is no value; empty when there is one
    uint32_t uses = 0;    // operands of nodes still to be evaluated that are this node
  };

  // The operands that count: of a Select, the condition and the taken branch.
  template <typename F>
  void for_each_operand(NodeId id, F&& f) {
    const Node& node = nodes_[id];
    if (node.op != Op::kSelect) {
      for (NodeId in : node.in) f(in);
      return;
    }
    f(node.in[0]);
    fail_if_failed(node.in[0]);
    f(node.in[number(slots_[node.in[0]].value) != 0 ? 1 : 2]);
  }

  void evaluate_number(NodeId id) {
    try {
      for_each_operand(id, [&](NodeId in) { fail_if_failed(in); });
      slots_[id].value = number_forward(call(id));
    } catch (const CandidateError& error) {
      slots_[id].failure = error.what();
    }
  }

  void fail_if_failed(NodeId id) const {
    if (!slots_[id].failure.empty()) throw CandidateError(slots_[id].failure);
  }

  void count_uses(NodeId root) {
    slots_[root].uses = 1;
    for (NodeId id = root + 1; id-- > 0;) {
      if (slots_[id].uses == 0) continue;
      fail_if_failed(id);
      if (nodes_[id].type.tensor) for_each_operand(id, [&](NodeId in) { ++slots_[in].uses; });
    }
  }

  void evaluate_tensor(NodeId id) {
    const Node& node = nodes_[id];
    try {
      at::Tensor result = forward_of(node.op)(call(id));
      const at::ScalarType dtype = context_.options(node.type.element).dtype().toScalarType();
      slots_[id].value = result.scalar_type() == dtype ? std::move(result) : result.to(dtype);
    } catch (const c10::Error& error) {
      throw_as_candidate_error(
          std::string(candidate::row(node.op).name) + " (" + to_string(context_.bindings) + ")",
          error);
    }
    for_each_operand(id, [&](NodeId in) {
      if (--slots_[in].uses == 0 && nodes_[in].type.tensor) slots_[in].value = false;
    });
  }

  Call call(NodeId id) {
    operands_.clear();
    for (NodeId in : nodes_[id].in) operands_.push_back(&slots_[in].value);
    return {nodes_[id], operands_, context_};
  }

  const std::vector<Node>& nodes_;
  const Context context_;
  std::vector<Slot> slots_;
  std::vector<const Value*> operands_;
};

}  // namespace

at::Tensor balance_loss(const Program& program, const Record& r) {
  assert(program.loss);
  return Evaluation(program, {r, nullptr, r.bindings()}).run(*program.loss);
}

at::Tensor selection_bias(const Program& program, const Record& r, const at::Tensor& bias) {
  assert(program.bias);
  const at::NoGradGuard no_grad;
  return Evaluation(program, {r, &bias, r.bindings()}).run(*program.bias).detach();
}

}  // namespace ballast::trainer
