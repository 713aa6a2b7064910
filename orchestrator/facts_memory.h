// What prompts say of candidates and what does not change from one prompt to the next, so that it
// is neither read from the archive nor looked for again each time.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "orchestrator/ledger.h"
#include "orchestrator/operator_choice.h"
#include "population/archive.h"
#include "prompts/facts.h"

namespace ballast::orchestrator {

// The metrics behind the scores of a candidate's highest rung.
struct Figures {
  std::optional<double> cross_entropy, max_vio;  // means over the seeds where they are numbers
  std::vector<prompts::LayerFacts> layers;       // of the first seed, as the curve
  std::vector<prompts::CurvePoint> curve;
};

// Of one ledger, one archive and one list of proposals that only grows. Not thread-safe.
class FactsMemory {
 public:
  // The archive is asked only when there are other scores than the last time: a finished evaluation
  // stays as it is. Layers and curve are there with `arrays`. Valid until the next call.
  const Figures& figures(const Ledger& ledger, const population::Archive& archive, size_t index,
                         bool arrays);

  // The proposal that an entry came from; nullopt for built-ins.
  std::optional<size_t> birth(std::span<const Made> made, size_t entry);

 private:
  struct Known {
    int rung = 0;             // 0: nothing is known
    std::string coefficient;  // as the seeds, of the scores
    std::vector<size_t> seeds;
    bool arrays = false;
    Figures figures;
  };
  std::vector<Known> known_;                   // by entry
  std::vector<std::optional<size_t>> births_;  // by entry
  size_t read_ = 0;                            // proposals that the births hold
};

}  // namespace ballast::orchestrator
