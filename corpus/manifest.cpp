#include "corpus/manifest.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "common/error.h"
#include "common/hash.h"

namespace ballast::corpus {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr std::string_view kFormat = "ballast-corpus";

json to_object(const SplitFile& file) {
  return {{"file", file.file},
          {"tokens", file.tokens},
          {"bytes", file.tokens * static_cast<int64_t>(kBytesPerToken)},
          {"sha256", file.sha256},
          {"documents", file.documents()},
          {"offsets", file.offsets}};
}

json to_object(const Domain& domain) {
  json sources = json::array();
  for (const Source& s : domain.sources) {
    sources.push_back({{"package", s.package}, {"version", s.version}, {"sha256", s.sha256}});
  }
  json splits = json::object();
  for (const auto& [split, file] : domain.splits) {
    splits[std::string(to_string(split))] = to_object(file);
  }
  return {{"name", domain.name},
          {"licence", domain.licence},
          {"sources", sources},
          {"final_only", domain.final_only},
          {"overlap_ppm", domain.overlap_ppm},
          {"splits", splits}};
}

json to_object(const Manifest& manifest) {
  json domains = json::array();
  for (const Domain& domain : manifest.domains) domains.push_back(to_object(domain));
  return {{"format", kFormat},
          {"version", kManifestVersion},
          {"name", manifest.name},
          {"kind", manifest.kind},
          {"builder", manifest.builder},
          {"tokens", manifest.tokens()},
          {"domains", std::move(domains)}};
}

SplitFile split_from(const json& object) {
  return {.file = object.at("file").get<std::string>(),
          .tokens = object.at("tokens").get<int64_t>(),
          .sha256 = object.at("sha256").get<std::string>(),
          .offsets = object.at("offsets").get<std::vector<int64_t>>()};
}

Domain domain_from(const json& object) {
  Domain domain{.name = object.at("name").get<std::string>(),
                .licence = object.at("licence").get<std::string>(),
                .sources = {},
                .final_only = object.at("final_only").get<bool>(),
                .overlap_ppm = object.at("overlap_ppm").get<int64_t>(),
                .splits = {}};
  for (const json& s : object.at("sources")) {
    domain.sources.push_back({s.at("package").get<std::string>(),
                              s.at("version").get<std::string>(),
                              s.at("sha256").get<std::string>()});
  }
  for (const Split split : kSplits) {
    const auto found = object.at("splits").find(std::string(to_string(split)));
    if (found != object.at("splits").end()) domain.splits[split] = split_from(*found);
  }
  return domain;
}

bool valid_offsets(const SplitFile& file) {
  if (file.tokens < 1 || file.offsets.empty() || file.offsets.front() != 0) return false;
  for (size_t i = 1; i < file.offsets.size(); ++i) {
    if (file.offsets[i] <= file.offsets[i - 1]) return false;
  }
  return file.offsets.back() < file.tokens;
}

// What a reader relies on beyond the JSON's shape; an empty string when all holds.
std::string fault_of(const Manifest& manifest) {
  if (manifest.domains.empty()) return "it has no domains";
  for (size_t i = 0; i < manifest.domains.size(); ++i) {
    const Domain& domain = manifest.domains[i];
    if (i > 0 && domain.name <= manifest.domains[i - 1].name) return "domains are not sorted";
    if (!valid_domain_name(domain.name)) return "'" + domain.name + "' is no name for a domain";
    const size_t expected = domain.final_only ? 1 : kSplits.size();
    if (domain.splits.size() != expected || !domain.splits.contains(Split::kFinal)) {
      return "domain '" + domain.name + "' has the wrong splits";
    }
    for (const auto& [split, file] : domain.splits) {
      if (file.file != token_file(domain.name, split)) return "unexpected file '" + file.file + "'";
      if (!valid_offsets(file)) return "the document offsets of '" + file.file + "' are wrong";
    }
  }
  return "";
}

std::string rebuild_hint(const fs::path& folder) {
  return "; rebuild it with `ballast data build` (folder " + folder.string() + ")";
}

}  // namespace

std::string_view to_string(Split split) {
  constexpr std::array<std::string_view, 4> kNames{"train", "select", "shadow", "final"};
  return kNames[static_cast<size_t>(split)];
}

bool valid_domain_name(std::string_view name) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  return !name.empty() && name.size() <= 40 && name[0] != '-' &&
         name.find_first_not_of(kLetters) == std::string_view::npos;
}

std::string token_file(std::string_view domain, Split split) {
  return std::string(domain) + "." + std::string(to_string(split)) + ".bin";
}

