// Means of many candidates, each measured with error, borrow strength from one another: the best of
// forty looks better than it is, the more so the less it was measured.
//
// The true differences are taken as normal (empirical Bayes; Efron & Morris, J. Amer. Statist.
// Assoc. 70, 1975). Their centre and spread are fitted by medians, not by moments: a few hopeless
// candidates differ by a hundred times what the others do.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

namespace ballast::evaluator {

// A mean with its standard error.
struct Measured {
  double mean = 0;
  double standard_error = 0;
  bool operator==(const Measured&) const = default;
};

struct MeanPrior {
  double mean = 0;      // of the true differences
  double variance = 0;  // of the true differences: what errors alone do not explain
  bool operator==(const MeanPrior&) const = default;
};

// Mean: the median of the means. Variance: (1.4826 MAD)^2 of the means (MAD: median absolute
// deviation, so scaled that of a normal sample it is the standard deviation), less the median
// squared error; at least a hundredth of that error, so that equals stay equals and none is
// certain. nullopt with fewer than three, where a spread cannot be told from errors.
std::optional<MeanPrior> fit_mean_prior(std::span<const Measured> measured);

// The same from what it takes of them: how many there are, the median mean, the median absolute
// deviation of the means and the median squared error.
std::optional<MeanPrior> mean_prior(size_t count, double centre, double deviation, double error);

// Posterior of the true difference: precision-weighted between the prior and the measurement, but
// never further than two standard errors from the measurement, which then keeps its error: what is
// clearly no part of the crowd is not made one (limited translation; Efron & Morris, J. Amer.
// Statist. Assoc. 67, 1972). Without a prior, the measurement. Errors of 0 are believed.
Measured shrink(const Measured& measured, const std::optional<MeanPrior>& prior);

}  // namespace ballast::evaluator
