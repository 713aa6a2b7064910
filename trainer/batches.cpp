#include "trainer/batches.h"

#include <algorithm>
#include <numeric>

#include "common/error.h"
#include "common/rng.h"

namespace ballast::trainer {
namespace {

MicroBatch gather(const Corpus& corpus, const TrainSpec& spec, size_t domain,
                  const std::vector<int64_t>& starts) {
  MicroBatch batch;
  batch.sequences = static_cast<int64_t>(starts.size());
  batch.length = spec.schedule.sequence;
  batch.domain = domain;
  const auto size = static_cast<size_t>(batch.tokens());
  batch.inputs.reserve(size);
  batch.targets.reserve(size);
  const std::span<const uint16_t> tokens = corpus.files[domain].tokens();
  int32_t largest = 0;
  for (const int64_t start : starts) {
    for (int64_t i = start; i < start + batch.length; ++i) {
      batch.inputs.push_back(tokens[static_cast<size_t>(i)]);
      batch.targets.push_back(tokens[static_cast<size_t>(i) + 1]);
      largest = std::max({largest, batch.inputs.back(), batch.targets.back()});
    }
  }
  if (largest >= spec.model.vocab)
    throw Error("domain " + corpus.domains[domain] + " holds token " + std::to_string(largest) +
                ", but the model's vocabulary has " + std::to_string(spec.model.vocab));
  return batch;
}

size_t domain_of(size_t domains, uint64_t seed, int64_t micro_batch) {
  const auto n = static_cast<int64_t>(domains);
  Rng rng(seed, "domains", static_cast<uint64_t>(micro_batch / n));
  std::vector<size_t> order(domains);
  std::iota(order.begin(), order.end(), size_t{0});
  for (int64_t i = n - 1; i > 0; --i)
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(rng.below(i + 1))]);
  return order[static_cast<size_t>(micro_batch % n)];
}

}  // namespace

MicroBatch train_micro_batch(const Corpus& corpus, const TrainSpec& spec, uint64_t seed,
                             int64_t step, int64_t micro) {
  const ScheduleSpec& s = spec.schedule;
  const int64_t index = step * s.micro_batches + micro;
  const size_t domain = domain_of(corpus.files.size(), seed, index);
  const auto size = static_cast<int64_t>(corpus.files[domain].tokens().size());
  Rng rng(seed, "sequences", static_cast<uint64_t>(index));
  std::vector<int64_t> starts;
  for (int64_t i = 0; i < s.sequences; ++i) starts.push_back(rng.below(size - s.sequence));
  return gather(corpus, spec, domain, starts);
}

std::vector<MicroBatch> train_step_batches(const Corpus& corpus, const TrainSpec& spec,
                                           uint64_t seed, int64_t step) {
  std::vector<MicroBatch> batches;
  for (int64_t micro = 0; micro < spec.schedule.micro_batches; ++micro)
    batches.push_back(train_micro_batch(corpus, spec, seed, step, micro));
  return batches;
}

std::vector<MicroBatch> score_micro_batches(const Corpus& corpus, const TrainSpec& spec,
                                            int64_t tokens) {
  const ScheduleSpec& s = spec.schedule;
  const auto domains = static_cast<int64_t>(corpus.files.size());
  const int64_t share = domains * s.sequences * s.sequence;  // tokens of one round
  const int64_t rounds = (tokens + share - 1) / share;
  const int64_t sequences = rounds * s.sequences;  // of one domain
  std::vector<MicroBatch> batches;
  for (int64_t round = 0; round < rounds; ++round) {
    for (size_t domain = 0; domain < corpus.files.size(); ++domain) {
      const auto size = static_cast<int64_t>(corpus.files[domain].tokens().size());
      const int64_t stride = (size - 1) / sequences;
      if (stride < s.sequence)
        throw Error("scoring needs " + std::to_string(sequences * s.sequence + 1) +
                    " held-out tokens of domain " + corpus.domains[domain] + ", its file has " +
                    std::to_string(size) + ": score fewer tokens or hold out more text");
      std::vector<int64_t> starts;
      for (int64_t i = 0; i < s.sequences; ++i)
        starts.push_back((round * s.sequences + i) * stride);
      batches.push_back(gather(corpus, spec, domain, starts));
    }
  }
  return batches;
}

}  // namespace ballast::trainer
