// Losses that come with Ballast as texts of the loss language (candidate/losses/*.py).
#pragma once

#include <string_view>
#include <vector>

namespace ballast::candidate {

struct ShippedRow {
  std::string_view name;    // "global_lbl"
  std::string_view source;  // "arXiv 2501.11873, eq. 4-6"
  std::string_view help;    // one line
  std::string_view text;    // what parse() takes
};

const std::vector<ShippedRow>& shipped();  // in the order of candidate/CMakeLists.txt

// nullptr when there is none of that name.
const ShippedRow* find_shipped(std::string_view name);

}  // namespace ballast::candidate
