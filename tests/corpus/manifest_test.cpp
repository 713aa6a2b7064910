// The manifest's JSON, and what load() says of damaged corpora.
#include "corpus/manifest.h"

#include <gtest/gtest.h>

#include "common/hash.h"
#include "temporary_folder.h"

namespace ballast::corpus {
namespace {

namespace fs = std::filesystem;

Manifest example() {
  Domain a{.name = "a",
           .licence = "PSF-2.0",
           .sources = {{"pkg", "1:2.3-4", std::string(64, '0')}},
           .final_only = false,
           .overlap_ppm = 1234,
           .splits = {}};
  for (const Split split : kSplits) {
    a.splits[split] = {token_file("a", split), 10, std::string(64, 'f'), {0, 3, 7}};
  }
  Domain b{.name = "b",
           .licence = "x",
           .sources = {},
           .final_only = true,
           .overlap_ppm = 0,
           .splits = {}};
  b.splits[Split::kFinal] = {"b.final.bin", 5, std::string(64, 'e'), {0}};
  return {.name = "test", .kind = "from", .builder = 1, .domains = {a, b}};
}

// A corpus on disk that a test may damage.
class DamagedCorpus : public testing::Test {
 protected:
  DamagedCorpus() : path_(folder_.path() / "c") {
    Manifest manifest = example();
    for (Domain& domain : manifest.domains) {
      for (auto& [split, file] : domain.splits) {
        const std::string bytes(static_cast<size_t>(file.tokens) * kBytesPerToken, '\0');
        folder_.write("c/" + file.file, bytes);
        file.sha256 = sha256_hex(bytes);
      }
    }
    folder_.write("c/manifest.json", to_json(manifest));
  }
  void replace_in_manifest(const std::string& from, const std::string& to) const {
    std::string text = contents(path_ / kManifestFile);
    ASSERT_NE(text.find(from), std::string::npos);
    text.replace(text.find(from), from.size(), to);
    folder_.write("c/manifest.json", text);
  }
  std::string load_error(Check check = Check::kSizes) const {
    return error_of([&] { load(path_, check); });
  }
  TemporaryFolder folder_;
  fs::path path_;
};

#define EXPECT_SAYS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(Manifest, SurvivesARoundTrip) {
  const Manifest manifest = example();
  const std::string json = to_json(manifest);
  EXPECT_EQ(parse_manifest(json, "x"), manifest);
  EXPECT_EQ(to_json(parse_manifest(json, "x")), json);
}

TEST(Manifest, KeepsOffsetsOnOneLine) {
  EXPECT_SAYS(to_json(example()), "\"offsets\": [0,3,7],\n");
}

TEST(Manifest, HashCoversEveryField) {
  const std::string hash = example().hash();
  EXPECT_EQ(hash.size(), 64u);
  EXPECT_EQ(example().hash(), hash);
  Manifest changed = example();
  changed.domains[0].splits[Split::kTrain].offsets[1] = 4;
  EXPECT_NE(changed.hash(), hash);
  changed = example();
  changed.domains[0].sources[0].version = "1:2.3-5";
  EXPECT_NE(changed.hash(), hash);
}

TEST(Manifest, ListsTheDomainsOfASplit) {
  const Manifest manifest = example();
  EXPECT_EQ(manifest.domains_with(Split::kTrain), std::vector<std::string>{"a"});
  EXPECT_EQ(manifest.domains_with(Split::kFinal), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(manifest.tokens(), 45);
  EXPECT_EQ(manifest.find("b")->licence, "x");
  EXPECT_EQ(manifest.find("c"), nullptr);
}

TEST(Manifest, RefusesContradictions) {
  const auto fault = [](auto change) {
    Manifest manifest = example();
    change(manifest);
    return error_of([&] { parse_manifest(to_json(manifest), "m.json"); });
  };
  EXPECT_SAYS(fault([](Manifest& m) { m.domains.clear(); }), "no domains");
  EXPECT_SAYS(fault([](Manifest& m) { std::swap(m.domains[0], m.domains[1]); }), "not sorted");
  EXPECT_SAYS(fault([](Manifest& m) { m.domains[0].splits.erase(Split::kTrain); }), "wrong splits");
  EXPECT_SAYS(fault([](Manifest& m) { m.domains[1].splits[Split::kFinal].file = "../x"; }),
              "'../x'");
  EXPECT_SAYS(fault([](Manifest& m) {
                m.domains[1].splits[Split::kFinal].offsets = {0, 5};
              }),
              "offsets");
  EXPECT_SAYS(fault([](Manifest& m) { m.domains[1].splits[Split::kFinal].offsets = {1}; }),
              "offsets");
  EXPECT_SAYS(fault([](Manifest& m) { m.domains[0].name = "../a"; }), "no name");
}

TEST_F(DamagedCorpus, LoadsWhenItIsNotDamaged) {
  const Manifest manifest = load(path_, Check::kHashes);
  EXPECT_EQ(manifest.name, "test");
  EXPECT_EQ(manifest.kind, "from");
}

TEST_F(DamagedCorpus, SaysThatTheManifestIsMissing) {
  fs::remove(path_ / kManifestFile);
  EXPECT_SAYS(load_error(), "no corpus in");
  EXPECT_SAYS(load_error(), "ballast data build");
}

TEST_F(DamagedCorpus, SaysThatAFileIsMissing) {
  fs::remove(path_ / "a.select.bin");
  EXPECT_SAYS(load_error(), "a.select.bin is missing; rebuild");
}

TEST_F(DamagedCorpus, SaysThatAFileIsShort) {
  fs::resize_file(path_ / "a.train.bin", 7);
  EXPECT_SAYS(load_error(), "a.train.bin has 7 bytes");
}

TEST_F(DamagedCorpus, SaysThatAFileWasChanged) {
  std::string bytes = contents(path_ / "b.final.bin");
  bytes[4] ^= 1;
  folder_.write("c/b.final.bin", bytes);
  EXPECT_SAYS(load_error(Check::kHashes), "b.final.bin is not what its manifest says");
  EXPECT_EQ(load_error(Check::kSizes), "(nothing was thrown)");
}

TEST_F(DamagedCorpus, SaysThatTheManifestIsNoJson) {
  folder_.write("c/manifest.json", "{ not json");
  EXPECT_SAYS(load_error(), "cannot be read as a corpus manifest");
  folder_.write("c/manifest.json", "[1, 2]");
  EXPECT_SAYS(load_error(), "is not a corpus manifest");
}

TEST_F(DamagedCorpus, SaysThatTheVersionIsUnknown) {
  replace_in_manifest("\"version\": 1\n", "\"version\": 9\n");
  EXPECT_SAYS(load_error(), "version 9, this program reads version 1");
}

TEST_F(DamagedCorpus, RefusesUnknownAndIllTypedFields) {
  replace_in_manifest("\"kind\": \"from\"", "\"kind\": \"from\", \"extra\": 1");
  EXPECT_SAYS(load_error(), "contradict");
  replace_in_manifest("\"kind\": \"from\"", "\"kind\": 7");
  EXPECT_SAYS(load_error(), "cannot be read");
}

}  // namespace
}  // namespace ballast::corpus
