#include "tests/candidate/seed_programs.h"

#include "candidate/maker.h"
#include "tests/candidate/graph_maker.h"

namespace ballast::candidate {
namespace {

Program global_lbl() {
  GraphMaker g;
  return g.b.finish(g.global_lbl(), std::nullopt);
}

// num_experts * ((probs.mean(0) - 1/E) ** 2).sum() + 0.001 * (logits.logsumexp(1) ** 2).mean()
Program deviation_and_z() {
  GraphMaker g;
  Maker m(g.b);
  const NodeId gap = m.sub(g.mean, m.inverse_experts());
  const NodeId z = m.mean(m.square(m.over(Op::kLogSumExp, m.field(Field::kLogits), 1)));
  return g.b.finish(m.add(m.mul(g.experts, m.sum(m.square(gap))), m.scaled(0.001, z)),
                    std::nullopt);
}

Program sequence_wise() {
  GraphMaker g;
  Maker m(g.b);
  const NodeId load = m.div(m.sequence_means(m.field(Field::kChosen)), g.top_k);
  const NodeId product = m.mul(load, m.sequence_means(g.probs));
  return g.b.finish(m.mul(g.experts, m.mean(m.over(Op::kSum, product, 1))), std::nullopt);
}

NodeId sign_rule(GraphMaker& g) {
  Maker m(g.b);
  const NodeId gap = m.sub(m.inverse_experts(), g.load);
  return m.add(m.field(Field::kBias), m.scaled(0.001, m.unary(Op::kSign, gap)));
}

Program hook_only() {
  GraphMaker g;
  return g.b.finish(std::nullopt, sign_rule(g));
}

Program both_hooks() {
  GraphMaker g;
  return g.b.finish(g.global_lbl(), sign_rule(g));
}

// The entropy-gated hinge of arXiv 2509.19349: where, clamp, progress, shared nodes.
Program gated_hinge() {
  GraphMaker g;
  Maker m(g.b);
  const NodeId entropy = m.unary(Op::kNeg, m.sum(m.mul(g.mean, m.safe_log(g.mean))));
  const NodeId gate = m.sub(m.number(1.5), m.div(entropy, m.unary(Op::kLog, m.experts())));
  const NodeId floor = m.div(m.number(0.064), m.experts());
  const NodeId short_of = m.binary(Op::kClampMin, m.sub(floor, g.load), m.integer(0));
  const NodeId low = m.binary(Op::kLt, g.load, floor);
  const NodeId picked = g.op(Op::kWhere, {low, m.sub(floor, g.mean), m.number(0)});
  const NodeId hinge = m.mul(m.mul(gate, g.progress), m.add(m.sum(short_of), m.sum(picked)));
  return g.b.finish(m.add(g.global_lbl(), m.scaled(0.1, hinge)), std::nullopt);
}

}  // namespace

std::vector<Program> seed_programs() {
  return {global_lbl(), deviation_and_z(), sequence_wise(),
          hook_only(),  both_hooks(),      gated_hinge()};
}

}  // namespace ballast::candidate
