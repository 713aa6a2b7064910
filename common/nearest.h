// What someone may have meant who wrote a name that does not exist.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ballast {

// The name with the fewest single-letter edits (insert, delete, change, swap of neighbours) from
// `name`; the first of several. REQUIRES: names is not empty
std::string_view nearest(std::string_view name, const std::vector<std::string_view>& names);

int edit_distance(std::string_view a, std::string_view b);

}  // namespace ballast
