// A small corpus and small jobs for tests of the trainer.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/job.h"
#include "common/rng.h"
#include "tests/fakes/temporary_folder.h"
#include "trainer/batches.h"

namespace ballast::trainer {

using Folder = fakes::TemporaryFolder;

inline void write_tokens(const std::filesystem::path& path, const std::vector<uint16_t>& tokens) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(tokens.data()),
            static_cast<std::streamsize>(tokens.size() * sizeof(uint16_t)));
}

// Tokens below 32 that a small model learns quickly: domain d counts in steps of d + 1 through an
// alphabet of its own, and jumps to a random place now and then.
inline std::vector<uint16_t> domain_tokens(int domain, uint64_t seed, int64_t n) {
  Rng rng(seed, "text", static_cast<uint64_t>(domain));
  std::vector<uint16_t> tokens;
  int64_t at = 0;
  for (int64_t i = 0; i < n; ++i) {
    at = rng.chance(0.1) ? rng.below(8) : (at + domain + 1) % 8;
    tokens.push_back(static_cast<uint16_t>(domain * 8 + at));
  }
  return tokens;
}

// Domains "a", "b", "c" with splits train and select.
inline DataView write_corpus(const Folder& folder, int64_t train_tokens = 4000) {
  DataView view{folder.path().string(), "train", {"a", "b", "c"}};
  for (int d = 0; d < 3; ++d) {
    const std::string name = view.domains[static_cast<size_t>(d)];
    write_tokens(folder.path() / (name + ".train.bin"), domain_tokens(d, 1, train_tokens));
    write_tokens(folder.path() / (name + ".select.bin"), domain_tokens(d, 2, 2000));
  }
  return view;
}

inline TrainSpec small_spec() {
  TrainSpec spec;
  spec.model = {.vocab = 32,
                .width = 32,
                .layers = 2,
                .experts = 8,
                .top_k = 2,
                .expert_width = 16,
                .heads = 2};
  spec.schedule.sequence = 32;
  spec.schedule.sequences = 2;
  spec.schedule.micro_batches = 3;
  spec.score_tokens = 1500;
  return spec;
}

inline TrainJob train_job(const DataView& data, const std::string& builtin, double coefficient,
                          int64_t steps) {
  TrainJob job;
  job.attempt = 7;
  job.spec = small_spec();
  job.data = data;
  job.balancer.builtin = builtin;
  job.coefficient = coefficient;
  job.tokens = job.progress_tokens = steps * tokens_per_step(job.spec.schedule);
  return job;
}

inline ScoreJob score_job(const TrainJob& trained, const TrainResult& result) {
  ScoreJob job;
  job.attempt = 8;
  job.spec = trained.spec;
  job.data = trained.data;
  job.data.split = "select";
  job.tokens = trained.spec.score_tokens;
  job.weights = result.weights;
  return job;
}

// Random tokens, no files.
inline MicroBatch random_batch(int64_t sequences, int64_t length, int64_t vocab, uint64_t seed) {
  Rng rng(seed, "batch");
  MicroBatch batch{
      .sequences = sequences, .length = length, .domain = 0, .inputs = {}, .targets = {}};
  for (int64_t i = 0; i < batch.tokens(); ++i) {
    batch.inputs.push_back(static_cast<int32_t>(rng.below(vocab)));
    batch.targets.push_back(static_cast<int32_t>(rng.below(vocab)));
  }
  return batch;
}

}  // namespace ballast::trainer
