// A model as judge of novelty, where a text is close to a known one (orchestrator/embedding.h says
// when it is asked).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "prompts/request.h"

namespace ballast::prompts {

Request make_novelty_request(const Task& task, const std::string& known,
                             const std::string& proposed);

struct Judgement {
  bool novel = true;
  std::string reason;  // one line; may be empty
};
// The first line that starts with NOVEL or NOT_NOVEL (Markdown and case do not matter); nullopt
// when there is none.
std::optional<Judgement> read_judgement(std::string_view reply);

}  // namespace ballast::prompts
