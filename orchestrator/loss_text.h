// What `--loss` and the argument of `check` stand for.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "candidate/parse.h"
#include "common/job.h"

namespace ballast::orchestrator {

struct Loss {
  std::string name;      // for people
  BalancerRef balancer;  // a built-in's name, or the text
  std::string identity;  // "builtin:NAME", or the canonical identity; empty for a text that is none
  // What the archive knows, when the loss came from one.
  std::optional<double> unit, coefficient;
};

// The text of a file. Throws Error (usage) when it cannot be read or is far too long for a loss.
std::string read_loss_file(const std::filesystem::path& file);

// A built-in's name, a shipped text's name, an existing file, or an ID of `archive` (resolve.h);
// a name with a '/' is a file. A name that is both a built-in and a shipped text is the built-in:
// "text:NAME" is the shipped text. Throws Error (usage) when nothing fits, or more than one thing.
Loss resolve_loss(std::string_view name, const std::filesystem::path& archive);

// The diagnostic with its place, the source line and a caret under the column; several lines.
std::string explain(const candidate::Diagnostic& diagnostic, std::string_view source,
                    std::string_view file);

}  // namespace ballast::orchestrator
