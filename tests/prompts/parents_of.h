// Texts as read_reply() takes them.
#pragma once

#include <string>
#include <vector>

#include "candidate/parse.h"
#include "prompts/answer.h"

namespace ballast::prompts {

inline std::vector<Parent> parents_of(const std::vector<std::string>& texts) {
  std::vector<Parent> out;
  for (const std::string& text : texts) {
    const auto program = candidate::parse(text).program;
    out.push_back({text, program ? program->identity : ""});
  }
  return out;
}

}  // namespace ballast::prompts
