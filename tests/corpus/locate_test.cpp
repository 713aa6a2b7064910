// What the config key `data` resolves to.
#include "corpus/locate.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "common/error.h"
#include "temporary_folder.h"

namespace ballast::corpus {
namespace {

namespace fs = std::filesystem;

class Locate : public testing::Test {
 protected:
  Locate() { setenv("BALLAST_DATA", folder_.path().c_str(), 1); }
  ~Locate() override { unsetenv("BALLAST_DATA"); }
  TemporaryFolder folder_;
};

TEST_F(Locate, FindsANameInTheDataFolder) {
  folder_.write("mine/manifest.json", "{}");
  EXPECT_EQ(locate("mine"), folder_.path() / "mine");
}

TEST_F(Locate, TakesAPathAsItIs) {
  folder_.write("deep/er/manifest.json", "{}");
  const std::string path = (folder_.path() / "deep/er").string();
  EXPECT_EQ(locate(path), fs::path(path));
}

TEST_F(Locate, NamesTheCommandThatMakesWhatIsMissing) {
  const std::string text = error_of([] { locate("default"); });
  EXPECT_NE(text.find("`ballast data build`"), std::string::npos) << text;
  EXPECT_NE(text.find("data=synthetic"), std::string::npos) << text;
  EXPECT_NE(error_of([] { locate("other"); }).find("--from"), std::string::npos);
}

TEST_F(Locate, NeverFallsBackToAnotherCorpus) {
  folder_.write("synthetic/manifest.json", "{}");
  EXPECT_THROW(locate("default"), Error);
  EXPECT_EQ(locate("synthetic"), folder_.path() / "synthetic");
}

TEST_F(Locate, RefusesNamesThatLeaveTheFolder) {
  folder_.write("manifest.json", "{}");
  for (const char* name : {"", ".", ".."}) EXPECT_THROW(locate(name), Error) << name;
}

TEST(DataFolder, IsBesideTheBuildFolder) {
  EXPECT_EQ(data_folder_of("/src/ballast/build/release/ballast"), "/src/ballast/.deps/data");
}

TEST(DataFolder, OfAnotherProgramIsTheNearestAbove) {
  TemporaryFolder folder;
  fs::create_directories(folder.path() / ".deps/data");
  EXPECT_EQ(data_folder_of(folder.path() / "a/b/ballast"), folder.path() / ".deps/data");
}

}  // namespace
}  // namespace ballast::corpus
