#include "candidate/shipped.h"

#include <algorithm>

namespace ballast::candidate {

const std::vector<ShippedRow>& shipped() {
  static const std::vector<ShippedRow> kRows = {
#include "shipped_texts.inc"
  };
  return kRows;
}

const ShippedRow* find_shipped(std::string_view name) {
  const auto found = std::find_if(shipped().begin(), shipped().end(),
                                  [&](const ShippedRow& row) { return row.name == name; });
  return found == shipped().end() ? nullptr : &*found;
}

}  // namespace ballast::candidate
