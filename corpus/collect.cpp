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
constexpr size_t kLongestDocument = 16 << 10;  // longer files are cut at paragraph ends
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

// Adds `text` as one document or, when it is long, as several.
void add_documents(std::vector<Document>& documents, const std::string& name,
                   const std::string& text) {
  if (text.size() <= kLongestDocument) {
    documents.push_back({name, text});
    return;
  }
  const std::vector<std::string> pieces = cut_text(text, kLongestDocument);
  for (size_t i = 0; i < pieces.size(); ++i) documents.push_back({numbered(name, i), pieces[i]});
}

void drop_line(std::string& text, const std::string& line) {
  const std::string whole = line + "\n";
  for (size_t at = 0; (at = text.find(whole, at)) != std::string::npos;) {
    if (at > 0 && text[at - 1] != '\n') {
      ++at;
    } else {
      text.erase(at, whole.size());
    }
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

std::string extract(const Part& part, std::string_view bytes) {
  const Format format = part.format;
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
  if (non_ascii_share(text) < part.min_non_ascii) return "";
  text = normalise(text).value_or("");
  for (const std::string& line : part.drop_lines) drop_line(text, line);
  return text;
}

std::vector<Document> collect(const DomainSource& source,
                              const std::map<std::string, fs::path>& roots, Dedup& dedup) {
  std::vector<Document> documents;
  for (const Part& part : source.parts) {
    const std::string& package = part.package.names.front();
    const fs::path& root = roots.at(package);
    size_t files = 0;
    for (const std::string& path : files_below(root)) {
      if (!matches_any(part.include, path) || matches_any(part.exclude, path)) continue;
      ++files;
      const std::string text = dedup.filter(extract(part, read_file(root / path)));
      if (text.size() < kShortestDocument) continue;
      add_documents(documents, package + "/" + path, text);
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
    if (text->size() > 1) add_documents(result.documents, path, *text);
  }
  const auto seen = [&](const Document& document) { return !dedup.add(document.text); };
  result.duplicates = static_cast<int64_t>(std::erase_if(result.documents, seen));
  end_lines(result.documents);
  return result;
}

}  // namespace ballast::corpus
