// What the daemon costs with language models in the loop: real client, real HTTP on loopback, a
// server that costs nothing (loopback_models.h), evaluations that cost nothing (fake_sandbox.h),
// novelty by embedding on.
//
//   overhead    CPU and wall time a proposal, with so many candidates in the archive
//   overlap     replies after 200 ms: what share of the calls that could be answered were
//   starvation  replies of 200 ms on average, evaluations of 100 ms on two slots: how long these
//               stood idle
#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <iostream>

#include "common/json.h"
#include "orchestrator/llm/client.h"
#include "tests/bench/loopback_models.h"
#include "tests/bench/meters.h"
#include "tests/orchestrator/small_search.h"

namespace ballast::bench {
namespace {

using orchestrator::SearchEvent;
using orchestrator::SearchEventKind;

constexpr double kReply = 0.2;       // seconds
constexpr double kSigma = 0.8;       // of the log of a reply's latency where it varies
constexpr double kEvaluation = 0.1;  // seconds
constexpr int64_t kWindow = 100;     // candidates over which a cost is taken
constexpr double kWarmUp = 5;        // seconds
constexpr double kMeasured = 15;     // seconds

orchestrator::ClientOptions client_options(const std::string& url, int64_t in_flight) {
  orchestrator::Model chat;
  chat.name = "writer";
  chat.base_url = url + "/v1";
  chat.model = "loopback-chat";
  chat.price = orchestrator::Price{};
  orchestrator::Model embedder = chat;
  embedder.name = "vectors";
  embedder.model = "loopback-embed";
  embedder.uses = {orchestrator::Use::kEmbed};
  orchestrator::ClientOptions options;
  options.models = {chat, embedder};
  options.in_flight = in_flight;
  return options;
}

orchestrator::SearchConfig search_config(int64_t in_flight, bool free,
                                         bool one_evaluation = false) {
  orchestrator::SearchConfig config = orchestrator::small_config(0, /*workers=*/2);
  if (one_evaluation) {
    config.coefficient_trials = 1;
    config.eta = 1e9;  // nobody climbs
  }
  if (!free) config.operators.clear();
  for (const char* op : {"edit", "rewrite", "crossover", "simplify"})
    config.operators.push_back({op, 1, "writer"});
  config.models.in_flight = in_flight;
  config.models.notes = "writer";
  config.models.embedder = "vectors";
  return config;
}

// One point in a search: sums since its start.
struct Sums {
  double wall = 0;       // seconds
  double cpu = 0;        // all threads, without jobs and probes of the fake sandbox
  double search = 0;     // the search's thread without the client and probes
  double client = 0;     // the same thread inside the client
  double asking = 0;     // of `search`: who writes, from what, the prompt, storing the draft
  double answering = 0;  // of `search`: reading, judging, comparing, storing a proposal
  double results = 0;    // of `search`: storing what an evaluation measured
  double proposals = 0, accepted = 0, calls = 0, evaluations = 0;
};

class Bench;
using OnEvent = std::function<void(Bench&, const SearchEvent&)>;

// A whole search against a server.
class Bench : public orchestrator::SearchObserver {
 public:
  Bench(std::filesystem::path archive, OnEvent on_event)
      : path_(std::move(archive)), on_event_(std::move(on_event)) {}

  void run(const orchestrator::SearchConfig& config, const std::string& url, double latency) {
    orchestrator::remove_archive(path_);
    {
      const SystemClock clock;
      population::Archive archive(path_, clock);
      fake_.latency = latency;
      evaluator::EvaluatorConfig settings;
      settings.spec = config.spec;
      settings.data_folder = "/data";
      settings.domains = {"c", "man"};
      settings.workers = config.workers;
      evaluator::Evaluator evaluator(settings, sandbox, clock);
      orchestrator::ClientOptions options = client_options(url, config.models.in_flight);
      options.notify = [&evaluator] { evaluator.wake(); };
      orchestrator::Client client(options, archive, clock);
      MeteredLlm metered(client);
      llm_ = &metered;
      orchestrator::Search search(config, archive, evaluator, sandbox, clock, *this, &metered);
      const orchestrator::SearchEnd end = search.run(stop_.get_token());
      if (!stop_.stop_requested())
        throw Error("searching for a benchmark: it ended by itself: " + end.reason + ", after " +
                    std::to_string(sums_.proposals) + " proposals, " +
                    std::to_string(sums_.accepted) + " accepted");
      llm_ = nullptr;
    }
    orchestrator::remove_archive(path_);
  }
  void stop() { stop_.request_stop(); }

  void event(const SearchEvent& e) override {
    switch (e.kind) {
      case SearchEventKind::kProposing:
        proposing_ = own();
        break;
      case SearchEventKind::kAsked:
        if (proposing_) sums_.asking += own() - *proposing_;
        proposing_.reset();
        break;
      case SearchEventKind::kAnswered:
        ++sums_.calls;
        sums_.answering += own() - llm_->handed_out;
        break;
      case SearchEventKind::kFinishing:
        finishing_ = own();
        break;
      case SearchEventKind::kFinished:
        ++sums_.evaluations;
        sums_.results += own() - finishing_;
        break;
      case SearchEventKind::kProposed:
        ++sums_.proposals;
        if (e.text == "accepted") ++sums_.accepted;
        break;
      default:
        break;
    }
    on_event_(*this, e);
  }

