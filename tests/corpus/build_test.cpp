// Whole builds: the synthetic corpus, the user's own folders, and builds that fail or are killed.
#include "corpus/build.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "common/error.h"
#include "corpus/split.h"
#include "temporary_folder.h"

namespace ballast::corpus {
namespace {

namespace fs = std::filesystem;

BuildOptions synthetic(const fs::path& output) {
  return {.kind = Kind::kSynthetic, .name = "synthetic", .output = output};
}

// `paragraphs` paragraphs of about 400 bytes that are all different.
std::string prose(const std::string& word, int paragraphs) {
  std::string text;
  for (int p = 0; p < paragraphs; ++p) {
    for (int i = 0; i < 40; ++i) text += word + std::to_string((p * 40 + i) * 7919 % 100'003) + ' ';
    text += "\n\n";
  }
  return text;
}

size_t entries(const fs::path& folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), {}));
}

TEST(SyntheticBuild, HasSixDomainsAndTwoThatOnlyFinalHas) {
  TemporaryFolder folder;
  const Manifest manifest = build(synthetic(folder.path() / "s"));
  EXPECT_EQ(load(folder.path() / "s", Check::kHashes), manifest);
  EXPECT_EQ(manifest.domains_with(Split::kTrain).size(), 6u);
  EXPECT_EQ(manifest.domains_with(Split::kSelect), manifest.domains_with(Split::kTrain));
  EXPECT_EQ(manifest.domains_with(Split::kShadow), manifest.domains_with(Split::kTrain));
  EXPECT_EQ(manifest.domains_with(Split::kFinal).size(), 8u);
  EXPECT_GT(manifest.tokens(), 4'000'000);
  for (const Domain& domain : manifest.domains) {
    EXPECT_LT(domain.overlap_ppm, kOverlapWarningPpm) << domain.name;
    for (const auto& [split, file] : domain.splits) {
      EXPECT_GE(file.tokens, kMinSplitTokens) << file.file;
    }
  }
}

TEST(SyntheticBuild, IsTheSameEveryTimeAndDiffersBySeed) {
  TemporaryFolder folder;
  const Manifest first = build(synthetic(folder.path() / "a"));
  EXPECT_EQ(build(synthetic(folder.path() / "b")).hash(), first.hash());
  EXPECT_EQ(contents(folder.path() / "a/manifest.json"),
            contents(folder.path() / "b/manifest.json"));
  BuildOptions other = synthetic(folder.path() / "c");
  other.seed = 2;
  EXPECT_NE(build(other).hash(), first.hash());
}

TEST(SyntheticBuild, IsTheOneThatEveryMachineMakes) {
  TemporaryFolder folder;
  EXPECT_EQ(build(synthetic(folder.path() / "s")).hash(),
            "40b7bbad06bf0581320d33505918897f7fe22f951cc2b813ab3f742dc4352cfb");
}

TEST(SyntheticBuild, TokensAreBytesAndOffsetsAreStartsOfDocuments) {
  TemporaryFolder folder;
  const Manifest manifest = build(synthetic(folder.path() / "s"));
  const SplitFile& file = manifest.find("sums")->splits.at(Split::kSelect);
  const std::string bytes = contents(folder.path() / "s" / file.file);
  ASSERT_EQ(bytes.size(), static_cast<size_t>(file.tokens) * 2);
  for (size_t i = 1; i < bytes.size(); i += 2) ASSERT_EQ(bytes[i], '\0');
  for (const int64_t offset : file.offsets) {
    if (offset == 0) continue;
    EXPECT_EQ(read_text(folder.path() / "s", file, offset - 1, 1), "\n");
  }
  EXPECT_EQ(read_text(folder.path() / "s", file, file.tokens - 2, 10), ";\n");
}

