// Builds corpora: what `ballast data build` calls.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "corpus/manifest.h"

namespace ballast::corpus {

enum class Kind {
  kDefault,    // real text from distribution packages (sources.h): needs apt and, once, a network
  kSynthetic,  // generated (synthetic.h): about 5 MB of text, no download, under two seconds
  kFrom,       // the user's own folders
};

struct BuildOptions {
  Kind kind = Kind::kDefault;
  std::string name = "default";    // stored in the manifest
  std::filesystem::path output{};  // the corpus folder; an older corpus there is replaced
  std::filesystem::path cache{};   // kDefault: where packages are kept, e.g. .deps/data/cache
  uint64_t seed = 1;               // kSynthetic
  // kFrom: every sub-folder of these is a domain, every text file below it documents.
  std::vector<std::filesystem::path> from{};
  std::vector<std::string> final_only{};  // kFrom: domains that only the final table sees
  // Most tokens of one domain, by deterministic choice of documents. 0: 5 MiB for the default
  // corpus (2 MiB for its final-only domains), no limit for the user's own folders.
  int64_t domain_cap = 0;
};

// One line for a person, without a newline; lines that start with "warning: " are warnings.
using OnProgress = std::function<void(const std::string&)>;

// Leaves a whole corpus in `output`, or throws Error and leaves `output` as it was. The same
// sources give the same bytes. Takes seconds (kDefault: a minute or two, plus the download).
Manifest build(const BuildOptions& options, const OnProgress& on_progress = {});

// Above this share of held-out windows that also occur in training text, build() warns.
constexpr int64_t kOverlapWarningPpm = 50'000;

}  // namespace ballast::corpus
