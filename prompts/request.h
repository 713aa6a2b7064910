// What is sent to a model, by operator: pure functions of plain data. docs/prompts.md explains the
// order and the variants.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "prompts/facts.h"
#include "prompts/failure.h"

namespace ballast::prompts {

struct Request {
  std::string system;  // the same bytes for every request of a run: providers cache it
  std::string user;
  std::string variant;    // "rewrite/different"
  std::string templates;  // fingerprint of the wording: "1a2b3c4d"
};

// "edit", "rewrite", "crossover", "simplify". Repair is a turn after any of them, see below.
const std::vector<std::string_view>& operators();
const std::vector<std::string_view>& variants(std::string_view op);  // "default" comes first
size_t parents_needed(std::string_view op);                          // 1 or 2

// Throws Error for an operator or variant there is none of, or a wrong number of parents.
Request make_request(const Task& task, std::string_view op, std::string_view variant,
                     const Facts& facts);

// One reply that failed, and those that were asked to mend it.
struct RepairChain {
  std::vector<Failure> failures;  // the oldest first
};
constexpr size_t kRepairTurns = 2;

// Whether to ask again: something failed that a message can mend, and turns are left. The parent
// again (kUnchanged) is not asked about: a new draw is better.
bool may_repair(const RepairChain& chain);

// Asks for the last failure's text, mended; of `facts` the parents are shown. Variant "repair/1" or
// "repair/2", by turn. REQUIRES: may_repair(chain)
Request make_repair(const Task& task, const Facts& facts, const RepairChain& chain);

}  // namespace ballast::prompts
