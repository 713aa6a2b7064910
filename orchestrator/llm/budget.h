// Ceilings that are never passed: what an attempt can cost is set aside before it starts, and
// replaced by what it did cost once that is known. Pure: the archive keeps the rows.
#pragma once

#include <cstdint>
#include <optional>

namespace ballast::orchestrator {

struct Ceilings {  // 0: none
  double usd = 0;
  int64_t tokens = 0;
  int64_t requests = 0;
};

struct Amount {
  double usd = 0;
  int64_t tokens = 0;
  int64_t requests = 1;
};

class Budget {
 public:
  // `spent`: by earlier starts, with what is not known at its worst.
  Budget(Ceilings ceilings, Amount spent) : ceilings_(ceilings), spent_(spent) {}

  enum class Room {
    kYes,
    kLater,  // perhaps, when what is set aside turns out to cost less
    kNo,     // not even if everything under way cost nothing
  };
  Room room(const Amount& worst) const;

  void reserve(const Amount& worst);  // REQUIRES: room(worst) == Room::kYes
  // Ends that reservation. nullopt: nobody knows what it cost, so it stays at its worst for good.
  void settle(const Amount& worst, const std::optional<Amount>& actual);

  const Ceilings& ceilings() const { return ceilings_; }
  const Amount& spent() const { return spent_; }        // settled
  const Amount& reserved() const { return reserved_; }  // under way, at its worst

 private:
  bool fits(const Amount& used, const Amount& more) const;
  Ceilings ceilings_;
  Amount spent_;
  Amount reserved_{.usd = 0, .tokens = 0, .requests = 0};
};

}  // namespace ballast::orchestrator
