// Finds the code in what a model wrote.
//
// The rules, in order:
// - Reasoning between <think> and </think> (also <thinking>, <reasoning>) is no part of the answer;
// a
//   closing tag alone ends reasoning that began with the reply.
// - Code stands in fenced blocks of any language tag. Of several that define a hook (balance_loss
// or
//   selection_bias) the last one counts: models quote the old function first. If it lacks a hook
//   that an earlier block alone defines, the reply is ambiguous; nothing is guessed or put
//   together.
// - A block that is never closed is a reply cut off, since half a function may well be valid.
// - Without any block, the first run of lines that reads as a Python module is the code.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "prompts/failure.h"

namespace ballast::prompts {

// Plain lines, without reasoning: what everything below takes. Fails when it ends inside reasoning.
std::variant<std::string, Failure> answer_of(std::string_view reply);

struct CodeBlock {
  std::string text;     // without what all its lines are indented by
  bool closed = false;  // else the answer ends within it
};
std::vector<CodeBlock> fenced_blocks(std::string_view answer);

bool defines(std::string_view code, std::string_view function);  // at the top level

// The text of the candidate.
std::variant<std::string, Failure> find_code(std::string_view answer);

// What the model says it wants to try: the rest of a line "Idea: ...", else the code's first
// comment; empty when there is neither. One line of at most 300 bytes.
std::string find_idea(std::string_view answer, std::string_view code);

}  // namespace ballast::prompts
