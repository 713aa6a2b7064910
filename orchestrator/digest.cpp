#include "orchestrator/digest.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>

#include "common/hash.h"

namespace ballast::orchestrator {
namespace {

using population::Record;

// One row: its bytes with every value's length or at a fixed width, so that no two lists of rows
// read alike; and the same values for people.
class Row {
 public:
  Row(std::string_view kind, std::string label) : kind_(kind), label_(std::move(label)) {
    put(kind);
  }

  Row& text(const char* name, std::string_view value) {
    put(value);
    fields_.emplace_back(name, value);
    return *this;
  }
  Row& integer(const char* name, int64_t value) {
    put(value);
    fields_.emplace_back(name, std::to_string(value));
    return *this;
  }
  Row& real(const std::string& name, double value) {
    put(static_cast<int64_t>(std::bit_cast<uint64_t>(value)));
    char digits[40];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    fields_.emplace_back(name, std::string(digits, end));
    return *this;
  }
  template <class Numbers>
  Row& reals(const std::string& name, const Numbers& values) {
    put(static_cast<int64_t>(values.size()));
    fields_.emplace_back("length of " + name, std::to_string(values.size()));
    size_t i = 0;
    for (const auto value : values)
      real(name + "[" + std::to_string(i++) + "]", static_cast<double>(value));
    return *this;
  }
  Row& name(std::string_view value) {  // of a metric: a value of its own, not shown as one
    put(value);
    return *this;
  }

  const std::string& bytes() const { return bytes_; }
  std::string_view kind() const { return kind_; }
  const std::string& label() const { return label_; }
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  void put(std::string_view value) {
    put(static_cast<int64_t>(value.size()));
    bytes_ += value;
  }
  void put(int64_t x) {
    for (int i = 0; i < 8; ++i)
      bytes_ += static_cast<char>(static_cast<uint64_t>(x) >> (8 * i) & 0xff);
  }

  std::string_view kind_;  // a literal
  std::string label_, bytes_;
  std::vector<std::pair<std::string, std::string>> fields_;
};

class Rows {
 public:
  explicit Rows(const Record& record) : record_(record) {
    for (const auto& c : record.candidates) names_.emplace(c.identity, c.name);
    if (record.run) run();
    for (const auto& c : record.candidates) candidate(c);
    for (size_t i = 0; i < record.proposals.size(); ++i) proposal(i);
    for (const auto& m : record.memberships) membership(m);
    for (const auto& d : record.drafts) draft(d);
    for (const auto& a : record.arrivals)
      if (a.call) answer(*a.call);
    for (size_t i = 0; i < record.evaluations.size(); ++i)
      if (record.evaluations[i].outcome) evaluation(i);
    for (const auto& e : record.estimates) estimate(e);
  }
  const std::vector<Row>& rows() const { return rows_; }
  std::vector<const Row*> of(std::string_view kind) const {
    std::vector<const Row*> out;
    for (const Row& row : rows_)
      if (row.kind() == kind) out.push_back(&row);
    return out;
  }

 private:
  std::string name_of(const std::string& identity) const {
    const auto it = names_.find(identity);
    return it == names_.end() ? identity.substr(0, 16) : it->second;
  }

  void run() {
    const population::RunRow& run = *record_.run;
    rows_.emplace_back("run", "the run")
        .integer("seed", static_cast<int64_t>(run.seed))
        .text("spec", run.spec)
        .text("objective", run.objective)
        .real("mu", run.mu)
        .real("target", run.target)
        .text("reference", run.reference);
  }

  void candidate(const population::CandidateRow& c) {
    rows_.emplace_back("candidate", "candidate " + c.name)
        .text("identity", c.identity)
        .text("name", c.name)
        .text("source", c.source)
        .text("track", c.track)
        .real("unit", c.unit)
        .integer("order_dependent", c.order_dependent)
        .reals("fingerprint", c.fingerprint);
  }

  void proposal(size_t i) {
    const population::ProposalRow& p = record_.proposals[i];
    Row& row = rows_.emplace_back("proposal", "proposal " + std::to_string(i + 1))
                   .text("operator", p.op)
                   .integer("number of parents", static_cast<int64_t>(p.parents.size()));
    for (const std::string& parent : p.parents) row.text("parent", parent);
    row.text("identity", p.identity)
        .text("outcome", to_string(p.outcome))
        .text("reason", p.reason)
        .text("detail", p.detail)
        .text("source", p.source);
  }

  void membership(const population::MembershipRow& m) {
    rows_.emplace_back("membership", name_of(m.identity) + " on island " + std::to_string(m.island))
        .text("identity", m.identity)
        .integer("island", m.island)
        .integer("origin", m.origin.value_or(-1))
        .integer("since", m.since);
  }

  void draft(const population::DraftRow& d) {
    Row& row = rows_.emplace_back("draft", "draft " + std::to_string(d.number))
                   .text("operator", d.op)
                   .text("model", d.model)
                   .text("variant", d.variant)
                   .integer("island", d.island.value_or(-1))
                   .integer("number of parents", static_cast<int64_t>(d.parents.size()));
    for (const std::string& parent : d.parents) row.text("parent", parent);
    row.integer("proposal", d.proposal.value_or(-1));
  }

