// What a reply is worth: a candidate that parses, or why not.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "candidate/parse.h"
#include "prompts/failure.h"

namespace ballast::prompts {

struct Source {
  std::string text;            // as the model wrote it, edits applied
  candidate::Program program;  // of the text
  std::string idea;            // one line; may be empty
  bool edited = false;         // by SEARCH/REPLACE blocks, not written out
};

// A text that a reply may edit, and must differ from.
struct Parent {
  std::string text;
  std::string identity;  // of its program; empty: it is none
};

// Never throws on any reply, and does not care which form was asked for: edit blocks are applied to
// the first parent, else the whole text is taken. `cut_off`: the provider says that a token limit
// ended the reply, which then is a failure whatever it holds. A text equal to a parent's program is
// a failure too, and so is one that cannot change a router.
std::variant<Source, Failure> read_reply(std::string_view reply, bool cut_off,
                                         const std::vector<Parent>& parents);

// The line a diagnostic points at and a mark below its column; nothing when there is no such line.
std::string excerpt(std::string_view source, const candidate::Diagnostic& diagnostic);

}  // namespace ballast::prompts
