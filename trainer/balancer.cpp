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
  if (const int iterations = balancers::bip_iterations(ref.builtin); iterations > 0)
    return balancers::bip(iterations);
  std::string known;
  for (const std::string& name : builtin_names()) known += (known.empty() ? "" : ", ") + name;
  throw Error("unknown built-in balancer \"" + ref.builtin + "\": choose one of " + known,
              ExitCode::kUsage);
}

}  // namespace ballast::trainer
