#include "orchestrator/digest.h"

#include <bit>
#include <cstdint>
#include <string_view>

#include "common/hash.h"

namespace ballast::orchestrator {
namespace {

// Every value with its length or at a fixed width, so that no two lists of rows read alike.
class Writer {
 public:
  Writer& operator<<(std::string_view text) {
    *this << static_cast<int64_t>(text.size());
    bytes_ += text;
    return *this;
  }
  Writer& operator<<(const char* text) { return *this << std::string_view(text); }
  Writer& operator<<(int64_t x) {
    for (int i = 0; i < 8; ++i)
      bytes_ += static_cast<char>(static_cast<uint64_t>(x) >> (8 * i) & 0xff);
    return *this;
  }
  Writer& operator<<(uint64_t x) { return *this << static_cast<int64_t>(x); }
  Writer& operator<<(int x) { return *this << static_cast<int64_t>(x); }
  Writer& operator<<(bool x) { return *this << static_cast<int64_t>(x); }
  Writer& operator<<(double x) { return *this << std::bit_cast<uint64_t>(x); }
  std::string hash() const { return sha256_hex(bytes_); }

 private:
  std::string bytes_;
};

void write_metrics(Writer& out, const Metrics& metrics) {
  for (const auto& [name, value] : metrics.scalars)
    if (name != "tokens_per_second") out << name << value;
  for (const auto& [name, values] : metrics.arrays) {
    out << name << static_cast<int64_t>(values.size());
    for (const double value : values) out << value;
  }
}

void write_candidates(Writer& out, const population::Archive& archive) {
  for (const population::CandidateRow& c : archive.candidates()) {
    out << "candidate" << c.identity << c.name << c.source << c.track << c.unit << c.order_dependent
        << static_cast<int64_t>(c.fingerprint.size());
    for (const float x : c.fingerprint) out << static_cast<double>(x);
  }
  for (const population::ProposalRow& p : archive.proposals()) {
    out << "proposal" << p.op << static_cast<int64_t>(p.parents.size());
    for (const std::string& parent : p.parents) out << parent;
    out << p.identity << to_string(p.outcome) << p.reason << p.detail << p.source;
  }
}

}  // namespace

std::string digest(const population::Archive& archive) {
  Writer out;
  if (const auto run = archive.run())
    out << "run" << run->seed << run->spec << run->objective << run->mu << run->target
        << run->reference;
  write_candidates(out, archive);
  for (const population::MembershipRow& m : archive.memberships())
    out << "membership" << m.identity << m.island << m.origin.value_or(-1) << m.since;
  for (const population::EvaluationRow& e : archive.evaluations()) {
    if (!e.outcome) continue;
    out << "evaluation" << e.key.identity << e.key.spec_hash << e.key.rung << e.key.seed
        << e.key.coefficient << e.key.device_class << e.purpose << e.tokens
        << to_string(*e.outcome);
    write_metrics(out, e.metrics);
  }
  for (const population::EstimateRow& e : archive.estimates()) {
    out << "estimate" << e.identity << e.rung << e.coefficient << e.pairs << e.mean_difference
        << e.standard_error.has_value() << e.standard_error.value_or(0);
  }
  return out.hash();
}

}  // namespace ballast::orchestrator
