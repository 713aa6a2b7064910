// What a command needs before it can have anything trained: corpus, sandbox, limits.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/config.h"
#include "evaluator/evaluator.h"
#include "evaluator/sandbox.h"

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

// The configured number, or one per core that this process may use.
int workers(const Config& config);

// The training that `config` describes, on that corpus.
TrainSpec spec_for(const Config& config, const Corpus& corpus);
evaluator::EvaluatorConfig evaluator_config(const Config& config, const Corpus& corpus,
                                            const TrainSpec& spec);
evaluator::JobLimits probe_limits(const Config& config);

}  // namespace ballast::orchestrator
