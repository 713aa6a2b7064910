// The reference of the loss language, made from the tables that the parser itself uses.
#pragma once

#include <string>
#include <string_view>

#include "candidate/names.h"

namespace ballast::candidate {

// docs/language.md: the hand-written part (candidate/language.md), then every name with its
// spellings, parameters and gradient, then the names that are known and refused.
std::string language_reference();

// The same names in little space, for prompts: one line a section, one word a name.
std::string op_table();

// Whether a router can be trained through the results of a name's calls.
enum class Gradient : uint8_t {
  kYes,
  kNo,       // integers, bools, steps, constants, or cut on purpose: detach, item
  kNumbers,  // takes and gives Python numbers, which never carry one
};
Gradient gradient(const NameRow& row);

}  // namespace ballast::candidate
