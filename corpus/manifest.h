// What a corpus folder holds: `manifest.json`, and one file DOMAIN.SPLIT.bin of uint16
// little-endian tokens (bytes, so 0..255) per domain and split. Formats: docs/data.md.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::corpus {

constexpr int kManifestVersion = 1;
// Of the rules that turn sources into tokens: raised whenever the same sources give other bytes.
constexpr int kBuilderVersion = 1;
constexpr std::string_view kManifestFile = "manifest.json";
constexpr size_t kBytesPerToken = 2;

// The trainer reads kTrain only; kSelect scores the search, kShadow checks it, and nothing but
// `ballast finalize` reads kFinal.
enum class Split { kTrain, kSelect, kShadow, kFinal };
constexpr std::array<Split, 4> kSplits{Split::kTrain, Split::kSelect, Split::kShadow,
                                       Split::kFinal};
std::string_view to_string(Split split);  // "train", "select", "shadow", "final"
std::string token_file(std::string_view domain, Split split);  // "DOMAIN.SPLIT.bin"

// Letters, digits, '_' and '-', at most 40: it becomes part of a file name.
bool valid_domain_name(std::string_view name);

// Where text came from: a distribution package, a user's folder, or the built-in generator.
struct Source {
  std::string package;
  std::string version;
  std::string sha256;  // of the .deb; empty when there is none
  bool operator==(const Source&) const = default;
};

struct SplitFile {
  std::string file;              // relative to the corpus folder
  int64_t tokens = 0;            // the file has kBytesPerToken times as many bytes
  std::string sha256;            // of the file
  std::vector<int64_t> offsets;  // token positions of document starts: 0 first, ascending
  int64_t documents() const { return static_cast<int64_t>(offsets.size()); }
  bool operator==(const SplitFile&) const = default;
};

struct Domain {
  std::string name;     // see valid_domain_name
  std::string licence;  // as the package's copyright file says
  std::vector<Source> sources;
  bool final_only = false;  // its only split is kFinal: the search never sees this domain
  // Share of kSelect's 64-byte windows that also occur in kTrain, in parts per million; see
  // overlap.h. 0 for a final-only domain.
  int64_t overlap_ppm = 0;
  std::map<Split, SplitFile> splits;
  bool operator==(const Domain&) const = default;
};

struct Manifest {
  std::string name;
  std::string kind;  // "default", "synthetic" or "from"
  int builder = kBuilderVersion;
  std::vector<Domain> domains;  // sorted by name

  int64_t tokens() const;  // of all files
  // Names of the domains that have `split`, sorted.
  std::vector<std::string> domains_with(Split split) const;
  // nullptr when there is no such domain.
  const Domain* find(std::string_view domain) const;
  // SHA-256 (64 digits) of the canonical JSON: equal manifests, token for token equal corpora.
  std::string hash() const;
  bool operator==(const Manifest&) const = default;
};

// Canonical JSON: sorted keys, two spaces, a newline at the end. `parse_manifest` throws Error on
// anything that is not exactly such a manifest, naming `where`.
std::string to_json(const Manifest& manifest);
Manifest parse_manifest(std::string_view text, std::string_view where);

enum class Check { kSizes, kHashes };  // kHashes reads every byte of every file

// Reads folder/manifest.json and checks the files beside it. Throws Error that names the file at
// fault and says to rebuild.
Manifest load(const std::filesystem::path& folder, Check check = Check::kSizes);

// `count` tokens of one file from position `first` on (fewer at its end), for looking at samples.
std::string read_text(const std::filesystem::path& folder, const SplitFile& file, int64_t first,
                      int64_t count);

}  // namespace ballast::corpus
