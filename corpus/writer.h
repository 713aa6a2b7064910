// Writes a corpus folder so that it is either whole or not there: everything goes into a hidden
// folder beside it, is flushed to disk, and is then renamed.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "corpus/document.h"

namespace ballast::corpus {

class CorpusWriter {
 public:
  // Makes the hidden folder and removes those of killed builds of the same corpus. Throws Error
  // when `output` cannot be written to.
  explicit CorpusWriter(const std::filesystem::path& output);
  ~CorpusWriter();  // removes the hidden folder unless finish() was called
  CorpusWriter(const CorpusWriter&) = delete;
  CorpusWriter& operator=(const CorpusWriter&) = delete;

  // A place for intermediate files on the same disk, removed with the hidden folder.
  std::filesystem::path scratch();

  // Splits the domain, writes its files, and returns its entry of the manifest.
  const Domain& add(DomainText text);

  // Writes the manifest and puts the folder in place of `output` (an older corpus there is
  // replaced). Nothing may be added after that.
  Manifest finish(const std::string& name, const std::string& kind);

 private:
  SplitFile write_split(const std::string& domain, Split split,
                        const std::vector<Document>& documents);

  std::filesystem::path output_;
  std::filesystem::path work_;
  std::vector<Domain> domains_;
};

}  // namespace ballast::corpus
