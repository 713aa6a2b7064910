#include "trainer/balancer.h"

#include <algorithm>
#include <memory>

#include "candidate/parse.h"
#include "common/error.h"
#include "trainer/balancers/balancers.h"
#include "trainer/interpreter.h"

namespace ballast::trainer {
namespace {

Balancer from_text(const std::string& source) {
  candidate::ParseResult parsed = candidate::parse(source);
  if (!parsed.program) throw CandidateError(to_string(*parsed.diagnostic));
  // Shared by the two hooks, which are copied freely.
  const auto program = std::make_shared<const candidate::Program>(*std::move(parsed.program));
  Balancer balancer;
  if (program->loss)
    balancer.loss = [program](const Record& r) { return balance_loss(*program, r); };
  if (program->bias)
    balancer.selection_bias = [program](const Record& r, const at::Tensor& bias) {
      return selection_bias(*program, r, bias);
    };
  const auto is_probs_global = [](const candidate::Node& node) {
    return node.op == candidate::Op::kField && !node.ints.empty() &&
           node.ints[0] == static_cast<int64_t>(candidate::Field::kProbsGlobal);
  };
  balancer.uses_probs_global =
      std::any_of(program->nodes.begin(), program->nodes.end(), is_probs_global);
  return balancer;
}

}  // namespace

const std::vector<BuiltinRow>& builtins() {
  static const std::vector<BuiltinRow> rows = {
      {"none", "", "no balancing at all"},
      {"micro_lbl", "arXiv 2101.03961, eq. 4", "load-balancing loss inside each micro-batch"},
      {"global_lbl", "arXiv 2501.11873, eq. 4-6", "load-balancing loss over the whole window"},
      {"sequence_lbl", "arXiv 2412.19437, eq. 17-20", "load-balancing loss inside each sequence"},
      {"z_loss", "arXiv 2202.08906, eq. 5", "squared log-partition of the router"},
      {"loss_free", "arXiv 2408.15664, algorithm 1", "selection bias by the sign rule, no loss"},
  };
  return rows;
}

Balancer make_balancer(const BalancerRef& ref, const ScheduleSpec& schedule) {
  if (ref.builtin.empty() == ref.source.empty())
    throw Error("a balancer is either a built-in or a source text; this job gives " +
                std::string(ref.builtin.empty() ? "neither" : "both"));
  if (!ref.source.empty()) return from_text(ref.source);
  if (ref.builtin == "none") return {};
  if (ref.builtin == "micro_lbl") return balancers::micro_lbl();
  if (ref.builtin == "global_lbl") return balancers::global_lbl();
  if (ref.builtin == "sequence_lbl") return balancers::sequence_lbl();
  if (ref.builtin == "z_loss") return balancers::z_loss();
  if (ref.builtin == "loss_free") return balancers::loss_free(schedule.bias_rate);
  std::string known;
  for (const BuiltinRow& row : builtins())
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  throw Error("unknown built-in balancer \"" + ref.builtin + "\": choose one of " + known,
              ExitCode::kUsage);
}

}  // namespace ballast::trainer
