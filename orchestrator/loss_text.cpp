#include "orchestrator/loss_text.h"

#include <fstream>
#include <sstream>
#include <vector>

#include "candidate/shipped.h"
#include "common/builtins.h"
#include "common/error.h"
#include "common/nearest.h"
#include "orchestrator/resolve.h"
#include "orchestrator/terminal.h"
#include "population/reader.h"

namespace ballast::orchestrator {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t kMostBytes = 1 << 20;  // the parser's own limit is far below

Loss text_loss(std::string name, std::string source) {
  Loss loss;
  loss.name = std::move(name);
  const candidate::ParseResult parsed = candidate::parse(source);
  if (parsed.program) loss.identity = parsed.program->identity;
  loss.balancer.source = std::move(source);
  return loss;
}

Loss builtin_loss(std::string_view name) {
  Loss loss;
  loss.name = name;
  loss.balancer.builtin = name;
  loss.identity = "builtin:" + std::string(name);
  return loss;
}

Loss archived_loss(std::string_view id, const fs::path& path) {
  if (!fs::exists(path)) {
    throw Error("\"" + std::string(id) + "\" can only be an ID, and there is no archive " +
                    path.string() + " to look it up in (-a FILE)",
                ExitCode::kUsage);
  }
  const population::Reader archive(path);
  const std::string identity = resolve_id(archive, id);
  const population::CandidateRow row = *archive.candidate(identity);
  if (identity.starts_with("builtin:")) return builtin_loss(identity.substr(8));
  Loss loss = text_loss(row.name, row.source);
  loss.unit = row.unit;
  for (const population::LeaderboardRow& place : archive.leaderboard()) {
    if (place.identity == identity) loss.coefficient = place.coefficient;
  }
  return loss;
}

constexpr size_t kAroundColumn = 60;  // bytes of a long line shown on either side of the column

// One column per byte, and nothing that a terminal would obey: foreign text goes to people's
// screens.
std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t') || byte >= 0x7f) c = '?';
  }
  return out;
}

[[noreturn]] void refuse_unknown(std::string_view name) {
  std::vector<std::string_view> names;
  for (const BuiltinBalancer& row : builtin_balancers()) names.push_back(row.name);
  for (const candidate::ShippedRow& text : candidate::shipped()) names.push_back(text.name);
  throw Error(
      "\"" + std::string(name) +
          "\" is no built-in balancer, no shipped text, no file and no ID; the nearest name is \"" +
          std::string(nearest(name, names)) + "\" (all of them: ballast losses)",
      ExitCode::kUsage);
}

}  // namespace

std::string read_loss_file(const fs::path& file) {
  std::error_code error;
  const uintmax_t bytes = fs::file_size(file, error);
  if (!error && bytes > kMostBytes) {
    throw Error(file.string() + " has " + std::to_string(bytes) + " bytes: that is no loss",
                ExitCode::kUsage);
  }
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  if (in && bytes > 0) text << in.rdbuf();
  if (!in || error) {
    throw Error("cannot read the loss file " + file.string() +
                    (fs::is_directory(file) ? ": it is a folder"
                     : fs::exists(file)     ? ""
                                            : ": there is no such file"),
                ExitCode::kUsage);
  }
  return text.str();
}

Loss resolve_loss(std::string_view name, const fs::path& archive) {
  const bool is_path = name.find('/') != std::string_view::npos;
  if (is_path) return text_loss(fs::path(name).stem().string(), read_loss_file(name));
  if (name.starts_with("text:")) {
    const std::string_view shipped = name.substr(5);
    const candidate::ShippedRow* row = candidate::find_shipped(shipped);
    if (row == nullptr) refuse_unknown(shipped);
    return text_loss(std::string(shipped), std::string(row->text));
  }
  const bool builtin = find_builtin(name) != nullptr;
  const candidate::ShippedRow* shipped = candidate::find_shipped(name);
  const bool file = fs::is_regular_file(name);
  if ((builtin || shipped != nullptr) && file) {
    throw Error("\"" + std::string(name) +
                    "\" is a name of `ballast losses` and a file here: write ./" +
                    std::string(name) + " for the file",
                ExitCode::kUsage);
  }
  if (looks_like_id(name) && !builtin && shipped == nullptr) {
    if (!file) return archived_loss(name, archive);
    throw Error("\"" + std::string(name) + "\" is a file here and could be an ID: write ./" +
                    std::string(name) + " for the file",
                ExitCode::kUsage);
  }
  if (builtin) return builtin_loss(name);
  if (shipped != nullptr) return text_loss(std::string(name), std::string(shipped->text));
  if (file) return text_loss(fs::path(name).stem().string(), read_loss_file(name));
  refuse_unknown(name);
}

std::string explain(const candidate::Diagnostic& diagnostic, std::string_view source,
                    std::string_view file) {
  std::string out = std::string(file) + ":" + std::to_string(diagnostic.line) + ":" +
                    std::to_string(diagnostic.column) + ": " + diagnostic.message;
  std::string_view line = source;
  for (int i = 1; i < diagnostic.line && !line.empty(); ++i) {
    line.remove_prefix(std::min(line.find('\n'), line.size() - 1) + 1);
  }
  line = line.substr(0, line.find_first_of("\r\n"));
  if (diagnostic.line > 0 && diagnostic.column > 0 && !line.empty()) {
    const auto column = static_cast<size_t>(diagnostic.column);
    const size_t from = column > kAroundColumn ? column - kAroundColumn : 0;
    const std::string shown =
        from < line.size() ? printable(line.substr(from, 2 * kAroundColumn)) : "";
    // Tabs stay tabs, so that the caret stands where the terminal puts the column.
    std::string pad;
    for (size_t i = 0; from + i + 1 < column; ++i) {
      pad += i < shown.size() && shown[i] == '\t' ? '\t' : ' ';
    }
    out += "\n  " + shown + "\n  " + pad + "^";
  }
  if (!diagnostic.hint.empty()) out += "\n  hint: " + diagnostic.hint;
  return out;
}

}  // namespace ballast::orchestrator
