#include "orchestrator/workbench.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <thread>

#include "common/error.h"
#include "common/hash.h"
#include "corpus/locate.h"
#include "corpus/manifest.h"
#include "evaluator/bubblewrap.h"
#include "orchestrator/llm/calls.h"

namespace ballast::orchestrator {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMiB = int64_t{1} << 20;

// Cores that the scheduler gives this process (a container may have fewer than the machine).
int cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

}  // namespace

Corpus open_corpus(const Config& config) {
  Corpus corpus;
  corpus.folder = corpus::locate(config.data);
  // Scores carry the manifest's hash: the files must be the ones that it describes.
  const corpus::Manifest manifest = corpus::load(corpus.folder, corpus::Check::kHashes);
  corpus.name = manifest.name;
  corpus.hash = manifest.hash();
  corpus.domains = manifest.domains_with(corpus::Split::kSelect);
  if (corpus.domains.size() < 2) {
    throw Error("the corpus " + corpus.folder.string() + " has " +
                std::to_string(corpus.domains.size()) +
                " domains for training: specialisation needs at least two");
  }
  return corpus;
}

fs::path trainer_path() {
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  const fs::path trainer = self.parent_path() / "ballast-trainer";
  if (error || !fs::exists(trainer)) {
    throw Error("there is no ballast-trainer beside " + self.string() +
                ": build it (scripts/setup.sh, or cmake without -DBALLAST_TRAINER=OFF)");
  }
  return trainer;
}

std::unique_ptr<evaluator::Sandbox> open_sandbox(const Config& config) {
  evaluator::SandboxConfig sandbox;
  sandbox.trainer = trainer_path().string();
  sandbox.accept_no_sandbox = config.accept_no_sandbox;
  return evaluator::make_sandbox(sandbox);
}

Encoder open_encoder(const std::string& name) {
  std::error_code ignored;
  const fs::path self = fs::read_symlink("/proc/self/exe", ignored);
  const bool is_path = name.find('/') != std::string::npos;
  Encoder encoder{
      is_path ? fs::path(name) : corpus::data_folder_of(self).parent_path() / "embedding" / name,
      ""};
  const auto refuse = [&](const std::string& why) {
    throw Error("the embedding model " + name + ": " + why +
                    "; scripts/local-embedding.sh downloads all-minilm-l6-v2",
                ExitCode::kUsage);
  };
  const fs::path list = encoder.folder / "SHA256SUMS";
  std::ifstream sums(list);
  if (!sums) refuse("cannot read " + list.string());
  std::set<std::string> missing{"config.json", "model.safetensors", "vocab.txt"};
  for (std::string sum, file; sums >> sum >> file;) {
    if (missing.erase(file) == 0) continue;
    const std::string found = sha256_file(encoder.folder / file);
    if (found != sum)
      refuse((encoder.folder / file).string() + " has the SHA-256 " + found + ", not " + sum);
    if (file == "model.safetensors") encoder.weights = found;
  }
  if (!missing.empty()) refuse(list.string() + " does not name " + *missing.begin());
  return encoder;
}

std::unique_ptr<LocalEmbedder> local_embedder(const Config& config, Model model,
                                              evaluator::Sandbox& sandbox, Llm& others,
                                              population::Archive& archive, const Clock& clock,
                                              std::function<void()> notify) {
  const Encoder encoder = open_encoder(model.model);
  model.model += "@" + encoder.weights.substr(0, 12);
  require_same_embedder(archive, model);
  const evaluator::JobLimits limits = probe_limits(config);
  const auto embed = [folder = encoder.folder.string(), limits, &sandbox](const std::string& text) {
    EmbedJob job;
    job.folder = folder;
    job.texts = {text};
    return sandbox.embed(job, limits);
  };
  return std::make_unique<LocalEmbedder>(std::move(model), embed, others, archive, clock,
                                         std::move(notify));
}

int workers(const Config& config) {
  return config.workers > 0 ? static_cast<int>(config.workers) : cores();
}

TrainSpec spec_for(const Config& config, const Corpus& corpus) {
  TrainSpec spec = train_spec(config);
  spec.data_hash = corpus.hash;
  return spec;
}

evaluator::EvaluatorConfig evaluator_config(const Config& config, const Corpus& corpus,
                                            const TrainSpec& spec) {
  evaluator::EvaluatorConfig out;
  out.spec = spec;
  out.data_folder = corpus.folder.string();
  out.domains = corpus.domains;
  out.device = config.device;
  out.limits.seconds = config.job_seconds;
  out.limits.stall_seconds = config.job_stall_seconds;
  out.limits.memory_bytes = config.job_memory_mb * kMiB;
  out.workers = workers(config);
  return out;
}

evaluator::JobLimits probe_limits(const Config& config) {
  evaluator::JobLimits limits;
  limits.seconds = config.probe_seconds;
  limits.stall_seconds = config.probe_seconds;
  limits.memory_bytes = config.probe_memory_mb * kMiB;
  return limits;
}

}  // namespace ballast::orchestrator
