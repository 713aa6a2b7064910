// The text of one domain on its way from a source into token files.
#pragma once

#include <string>
#include <vector>

#include "corpus/manifest.h"

namespace ballast::corpus {

struct Document {
  std::string name;  // unique within its domain; documents are stored in the order of their names
  std::string text;  // UTF-8, ends in a newline, never empty
};

struct DomainText {
  std::string name;
  std::string licence;
  bool final_only = false;
  std::vector<Source> sources;
  std::vector<Document> documents;
};

}  // namespace ballast::corpus
