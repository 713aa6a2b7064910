#include "orchestrator/verify.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "candidate/parse.h"
#include "evaluator/objective.h"
#include "evaluator/statistics.h"

namespace ballast::orchestrator {
namespace {

constexpr std::string_view kBuiltin = "builtin:";
// Means are summed in the same order as the search did; the last bits are another version's.
constexpr double kTolerance = 1e-9;

std::string identity_of(const std::string& source) {
  const candidate::ParseResult parsed = candidate::parse(source);
  return parsed.program ? parsed.program->identity : "";
}

void check_candidate(const population::CandidateRow& row, std::vector<std::string>& out) {
  if (row.identity.starts_with(kBuiltin)) {
    if (row.identity.substr(kBuiltin.size()) != row.name)
      out.push_back(row.identity + " is named " + row.name);
    return;
  }
  const std::string identity = identity_of(row.source);
  if (identity == row.identity) return;
  out.push_back("candidate " + row.name + ": its text " +
                (identity.empty() ? "is no candidate" : "has the identity " + identity) + ", not " +
                row.identity);
}

void check_proposals(const population::Record& record, std::vector<std::string>& out) {
  std::set<std::string> known;
  for (const auto& row : record.candidates) known.insert(row.identity);
  for (size_t i = 0; i < record.proposals.size(); ++i) {
    const population::ProposalRow& row = record.proposals[i];
    if (row.reason != "accepted") continue;
    const std::string name = "proposal " + std::to_string(i + 1);
    if (!known.contains(row.identity)) out.push_back(name + ": what it made is not there");
    if (identity_of(row.source) != row.identity)
      out.push_back(name + ": its text is not the program of its identity");
  }
}

// identity, rung, seed, coefficient -> objective
using Scores =
    std::map<std::string, std::map<std::pair<int, std::string>, std::map<uint64_t, double>>>;

Scores check_evaluations(const population::Record& record, std::vector<std::string>& out) {
  const evaluator::ObjectiveSpec spec{record.run->objective, record.run->mu, record.run->target};
  Scores scores;
  for (const population::EvaluationRow& row : record.evaluations) {
    if (row.outcome != Outcome::kOk) continue;
    const auto objective = evaluator::objective(spec, row.metrics);
    if (!objective)
      out.push_back("evaluation " + std::to_string(row.id) + " is OK and has no finite " +
                    spec.name + " objective");
    else if (row.purpose != "train" && row.key.spec_hash == record.run->spec_hash)
      scores[row.key.identity][{row.key.rung, row.key.coefficient}][row.key.seed] = *objective;
  }
  return scores;
}

void check_estimates(const population::Record& record, const Scores& scores,
                     std::vector<std::string>& out) {
  const auto reference = scores.find(record.run->reference);
  std::map<std::pair<std::string, int>, std::string> coefficients;
  std::map<std::string, std::string> names;
  for (const auto& row : record.estimates) coefficients[{row.identity, row.rung}] = row.coefficient;
  for (const auto& row : record.candidates) names[row.identity] = row.name;
  for (const population::EstimateRow& row : record.estimates) {
    const auto own = scores.find(row.identity);
    const auto coefficient = coefficients.find({record.run->reference, row.rung});
    std::vector<double> differences;
    if (own != scores.end() && reference != scores.end() && coefficient != coefficients.end()) {
      const auto mine = own->second.find({row.rung, row.coefficient});
      const auto theirs = reference->second.find({row.rung, coefficient->second});
      if (mine != own->second.end() && theirs != reference->second.end())
        for (const auto& [seed, score] : mine->second)
          if (const auto twin = theirs->second.find(seed); twin != theirs->second.end())
            differences.push_back(score - twin->second);
    }
    const evaluator::Summary now = evaluator::summarise(differences);
    if (now.pairs >= row.pairs && std::abs(now.mean - row.mean_difference) <= kTolerance) continue;
    out.push_back("the estimate of " + names[row.identity] + " at rung " +
                  std::to_string(row.rung) + " (" + std::to_string(row.pairs) + " pairs, " +
                  std::to_string(row.mean_difference) + ") does not follow from its evaluations (" +
                  std::to_string(now.pairs) + " pairs, " + std::to_string(now.mean) + ")");
  }
}

}  // namespace

std::vector<std::string> problems_of(const population::Record& record) {
  std::vector<std::string> out;
  for (const population::CandidateRow& row : record.candidates) check_candidate(row, out);
  check_proposals(record, out);
  if (record.run) check_estimates(record, check_evaluations(record, out), out);
  return out;
}

}  // namespace ballast::orchestrator
