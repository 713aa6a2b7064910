// Symbolic sizes: integer polynomials over the dimensions of a router.
//
// A shape in the loss language is known before E, k, T are: r.probs is (T, E) whatever they are.
// Sizes are Laurent polynomials with integer coefficients (T/S is the length of a sequence, E - 1
// what a slice leaves), kept in a normal form, so that equality is structural.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ballast::candidate {

enum class Symbol : uint8_t {
  kT,
  kS,
  kE,
  kK,
  kG
};  // tokens, sequences, experts, top-k, device groups
constexpr int kSymbols = 5;

// The numbers behind the symbols, indexed by Symbol.
struct Bindings {
  std::array<int64_t, kSymbols> values{1, 1, 1, 1, 1};
  int64_t operator[](Symbol s) const { return values[static_cast<size_t>(s)]; }
};

class Dim {
 public:
  Dim() = default;        // 0
  Dim(int64_t constant);  // NOLINT(google-explicit-constructor): a literal is a size
  static Dim symbol(Symbol s);

  std::optional<int64_t> constant() const;  // its value when no symbol occurs
  bool is_one() const { return constant() == 1; }

  // Value under `b`; nullopt when it is not a whole number (T/S with S not dividing T) or
  // overflows.
  std::optional<int64_t> evaluate(const Bindings& b) const;

  // Whether the value is a whole number whatever the symbols are (S divides T, nothing else is
  // known).
  bool whole() const;
  // False for 1/E or 3/S, which no sizes worth having make whole; T*E/k may be.
  bool may_be_whole() const;
  // Whether the value is at least 0 for all symbols >= 1, as far as the signs of the terms tell.
  bool never_negative() const;

  std::string to_string() const;  // "T", "T/S", "E-1", "2*E*k"

  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);
  // a / b where b is a single monomial whose coefficient divides all of a's, else nullopt.
  friend std::optional<Dim> divide(const Dim& a, const Dim& b);
  // An arbitrary total order, the same on every machine.
  friend auto operator<=>(const Dim& a, const Dim& b) = default;
  friend bool operator==(const Dim& a, const Dim& b) = default;

  struct Term {
    std::array<int8_t, kSymbols> powers{};  // exponent of each symbol, negative for divisors
    int64_t factor = 0;                     // never 0
    auto operator<=>(const Term&) const = default;
  };
  // Sorted by powers, no two alike; empty is 0. Limits (terms, powers, factors) are checked by the
  // operators: beyond them they return a Dim for which valid() is false.
  const std::vector<Term>& terms() const { return terms_; }
  bool valid() const { return valid_; }

 private:
  static Dim from_terms(std::vector<Term> terms, bool valid);

  std::vector<Term> terms_;
  bool valid_ = true;
};

}  // namespace ballast::candidate
