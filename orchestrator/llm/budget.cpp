#include "orchestrator/llm/budget.h"

#include <cassert>

namespace ballast::orchestrator {
namespace {

Amount plus(const Amount& a, const Amount& b) {
  return {.usd = a.usd + b.usd, .tokens = a.tokens + b.tokens, .requests = a.requests + b.requests};
}

}  // namespace

bool Budget::fits(const Amount& used, const Amount& more) const {
  const Amount sum = plus(used, more);
  return (ceilings_.usd == 0 || sum.usd <= ceilings_.usd) &&
         (ceilings_.tokens == 0 || sum.tokens <= ceilings_.tokens) &&
         (ceilings_.requests == 0 || sum.requests <= ceilings_.requests);
}

Budget::Room Budget::room(const Amount& worst) const {
  if (fits(plus(spent_, reserved_), worst)) return Room::kYes;
  // Requests under way are made: they come back as nothing less.
  const Amount least{
      .usd = spent_.usd, .tokens = spent_.tokens, .requests = spent_.requests + reserved_.requests};
  return reserved_.requests > 0 && fits(least, worst) ? Room::kLater : Room::kNo;
}

void Budget::reserve(const Amount& worst) {
  assert(room(worst) == Room::kYes);
  reserved_ = plus(reserved_, worst);
}

void Budget::settle(const Amount& worst, const std::optional<Amount>& actual) {
  reserved_.usd -= worst.usd;
  reserved_.tokens -= worst.tokens;
  reserved_.requests -= worst.requests;
  if (reserved_.requests == 0) reserved_.usd = 0;  // no dust of rounding stays
  spent_ = plus(spent_, actual.value_or(worst));
}

}  // namespace ballast::orchestrator
