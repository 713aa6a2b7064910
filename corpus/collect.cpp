#include "corpus/collect.h"

#include <fnmatch.h>
#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <memory>

#include "common/error.h"
#include "corpus/extract.h"
#include "corpus/split.h"

namespace ballast::corpus {
namespace {

namespace fs = std::filesystem;

constexpr size_t kShortestDocument = 200;      // bytes
constexpr size_t kLongestDocument = 64 << 10;  // of a package; longer ones are cut
constexpr size_t kPiece = 32 << 10;            // into pieces of this size
constexpr size_t kFolderPiece = 16 << 10;      // for a user's files
constexpr size_t kLargestFile = size_t{1} << 30;

bool matches_any(const std::vector<std::string>& patterns, const std::string& path) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return fnmatch(pattern.c_str(), path.c_str(), 0) == 0;
  });
}

// Paths relative to `root` of the regular files below it, sorted by bytes.
std::vector<std::string> files_below(const fs::path& root) {
  std::vector<std::string> paths;
  std::error_code error;
  fs::recursive_directory_iterator it(root, error), end;
  for (; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with('.')) {
      if (it->is_directory()) it.disable_recursion_pending();
      continue;
    }
    std::error_code ignored;
    if (!it->is_symlink(ignored) && it->is_regular_file(ignored)) {
      paths.push_back(it->path().lexically_relative(root).generic_string());
    }
  }
  require(!error, "cannot read the folder " + root.string() + " (" + error.message() + ")");
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string numbered(const std::string& name, size_t number) {
  char text[24];
  std::snprintf(text, sizeof text, "#%06zu", number);
  return name + text;
}

// Adds `text` as one document or as pieces. `whole` keeps the pieces in one split.
void add_documents(std::vector<Document>& documents, const std::string& name,
                   const std::string& text, size_t longest, size_t piece, bool whole) {
  if (text.size() <= longest) {
    documents.push_back({name, name, text});
    return;
  }
  const std::vector<std::string> pieces = cut_text(text, piece);
  for (size_t i = 0; i < pieces.size(); ++i) {
    const std::string piece_name = numbered(name, i);
    documents.push_back({piece_name, whole ? name : piece_name, pieces[i]});
  }
}

// Documents end in a newline even where they were cut inside a line.
void end_lines(std::vector<Document>& documents) {
  for (Document& document : documents) {
    if (!document.text.ends_with('\n')) document.text += '\n';
  }
}

}  // namespace

std::string read_file(const fs::path& path) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  require(file != nullptr, "cannot read " + path.string());
  std::string bytes, piece(1 << 16, '\0');
  while (true) {
    const int n = gzread(file.get(), piece.data(), static_cast<unsigned>(piece.size()));
    require(n >= 0, "cannot read " + path.string() + " (a damaged gzip file?)");
    if (n == 0) return bytes;
    bytes.append(piece, 0, static_cast<size_t>(n));
    require(bytes.size() <= kLargestFile, path.string() + " is larger than 1 GiB: cut it first");
  }
}

std::string extract(Format format, std::string_view bytes, double min_non_ascii) {
  // Judged first: the parsers below may cut where a foreign encoding has a '<' or a '\'.
  const std::optional<std::string> valid = normalise(bytes);
  if (!valid) return "";
  std::string text;
  switch (format) {
    case Format::kHtml:
      text = strip_html(*valid);
      break;
    case Format::kRoff:
      text = strip_roff(*valid);
      break;
    case Format::kCpp:
      text = strip_licence_head(*valid, "//");
      break;
    case Format::kPython:
      text = strip_licence_head(*valid, "#");
      break;
    case Format::kScheme:
      text = strip_licence_head(*valid, ";");
      break;
    case Format::kMetamath:
      text = strip_metamath_proofs(*valid);
      break;
    case Format::kFasta:
      text = fasta_letters(*valid);
      break;
  }
  const bool code =
      format == Format::kCpp || format == Format::kPython || format == Format::kScheme;
  if (code && looks_generated(text)) return "";
  if (non_ascii_share(text) < min_non_ascii) return "";
  return normalise(text).value_or("");
}

std::vector<Document> collect(const DomainSource& source,
                              const std::map<std::string, fs::path>& roots, Dedup& dedup) {
  std::vector<Document> documents;
  for (const Part& part : source.parts) {
    const std::string& package = part.package.names.front();
    const fs::path& root = roots.at(package);
    // A whole database or genome is one file: its pieces are split one by one.
    const bool whole = part.format != Format::kMetamath && part.format != Format::kFasta;
    size_t files = 0;
    for (const std::string& path : files_below(root)) {
      if (!matches_any(part.include, path) || matches_any(part.exclude, path)) continue;
      ++files;
      const std::string text =
          dedup.filter(extract(part.format, read_file(root / path), part.min_non_ascii));
      if (text.size() < kShortestDocument) continue;
      add_documents(documents, package + "/" + path, text, kLongestDocument, kPiece, whole);
    }
    require(files > 0, "package " + package + " holds none of the files that domain '" +
                           source.name +
                           "' is made from: its layout has changed; use `--from DIR` "
                           "with text of your own");
  }
  end_lines(documents);
  return documents;
}

FolderText collect_folder(const fs::path& folder, Dedup& dedup) {
  FolderText result;
  for (const std::string& path : files_below(folder)) {
    const std::optional<std::string> text = normalise(read_file(folder / path));
    if (!text) {
      ++result.skipped;
      continue;
    }
    if (text->size() > 1) {
      add_documents(result.documents, path, *text, kFolderPiece, kFolderPiece, false);
    }
  }
  const auto seen = [&](const Document& document) { return !dedup.add(document.text); };
  result.duplicates = static_cast<int64_t>(std::erase_if(result.documents, seen));
  end_lines(result.documents);
  return result;
}

}  // namespace ballast::corpus
