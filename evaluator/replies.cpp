#include "evaluator/replies.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "common/error.h"

namespace ballast::evaluator {
namespace {

constexpr size_t kMostMetrics = 500;      // names
constexpr size_t kMostNumbers = 200'000;  // in all arrays together
constexpr size_t kMostTensors = 100'000;
constexpr size_t kLongestName = 200;
constexpr int kDeepestNesting = 16;

// Refuses deep nesting, on which recursive code would run out of stack.
void check_text(std::string_view frame) {
  if (frame.size() > kMostReplyBytes)
    throw Error("a reply of " + std::to_string(frame.size()) + " bytes of JSON");
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < frame.size(); ++i) {
    const char c = frame[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kDeepestNesting) throw Error("a reply nested too deep");
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
}

void check_attempt(int64_t found, int64_t expected) {
  if (found != expected)
    throw Error("a reply to attempt " + std::to_string(found) + ", while " +
                std::to_string(expected) + " is running");
}

void check_reply(Reply& reply, int64_t attempt) {
  check_attempt(reply.attempt, attempt);
  if (reply.outcome == Outcome::kTimeout || reply.outcome == Outcome::kSandboxViolation ||
      reply.outcome == Outcome::kCancelled)
    throw Error("a reply that claims the outcome " + std::string(to_string(reply.outcome)));
  reply.message = one_line(reply.message);
}

void check_name(const std::string& name) {
  const bool fine = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
  });
  if (name.empty() || name.size() > kLongestName || !fine)
    throw Error("the name \"" + one_line(name, 40) + "\"");
}

void check_metrics(const Metrics& metrics) {
  if (metrics.scalars.size() + metrics.arrays.size() > kMostMetrics)
    throw Error("too many metrics");
  size_t numbers = 0;
  for (const auto& [name, value] : metrics.scalars) check_name(name);
  for (const auto& [name, values] : metrics.arrays) {
    check_name(name);
    numbers += values.size();
  }
  if (numbers > kMostNumbers) throw Error("metrics with " + std::to_string(numbers) + " numbers");
}

void check_weights(const TrainResult& result, int64_t most_bytes) {
  const std::vector<TensorInfo>& infos = result.weights.infos;
  if (result.outcome != Outcome::kOk && !infos.empty())
    throw Error("weights of a training that failed");
  if (infos.size() > kMostTensors) throw Error("too many tensors");
  std::set<std::string_view> names;
  for (const TensorInfo& info : infos) {
    check_name(info.name);
    if (!names.insert(info.name).second) throw Error("two tensors named " + info.name);
  }
  if (const int64_t bytes = bytes_of(infos); bytes > most_bytes)
    throw Error(std::to_string(bytes) + " bytes of weights for a model that has less than " +
                std::to_string(most_bytes));
}

}  // namespace

std::string reply_kind(std::string_view frame) {
  check_text(frame);
  return kind_of(frame);
}

Progress read_progress(std::string_view frame, int64_t attempt) {
  check_text(frame);
  const Progress progress = parse_progress(frame);
  check_attempt(progress.attempt, attempt);
  return progress;
}

TrainResult read_train_result(std::string_view frame, int64_t attempt, int64_t most_bytes) {
  check_text(frame);
  TrainResult result = parse_train_result(frame);
  check_reply(result, attempt);
  check_metrics(result.metrics);
  check_weights(result, most_bytes);
  return result;
}

ScoreResult read_score_result(std::string_view frame, int64_t attempt) {
  check_text(frame);
  ScoreResult result = parse_score_result(frame);
  check_reply(result, attempt);
  check_metrics(result.metrics);
  return result;
}

ProbeResult read_probe_result(std::string_view frame, int64_t attempt) {
  check_text(frame);
  ProbeResult result = parse_probe_result(frame);
  check_reply(result, attempt);
  if (result.outcome != Outcome::kOk) return result;
  if (!(std::isfinite(result.unit) && result.unit > 0))
    throw Error("a probe whose unit is " + std::to_string(result.unit));
  if (!std::ranges::all_of(result.fingerprint, [](float x) { return std::isfinite(x); }))
    throw Error("a fingerprint that is not finite");
  return result;
}

EmbedResult read_embed_result(std::string_view frame, int64_t attempt, size_t texts) {
  check_text(frame);
  EmbedResult result = parse_embed_result(frame);
  check_reply(result, attempt);
  if (result.vectors.size() != (result.outcome == Outcome::kOk ? texts : 0))
    throw Error(std::to_string(result.vectors.size()) + " vectors for " + std::to_string(texts) +
                " texts");
  for (const std::vector<float>& vector : result.vectors) {
    if (vector.empty() || vector.size() != result.vectors[0].size())
      throw Error("vectors of different lengths, or of none");
    double squares = 0;
    for (const float x : vector) squares += double{x} * double{x};
    if (!(std::isfinite(squares) && squares > 0))
      throw Error("a vector that is zero or not finite");
  }
  return result;
}

bool answers_before(std::string_view frame, int64_t attempt) {
  const std::string kind = reply_kind(frame);
  return (kind == "probe_result" && parse_probe_result(frame).attempt < attempt) ||
         (kind == "embed_result" && parse_embed_result(frame).attempt < attempt);
}

int64_t most_weight_bytes(const ModelSpec& m) {
  const int64_t D = m.width, E = m.experts + m.shared_experts, F = m.expert_width;
  const int64_t attention = 4 * D * D, router = D * E + 2 * E, experts = 3 * E * D * F;
  const int64_t dense = 3 * D * std::max(4 * D, E * F);
  const int64_t parameters =
      2 * m.vocab * D + m.layers * (attention + router + experts + 4 * D) + m.dense_layers * dense;
  constexpr int64_t kFloat = 4, kRoom = int64_t{1} << 20;
  return 2 * kFloat * parameters + kRoom;
}

std::string one_line(std::string_view text, size_t longest) {
  std::string line;
  for (const char c : text) {
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    if (!control)
      line += c;
    else if (!line.empty() && line.back() != ' ')
      line += ' ';
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  if (line.size() <= longest) return line;
  size_t cut = longest;
  while (cut > 0 && (static_cast<unsigned char>(line[cut]) & 0xC0) == 0x80) --cut;
  line.resize(cut);
  return line + "...";
}

}  // namespace ballast::evaluator
