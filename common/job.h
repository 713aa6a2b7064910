// The jobs that the daemon hands to a sandboxed trainer, and what comes back (docs/design.md,
// section 2). Each is one JSON frame {"v":1,"kind":...,"attempt":...}; weights follow as raw
// frames.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/outcome.h"
#include "common/spec.h"

namespace ballast {

constexpr int kFrameVersion = 1;

// Which tensors follow as raw frames: little-endian, row-major, in this order, without gaps.
struct TensorInfo {
  std::string name;
  std::string dtype = "float32";  // or "int64"
  std::vector<int64_t> shape;
  bool operator==(const TensorInfo&) const = default;
};
int64_t bytes_of(const TensorInfo& info);
int64_t bytes_of(const std::vector<TensorInfo>& infos);

struct Tensors {
  std::vector<TensorInfo> infos;
  std::string bytes;  // bytes_of(infos) of them
};

// Exactly one of the two is set.
struct BalancerRef {
  std::string builtin;  // "none", "micro_lbl", "global_lbl", "loss_free"
  std::string source;   // text in the loss language
};

// Where the job finds DOMAIN.SPLIT.bin (uint16 little-endian tokens).
struct DataView {
  std::string folder;  // as seen by the job
  std::string split;   // "train" for train jobs; "select", "shadow", "final" for score jobs
  std::vector<std::string> domains;  // in the manifest's order
};

// Trains one model. Reads only the split "train". Reply: TrainResult, then the weights.
struct TrainJob {
  int64_t attempt = 0;
  TrainSpec spec;
  DataView data;
  BalancerRef balancer;
  double coefficient = 1;  // lambda, normalised units
  double unit = 1;         // what one unit of coefficient multiplies (from the probe)
  uint64_t seed = 1;
  int64_t tokens = 0;           // training budget; rounded down to whole steps
  int64_t progress_tokens = 0;  // tokens of the last rung: what r.progress is relative to
  std::string device = "cpu";
  int64_t curve_points = 64;  // at most so many points in the learning curve
};

// Scores weights on held-out data without knowing which candidate made them.
struct ScoreJob {
  int64_t attempt = 0;
  TrainSpec spec;
  DataView data;
  int64_t tokens = 65536;
  std::string device = "cpu";
  Tensors weights;
};

// Checks a candidate (contract, fingerprint, unit) or evaluates it at one given state.
struct ProbeJob {
  int64_t attempt = 0;
  std::string source;
  std::string state;  // JSON of `ballast check --at`; empty: run the contract battery
};

// Asks for vectors of texts. `folder` holds an encoder's model.safetensors, vocab.txt, config.json.
struct EmbedJob {
  int64_t attempt = 0;
  std::string folder;  // as seen by the job
  std::vector<std::string> texts;
};

// Every reply has an outcome; the rest is meaningful only when it is kOk.
struct Reply {
  int64_t attempt = 0;
  Outcome outcome = Outcome::kInfra;
  std::string message;  // one line for a person; empty when OK
};

// Named scalars and named arrays; the names are those of docs/design.md, section 4.
struct Metrics {
  std::map<std::string, double> scalars;
  std::map<std::string, std::vector<double>> arrays;
  bool operator==(const Metrics&) const = default;
};

struct TrainResult : Reply {
  Metrics metrics;  // names start with "train_", but for tokens, steps and tokens_per_second
  Tensors weights;  // names of the model's parameters and buffers, biases included
};

struct ScoreResult : Reply {
  Metrics metrics;
};

struct ProbeResult : Reply {
  bool has_loss = false, has_bias = false;
  bool order_dependent = false;    // value depends on token order inside a sequence
  double unit = 1;                 // ||grad of global-batch LBL|| / ||grad of this|| on the battery
  std::vector<float> fingerprint;  // unit-norm; equal functions up to a positive factor are close
  std::string at_json;             // answer of a job with a state: {"value","grad_logits","bias"}
};

struct EmbedResult : Reply {
  std::vector<std::vector<float>> vectors;  // one a text, of one length, of norm 1; none unless kOk
};

// A heartbeat of a running train job.
struct Progress {
  int64_t attempt = 0;
  int64_t step = 0, steps = 0;
  double cross_entropy = 0;  // training loss of that step, nats per token
};

// JSON of each, without the raw tensor bytes (only their infos). `parse_*` throws Error on anything
// that is not exactly such a message. Non-finite numbers travel as the strings "nan", "inf",
// "-inf".
std::string to_json(const TrainJob&);
std::string to_json(const ScoreJob&);
std::string to_json(const ProbeJob&);
std::string to_json(const EmbedJob&);
std::string to_json(const TrainResult&);
std::string to_json(const ScoreResult&);
std::string to_json(const ProbeResult&);
std::string to_json(const EmbedResult&);
std::string to_json(const Progress&);
std::string to_json(const Metrics&);

// The "kind" of a frame: "train", "score", "probe", "embed" for jobs; "progress", "train_result",
// "score_result", "probe_result", "embed_result" for replies.
std::string kind_of(std::string_view text);
TrainJob parse_train_job(std::string_view text);
ScoreJob parse_score_job(std::string_view text);
ProbeJob parse_probe_job(std::string_view text);
EmbedJob parse_embed_job(std::string_view text);
TrainResult parse_train_result(std::string_view text);
ScoreResult parse_score_result(std::string_view text);
ProbeResult parse_probe_result(std::string_view text);
EmbedResult parse_embed_result(std::string_view text);
Progress parse_progress(std::string_view text);
Metrics parse_metrics(std::string_view text);

}  // namespace ballast
