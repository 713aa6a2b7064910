// From facts to the values that templates ask for.
#pragma once

#include "prompts/facts.h"
#include "prompts/template.h"

namespace ballast::prompts {

std::string system_prompt(const Task& task);  // the same bytes for the same task
std::string facts_prompt(const Facts& facts);
std::string results_prompt(const std::string& previous_notes, const std::vector<Result>& results);

}  // namespace ballast::prompts
