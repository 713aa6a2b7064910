// The states of the contract check: small enough for milliseconds, varied enough that a candidate
// meets every kind of router (docs/design.md, section 5).
#include <ATen/ATen.h>

#include "trainer/contract.h"
#include "trainer/draw.h"

namespace ballast::trainer {

namespace {

// Moves whole sequences, or tokens inside them, at random.
std::vector<int64_t> permute_sequences(const State& s, Rng& rng) {
  const auto length = static_cast<int64_t>(s.logits.size()) / s.num_sequences;
  std::vector<int64_t> tokens;
  for (int64_t sequence : random_permutation(s.num_sequences, rng))
    for (int64_t i = 0; i < length; ++i) tokens.push_back(sequence * length + i);
  return tokens;
}
std::vector<int64_t> shuffle_inside(const State& s, Rng& rng) {
  const auto length = static_cast<int64_t>(s.logits.size()) / s.num_sequences;
  std::vector<int64_t> tokens;
  for (int64_t sequence = 0; sequence < s.num_sequences; ++sequence)
    for (int64_t i : random_permutation(length, rng)) tokens.push_back(sequence * length + i);
  return tokens;
}

std::string name_of(const Draw& d, const char* kind) {
  std::string name = "E=" + std::to_string(d.experts) + ", k=" + std::to_string(d.top_k) +
                     ", S=" + std::to_string(d.sequences) + ", " + d.gate + " gate";
  if (d.null_experts > 0) name += ", " + std::to_string(d.null_experts) + " null experts";
  return name + ", " + kind;
}

ContractState without_ties(const Draw& d, const char* kind, Rng& rng) {
  const State state = draw_without_ties(d, rng);
  Row bias(static_cast<size_t>(d.experts));
  for (double& x : bias) x = rng.uniform(-0.1, 0.1);
  ContractState s;
  s.name = name_of(d, kind);
  s.without_ties = true;
  s.single = make_state(state, at::kFloat).record;
  s.exact = make_state(state).record;
  s.bias = at::tensor(bias, at::kDouble);
  s.experts = random_permutation(d.experts, rng);
  s.relabelled = make_state(with_experts(state, s.experts)).record;
  s.relabelled_bias = s.bias.index_select(0, at::tensor(s.experts, at::kLong));
  s.tokens = permute_sequences(state, rng);
  if (d.sequences > 1) s.permuted = make_state(with_tokens(state, s.tokens)).record;
  s.shuffled = make_state(with_tokens(state, shuffle_inside(state, rng))).record;
  return s;
}

ContractState collapsed(const Draw& d, Rng& rng) {
  const State state = draw_collapsed(d, rng);
  ContractState s;
  s.name = name_of(d, "collapsed onto k experts");
  s.single = make_state(state, at::kFloat).record;
  s.exact = make_state(state).record;
  s.bias = at::zeros({d.experts}, at::kDouble);
  return s;
}

}  // namespace

// Cheap ones first: most violations show at once.
std::vector<ContractState> make_contract_states() {
  Rng rng(1, "contract");
  const Draw small{
      .experts = 8, .top_k = 1, .sequences = 4, .length = 8, .progress = 0.3, .depth = 0};
  const Draw middle{
      .experts = 16, .top_k = 2, .sequences = 4, .length = 16, .progress = 0.6, .depth = 0.5};
  const Draw large{
      .experts = 64, .top_k = 8, .sequences = 4, .length = 64, .progress = 0.9, .depth = 1};
  const auto changed = [](Draw d, auto&& change) {
    change(d);
    return d;
  };
  std::vector<ContractState> states;
  states.push_back(without_ties(small, "skewed logits", rng));
  states.push_back(without_ties(changed(small,
                                        [](Draw& d) {
                                          d.sequences = 1;
                                          d.length = 32;
                                          d.null_experts = 2;
                                          d.gate = "sigmoid";
                                          d.groups = 2;
                                          d.progress = 0;
                                        }),
                                "skewed logits", rng));
  states.push_back(without_ties(changed(small,
                                        [](Draw& d) {
                                          d.scale = 10;
                                          d.progress = 1;
                                          d.depth = 1;
                                        }),
                                "logits up to 15", rng));
  states.push_back(collapsed(small, rng));
  states.push_back(without_ties(changed(middle,
                                        [](Draw& d) {
                                          d.null_experts = 4;
                                          d.groups = 4;
                                          d.scale = 2;
                                        }),
                                "skewed logits", rng));
  states.push_back(without_ties(changed(middle,
                                        [](Draw& d) {
                                          d.sequences = 1;
                                          d.length = 64;
                                          d.scale = 0.02;
                                          d.progress = 0.1;
                                        }),
                                "nearly uniform logits", rng));
  states.push_back(collapsed(changed(middle,
                                     [](Draw& d) {
                                       d.null_experts = 4;
                                       d.sequences = 1;
                                       d.gate = "sigmoid";
                                     }),
                             rng));
  states.push_back(collapsed(changed(large, [](Draw& d) { d.length = 4; }), rng));
  states.push_back(without_ties(changed(large,
                                        [](Draw& d) {
                                          d.gate = "sigmoid";
                                          d.groups = 8;
                                        }),
                                "skewed logits", rng));
  states.push_back(without_ties(changed(large,
                                        [](Draw& d) {
                                          d.sequences = 1;
                                          d.length = 256;
                                          d.null_experts = 8;
                                          d.scale = 6;
                                        }),
                                "logits up to 15", rng));
  return states;
}

}  // namespace ballast::trainer
