// What is trained and how: everything that decides a score besides candidate, seed and coefficient.
// Its hash is part of an evaluation's key in the archive.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ballast {

// A decoder-only byte-level MoE language model (docs/design.md, section 4).
struct ModelSpec {
  int64_t vocab = 256;           // tokens are bytes
  int64_t width = 64;            // D
  int64_t layers = 3;            // L, all of them MoE layers
  int64_t experts = 16;          // E, null experts included
  int64_t top_k = 2;             // k
  int64_t expert_width = 64;     // F
  int64_t heads = 4;             // width / heads is 16 or 64
  int64_t null_experts = 0;      // the last ones of E; they compute nothing
  int64_t shared_experts = 0;    // always active, of width F
  int64_t dense_layers = 0;      // leading layers with a dense feed-forward block
  std::string gate = "softmax";  // or "sigmoid"
  bool renormalise = true;       // mixture weights of the chosen experts sum to 1

  bool operator==(const ModelSpec&) const = default;
};

struct ScheduleSpec {
  int64_t sequence = 128;       // tokens per sequence
  int64_t sequences = 2;        // S, sequences per micro-batch; all of one domain
  int64_t micro_batches = 4;    // micro-batches per optimizer step
  std::string window = "step";  // or "buffer" (arXiv 2501.11873, algorithm 1)
  double learning_rate = 4e-3;  // peak, AdamW
  double weight_decay = 0.1;
  double beta1 = 0.9, beta2 = 0.95;
  double warmup = 0.1;      // share of the steps, linear
  double decay = 0.4;       // share of the steps at the end, linear to 10 % of the peak
  double bias_rate = 0.02;  // u of the auxiliary-loss-free rule at coefficient 1

  bool operator==(const ScheduleSpec&) const = default;
};

struct TrainSpec {
  std::string preset = "tiny";
  ModelSpec model;
  ScheduleSpec schedule;
  std::string data_hash;         // of the corpus manifest
  int64_t score_tokens = 65536;  // held-out tokens of a score, pooled over domains

  bool operator==(const TrainSpec&) const = default;
};

// "tiny", "small", "base", "large". Throws Error (usage) naming the presets for any other name.
TrainSpec preset(std::string_view name);
std::vector<std::string> preset_names();

// Canonical JSON: sorted keys, shortest round-trip numbers. from_json throws Error on a missing,
// unknown or ill-typed key.
std::string to_json(const TrainSpec& spec);
TrainSpec train_spec_from_json(std::string_view json);

// SHA-256 (16 hexadecimal digits) of to_json.
std::string spec_hash(const TrainSpec& spec);

// Tokens of one optimizer step.
inline int64_t tokens_per_step(const ScheduleSpec& s) {
  return s.sequence * s.sequences * s.micro_batches;
}

}  // namespace ballast
