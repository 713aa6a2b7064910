// Reads long arrays of numbers from JSON by themselves: as a tree of values they cost ten times as
// much.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ballast::orchestrator {

struct NumberArrays {
  std::vector<std::vector<double>> arrays;  // in their order, each as JSON's numbers read
  std::string rest;                         // the text with [] where each of them was
};

// The arrays that are values of `key`. None at all, and no rest, where one of them is empty or
// holds anything but ordinary numbers. Outside of them the text need not be JSON.
NumberArrays take_number_arrays(std::string_view text, std::string_view key);

}  // namespace ballast::orchestrator
