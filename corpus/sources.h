// What the default corpus is made from: a table of Debian packages, the files taken from them and
// how they are read. See docs/data.md for sizes and licences.
#pragma once

#include <string>
#include <vector>

#include "corpus/packages.h"

namespace ballast::corpus {

enum class Format { kHtml, kRoff, kCpp, kPython, kScheme, kMetamath, kFasta };

struct Part {
  PackageSource package;
  Format format = Format::kHtml;
  // Shell patterns (fnmatch, '*' matches '/' too) of paths inside the package. Files that end in
  // ".gz" are unpacked.
  std::vector<std::string> include;
  std::vector<std::string> exclude;
  std::vector<std::string> drop_lines;  // whole lines that every file has
  double min_non_ascii = 0;  // files with a smaller share of bytes above 127 are not translated
};

struct DomainSource {
  std::string name;
  std::string licence;
  bool final_only = false;
  std::vector<Part> parts;
};

const std::vector<DomainSource>& default_domains();

}  // namespace ballast::corpus
