#include "corpus/writer.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "common/error.h"
#include "common/hash.h"
#include "corpus/abandoned.h"
#include "corpus/overlap.h"
#include "corpus/split.h"

namespace ballast::corpus {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& what, int error) {
  const std::string advice = error == ENOSPC || error == EDQUOT
                                 ? "; free some space or choose another folder"
                                 : "; choose a folder you can write to";
  throw Error("cannot " + what + ": " + std::strerror(error) + advice);
}

class File {
 public:
  File(const fs::path& path, int flags) : path_(path), fd_(open(path.c_str(), flags, 0666)) {
    if (fd_ < 0) fail("open " + path.string(), errno);
  }
  ~File() { close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  void write_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail("write " + path_.string(), errno);
      bytes.remove_prefix(static_cast<size_t>(n));
    }
  }
  void sync() {
    if (fsync(fd_) != 0) fail("flush " + path_.string(), errno);
  }

 private:
  fs::path path_;
  int fd_;
};

void write_file(const fs::path& path, std::string_view bytes) {
  File file(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
  file.write_all(bytes);
  file.sync();
}

void sync_folder(const fs::path& folder) {
  File(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC).sync();
}

std::string work_prefix(const fs::path& output) {
  return std::string(".").append(output.filename().string()).append(".building.");
}

}  // namespace

CorpusWriter::CorpusWriter(const fs::path& output)
    : output_(fs::absolute(output).lexically_normal()) {
  if (!output_.has_filename()) output_ = output_.parent_path();  // "a/b/" means "a/b"
  std::error_code error;
  fs::create_directories(output_.parent_path(), error);
  if (error) fail("make the folder " + output_.parent_path().string(), error.value());
  // Never replace a folder that is not a corpus.
  const bool replaceable = fs::is_regular_file(output_ / kManifestFile, error) ||
                           (fs::is_directory(output_, error) && fs::is_empty(output_, error));
  require(replaceable || !fs::exists(fs::symlink_status(output_, error)),
          output_.string() + " exists and is not a corpus: remove it or choose another folder");
  remove_abandoned(output_.parent_path(), work_prefix(output_));
  work_ = working_folder(output_.parent_path(), work_prefix(output_));
  fs::remove_all(work_, error);
  fs::create_directory(work_, error);
  if (error) fail("make the folder " + work_.string(), error.value());
}

CorpusWriter::~CorpusWriter() {
  std::error_code ignored;
  if (!work_.empty()) fs::remove_all(work_, ignored);
}

fs::path CorpusWriter::scratch() {
  const fs::path folder = work_ / "scratch";
  std::error_code error;
  fs::create_directory(folder, error);
  if (error) fail("make the folder " + folder.string(), error.value());
  return folder;
}

const Domain& CorpusWriter::add(DomainText text) {
  assert(!work_.empty());
  Domain domain{.name = text.name,
                .licence = text.licence,
                .sources = text.sources,
                .final_only = text.final_only,
                .overlap_ppm = 0,
                .splits = {}};
  const auto splits = split_documents(std::move(text));
  for (const auto& [split, documents] : splits) {
    domain.splits[split] = write_split(domain.name, split, documents);
  }
  if (!domain.final_only) {
    domain.overlap_ppm = overlap_ppm(splits.at(Split::kTrain), splits.at(Split::kSelect));
  }
  domains_.push_back(std::move(domain));
  return domains_.back();
}

SplitFile CorpusWriter::write_split(const std::string& domain, Split split,
                                    const std::vector<Document>& documents) {
  SplitFile file{.file = token_file(domain, split), .tokens = 0, .sha256 = "", .offsets = {}};
  std::string bytes;
  for (const Document& document : documents) {
    file.offsets.push_back(file.tokens);
    file.tokens += static_cast<int64_t>(document.text.size());
    for (const char c : document.text) {
      bytes += c;
      bytes += '\0';
    }
  }
  file.sha256 = sha256_hex(bytes);
  write_file(work_ / file.file, bytes);
  return file;
}

Manifest CorpusWriter::finish(const std::string& name, const std::string& kind) {
  assert(!work_.empty());
  Manifest manifest{.name = name, .kind = kind, .builder = kBuilderVersion, .domains = domains_};
  std::sort(manifest.domains.begin(), manifest.domains.end(),
            [](const Domain& a, const Domain& b) { return a.name < b.name; });
  std::error_code error;
  fs::remove_all(work_ / "scratch", error);
  write_file(work_ / kManifestFile, to_json(manifest));
  sync_folder(work_);
  if (rename(work_.c_str(), output_.c_str()) == 0) {
    work_.clear();
  } else if (renameat2(AT_FDCWD, work_.c_str(), AT_FDCWD, output_.c_str(), RENAME_EXCHANGE) != 0) {
    fail("rename " + work_.string() + " to " + output_.string(), errno);
  }  // else work_ now names the older corpus, which the destructor removes
  sync_folder(output_.parent_path());
  return manifest;
}

}  // namespace ballast::corpus
