#include "corpus/locate.h"

#include <cstdlib>

#include "common/error.h"
#include "corpus/manifest.h"

namespace ballast::corpus {
namespace {

namespace fs = std::filesystem;

std::string advice(std::string_view data) {
  if (data == "synthetic") return "make it with `ballast data build --synthetic`";
  if (data == "default") {
    return "make it with `ballast data build` (it downloads about 100 MB), or start with "
           "data=synthetic, which needs no download (`ballast data build --synthetic`)";
  }
  return "make it with `ballast data build --from DIR --name NAME`, or choose data=default or "
         "data=synthetic";
}

}  // namespace

fs::path data_folder_of(const fs::path& executable) {
  // build/<preset>/ballast, or an installed program: then the nearest folder with .deps.
  const fs::path build = executable.parent_path().parent_path();
  if (build.filename() == "build") return build.parent_path() / ".deps" / "data";
  std::error_code ignored;
  for (fs::path folder = executable.parent_path(); folder.has_relative_path();
       folder = folder.parent_path()) {
    if (fs::is_directory(folder / ".deps" / "data", ignored)) return folder / ".deps" / "data";
  }
  return fs::current_path() / ".deps" / "data";
}

fs::path data_folder() {
  if (const char* folder = std::getenv("BALLAST_DATA"); folder != nullptr && *folder != '\0') {
    return folder;
  }
  std::error_code error;
  const fs::path executable = fs::read_symlink("/proc/self/exe", error);
  return data_folder_of(error ? fs::current_path() / "ballast" : executable);
}

fs::path locate(std::string_view data) {
  const bool is_path = data.find('/') != std::string_view::npos;
  if (data.empty() || data == "." || data == "..") {
    throw Error("data = '" + std::string(data) + "' is neither a corpus name nor a path with a '/'",
                ExitCode::kUsage);
  }
  const fs::path folder = is_path ? fs::path(data) : data_folder() / data;
  std::error_code ignored;
  if (fs::is_regular_file(folder / kManifestFile, ignored)) return folder;
  throw Error("data = '" + std::string(data) + "': there is no corpus in " + folder.string() +
                  "; " + advice(data),
              ExitCode::kUsage);
}

}  // namespace ballast::corpus
