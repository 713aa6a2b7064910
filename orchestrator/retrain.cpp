#include "orchestrator/retrain.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <map>

#include "common/error.h"
#include "evaluator/coefficient.h"

namespace ballast::orchestrator {
namespace {

constexpr const char* kDuration = "tokens_per_second";
constexpr double kTrainPoll = 0.2;  // seconds between two looks at `stop`

bool same_bits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

std::string exact(double x) {
  char digits[40];
  return std::string(digits, std::to_chars(digits, digits + sizeof digits, x).ptr);
}

std::string differs(const std::string& name, double recorded, double now) {
  return name + " is " + exact(recorded) + " in the archive and " + exact(now) + " now";
}

evaluator::EvaluationRequest request_of(const population::EvaluationRow& row, size_t index,
                                        const population::CandidateRow& candidate,
                                        int64_t progress_tokens) {
  evaluator::EvaluationRequest request;
  request.id = static_cast<int64_t>(index);
  if (candidate.source.empty())
    request.balancer.builtin = candidate.name;
  else
    request.balancer.source = candidate.source;
  request.coefficient = evaluator::coefficient_value(row.key.coefficient);
  request.unit = candidate.unit;
  request.seed = row.key.seed;
  request.tokens = row.tokens;
  request.progress_tokens = progress_tokens;
  return request;
}

}  // namespace

std::vector<size_t> rows_to_retrain(const population::Record& record, const std::string& build,
                                    const std::string& spec_hash, size_t count) {
  std::vector<size_t> fit;
  for (size_t i = 0; i < record.evaluations.size(); ++i) {
    const population::EvaluationRow& row = record.evaluations[i];
    if (row.outcome == Outcome::kOk && row.purpose != "train" && row.key.build == build &&
        row.key.spec_hash == spec_hash)
      fit.push_back(i);
  }
  std::vector<size_t> out;
  const size_t most = std::min(count, fit.size());
  for (size_t i = 0; i < most; ++i) out.push_back(fit[(2 * i + 1) * fit.size() / (2 * most)]);
  return out;
}

std::string metric_difference(const Metrics& recorded, const Metrics& now) {
  for (const auto& [name, value] : recorded.scalars) {
    if (name == kDuration) continue;
    const auto it = now.scalars.find(name);
    if (it == now.scalars.end()) return name + " is in the archive and not measured now";
    if (!same_bits(value, it->second)) return differs(name, value, it->second);
  }
  for (const auto& [name, values] : recorded.arrays) {
    const auto it = now.arrays.find(name);
    if (it == now.arrays.end() || it->second.size() != values.size())
      return name + " is absent now, or has another length";
    for (size_t i = 0; i < values.size(); ++i)
      if (!same_bits(values[i], it->second[i]))
        return differs(name + "[" + std::to_string(i) + "]", values[i], it->second[i]);
  }
  for (const auto& [name, value] : now.scalars)
    if (!recorded.scalars.contains(name)) return name + " is measured now and not in the archive";
  for (const auto& [name, value] : now.arrays)
    if (!recorded.arrays.contains(name)) return name + " is measured now and not in the archive";
  return "";
}

int64_t values_compared(const Metrics& metrics) {
  int64_t count = 0;
  for (const auto& [name, value] : metrics.scalars) count += name != kDuration;
  for (const auto& [name, values] : metrics.arrays) count += static_cast<int64_t>(values.size());
  return count;
}

std::vector<Retrained> retrain(const population::Record& record, const std::vector<size_t>& rows,
                               int64_t progress_tokens, evaluator::Evaluator& evaluator,
                               const std::function<void(size_t done)>& on_progress,
                               std::stop_token stop) {
  std::map<std::string, const population::CandidateRow*> candidates;
  for (const auto& candidate : record.candidates) candidates[candidate.identity] = &candidate;
  for (const size_t index : rows) {
    const population::EvaluationRow& row = record.evaluations[index];
    evaluator.submit(request_of(row, index, *candidates.at(row.key.identity), progress_tokens));
  }
  std::map<size_t, Retrained> done;  // in the order of the record
  bool cancelled = false;
  while (evaluator.pending() > 0) {
    on_progress(done.size());
    const auto result = evaluator.wait(kTrainPoll);
    if (stop.stop_requested() && !cancelled) {
      evaluator.cancel();
      cancelled = true;
    }
    if (!result || result->outcome == Outcome::kCancelled) continue;
    const auto index = static_cast<size_t>(result->id);
    const population::EvaluationRow& row = record.evaluations[index];
    Retrained& entry = done[index];
    entry.id = row.id;
    entry.name = candidates.at(row.key.identity)->name;
    require(result->outcome != Outcome::kInfra,
            "training evaluation " + std::to_string(row.id) + " of " + entry.name +
                " again failed through no fault of its own: " + result->message +
                "; see `ballast doctor`");
    entry.values = values_compared(row.metrics);
    entry.difference =
        result->outcome == Outcome::kOk
            ? metric_difference(row.metrics, result->metrics)
            : "it ended as " + std::string(to_string(result->outcome)) + ": " + result->message;
  }
  std::vector<Retrained> out;
  for (auto& [index, entry] : done) out.push_back(std::move(entry));
  return out;
}

}  // namespace ballast::orchestrator
