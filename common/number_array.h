// Arrays of numbers in JSON, read without a tree of values, which costs ten times as much.
#pragma once

#include <string_view>
#include <vector>

namespace ballast {

// Takes an array, "[1, 2.5e-3]", and the blanks before it from the start of the text. Empty where
// there is none, and where it is empty or holds anything but numbers that are doubles, as JSON
// writes them (no overflow, no underflow); how much of the text is taken then is not said.
std::vector<double> take_number_array(std::string_view& text);

}  // namespace ballast
