// Why a reply is no candidate. Data: stored with the proposal, and sent back to the model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ballast::prompts {

enum class FailureKind : uint8_t {
  kCutOff,      // the reply ends inside its reasoning, a code block or an edit block
  kNoCode,      // neither a function nor an edit block
  kAmbiguous,   // several functions, and no telling which is meant
  kEditFormat,  // an edit block that is none, or that changes nothing
  kEditMatch,   // lines to replace that occur nowhere, or more than once
  kUnchanged,   // the parent again, whatever the text looks like
  kStatic,      // the loss language refuses it
  kNoGradient,  // it could not change a router
  kContract,    // the probe refused it: made by the search, not here
};
std::string_view to_string(FailureKind kind);  // "CUT_OFF", ...
std::optional<FailureKind> parse_failure_kind(std::string_view text);

struct Failure {
  FailureKind kind = FailureKind::kNoCode;
  std::string message;  // what is wrong and what to write instead, for the model and for people
  std::string source;   // the candidate's text where there is one, else the reply
};

}  // namespace ballast::prompts