int64_t Manifest::tokens() const {
  int64_t total = 0;
  for (const Domain& domain : domains) {
    for (const auto& [split, file] : domain.splits) total += file.tokens;
  }
  return total;
}

std::vector<std::string> Manifest::domains_with(Split split) const {
  std::vector<std::string> names;
  for (const Domain& domain : domains) {
    if (domain.splits.contains(split)) names.push_back(domain.name);
  }
  return names;
}

const Domain* Manifest::find(std::string_view domain) const {
  for (const Domain& candidate : domains) {
    if (candidate.name == domain) return &candidate;
  }
  return nullptr;
}

std::string Manifest::hash() const { return sha256_hex(to_object(*this).dump()); }

std::string to_json(const Manifest& manifest) {
  // Offsets are thousands of numbers: they go on one line, everything else is indented.
  json object = to_object(manifest);
  std::map<std::string, std::string> lines;
  for (json& domain : object["domains"]) {
    for (auto& [split, file] : domain["splits"].items()) {
      const std::string mark = file["file"].get<std::string>() + " offsets";
      lines[json(mark).dump()] = file["offsets"].dump();
      file["offsets"] = mark;
    }
  }
  std::string text = object.dump(2);
  for (const auto& [mark, line] : lines) text.replace(text.find(mark), mark.size(), line);
  return text + "\n";
}

Manifest parse_manifest(std::string_view text, std::string_view where) {
  const std::string name(where);
  Manifest manifest;
  json object;
  try {
    object = json::parse(text);
    require(object.is_object() && object.value("format", "") == kFormat,
            name + " is not a corpus manifest; rebuild the corpus with `ballast data build`");
    const json version = object.at("version");
    require(version == kManifestVersion, name + " has manifest version " + version.dump() +
                                             ", this program reads version " +
                                             std::to_string(kManifestVersion) +
                                             "; rebuild the corpus with `ballast data build`");
    manifest.name = object.at("name").get<std::string>();
    manifest.kind = object.at("kind").get<std::string>();
    manifest.builder = object.at("builder").get<int>();
    for (const json& domain : object.at("domains")) manifest.domains.push_back(domain_from(domain));
  } catch (const json::exception& e) {
    throw Error(name + " cannot be read as a corpus manifest (" + e.what() +
                "); rebuild the corpus with `ballast data build`");
  }
  std::string fault = fault_of(manifest);
  // What is left over (unknown fields, counts that contradict each other) shows here.
  if (fault.empty() && to_object(manifest) != object) fault = "its fields contradict each other";
  require(fault.empty(),
          name + " is damaged: " + fault + "; rebuild the corpus with `ballast data build`");
  return manifest;
}

Manifest load(const fs::path& folder, Check check) {
  const fs::path path = folder / kManifestFile;
  std::ifstream in(path, std::ios::binary);
  require(in.good(), "no corpus in " + folder.string() + ": cannot read " + path.string() +
                         rebuild_hint(folder));
  std::ostringstream text;
  text << in.rdbuf();
  Manifest manifest = parse_manifest(text.str(), path.string());
  for (const Domain& domain : manifest.domains) {
    for (const auto& [split, file] : domain.splits) {
      const fs::path token_path = folder / file.file;
      std::error_code error;
      const auto size = fs::file_size(token_path, error);
      require(!error, "corpus file " + token_path.string() + " is missing" + rebuild_hint(folder));
      const auto expected = static_cast<uintmax_t>(file.tokens) * kBytesPerToken;
      require(size == expected, "corpus file " + token_path.string() + " has " +
                                    std::to_string(size) + " bytes, its manifest says " +
                                    std::to_string(expected) + rebuild_hint(folder));
      require(check == Check::kSizes || sha256_file(token_path) == file.sha256,
              "corpus file " + token_path.string() + " is not what its manifest says (SHA-256)" +
                  rebuild_hint(folder));
    }
  }
  return manifest;
}

std::string read_text(const fs::path& folder, const SplitFile& file, int64_t first, int64_t count) {
  const int64_t begin = std::clamp<int64_t>(first, 0, file.tokens);
  const int64_t tokens = std::clamp<int64_t>(count, 0, file.tokens - begin);
  const fs::path path = folder / file.file;
  std::ifstream in(path, std::ios::binary);
  std::string bytes(static_cast<size_t>(tokens) * kBytesPerToken, '\0');
  in.seekg(begin * static_cast<int64_t>(kBytesPerToken));
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  require(in.good(), "cannot read " + path.string());
  std::string text(static_cast<size_t>(tokens), '\0');
  for (size_t i = 0; i < text.size(); ++i) text[i] = bytes[i * kBytesPerToken];
  return text;
}

}  // namespace ballast::corpus
