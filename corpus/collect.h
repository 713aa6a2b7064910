// Reads the files of a domain into documents: from unpacked packages, or from a user's folder.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "corpus/dedup.h"
#include "corpus/document.h"
#include "corpus/sources.h"

namespace ballast::corpus {

// The contents of a file, unpacked if it is compressed with gzip. Throws Error.
std::string read_file(const std::filesystem::path& path);

// Text of one file of a package, normalised; empty when the file is not wanted (not UTF-8,
// machine-made, not translated).
std::string extract(const Part& part, std::string_view bytes);

// The documents of `source`. `roots` tells where each package (by its first name) is unpacked.
// Paragraphs that `dedup` has seen are dropped; documents under 200 bytes as well.
std::vector<Document> collect(const DomainSource& source,
                              const std::map<std::string, std::filesystem::path>& roots,
                              Dedup& dedup);

struct FolderText {
  std::vector<Document> documents;
  int64_t skipped = 0;     // files that are not UTF-8 text
  int64_t duplicates = 0;  // documents that `dedup` has seen
};

// Every regular file below `folder` (hidden ones excepted), in the order of their paths, cut into
// documents of about 16 KiB at paragraph ends.
FolderText collect_folder(const std::filesystem::path& folder, Dedup& dedup);

}  // namespace ballast::corpus