TEST(FromBuild, MakesADomainOfEveryFolder) {
  TemporaryFolder folder;
  folder.write("in/alpha/big.txt", prose("a", 2500));
  folder.write("in/alpha/sub/copy.txt", "tiny\n");
  folder.write("in/beta/big.txt", prose("b", 2500));
  folder.write("in/gamma/big.txt", prose("c", 500));
  folder.write("in/beta/picture.png", "\xff\xd8\x00\x01");
  folder.write("in/beta/.git/secret", "hidden");
  folder.write("in/readme.txt", "not a domain");
  std::vector<std::string> lines;
  const Manifest manifest = build({.kind = Kind::kFrom,
                                   .name = "mine",
                                   .output = folder.path() / "out",
                                   .from = {folder.path() / "in"},
                                   .final_only = {"gamma"}},
                                  [&](const std::string& line) { lines.push_back(line); });
  EXPECT_EQ(manifest.domains_with(Split::kTrain), (std::vector<std::string>{"alpha", "beta"}));
  EXPECT_TRUE(manifest.find("gamma")->final_only);
  EXPECT_EQ(load(folder.path() / "out", Check::kHashes), manifest);
  EXPECT_TRUE(std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
    return line.starts_with("warning: beta: skipped 1 files");
  }));
  int64_t alpha = 0;
  for (const auto& [split, file] : manifest.find("alpha")->splits) alpha += file.tokens;
  // The text and "tiny"; trailing blanks of lines are gone.
  EXPECT_EQ(alpha, static_cast<int64_t>(prose("a", 2500).size()) - 2500 - 1 + 5);
}

TEST(FromBuild, RefusesWhatIsNoCorpus) {
  TemporaryFolder folder;
  const auto error = [&](std::vector<std::string> final_only = {}) {
    return error_of([&] {
      build({.kind = Kind::kFrom,
             .output = folder.path() / "out",
             .from = {folder.path() / "in"},
             .final_only = final_only});
    });
  };
  EXPECT_NE(error().find("cannot read the folder"), std::string::npos);
  folder.write("in/one/x.txt", prose("a", 2500));
  EXPECT_NE(error().find("at least two domains"), std::string::npos);
  folder.write("in/two/x.txt", "too short\n");
  EXPECT_NE(error().find("too little"), std::string::npos);
  EXPECT_NE(error({"three"}).find("'three'"), std::string::npos);
  folder.write("in/b@d/x.txt", "x\n");
  EXPECT_NE(error().find("cannot be a domain"), std::string::npos);
  EXPECT_EQ(entries(folder.path()), 1u) << "a failed build left something";
}

TEST(Build, ReplacesAnOlderCorpusButNothingElse) {
  TemporaryFolder folder;
  BuildOptions options = synthetic(folder.path() / "s");
  options.seed = 2;
  build(options);
  const Manifest second = build(synthetic(folder.path() / "s"));
  EXPECT_EQ(load(folder.path() / "s", Check::kHashes), second);
  EXPECT_EQ(entries(folder.path()), 1u);
  folder.write("thesis/chapter1.txt", "years of work");
  EXPECT_NE(error_of([&] { build(synthetic(folder.path() / "thesis")); }).find("not a corpus"),
            std::string::npos);
  EXPECT_EQ(contents(folder.path() / "thesis/chapter1.txt"), "years of work");
}

TEST(Build, SaysWhereItCannotWrite) {
  TemporaryFolder folder;
  folder.write("file", "in the way");
  const std::string text = error_of([&] { build(synthetic(folder.path() / "file/sub/s")); });
  EXPECT_NE(text.find("cannot make the folder"), std::string::npos) << text;
  EXPECT_NE(text.find((folder.path() / "file/sub").string()), std::string::npos) << text;
  EXPECT_NE(error_of([] { build(synthetic("/proc/none/s")); }).find("choose a folder"),
            std::string::npos);
}

// Runs a build in a child process that kills itself after `lines` lines of progress.
void build_and_die(const BuildOptions& options, int lines) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    int seen = 0;
    build(options, [&](const std::string&) {
      if (++seen == lines) kill(getpid(), SIGKILL);
    });
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
}

TEST(KilledBuild, LeavesNoHalfCorpus) {
  TemporaryFolder folder;
  const BuildOptions options = synthetic(folder.path() / "s");
  build_and_die(options, 3);
  EXPECT_FALSE(fs::exists(folder.path() / "s"));
  EXPECT_EQ(entries(folder.path()), 1u);  // the hidden folder
  build(options);
  load(folder.path() / "s", Check::kHashes);
  EXPECT_EQ(entries(folder.path()), 1u) << "the next build clears away what the killed one left";
}

TEST(KilledBuild, LeavesAnOlderCorpusAsItWas) {
  TemporaryFolder folder;
  BuildOptions options = synthetic(folder.path() / "s");
  const Manifest older = build(options);
  options.seed = 2;
  build_and_die(options, 8);
  EXPECT_EQ(load(folder.path() / "s", Check::kHashes), older);
}

}  // namespace
}  // namespace ballast::corpus
