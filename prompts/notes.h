// The meta scratchpad: what was learned from candidates so far, distilled every so often by a model
// and shown in later prompts.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "prompts/facts.h"
#include "prompts/request.h"

namespace ballast::prompts {

// Asks for new notes from the old ones and what has finished since.
Request make_notes_request(const Task& task, const std::string& previous_notes,
                           const std::vector<Result>& results);

struct Notes {
  std::string text;                      // at most kNotesBytes: goes into Facts::notes
  std::vector<std::string> suggestions;  // numbered lines below "Try next", for Facts::suggestion
};
constexpr size_t kNotesBytes = 6000;

// Longer notes are cut at the end of a line. Fails when nothing but reasoning came back, or when
// the provider cut it off.
std::variant<Notes, Failure> read_notes(std::string_view reply, bool cut_off);

}  // namespace ballast::prompts
