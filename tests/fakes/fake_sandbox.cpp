#include "tests/fakes/fake_sandbox.h"

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cmath>
#include <cstring>

#include "common/error.h"
#include "common/rng.h"

namespace ballast::fakes {
namespace {

// Splits a text into its form (numbers replaced by '#', white space dropped) and its numbers.
// Digits that belong to a name (log2, t1) are form.
struct Split {
  std::string form;
  std::vector<double> numbers;
};

Split split(std::string_view source) {
  Split out;
  bool in_name = false;
  for (size_t i = 0; i < source.size();) {
    const auto c = static_cast<unsigned char>(source[i]);
    if (std::isdigit(c) && !in_name) {
      const std::string rest(source.substr(i, 64));
      char* end = nullptr;
      out.numbers.push_back(std::strtod(rest.c_str(), &end));
      out.form += '#';
      i += static_cast<size_t>(end - rest.c_str());
      continue;
    }
    in_name = std::isalnum(c) || c == '_';
    if (!std::isspace(c)) out.form += static_cast<char>(c);
    ++i;
  }
  return out;
}

double strength_of(const BalancerRef& b) {
  if (!b.builtin.empty()) return b.builtin == "none" ? 0.0 : 1.0;
  return std::exp2(Rng(2, split(b.source).form).uniform(-1, 1));
}

std::string text_of(const BalancerRef& b) {
  return b.builtin.empty() ? b.source : "builtin:" + b.builtin;
}

// The weights a fake training returns carry what scoring them will find.
Tensors weights_of(const Measured& m) {
  const float values[2] = {static_cast<float>(m.cross_entropy), static_cast<float>(m.max_vio)};
  Tensors t;
  t.infos = {{"fake.measured", "float32", {2}}};
  t.bytes.resize(sizeof values);
  std::memcpy(t.bytes.data(), values, sizeof values);
  return t;
}

Measured measured_from(const Tensors& t) {
  float values[2];
  if (t.bytes.size() != sizeof values)
    throw Error("a fake score job needs a fake training's weights");
  std::memcpy(values, t.bytes.data(), sizeof values);
  return {values[0], values[1]};
}

Metrics train_metrics(const TrainJob& job, const Measured& m) {
  const auto L = static_cast<size_t>(job.spec.model.layers);
  Metrics out;
  out.scalars = {{"tokens", static_cast<double>(job.tokens)},
                 {"steps", static_cast<double>(job.tokens / tokens_per_step(job.spec.schedule))},
                 {"tokens_per_second", 20000},
                 {"train_cross_entropy", m.cross_entropy - 0.02},
                 {"train_max_vio_global", m.max_vio * 1.05},
                 {"train_avg_max_vio", m.max_vio * 1.05},
                 {"train_sup_max_vio", m.max_vio * 2},
                 {"train_max_vio_batch", m.max_vio * 1.5},
                 {"train_dead_experts", m.max_vio > 2 ? 3 : 0},
                 {"train_score_sum_ratio", 1 - 0.01 / (0.1 + m.max_vio)},
                 {"train_balance_loss", 1 + 0.1 * m.max_vio},
                 {"train_balance_grad_norm", 0.01 * job.coefficient}};
  out.arrays = {{"train_layer_max_vio_global", std::vector<double>(L, m.max_vio * 1.05)},
                {"train_curve_tokens", {0, static_cast<double>(job.tokens)}},
                {"train_curve_cross_entropy", {5.5, m.cross_entropy}},
                {"train_curve_max_vio_global", {3, m.max_vio}},
                {"train_curve_balance_grad_norm", {0.01, 0.01}}};
  return out;
}

Metrics score_metrics(const ScoreJob& job, const Measured& m) {
  const auto L = static_cast<size_t>(job.spec.model.layers);
  const auto E = static_cast<size_t>(job.spec.model.experts);
  const double bits = m.cross_entropy / std::log(2.0);
  const double cv = 0.4 * m.max_vio, entropy = std::log(static_cast<double>(E)) - cv * cv / 2;
  Metrics out;
  out.scalars = {{"cross_entropy", m.cross_entropy},
                 {"bits_per_byte", bits},
                 {"max_vio_global", m.max_vio},
                 {"max_vio_batch", 1.5 * m.max_vio},
                 {"avg_max_vio", 1.1 * m.max_vio},
                 {"sup_max_vio", 2 * m.max_vio},
                 {"load_cv", cv},
                 {"load_entropy", entropy},
                 {"dead_experts", m.max_vio > 2 ? 3 : 0},
                 {"l1_imbalance", 0.3 * m.max_vio},
                 {"domain_expert_mi", 0.05 + 0.1 * m.max_vio},
                 {"score_sum_ratio", 0.98},
                 {"router_entropy", entropy / 2},
                 {"score_tokens", static_cast<double>(job.tokens)}};
  for (const char* name : {"max_vio_global", "load_cv", "load_entropy", "dead_experts",
                           "l1_imbalance", "score_sum_ratio", "router_entropy", "domain_expert_mi"})
    out.arrays[std::string("layer_") + name] = std::vector<double>(L, out.scalars[name]);
  out.arrays["domain_cross_entropy"] =
      std::vector<double>(job.data.domains.size(), m.cross_entropy);
  out.arrays["domain_bits_per_byte"] = std::vector<double>(job.data.domains.size(), bits);
  // Expert 0 gets (1 + MaxVio) times the mean, the others share the rest.
  const double first = std::min(1.0, (1 + m.max_vio) / static_cast<double>(E));
  std::vector<double>& load = out.arrays["layer_load"];
  for (size_t i = 0; i < L * E; ++i)
    load.push_back(i % E == 0 ? first
                              : (1 - first) / static_cast<double>(std::max<size_t>(1, E - 1)));
  return out;
}

std::vector<float> fingerprint_of(std::string_view source) {
  constexpr size_t kSize = 16;
  const Split s = split(source);
  Rng rng(3, s.form);
  std::vector<double> v(kSize);
  for (double& x : v) x = rng.normal();
  for (size_t i = 0; i < s.numbers.size(); ++i)
    v[i % kSize] += std::tanh(std::log(std::abs(s.numbers[i]) + 1e-9) / 4);
  double norm = 0;
  for (const double x : v) norm += x * x;
  std::vector<float> out;
  for (const double x : v) out.push_back(static_cast<float>(x / std::sqrt(norm)));
  return out;
}

}  // namespace

double structure_of(std::string_view source) { return Rng(1, split(source).form).uniform(); }

double constants_of(std::string_view source) {
  const std::vector<double> numbers = split(source).numbers;
  if (numbers.empty()) return 1;
  double sum = 0;
  for (const double c : numbers)
    sum += std::min(1.0, std::abs(std::log((std::abs(c) + 1e-9) / kBestConstant)) / 3);
  return sum / static_cast<double>(numbers.size());
}

double defect_of(const BalancerRef& b) {
  if (b.builtin.empty()) return 0.6 * structure_of(b.source) + 0.4 * constants_of(b.source);
  return b.builtin == "loss_free" ? 0.45 : b.builtin == "global_lbl" ? 0.5 : 0.6;
}

Measured measure(const TrainJob& job, double noise) {
  const double x = job.coefficient * strength_of(job.balancer);
  const double seed_effect = 0.01 * Rng(job.seed, "fake seed effect").normal();
  const std::string key = text_of(job.balancer) + '\n' + std::to_string(job.coefficient);
  const double own = noise * Rng(job.seed, key).normal();
  Measured m;
  m.max_vio = 0.1 + 2.9 / (1 + std::pow(6 * x, 1.5)) + std::abs(own);
  m.cross_entropy = 2 + 0.5 * std::exp(-static_cast<double>(job.tokens) / 3e5) +
                    0.04 * defect_of(job.balancer) + 0.01 * x + seed_effect + own;
  return m;
}

// Counts a job while it runs.
class FakeSandbox::Running {
 public:
  explicit Running(FakeSandbox& owner) : owner_(owner) {
    const std::lock_guard lock(owner_.mutex_);
    owner_.most_ = std::max(owner_.most_, ++owner_.running_);
  }
  ~Running() {
    const std::lock_guard lock(owner_.mutex_);
    --owner_.running_;
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  FakeSandbox& owner_;
};

bool FakeSandbox::wait_latency(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  never_.wait_for(lock, stop, std::chrono::duration<double>(latency), [] { return false; });
  return !stop.stop_requested();
}

namespace {

// Copies a scripted reply into a result.
template <class Result>
Result failed(int64_t attempt, const Reply& reply) {
  Result result;
  result.attempt = attempt;
  result.outcome = reply.outcome;
  result.message = reply.message;
  return result;
}

const Reply kStopped{0, Outcome::kCancelled, "stopped"};

}  // namespace

TrainResult FakeSandbox::train(const TrainJob& job, const evaluator::JobLimits& /*limits*/,
                               const evaluator::OnProgress& on_progress, std::stop_token stop) {
  const Running running(*this);
  {
    const std::lock_guard lock(mutex_);
    trained_.push_back(job);
    if (train_script)
      if (const std::optional<Reply> reply = train_script(job))
        return failed<TrainResult>(job.attempt, *reply);
  }
  const Measured m = measure(job, noise);
  const int64_t steps = job.tokens / tokens_per_step(job.spec.schedule);
  if (on_progress) on_progress({job.attempt, 0, steps, 5.5});
  if (!wait_latency(stop)) return failed<TrainResult>(job.attempt, kStopped);
  if (on_progress) on_progress({job.attempt, steps, steps, m.cross_entropy});
  TrainResult result;
  result.attempt = job.attempt;
  result.outcome = Outcome::kOk;
  result.metrics = train_metrics(job, m);
  result.weights = weights_of(m);
  return result;
}

ScoreResult FakeSandbox::score(const ScoreJob& job, const evaluator::JobLimits& /*limits*/,
                               std::stop_token stop) {
  const Running running(*this);
  {
    const std::lock_guard lock(mutex_);
    ++scores_;
    if (score_script)
      if (const std::optional<Reply> reply = score_script(job))
        return failed<ScoreResult>(job.attempt, *reply);
  }
  if (!wait_latency(stop)) return failed<ScoreResult>(job.attempt, kStopped);
  ScoreResult result;
  result.attempt = job.attempt;
  result.outcome = Outcome::kOk;
  result.metrics = score_metrics(job, measured_from(job.weights));
  return result;
}

ProbeResult FakeSandbox::probe(const ProbeJob& job, const evaluator::JobLimits& /*limits*/) {
  const std::lock_guard lock(mutex_);
  ++probes_;
  if (probe_script)
    if (const std::optional<Reply> reply = probe_script(job))
      return failed<ProbeResult>(job.attempt, *reply);
  ProbeResult result;
  result.attempt = job.attempt;
  result.has_loss = job.source.find("def balance_loss") != std::string::npos;
  result.has_bias = job.source.find("def selection_bias") != std::string::npos;
  if (!result.has_loss && !result.has_bias)
    return failed<ProbeResult>(job.attempt,
                               {0, Outcome::kStaticReject, "1:1: neither hook is defined"});
  result.outcome = Outcome::kOk;
  result.unit = std::exp2(Rng(4, split(job.source).form).uniform(-2, 2));
  result.fingerprint = fingerprint_of(job.source);
  return result;
}

int FakeSandbox::trains() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(trained_.size());
}
int FakeSandbox::scores() const {
  const std::lock_guard lock(mutex_);
  return scores_;
}
int FakeSandbox::probes() const {
  const std::lock_guard lock(mutex_);
  return probes_;
}
int FakeSandbox::most_at_once() const {
  const std::lock_guard lock(mutex_);
  return most_;
}
std::vector<TrainJob> FakeSandbox::trained() const {
  const std::lock_guard lock(mutex_);
  return trained_;
}

}  // namespace ballast::fakes
