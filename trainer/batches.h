// Which sequences a model sees. Training batches are a pure function of (seed, step, micro-batch):
// candidate and reference with the same seed see the same text, whatever else differs.
#pragma once

#include <cstdint>
#include <vector>

#include "common/spec.h"
#include "trainer/tokens.h"

namespace ballast::trainer {

// S sequences of one domain. Row-major (S, length); targets are the inputs shifted by one token.
struct MicroBatch {
  int64_t sequences = 0;
  int64_t length = 0;
  size_t domain = 0;  // index into Corpus::domains
  std::vector<int32_t> inputs, targets;

  int64_t tokens() const { return sequences * length; }
};

// Micro-batch g = step * micro_batches + micro is of domain order[g mod n], where `order` is a
// permutation of the n domains drawn anew for every n micro-batches: over n micro-batches each
// domain occurs once. Its sequences start at uniformly drawn positions of that domain's file.
// Throws Error when a token lies outside the model's vocabulary.
MicroBatch train_micro_batch(const Corpus& corpus, const TrainSpec& spec, uint64_t seed,
                             int64_t step, int64_t micro);
std::vector<MicroBatch> train_step_batches(const Corpus& corpus, const TrainSpec& spec,
                                           uint64_t seed, int64_t step);

// At least `tokens` held-out tokens, the same number of every domain, in micro-batches of S
// sequences that go round the domains in turn. Sequences do not overlap and are spread evenly over
// each file. Throws Error when a file is too short for its share.
std::vector<MicroBatch> score_micro_batches(const Corpus& corpus, const TrainSpec& spec,
                                            int64_t tokens);

}  // namespace ballast::trainer
