#include "candidate/dim.h"

#include <algorithm>
#include <cstdlib>

namespace ballast::candidate {
namespace {

constexpr size_t kMaxTerms = 32;
constexpr int kMaxPower = 8;
// Whole numbers up to here are exact as doubles, so a size means the same as an int and as a float.
constexpr int64_t kMaxFactor = int64_t{1} << 53;

constexpr std::array<char, kSymbols> kLetters{'T', 'S', 'E', 'k', 'G'};

using Term = Dim::Term;

bool within_limits(const std::vector<Term>& terms) {
  if (terms.size() > kMaxTerms) return false;
  return std::all_of(terms.begin(), terms.end(), [](const Term& term) {
    if (term.factor > kMaxFactor || term.factor < -kMaxFactor) return false;
    return std::all_of(term.powers.begin(), term.powers.end(),
                       [](int power) { return std::abs(power) <= kMaxPower; });
  });
}

// Sorts, merges equal powers, drops zeros. False when a factor overflows.
bool normalise(std::vector<Term>& terms) {
  std::sort(terms.begin(), terms.end());
  std::vector<Term> merged;
  for (const Term& term : terms) {
    if (!merged.empty() && merged.back().powers == term.powers) {
      if (__builtin_add_overflow(merged.back().factor, term.factor, &merged.back().factor)) {
        return false;
      }
    } else {
      merged.push_back(term);
    }
  }
  std::erase_if(merged, [](const Term& term) { return term.factor == 0; });
  terms = std::move(merged);
  return true;
}

// Multiplies or divides `value` by symbol^|power|. False on overflow.
bool multiply_power(int64_t& value, int64_t symbol, int power) {
  for (int i = 0; i < power; ++i) {
    if (__builtin_mul_overflow(value, symbol, &value)) return false;
  }
  return true;
}

std::string term_text(const Term& term) {
  std::string above, below;
  for (size_t s = 0; s < kSymbols; ++s) {
    for (int i = 0; i < term.powers[s]; ++i) above += std::string("*") + kLetters[s];
    for (int i = 0; i > term.powers[s]; --i) below += std::string("/") + kLetters[s];
  }
  const int64_t size = std::abs(term.factor);
  if (size != 1 || above.empty()) return std::to_string(size) + above + below;
  return above.substr(1) + below;
}

}  // namespace

Dim::Dim(int64_t constant) {
  if (constant != 0) terms_.push_back({{}, constant});
  valid_ = within_limits(terms_);
  if (!valid_) terms_.clear();
}

Dim Dim::symbol(Symbol s) {
  Dim dim;
  Term term{{}, 1};
  term.powers[static_cast<size_t>(s)] = 1;
  dim.terms_.push_back(term);
  return dim;
}

Dim Dim::from_terms(std::vector<Term> terms, bool valid) {
  Dim dim;
  dim.valid_ = valid && normalise(terms) && within_limits(terms);
  if (dim.valid_) dim.terms_ = std::move(terms);
  return dim;
}

std::optional<int64_t> Dim::constant() const {
  if (!valid_) return std::nullopt;
  if (terms_.empty()) return 0;
  if (terms_.size() > 1 || terms_[0].powers != Term{}.powers) return std::nullopt;
  return terms_[0].factor;
}

std::optional<int64_t> Dim::evaluate(const Bindings& b) const {
  if (!valid_) return std::nullopt;
  Term common;  // the lowest power of each symbol: what the terms are put over
  for (const Term& term : terms_) {
    for (size_t s = 0; s < kSymbols; ++s) {
      common.powers[s] = std::min(common.powers[s], term.powers[s]);
    }
  }
  int64_t divisor = 1, sum = 0;
  for (size_t s = 0; s < kSymbols; ++s) {
    if (!multiply_power(divisor, b.values[s], -common.powers[s])) return std::nullopt;
  }
  for (const Term& term : terms_) {
    int64_t value = term.factor;
    for (size_t s = 0; s < kSymbols; ++s) {
      if (!multiply_power(value, b.values[s], term.powers[s] - common.powers[s])) {
        return std::nullopt;
      }
    }
    if (__builtin_add_overflow(sum, value, &sum)) return std::nullopt;
  }
  if (divisor == 0 || sum % divisor != 0) return std::nullopt;
  return sum / divisor;
}

bool Dim::whole() const {
  constexpr size_t kTokens = static_cast<size_t>(Symbol::kT);
  constexpr size_t kSequences = static_cast<size_t>(Symbol::kS);
  return valid_ && std::all_of(terms_.begin(), terms_.end(), [](const Term& term) {
           for (size_t s = 0; s < kSymbols; ++s) {
             if (term.powers[s] >= 0) continue;
             if (s != kSequences || -term.powers[s] > term.powers[kTokens]) return false;
           }
           return true;
         });
}

bool Dim::may_be_whole() const {
  return valid_ && std::all_of(terms_.begin(), terms_.end(), [](const Term& term) {
           const auto divides = [](int power) { return power < 0; };
           const auto multiplies = [](int power) { return power > 0; };
           return std::none_of(term.powers.begin(), term.powers.end(), divides) ||
                  std::any_of(term.powers.begin(), term.powers.end(), multiplies);
         });
}

bool Dim::never_negative() const {
  return valid_ && std::all_of(terms_.begin(), terms_.end(),
                               [](const Term& term) { return term.factor > 0; });
}

std::string Dim::to_string() const {
  if (!valid_) return "?";
  if (terms_.empty()) return "0";
  std::string text;
  for (auto term = terms_.rbegin(); term != terms_.rend(); ++term) {
    if (term->factor < 0) {
      text += "-";
    } else if (!text.empty()) {
      text += "+";
    }
    text += term_text(*term);
  }
  return text;
}

Dim operator+(const Dim& a, const Dim& b) {
  std::vector<Term> terms = a.terms_;
  terms.insert(terms.end(), b.terms_.begin(), b.terms_.end());
  return Dim::from_terms(std::move(terms), a.valid_ && b.valid_);
}

Dim operator-(const Dim& a, const Dim& b) { return a + Dim(-1) * b; }

Dim operator*(const Dim& a, const Dim& b) {
  bool valid = a.valid_ && b.valid_;
  std::vector<Term> terms;
  for (const Term& x : a.terms_) {
    for (const Term& y : b.terms_) {
      Term term;
      for (size_t s = 0; s < kSymbols; ++s) {
        term.powers[s] = static_cast<int8_t>(x.powers[s] + y.powers[s]);
      }
      if (__builtin_mul_overflow(x.factor, y.factor, &term.factor)) valid = false;
      terms.push_back(term);
    }
  }
  return Dim::from_terms(std::move(terms), valid);
}

std::optional<Dim> divide(const Dim& a, const Dim& b) {
  if (!a.valid_ || b.terms_.size() != 1) return std::nullopt;
  const Term& by = b.terms_[0];
  std::vector<Term> terms = a.terms_;
  for (Term& term : terms) {
    if (term.factor % by.factor != 0) return std::nullopt;
    term.factor /= by.factor;
    for (size_t s = 0; s < kSymbols; ++s) {
      term.powers[s] = static_cast<int8_t>(term.powers[s] - by.powers[s]);
    }
  }
  const Dim quotient = Dim::from_terms(std::move(terms), true);
  if (!quotient.valid()) return std::nullopt;
  return quotient;
}

}  // namespace ballast::candidate
