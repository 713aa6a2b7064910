// What a handful of paired seeds allows one to say (docs/design.md, section 5).
//
// Candidate and reference see the same weights and batches at each seed, so the differences of
// their scores are what is summarised; lower scores are better, so a negative difference is an
// improvement.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

namespace ballast::evaluator {

// REQUIRES: x not empty.
double median(std::vector<double> x);

struct SeedScore {
  uint64_t seed = 0;
  double score = 0;  // of the objective; finite
};

// a - b for every seed that both have, in order of seeds. REQUIRES: no seed twice in one list.
std::vector<double> paired_differences(std::span<const SeedScore> a, std::span<const SeedScore> b);

struct Summary {
  int64_t pairs = 0;
  double mean = 0;                 // 0 without pairs
  std::optional<double> variance;  // of one difference, unbiased; nullopt below two pairs
  std::optional<double> standard_error() const;  // of the mean, from this sample alone
  bool operator==(const Summary&) const = default;
};
Summary summarise(std::span<const double> differences);

// Variances of many candidates, each known from few pairs, borrow strength from one another: a
// scaled inverse chi-square prior, fitted by moments of log variances (Smyth, Stat. Appl. Genet.
// Mol. Biol. 3(1), 2004, section 6.2; limma's fitFDist).
struct VariancePrior {
  double variance = 0;   // s0^2: where variances are shrunk to
  double df = 0;         // d0: how many degrees of freedom that is worth; infinity: all are alike
  double pooled_df = 0;  // sum of the sample degrees of freedom: no estimate has more
  bool operator==(const VariancePrior&) const = default;
};
// Fitted to the summaries that have a variance. With fewer than three of them a spread of variances
// cannot be seen: df is then 0, no shrinkage. nullopt without any, or when all of them are 0.
std::optional<VariancePrior> fit_prior(std::span<const Summary> summaries);

// A mean with what is known about its error.
struct Estimate {
  int64_t pairs = 0;
  double mean = 0;
  double standard_error = 0;
  double df = 0;  // of the standard error
  bool operator==(const Estimate&) const = default;
};
// Standard error from the variance (df_prior s0^2 + df_own s^2) / (df_prior + df_own). With one
// pair it rests on the prior alone. nullopt without pairs, or when nothing is known of the
// variance.
std::optional<Estimate> moderate(const Summary& summary, const std::optional<VariancePrior>& prior);

struct Interval {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool excludes_zero() const { return low > 0 || high < 0; }
};
// Student's interval, for a number of pairs that was fixed beforehand.
Interval confidence_interval(const Estimate& estimate, double level = 0.95);
double p_value(const Estimate& estimate);  // two-sided, of a mean of 0

// Two candidates by their own paired differences a - b, never through the reference.
std::optional<Estimate> compare(std::span<const SeedScore> a, std::span<const SeedScore> b,
                                const std::optional<VariancePrior>& prior);

// The smallest true difference that a two-sided test of size alpha finds with probability `power`:
// exact for normal differences (noncentral t). Infinite below one degree of freedom.
double minimum_detectable_difference(double standard_error, double df, double alpha = 0.05,
                                     double power = 0.8);

// An interval that holds at every number of pairs at once, so one may look after each seed and stop
// whenever one likes: P(the true mean is ever outside) <= alpha for independent normal differences.
// Inverts the t-test's Bayes factor with a normal prior of variance `g` on (mean / standard
// deviation), a nonnegative martingale under scale invariance (Lai, Ann. Statist. 4(2), 1976; Wang
// & Ramdas, arXiv 2310.03722). Infinite until enough pairs are in: 5 at the defaults.
Interval anytime_interval(const Summary& summary, double alpha = 0.05, double g = 1);

// The same with the variance of one difference known, say pooled over many candidates: Robbins'
// normal mixture (Ann. Math. Statist. 41(5), 1970; Howard et al., arXiv 1810.08240). Finite
// from the first pair on; narrowest near `tuned_for` pairs.
Interval anytime_interval_known(const Summary& summary, double variance, double alpha = 0.05,
                                double tuned_for = 8);

// p-values adjusted for their number (Holm, Scand. J. Statist. 6, 1979), in the order given:
// rejecting those <= alpha keeps the chance of any false rejection at alpha.
std::vector<double> holm(std::span<const double> p_values);

}  // namespace ballast::evaluator
