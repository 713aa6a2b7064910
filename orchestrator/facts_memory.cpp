#include "orchestrator/facts_memory.h"

#include <cmath>
#include <utility>

namespace ballast::orchestrator {
namespace {

// Of a scalar, over the evaluations where it is a number.
class Mean {
 public:
  void add(const Metrics& metrics, const char* name) {
    const auto found = metrics.scalars.find(name);
    if (found == metrics.scalars.end() || !std::isfinite(found->second)) return;
    sum_ += found->second;
    ++count_;
  }
  std::optional<double> value() const {
    return count_ == 0 ? std::nullopt : std::optional(sum_ / count_);
  }

 private:
  double sum_ = 0;
  int count_ = 0;
};

}  // namespace

const Figures& FactsMemory::figures(const Ledger& ledger, const population::Archive& archive,
                                    size_t index, bool arrays) {
  if (known_.size() <= index) known_.resize(ledger.entries().size());
  const Entry& entry = ledger.entries()[index];
  Known now;
  now.rung = ledger.highest_rung(entry);
  now.arrays = arrays;
  if (now.rung > 0) {
    now.coefficient = entry.coefficient_at(now.rung);
    const auto& scores = entry.scores[static_cast<size_t>(now.rung - 1)];
    for (size_t seed = 0; seed < scores.size(); ++seed)
      if (scores[seed]) now.seeds.push_back(seed);
  }
  Known& known = known_[index];
  const bool same = known.rung == now.rung && known.coefficient == now.coefficient &&
                    known.seeds == now.seeds && (known.arrays || !arrays);
  if (same) return known.figures;

  Mean cross_entropy, max_vio;
  bool first = true;
  for (const size_t seed : now.seeds) {
    const auto key = ledger.key({index, now.rung, static_cast<int>(seed), now.coefficient});
    const auto row = arrays && first ? archive.evaluation(key) : archive.evaluation_scalars(key);
    if (!row || row->outcome != Outcome::kOk) continue;
    cross_entropy.add(row->metrics, "cross_entropy");
    max_vio.add(row->metrics, "max_vio_global");
    if (std::exchange(first, false) && arrays) {
      now.figures.layers = prompts::layers_of(row->metrics);
      now.figures.curve = prompts::curve_of(row->metrics);
    }
  }
  now.figures.cross_entropy = cross_entropy.value();
  now.figures.max_vio = max_vio.value();
  return (known = std::move(now)).figures;
}

std::optional<size_t> FactsMemory::birth(std::span<const Made> made, size_t entry) {
  for (; read_ < made.size(); ++read_) {
    const std::optional<size_t> child = made[read_].child;
    if (!child) continue;
    if (births_.size() <= *child) births_.resize(*child + 1);
    if (!births_[*child]) births_[*child] = read_;
  }
  return entry < births_.size() ? births_[entry] : std::nullopt;
}

}  // namespace ballast::orchestrator
