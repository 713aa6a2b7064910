// Held-out metrics of given weights. Nothing here knows which balancer made them.
#include <cmath>
#include <numbers>
#include <numeric>

#include "common/error.h"
#include "trainer/batches.h"
#include "trainer/doubles.h"
#include "trainer/loads.h"
#include "trainer/model.h"
#include "trainer/pch.h"
#include "trainer/schedule.h"
#include "trainer/train.h"
#include "trainer/weights.h"

namespace ballast::trainer {
namespace {

using Counts = std::vector<double>;  // (E) of one router

double mean(const std::vector<double>& values) {
  if (values.empty()) return 0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// Sums over the scored micro-batches.
struct Totals {
  Totals(size_t domains, size_t routers, size_t experts)
      : loss(domains),
        batches(domains),
        score_sums(routers),
        entropy(routers),
        counts(routers, std::vector<Counts>(domains, Counts(experts))) {}

  std::vector<double> loss, batches;              // [domain] cross-entropies, micro-batches
  std::vector<std::array<double, 2>> score_sums;  // [router] chosen, k largest
  std::vector<double> entropy;                    // [router] sum of mean token entropies
  std::vector<std::vector<Counts>> counts;        // [router][domain]
  std::vector<double> batch_max_vio;              // per batch of a training step's size
};

void add_pass(Totals& totals, const ModelSpec& model, const Pass& pass, size_t domain,
              std::vector<Counts>& batch_counts) {
  totals.loss[domain] += pass.cross_entropy.item<double>();
  totals.batches[domain] += 1;
  const std::vector<double> counts = to_doubles(pass.counts), sums = to_doubles(pass.score_sums);
  const auto E = static_cast<size_t>(model.experts);
  for (size_t r = 0; r < pass.logits.size(); ++r) {
    const at::Tensor probs = gate_probs(model, gate_scores(model, pass.logits[r].to(at::kDouble)));
    totals.entropy[r] -= at::special_xlogy(probs, probs).sum(1).mean().item<double>();
    totals.score_sums[r][0] += sums[2 * r];
    totals.score_sums[r][1] += sums[2 * r + 1];
    for (size_t e = 0; e < E; ++e) {
      totals.counts[r][domain][e] += counts[r * E + e];
      batch_counts[r][e] += counts[r * E + e];
    }
  }
}

void close_batch(Totals& totals, const ModelSpec& model, std::vector<Counts>& batch_counts) {
  std::vector<double> vio;
  for (Counts& counts : batch_counts) {
    vio.push_back(load_stats(counts, true_experts(model)).max_vio);
    counts.assign(counts.size(), 0.0);
  }
  totals.batch_max_vio.push_back(mean(vio));
}

Counts sum_of(const std::vector<Counts>& per_domain) {
  Counts sum(per_domain.front().size());
  for (const Counts& counts : per_domain)
    for (size_t e = 0; e < sum.size(); ++e) sum[e] += counts[e];
  return sum;
}

void add_layers(Metrics& m, const Totals& totals, const ModelSpec& model) {
  auto& a = m.arrays;
  const double batches = std::accumulate(totals.batches.begin(), totals.batches.end(), 0.0);
  for (size_t r = 0; r < totals.counts.size(); ++r) {
    const Counts counts = sum_of(totals.counts[r]);
    const LoadStats load = load_stats(counts, true_experts(model));
    a["layer_max_vio_global"].push_back(load.max_vio);
    a["layer_load_cv"].push_back(load.cv);
    a["layer_load_entropy"].push_back(load.entropy);
    a["layer_dead_experts"].push_back(load.dead);
    a["layer_l1_imbalance"].push_back(load.l1);
    a["layer_score_sum_ratio"].push_back(totals.score_sums[r][0] / totals.score_sums[r][1]);
    a["layer_router_entropy"].push_back(totals.entropy[r] / batches);
    a["layer_domain_expert_mi"].push_back(mutual_information(totals.counts[r]));
    const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
    for (const double c : counts) a["layer_load"].push_back(c / total);
  }
  for (const char* name : {"max_vio_global", "load_cv", "load_entropy", "dead_experts",
                           "l1_imbalance", "score_sum_ratio", "router_entropy", "domain_expert_mi"})
    m.scalars[name] = mean(a[std::string("layer_") + name]);
}

Metrics metrics_of(const Totals& totals, const ModelSpec& model, int64_t tokens) {
  Metrics m;
  for (size_t d = 0; d < totals.loss.size(); ++d) {
    const double loss = totals.loss[d] / totals.batches[d];
    m.arrays["domain_cross_entropy"].push_back(loss);
    m.arrays["domain_bits_per_byte"].push_back(loss / std::numbers::ln2);
  }
  m.scalars["cross_entropy"] = mean(m.arrays["domain_cross_entropy"]);
  m.scalars["bits_per_byte"] = m.scalars["cross_entropy"] / std::numbers::ln2;
  m.scalars["score_tokens"] = static_cast<double>(tokens);
  // A batch has a training step's size; AvgMaxVio is the mean of MaxVio_batch by definition.
  m.scalars["max_vio_batch"] = m.scalars["avg_max_vio"] = mean(totals.batch_max_vio);
  m.scalars["sup_max_vio"] =
      *std::max_element(totals.batch_max_vio.begin(), totals.batch_max_vio.end());
  add_layers(m, totals, model);
  return m;
}

}  // namespace

ScoreResult run_score(const ScoreJob& job) {
  prepare_process();
  const c10::NoGradGuard no_grad;
  const ModelSpec& spec = job.spec.model;
  check_schedule(job.spec.schedule);
  require(job.tokens > 0, "a score job needs a positive number of tokens");
  Parameters parameters = zero_parameters(spec, at::Device(job.device));
  const at::Tensor bias =
      import_weights(job.weights, parameters, routed_layers(spec), spec.experts);
  const std::unique_ptr<Model> model = make_model(spec, parameters);
  const Corpus corpus = open_corpus(job.data, job.spec.schedule.sequence + 1);

  const std::vector<MicroBatch> batches = score_micro_batches(corpus, job.spec, job.tokens);
  Totals totals(corpus.files.size(), static_cast<size_t>(routed_layers(spec)),
                static_cast<size_t>(spec.experts));
  std::vector<Counts> batch_counts(totals.counts.size(), Counts(static_cast<size_t>(spec.experts)));
  const auto per_batch = static_cast<size_t>(job.spec.schedule.micro_batches);
  int64_t tokens = 0;
  for (size_t i = 0; i < batches.size(); ++i) {
    add_pass(totals, spec, *model->forward(batches[i], bias, /*weight=*/0), batches[i].domain,
             batch_counts);
    tokens += batches[i].tokens();
    // A last, smaller batch is not a batch, unless it is the only one.
    if ((i + 1) % per_batch == 0 || (i + 1 == batches.size() && totals.batch_max_vio.empty()))
      close_batch(totals, spec, batch_counts);
  }
  ScoreResult result;
  result.attempt = job.attempt;
  result.outcome = Outcome::kOk;
  result.metrics = metrics_of(totals, spec, tokens);
  if (!std::isfinite(result.metrics.scalars["cross_entropy"])) {
    result.outcome = Outcome::kNonfinite;
    result.message = "the weights give no finite cross-entropy";
    result.metrics = {};
  }
  return result;
}

}  // namespace ballast::trainer