  // In the order in which they were used.
  void answer(int64_t call) {
    const auto found = std::find_if(record_.calls.begin(), record_.calls.end(),
                                    [&](const auto& c) { return c.id == call; });
    if (found == record_.calls.end()) return;
    rows_.emplace_back("answer", "an answer of draft " + std::to_string(found->draft.value_or(0)))
        .integer("draft", found->draft.value_or(0))
        .text("model", found->model)
        .text("operator", found->op)
        .text("prompt", found->prompt_hash)
        .text("outcome", found->outcome)
        .text("reply", found->reply);
  }

  void evaluation(size_t i) {
    const population::EvaluationRow& e = record_.evaluations[i];
    Row& row = rows_
                   .emplace_back("evaluation", "evaluation " + std::to_string(e.id) + " of " +
                                                   name_of(e.key.identity) + " (rung " +
                                                   std::to_string(e.key.rung) + ", seed " +
                                                   std::to_string(e.key.seed) + ", coefficient " +
                                                   e.key.coefficient + ")")
                   .text("identity", e.key.identity)
                   .text("spec_hash", e.key.spec_hash)
                   .integer("rung", e.key.rung)
                   .integer("seed", static_cast<int64_t>(e.key.seed))
                   .text("coefficient", e.key.coefficient)
                   .text("device_class", e.key.device_class)
                   .text("purpose", e.purpose)
                   .integer("tokens", e.tokens)
                   .text("outcome", to_string(*e.outcome));
    for (const auto& [name, value] : e.metrics.scalars)
      if (name != "tokens_per_second") row.name(name).real(name, value);
    for (const auto& [name, values] : e.metrics.arrays) row.name(name).reals(name, values);
  }

  void estimate(const population::EstimateRow& e) {
    rows_
        .emplace_back("estimate", "the estimate of " + name_of(e.identity) + " at rung " +
                                      std::to_string(e.rung))
        .text("identity", e.identity)
        .integer("rung", e.rung)
        .text("coefficient", e.coefficient)
        .integer("pairs", e.pairs)
        .real("mean_difference", e.mean_difference)
        .integer("has a standard_error", e.standard_error.has_value())
        .real("standard_error", e.standard_error.value_or(0));
  }

  const Record& record_;
  std::map<std::string, std::string> names_;
  std::vector<Row> rows_;
};

// A long text from a little before where it differs.
std::string shown(const std::string& text, size_t from) {
  constexpr size_t kBefore = 20, kMost = 60;
  const size_t start = from > kBefore ? from - kBefore : 0;
  return (start > 0 ? "..." : "") + text.substr(start, kMost) +
         (start + kMost < text.size() ? "..." : "");
}

std::string difference_of(const Row& a, const std::string& name_a, const Row& b,
                          const std::string& name_b) {
  if (a.label() != b.label())
    return a.label() + " of " + name_a + " is " + b.label() + " in " + name_b;
  const size_t count = std::min(a.fields().size(), b.fields().size());
  for (size_t i = 0; i < count; ++i) {
    const auto& [field, x] = a.fields()[i];
    const auto& [other, y] = b.fields()[i];
    if (field != other)
      return a.label() + " has " + field + " in " + name_a + ", " + other + " in " + name_b;
    if (x == y) continue;
    const auto at = std::mismatch(x.begin(), x.end(), y.begin(), y.end()).first;
    const auto from = static_cast<size_t>(at - x.begin());
    return a.label() + ": " + field + " is " + shown(x, from) + " in " + name_a + " and " +
           shown(y, from) + " in " + name_b;
  }
  return a.label() + " has more values in " +
         (a.fields().size() > b.fields().size() ? name_a : name_b);
}

}  // namespace

population::Record rows_of(const population::Archive& archive) {
  Record r;
  r.run = archive.run();
  r.candidates = archive.candidates();
  r.proposals = archive.proposals();
  r.memberships = archive.memberships();
  r.drafts = archive.drafts();
  r.calls = archive.calls();
  r.arrivals = archive.arrivals();
  r.evaluations = archive.evaluations();
  r.estimates = archive.estimates();
  return r;
}

std::string digest(const population::Record& record) {
  const Rows all(record);
  std::string bytes;
  for (const Row& row : all.rows()) bytes += row.bytes();
  return sha256_hex(bytes);
}

std::string digest(const population::Archive& archive) { return digest(rows_of(archive)); }

// Table by table, first what both have: where one ends early, its last rows say why.
std::string first_difference(const population::Record& a, const std::string& name_a,
                             const population::Record& b, const std::string& name_b) {
  const Rows rows_a(a), rows_b(b);
  std::string missing;
  for (const std::string_view kind : {"run", "candidate", "proposal", "membership", "draft",
                                      "answer", "evaluation", "estimate"}) {
    if (kind == "estimate" && !missing.empty()) break;  // they follow from what is missing
    const std::vector<const Row*> x = rows_a.of(kind), y = rows_b.of(kind);
    const size_t count = std::min(x.size(), y.size());
    for (size_t i = 0; i < count; ++i)
      if (x[i]->bytes() != y[i]->bytes()) return difference_of(*x[i], name_a, *y[i], name_b);
    if (x.size() != y.size() && missing.empty())
      missing = (x.size() > y.size() ? x : y)[count]->label() + " is in " +
                (x.size() > y.size() ? name_a : name_b) + " only";
  }
  return missing;
}

}  // namespace ballast::orchestrator
