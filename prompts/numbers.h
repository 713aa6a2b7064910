// Numbers as prompts show them: enough digits to tell candidates apart, and no more than are known.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "prompts/facts.h"

namespace ballast::prompts {

std::string number(double x, int decimals);

// "-0.00312 +- 0.00087 (4 seeds)": the error with two digits, the mean as far as the error goes.
// Without an error: six decimals, and that it is unknown.
std::string difference(const Difference& difference);
std::string difference(const std::optional<Difference>& value);  // "not measured" for none

// Shares of E experts in units of a fair share (1/E), largest first; of many experts nine of them,
// evenly spread over the order, both ends among them.
std::string sorted_loads(const std::vector<double>& load);

}  // namespace ballast::prompts
