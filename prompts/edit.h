// SEARCH/REPLACE blocks: how a model changes a source without writing it out.
//
//   <<<<<<< SEARCH
//   lines of the source
//   =======
//   what stands there instead
//   >>>>>>> REPLACE
//
// SEARCH holds whole lines, never a piece of one, and must occur exactly once: first as it is, then
// with trailing blanks ignored, then with white space inside the lines counted as one blank and all
// lines indented by the same amount more or less (the new lines are then indented likewise). At
// each of the three, two places are one too many. Blocks apply in order, each to the result of the
// ones before. An empty REPLACE deletes.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "prompts/failure.h"

namespace ballast::prompts {

struct Edit {
  std::vector<std::string> search, replace;  // lines without their ends
  bool operator==(const Edit&) const = default;
};

// All blocks of an answer (see answer_of), wherever they stand; none when no line is a SEARCH mark.
std::variant<std::vector<Edit>, Failure> find_edits(std::string_view answer);

// The source with all of them applied. Fails, with nothing applied, on the first that cannot be.
std::variant<std::string, Failure> apply_edits(std::string_view source,
                                               const std::vector<Edit>& edits);

}  // namespace ballast::prompts
