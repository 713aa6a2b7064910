// Where corpora live: what the config key `data` means.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace ballast::corpus {

// The folder of all corpora: the environment variable BALLAST_DATA, else `<root>/.deps/data`,
// where <root> is found from the running program (`<root>/build/<preset>/ballast`), else from the
// current folder.
std::filesystem::path data_folder();

// Of the program at `executable`: its root's data folder. For tests; data_folder() calls it.
std::filesystem::path data_folder_of(const std::filesystem::path& executable);

// `data` is a name (a folder in data_folder()) or a path, which has a '/'. Throws Error (usage)
// when there is no corpus: the text names the command that makes one. Never falls back to another
// corpus by itself.
std::filesystem::path locate(std::string_view data);

}  // namespace ballast::corpus
