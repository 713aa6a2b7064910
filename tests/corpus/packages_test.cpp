// Fetching packages: a real .deb and a real dpkg-deb, with shell scripts in place of apt, so that
// no network is needed.
#include "corpus/packages.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "common/hash.h"
#include "corpus/process.h"
#include "temporary_folder.h"

namespace ballast::corpus {
namespace {

namespace fs = std::filesystem;

class Packages : public testing::Test {
 protected:
  void SetUp() override {
    if (std::system("command -v dpkg-deb >/dev/null") != 0) GTEST_SKIP() << "needs dpkg-deb";
    folder_.write("tree/DEBIAN/control",
                  "Package: prose\nVersion: 1:2-3\nArchitecture: all\nMaintainer: x <x@y>\n"
                  "Description: words\n");
    folder_.write("tree/usr/share/prose/text", "words\n");
    ASSERT_EQ(run_program({"dpkg-deb", "--build", "tree", "prose_1%3a2-3_all.deb"}, folder_.path())
                  .status,
              0);
    sha256_ = sha256_file(folder_.path() / "prose_1%3a2-3_all.deb");
    path_before_ = std::getenv("PATH");
    setenv("PATH", ((folder_.path() / "bin").string() + ":" + path_before_).c_str(), 1);
    apt_knows(sha256_);
    apt_get("cp " + (folder_.path() / "prose_1%3a2-3_all.deb").string() + " .");
  }
  void TearDown() override {
    if (!path_before_.empty()) setenv("PATH", path_before_.c_str(), 1);
  }

  void script(const std::string& name, const std::string& body) {
    fs::permissions(folder_.write("bin/" + name, "#!/bin/sh\n" + body + "\n"),
                    fs::perms::owner_all);
  }
  void apt_knows(const std::string& sha256) {
    script("apt-cache",
           "printf 'Package: prose\\nVersion: 1:2-3\\nSize: 900\\nSHA256: " + sha256 + "\\n\\n'");
  }
  // What `apt-get download` does; `update` does nothing.
  void apt_get(const std::string& download) {
    script("apt-get", "case \"$*\" in *update) exit 0;; esac\n" + download);
  }
  FetchedPackage fetch(const std::string& pinned = "") {
    return PackageCache(folder_.path() / "cache", [&](const std::string& s) { said_ += s + "\n"; })
        .fetch({{"prose"}, "1:2-3", pinned.empty() ? sha256_ : pinned});
  }
  TemporaryFolder folder_;
  std::string sha256_, path_before_, said_;
};

TEST_F(Packages, AreFetchedOnceThenTakenFromTheCache) {
  const FetchedPackage first = fetch();
  EXPECT_EQ(first.source, (Source{"prose", "1:2-3", sha256_}));
  EXPECT_EQ(first.downloaded, 900);
  script("apt-get", "exit 1");
  script("apt-cache", "exit 1");
  const FetchedPackage second = fetch();
  EXPECT_EQ(second.source, first.source);
  EXPECT_EQ(second.downloaded, 0);
  unpack(second.file, folder_.path() / "out");
  EXPECT_EQ(contents(folder_.path() / "out/usr/share/prose/text"), "words\n");
}

TEST_F(Packages, OfAnotherVersionAreTakenAndNoted) {
  const FetchedPackage fetched = fetch(std::string(64, 'a'));
  EXPECT_EQ(fetched.source.sha256, sha256_);
  EXPECT_NE(said_.find("note: prose is version 1:2-3"), std::string::npos) << said_;
}

TEST_F(Packages, OfAKilledDownloadAreClearedAway) {
  folder_.write("cache/partial.99999999/half.deb", "half");
  fetch();
  EXPECT_FALSE(fs::exists(folder_.path() / "cache/partial.99999999"));
}

TEST_F(Packages, WithAWrongHashAreThrownAway) {
  apt_knows(std::string(64, 'b'));
  const std::string text = error_of([&] { fetch(std::string(64, 'b')); });
  EXPECT_NE(text.find("did not arrive whole"), std::string::npos) << text;
  EXPECT_TRUE(fs::is_empty(folder_.path() / "cache"));
}

TEST_F(Packages, ThatCannotBeHadSayWhy) {
  apt_get("echo 'W: chatter' >&2; echo 'E: Failed to fetch it  Could not resolve' >&2; exit 100");
  const std::string text = error_of([&] { fetch(); });
  EXPECT_NE(text.find("cannot get the package prose (Failed to fetch it"), std::string::npos)
      << text;
  script("apt-cache", "exit 100");
  EXPECT_NE(error_of([&] { fetch(); }).find("cannot get the package prose"), std::string::npos);
}

TEST_F(Packages, NeedApt) {
  setenv("PATH", "/nonexistent", 1);
  const std::string text = error_of([&] { fetch(); });
  EXPECT_NE(text.find("cannot start apt-cache"), std::string::npos) << text;
}

TEST_F(Packages, ThatAreDamagedDoNotUnpack) {
  folder_.write("bad.deb", "no archive");
  const std::string text =
      error_of([&] { unpack(folder_.path() / "bad.deb", folder_.path() / "o"); });
  EXPECT_NE(text.find("cannot unpack"), std::string::npos) << text;
}

TEST(RunProgram, GivesBackOutputErrorsAndStatus) {
  const Finished finished = run_program({"sh", "-c", "pwd; echo bad >&2; exit 3"}, "/");
  EXPECT_EQ(finished.output, "/\n");
  EXPECT_EQ(finished.errors, "bad\n");
  EXPECT_EQ(finished.status, 3);
  EXPECT_EQ(finished.reason(), "bad");
  EXPECT_EQ(run_program({"sh", "-c", "kill -9 $$"}, "/").status, 137);
}

TEST(RunProgram, DoesNotBlockOnMuchOutput) {
  const Finished finished =
      run_program({"sh", "-c", "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2"}, "/");
  EXPECT_EQ(finished.output.size(), 300'000u);
  EXPECT_EQ(finished.errors.size(), 300'000u);
}

}  // namespace
}  // namespace ballast::corpus
