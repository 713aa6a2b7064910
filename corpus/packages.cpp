#include "corpus/packages.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <utility>

#include "common/error.h"
#include "common/hash.h"
#include "corpus/abandoned.h"
#include "corpus/process.h"

namespace ballast::corpus {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPartial = "partial.";  // folders of running downloads

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  require(!error, "cannot make the folder " + folder.string() + " (" + error.message() +
                      "); choose a folder you can write to");
}

std::string megabytes(int64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f MB", static_cast<double>(bytes) / 1e6);
  return text;
}

// Version as it appears in "NAME_VERSION_ARCH.deb", where apt writes ':' as "%3a".
std::string version_in(const fs::path& deb) {
  const std::string name = deb.filename().string();
  const size_t first = name.find('_'), last = name.rfind('_');
  std::string version = first < last ? name.substr(first + 1, last - first - 1) : "";
  if (const size_t colon = version.find("%3a"); colon != std::string::npos) {
    version.replace(colon, 3, ":");
  }
  return version;
}

}  // namespace

PackageCache::PackageCache(const fs::path& folder, std::function<void(const std::string&)> say)
    : folder_(fs::absolute(folder)), say_(std::move(say)) {
  make_folder(folder_);
  remove_abandoned(folder_, kPartial);
}

// Options that make apt use lists of our own, which needs no root.
std::vector<std::string> PackageCache::apt(const std::string& program) const {
  std::vector<std::string> command{program,
                                   "-o",
                                   "Acquire::http::Timeout=30",
                                   "-o",
                                   "Acquire::https::Timeout=30",
                                   "-o",
                                   "Acquire::Retries=2"};
  const auto add = [&](const std::string& option) {
    command.emplace_back("-o");
    command.push_back(option);
  };
  if (geteuid() == 0) add("APT::Sandbox::User=root");
  if (own_lists_) {
    const std::string base = (folder_ / "apt").string();
    add("Dir::State=" + base + "/state");
    add("Dir::State::lists=" + base + "/state/lists");
    add("Dir::State::status=/var/lib/dpkg/status");
    add("Dir::Cache=" + base + "/cache");
  }
  return command;
}

std::optional<FetchedPackage> PackageCache::cached(const std::string& name,
                                                   const std::string& sha256) const {
  if (sha256.empty()) return std::nullopt;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_)) {
    const std::string file = entry.path().filename().string();
    if (!file.starts_with(name + "_") || !file.ends_with(".deb")) continue;
    if (sha256_file(entry.path()) != sha256) continue;
    return FetchedPackage{{name, version_in(entry.path()), sha256}, entry.path(), 0};
  }
  return std::nullopt;
}

std::optional<PackageCache::Known> PackageCache::look_up(const PackageSource& package) {
  for (const std::string& name : package.names) {
    std::vector<std::string> command = apt("apt-cache");
    command.insert(command.end(), {"show", name});
    const Finished shown = run_program(command, folder_);
    if (shown.status != 0) continue;
    // Stanzas, newest version first; the wanted version wins.
    std::vector<Known> all;
    std::istringstream lines(shown.output);
    for (std::string line; std::getline(lines, line);) {
      const size_t colon = line.find(": ");
      if (colon == std::string::npos) continue;
      const std::string key = line.substr(0, colon), value = line.substr(colon + 2);
      if (key == "Package") all.push_back({value, "", "", 0});
      if (all.empty()) continue;
      if (key == "Version") all.back().version = value;
      if (key == "SHA256") all.back().sha256 = value;
      if (key == "Size") all.back().bytes = std::atoll(value.c_str());
    }
    std::erase_if(all, [](const Known& k) { return k.version.empty() || k.sha256.empty(); });
    if (all.empty()) continue;
    const auto wanted = std::find_if(all.begin(), all.end(),
                                     [&](const Known& k) { return k.sha256 == package.sha256; });
    return wanted == all.end() ? all.front() : *wanted;
  }
  return std::nullopt;
}

void PackageCache::update_lists() {
  say_("reading the package lists (apt-get update, into " + (folder_ / "apt").string() + ")");
  own_lists_ = true;
  make_folder(folder_ / "apt/state/lists/partial");
  make_folder(folder_ / "apt/cache/archives/partial");
  std::vector<std::string> command = apt("apt-get");
  command.insert(command.end(), {"-q", "update"});
  const Finished updated = run_program(command, folder_);
  if (trouble_.empty() && !updated.errors.empty()) trouble_ = updated.reason();
}

std::optional<FetchedPackage> PackageCache::download(const Known& known) {
  say_("fetching " + known.name + " " + known.version + " (" + megabytes(known.bytes) + ")");
  // Into a folder of its own: an interrupted download leaves no half .deb in the cache.
  const fs::path partial = working_folder(folder_, kPartial);
  make_folder(partial);
  const auto fetch = [&] {
    std::vector<std::string> command = apt("apt-get");
    command.insert(command.end(), {"-q", "download", known.name + "=" + known.version});
    return run_program(command, partial);
  };
  const Finished fetched = fetch();
  fs::path deb;
  for (const fs::directory_entry& entry : fs::directory_iterator(partial)) {
    if (entry.path().extension() == ".deb") deb = entry.path();
  }
  const bool good = fetched.status == 0 && !deb.empty() && sha256_file(deb) == known.sha256;
  const fs::path kept = folder_ / deb.filename();
  std::error_code error;
  if (good) fs::rename(deb, kept, error);
  std::error_code ignored;
  fs::remove_all(partial, ignored);
  if (fetched.status != 0) {
    trouble_ = fetched.reason();
    return std::nullopt;
  }
  require(good && !error, "package " + known.name + " " + known.version +
                              " did not arrive whole (its SHA-256 is not " + known.sha256 +
                              "); try again");
  return FetchedPackage{{known.name, known.version, known.sha256}, kept, known.bytes};
}

FetchedPackage PackageCache::fetch(const PackageSource& package) {
  if (auto found = cached(package.names.front(), package.sha256)) return *found;
  std::optional<Known> known;
  std::optional<FetchedPackage> fetched;
  // The system's lists first; when they lack the package or are out of date, lists of our own.
  while (!fetched) {
    known = look_up(package);
    if (known) fetched = cached(known->name, known->sha256);
    if (known && !fetched) fetched = download(*known);
    if (fetched || own_lists_) break;
    update_lists();
  }
  require(fetched.has_value(),
          "cannot get the package " + package.names.front() + " (" +
              (trouble_.empty() ? "apt does not know it" : trouble_) +
              "): the default corpus needs a network once, a Debian release's main section in "
              "apt's sources and room in " +
              folder_.string() +
              "; without them use `ballast data build --synthetic` or `--from DIR`");
  if (known->sha256 != package.sha256) {
    say_("note: " + known->name + " is version " + known->version +
         "; this corpus was first made " + "from " + package.version +
         ", so its tokens will differ a little");
  }
  return *fetched;
}

void unpack(const fs::path& deb, const fs::path& folder) {
  make_folder(folder);
  const Finished unpacked = run_program({"dpkg-deb", "-x", deb.string(), folder.string()}, folder);
  require(unpacked.status == 0, "cannot unpack " + deb.string() + " (" + unpacked.reason() +
                                    "): make room, or delete the file if it is damaged");
}

}  // namespace ballast::corpus