  Sums now() const {
    Sums out = sums_;
    out.wall = wall_seconds();
    out.client = llm_->seconds;
    out.search = own() - sandbox.probe_seconds();
    out.cpu = process_seconds() - sandbox.job_seconds() - sandbox.probe_seconds();
    return out;
  }
  const Sums& counts() const { return sums_; }

 private:
  fakes::FakeSandbox fake_;

 public:
  MeteredSandbox sandbox{fake_};

 private:
  double own() const { return thread_seconds() - llm_->seconds; }

  std::filesystem::path path_;
  OnEvent on_event_;
  MeteredLlm* llm_ = nullptr;
  std::stop_source stop_;
  Sums sums_;
  std::optional<double> proposing_;
  double finishing_ = 0;
};

Json overhead(std::vector<int64_t> sizes, bool one_evaluation,
              const std::filesystem::path& archive) {
  std::sort(sizes.begin(), sizes.end());
  std::printf(
      "overhead: milliseconds a proposal over %lld new candidates, novelty by embedding on\n"
      "  candidates   CPU  wall | search: asking answering results other | client threads | "
      "calls evaluations accepted, a proposal\n",
      static_cast<long long>(kWindow));
  Json out = Json::array();
  std::optional<Sums> begin;
  size_t at = 0;
  Bench bench(archive, [&](Bench& b, const SearchEvent& e) {
    if (e.kind != SearchEventKind::kAnswered || at == sizes.size()) return;
    const auto accepted = static_cast<int64_t>(b.counts().accepted);
    if (!begin && accepted >= sizes[at]) begin = b.now();
    if (!begin || accepted < sizes[at] + kWindow) return;
    const Sums end = b.now(), &start = *begin;
    const double n = end.proposals - start.proposals;
    const auto each = [&](double Sums::*part) { return 1e3 * (end.*part - start.*part) / n; };
    const auto count = [&](double Sums::*part) { return (end.*part - start.*part) / n; };
    const double cpu = each(&Sums::cpu), search = each(&Sums::search), client = each(&Sums::client),
                 asking = each(&Sums::asking), answering = each(&Sums::answering),
                 results = each(&Sums::results);
    const double other = search - asking - answering - results, threads = cpu - search - client;
    std::printf(
        "  %10lld %5.2f %5.1f |         %6.2f    %6.2f  %6.2f %5.2f |  %5.2f   %5.2f | "
        "%5.2f       %5.2f    %5.2f\n",
        static_cast<long long>(sizes[at]), cpu, each(&Sums::wall), asking, answering, results,
        other, client, threads, count(&Sums::calls), count(&Sums::evaluations),
        count(&Sums::accepted));
    std::fflush(stdout);
    out.push_back({{"candidates", sizes[at]},
                   {"cpu_ms", cpu},
                   {"wall_ms", each(&Sums::wall)},
                   {"search_ms", search},
                   {"asking_ms", asking},
                   {"answering_ms", answering},
                   {"results_ms", results},
                   {"client_ms", client},
                   {"other_threads_ms", threads},
                   {"calls", count(&Sums::calls)},
                   {"evaluations", count(&Sums::evaluations)},
                   {"accepted", count(&Sums::accepted)}});
    begin.reset();
    if (++at == sizes.size()) b.stop();
  });
  const LoopbackModels server({});
  bench.run(search_config(8, /*free=*/false, one_evaluation), server.url(), 0);
  return out;
}

// The client alone, asked all at once.
double client_overlap(int64_t in_flight, const std::filesystem::path& path) {
  const LoopbackModels server({kReply});
  orchestrator::remove_archive(path);
  const int64_t calls = in_flight * 25;
  double took = 0;
  {
    const SystemClock clock;
    population::Archive archive(path, clock);
    orchestrator::Client client(client_options(server.url(), in_flight), archive, clock);
    const double start = wall_seconds();
    archive.together([&] {
      for (int64_t i = 0; i < calls; ++i)
        client.submit({.model = "writer", .prompt = {"You write.", "number " + std::to_string(i)}});
    });
    int64_t ok = 0;
    while (client.pending() > 0)
      if (const auto answer = client.wait(1))
        ok += answer->reply.outcome == orchestrator::LlmOutcome::kOk ? 1 : 0;
    took = wall_seconds() - start;
    require(ok == calls, "asking the loopback server: not every call was answered");
  }
  orchestrator::remove_archive(path);
  return static_cast<double>(calls) * kReply / static_cast<double>(in_flight) / took;
}

// A search whose evaluations take no time, over some seconds.
double search_overlap(int64_t in_flight, bool one_evaluation, const std::filesystem::path& path) {
  const double from = wall_seconds() + kWarmUp;
  std::optional<Sums> begin, end;
  Bench bench(path, [&](Bench& b, const SearchEvent& e) {
    if (e.kind != SearchEventKind::kAnswered) return;
    const double now = wall_seconds();
    if (!begin && now >= from) begin = b.now();
    if (now < from + kMeasured || end) return;
    end = b.now();
    b.stop();
  });
  const LoopbackModels server({kReply});
  bench.run(search_config(in_flight, /*free=*/false, one_evaluation), server.url(), 0);
  return (end->calls - begin->calls) * kReply / static_cast<double>(in_flight) /
         (end->wall - begin->wall);
}

Json overlap(const std::vector<int64_t>& sizes, bool one_evaluation,
             const std::filesystem::path& archive) {
  std::printf(
      "\noverlap: replies after %.0f ms; ideal time / real time\n  in flight  client  search\n",
      1e3 * kReply);
  Json out = Json::array();
  for (const int64_t in_flight : sizes) {
    const double client = client_overlap(in_flight, archive);
    const double search = search_overlap(in_flight, one_evaluation, archive);
    std::printf("  %9lld  %5.1f %%  %5.1f %%\n", static_cast<long long>(in_flight), 100 * client,
                100 * search);
    std::fflush(stdout);
    out.push_back({{"in_flight", in_flight}, {"client", client}, {"search", search}});
  }
  return out;
}

Json starvation(const std::filesystem::path& archive) {
  std::printf(
      "\nstarvation: replies of %.0f ms on average (log-normal, sigma %.1f), 8 in flight, "
      "evaluations of %.0f ms on 2 slots, %.0f s after %.0f s\n  operators          idle  "
      "evaluations\n",
      1e3 * kReply, kSigma, 1e3 * kEvaluation, kMeasured, kWarmUp);
  Json out = Json::array();
  for (const bool free : {false, true}) {
    const double from = wall_seconds() + kWarmUp;
    double evaluations = 0;
    Bench bench(archive, [&](Bench& b, const SearchEvent& e) {
      const double now = wall_seconds();
      if (e.kind == SearchEventKind::kFinished && now >= from) ++evaluations;
      if (now >= from + kMeasured + 0.5) b.stop();
    });
    const LoopbackModels server({kReply, kSigma});
    // A training and its score are one evaluation.
    bench.run(search_config(8, free), server.url(), kEvaluation / 2);
    const double idle = 1 - bench.sandbox.busy(from, from + kMeasured) / (2 * kMeasured);
    const char* name = free ? "models and free" : "models";
    std::printf("  %-16s %5.2f %%  %11.0f\n", name, 100 * idle, evaluations);
    std::fflush(stdout);
    out.push_back({{"operators", name}, {"idle", idle}, {"evaluations", evaluations}});
  }
  return out;
}

int run(int argc, char** argv) {
  CLI::App app("What the daemon costs with language models in the loop");
  std::vector<int64_t> candidates = {100, 1000}, in_flight = {2, 8, 64};
  std::vector<std::string> parts = {"overhead", "overlap", "starvation"};
  std::string folder = std::filesystem::temp_directory_path().string();
  bool json = false, one_evaluation = false;
  app.add_option("--candidates", candidates, "Sizes of the archive to measure at; 10000 takes long")
      ->check(CLI::PositiveNumber);
  app.add_option("--in-flight", in_flight, "Calls at a time to measure overlap at")
      ->check(CLI::PositiveNumber);
  app.add_option("--parts", parts, "What to measure")
      ->check(CLI::IsMember({"overhead", "overlap", "starvation"}));
  app.add_flag(
      "--one-evaluation", one_evaluation,
      "overhead, overlap: one evaluation a proposal, as other systems have, instead of trials of a "
      "coefficient and rungs");
  app.add_option("--folder", folder, "Where the archive is written")->check(CLI::ExistingDirectory);
  app.add_flag("--json", json, "Print all figures as JSON at the end");
  CLI11_PARSE(app, argc, argv);
  const auto wanted = [&](const char* part) {
    return std::find(parts.begin(), parts.end(), part) != parts.end();
  };
  const std::filesystem::path archive = std::filesystem::path(folder) / "ballast_llm_overhead.db";
  Json out = Json::object();
  if (wanted("overhead")) out["overhead"] = overhead(candidates, one_evaluation, archive);
  if (wanted("overlap")) out["overlap"] = overlap(in_flight, one_evaluation, archive);
  if (wanted("starvation")) out["starvation"] = starvation(archive);
  if (json) std::cout << "\n" << out.dump(2) << "\n";
  return 0;
}

}  // namespace
}  // namespace ballast::bench

int main(int argc, char** argv) {
  try {
    return ballast::bench::run(argc, argv);
  } catch (const std::exception& e) {
    std::cerr << "llm_overhead: " << e.what() << "\n";
    return 1;
  }
}
