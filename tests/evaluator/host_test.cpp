#include "evaluator/host.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "common/error.h"
#include "evaluator/bubblewrap.h"

namespace ballast::evaluator {
namespace {

TEST(Host, AgreesWithItself) {
  const HostReport host = inspect_host();
  EXPECT_EQ(host.level == "L3", host.namespaces && host.seccomp);
  EXPECT_EQ(host.version.empty(), !host.namespaces);
  if (!host.namespaces) {
    EXPECT_FALSE(host.notes.empty());
  }
}

TEST(Host, SaysWhatToInstall) {
  const HostReport host = inspect_host("/no/such/bwrap");
  EXPECT_FALSE(host.namespaces);
  EXPECT_NE(host.level, "L3");
  ASSERT_FALSE(host.notes.empty());
  EXPECT_NE(host.notes[0].find("/no/such/bwrap"), std::string::npos);
}

// Stands for bubblewrap on a machine that forbids user namespaces.
class RefusingBubblewrap : public testing::Test {
 protected:
  RefusingBubblewrap() {
    std::ofstream(path_)
        << "#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n";
    std::filesystem::permissions(path_, std::filesystem::perms::owner_all);
  }
  ~RefusingBubblewrap() override { std::filesystem::remove(path_); }
  std::string path_ = std::filesystem::temp_directory_path() / ("bwrap" + std::to_string(getpid()));
};

TEST_F(RefusingBubblewrap, IsQuoted) {
  // A script has no libraries of its own to list, so this is about the message only.
  const HostReport host = inspect_host(path_);
  EXPECT_FALSE(host.namespaces);
  ASSERT_FALSE(host.notes.empty());
  EXPECT_NE(host.notes[0].find("bubblewrap does not work here"), std::string::npos)
      << host.notes[0];
}

TEST_F(RefusingBubblewrap, LeadsToAClearRefusal) {
  SandboxConfig config;
  config.trainer = HOSTILE_TRAINER;
  config.bubblewrap = path_;
  try {
    make_sandbox(config);
    FAIL();
  } catch (const Error& e) {
    const std::string text = e.what();
    EXPECT_NE(text.find("--accept-no-sandbox"), std::string::npos) << text;
    EXPECT_NE(text.find("L3 is needed"), std::string::npos) << text;
  }
}

TEST_F(RefusingBubblewrap, IsAcceptedOnRequestAndMarksTheLevel) {
  SandboxConfig config;
  config.trainer = HOSTILE_TRAINER;
  config.bubblewrap = path_;
  config.accept_no_sandbox = true;
  const std::unique_ptr<Sandbox> sandbox = make_sandbox(config);
  EXPECT_TRUE(sandbox->level() == "L2" || sandbox->level() == "L1" || sandbox->level() == "L0")
      << sandbox->level();
  EXPECT_EQ(sandbox->probe({5, "ok", ""}, {}).outcome, Outcome::kOk);
}

TEST(Sandbox, RefusesAMissingTrainer) {
  SandboxConfig config;
  config.trainer = "/no/such/trainer";
  try {
    make_sandbox(config);
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("/no/such/trainer"), std::string::npos);
  }
}

}  // namespace
}  // namespace ballast::evaluator
