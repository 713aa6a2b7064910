#include "evaluator/view.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "common/error.h"

namespace ballast::evaluator {
namespace {

TEST(View, FindsTheLibrariesOfAProgram) {
  const std::vector<Shown> libraries = libraries_of("/bin/sh");
  auto shown_as = [&](const std::string& inside) {
    return std::ranges::any_of(libraries, [&](const Shown& s) { return s.inside == inside; });
  };
  EXPECT_TRUE(shown_as("/libs/libc.so.6"));
  // the loader keeps its path, which is written into every program
  EXPECT_TRUE(std::ranges::any_of(libraries, [](const Shown& s) {
    return s.inside.find("/ld-") != std::string::npos && !s.inside.starts_with("/libs");
  }));
  EXPECT_FALSE(shown_as("/libs/linux-vdso.so.1"));
}

TEST(View, SaysWhichProgramIsMissing) {
  try {
    libraries_of("/no/such/trainer");
    FAIL();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("/no/such/trainer"), std::string::npos);
  }
}

TEST(View, ShowsWhatIsNeededAndNothingElse) {
  View view;
  view.program = "/build/ballast-trainer";
  view.arguments = {"--lockdown"};
  view.libraries = {{"/usr/lib/libx.so.1.2", "/libs/libx.so.1"}};
  view.files = {{"/corpus/c.train.bin", "/data/c.train.bin"}};
  const std::vector<std::string> command = bubblewrap_command("/usr/bin/bwrap", view);
  std::vector<std::string> sources;  // of all mounts from outside
  for (size_t i = 0; i + 2 < command.size(); ++i)
    if (command[i].find("bind") != std::string::npos) sources.push_back(command[i + 1]);
  EXPECT_EQ(sources, (std::vector<std::string>{"/dev/null", "/dev/urandom",
                                               "/sys/devices/system/cpu", "/usr/lib/libx.so.1.2",
                                               "/build/ballast-trainer", "/corpus/c.train.bin"}));
  EXPECT_EQ(command.front(), "/usr/bin/bwrap");
  EXPECT_EQ(std::vector<std::string>(command.end() - 3, command.end()),
            (std::vector<std::string>{"--", "/job", "--lockdown"}));
  EXPECT_EQ(std::ranges::count(command, std::string("--unshare-all")), 1);
  EXPECT_EQ(std::ranges::count(command, std::string("--share-net")), 0);
}

}  // namespace
}  // namespace ballast::evaluator
