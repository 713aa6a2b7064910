// Distribution packages without installing them: found with apt-cache, fetched with apt-get into a
// cache folder, checked against their SHA-256, unpacked with dpkg-deb. Needs no root.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "corpus/manifest.h"

namespace ballast::corpus {

struct PackageSource {
  // The same content under the names of several releases: the first that apt knows is taken.
  std::vector<std::string> names;
  // What the corpus was first made from. Taken when it can be had (so that the bytes are the
  // same); else the newest version is, and the manifest says which.
  std::string version;
  std::string sha256;
};

struct FetchedPackage {
  Source source;
  std::filesystem::path file;
  int64_t downloaded = 0;  // bytes; 0 when it was in the cache
};

class PackageCache {
 public:
  // `say` gets one line per step that takes time.
  PackageCache(const std::filesystem::path& folder, std::function<void(const std::string&)> say);

  // Throws Error in one line: no apt, no network, unknown package, wrong hash, disk full.
  FetchedPackage fetch(const PackageSource& package);

 private:
  struct Known {
    std::string name, version, sha256;
    int64_t bytes = 0;
  };
  std::optional<FetchedPackage> cached(const std::string& name, const std::string& sha256) const;
  std::optional<Known> look_up(const PackageSource& package);
  void update_lists();
  // nullopt when apt could not get it; why is then in trouble_.
  std::optional<FetchedPackage> download(const Known& known);
  std::vector<std::string> apt(const std::string& program) const;

  std::filesystem::path folder_;
  std::function<void(const std::string&)> say_;
  std::string trouble_;     // the first thing that went wrong
  bool own_lists_ = false;  // apt's lists in the cache folder are used, not the system's
};

// Unpacks a .deb below `folder` (made if needed). Throws Error.
void unpack(const std::filesystem::path& deb, const std::filesystem::path& folder);

}  // namespace ballast::corpus
