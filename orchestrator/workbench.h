// What a command needs before it can have anything trained: corpus, sandbox, limits.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/config.h"
#include "evaluator/evaluator.h"
#include "evaluator/sandbox.h"
#include "orchestrator/llm/local_embedder.h"

namespace ballast::orchestrator {

struct Corpus {
  std::filesystem::path folder;
  std::string name, hash;
  std::vector<std::string> domains;  // of training and search, in the manifest's order
};
// Throws Error naming the command that makes the corpus when there is none.
Corpus open_corpus(const Config& config);

// `ballast-trainer` beside the running program. Throws Error when it is not there.
std::filesystem::path trainer_path();

// Throws Error when this machine has no sandbox and the configuration does not accept that.
std::unique_ptr<evaluator::Sandbox> open_sandbox(const Config& config);

// An encoder that makes vectors of texts, in the sandbox (EmbedJob).
struct Encoder {
  std::filesystem::path folder;
  std::string weights;  // SHA-256 of its weights
};
// `name`: a folder in .deps/embedding beside the program's checkout, or a path, which has a '/'.
// Throws Error (usage) when it is not there, or a file is not the one that its SHA256SUMS names.
Encoder open_encoder(const std::string& name);

// Asks the sandbox for the vectors of `model`, which is one that we run ourselves; its name in the
// archive then holds the hash of its weights. Throws as open_encoder does.
std::unique_ptr<LocalEmbedder> local_embedder(const Config& config, Model model,
                                              evaluator::Sandbox& sandbox, Llm& others,
                                              population::Archive& archive, const Clock& clock,
                                              std::function<void()> notify);

// The configured number, or one per core that this process may use.
int workers(const Config& config);

// The training that `config` describes, on that corpus.
TrainSpec spec_for(const Config& config, const Corpus& corpus);
evaluator::EvaluatorConfig evaluator_config(const Config& config, const Corpus& corpus,
                                            const TrainSpec& spec);
evaluator::JobLimits probe_limits(const Config& config);

}  // namespace ballast::orchestrator
