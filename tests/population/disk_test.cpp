// A disk that refuses: full, or a limit on the size of files.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include <csignal>

#include "population/open.h"
#include "tests/population/child.h"
#include "tests/population/fixture.h"

namespace ballast::population {
namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Adds events until the archive throws; counts those that were acknowledged, leaves its message.
int64_t write_until_error(Archive& archive, std::string& error) {
  const std::string text(1000, 'x');
  for (int64_t written = 0; written < 100'000; ++written) {
    try {
      archive.add_event("filler", text);
    } catch (const Error& e) {
      error = e.what();
      return written;
    }
  }
  return -1;
}

int64_t events(const std::filesystem::path& path) {
  const auto db = open_for_reading(path);
  return db->text("PRAGMA integrity_check") == "ok" ? db->integer("SELECT count(*) FROM event")
                                                    : -1;
}

// A tmpfs of `bytes` over `folder`, seen by this process only. False where that is not allowed.
bool mount_small(const std::filesystem::path& folder, const std::string& bytes) {
  const auto uid = getuid();
  if (unshare(CLONE_NEWNS) != 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
    write_bytes("/proc/self/setgroups", "deny");
    write_bytes("/proc/self/uid_map", "0 " + std::to_string(uid) + " 1");
  }
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  return mount("tmpfs", folder.c_str(), "tmpfs", 0, ("size=" + bytes).c_str()) == 0;
}

std::string fill_a_small_disk(const Folder& folder) {
  if (!mount_small(folder.path(), "2m")) return "skip";
  write_bytes(folder / "ballast", std::string(500'000, 'b'));
  const std::filesystem::path path = folder / "a.db";
  const FixedClock clock;
  int64_t stored = 0;
  {
    Archive archive(path, clock);
    std::string error;
    stored = write_until_error(archive, error);
    if (stored < 100) return "failed early: " + error;
    if (!has(error, "the disk is full")) return "unclear message: " + error;
    if (events(path) != stored) return "an acknowledged event is missing while the disk is full";
    // A second try fails alike, and so does an explicit checkpoint or it succeeds: never a crash.
    (void)write_until_error(archive, error);
    std::filesystem::remove(folder / "ballast");
    archive.add_event("after", "there is space again");
    archive.checkpoint();
  }
  if (events(path) < stored + 1) return "events are missing after the disk had space again";
  Archive again(path, clock);
  again.add_event("again", "");
  return "";
}

TEST(Disk, FullStopsTheWriteAndLosesNothing) {
  const Folder folder;
  const std::string result = in_child([&] { return fill_a_small_disk(folder); });
  if (result == "skip") GTEST_SKIP() << "this machine allows no mount in a namespace";
  EXPECT_EQ(result, "");
}

TEST(Disk, FullWhenTheArchiveIsMadeLeavesNoArchive) {
  const Folder folder;
  const std::string result = in_child([&]() -> std::string {
    if (!mount_small(folder.path(), "40k")) return "skip";
    const FixedClock clock;
    const std::filesystem::path path = folder / "a.db";
    const std::string error = error_of([&] { const Archive archive(path, clock); });
    if (!has(error, "full")) return "unclear message: " + error;
    return std::filesystem::exists(path) ? "half an archive is left" : "";
  });
  if (result == "skip") GTEST_SKIP() << "this machine allows no mount in a namespace";
  EXPECT_EQ(result, "");
}

TEST(Disk, ALimitOnFileSizesStopsTheWriteAndLosesNothing) {
  const Folder folder;
  EXPECT_EQ(in_child([&]() -> std::string {
              signal(SIGXFSZ, SIG_IGN);
              const rlimit limit{1'000'000, 1'000'000};
              if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return "no setrlimit";
              const FixedClock clock;
              Archive archive(folder / "a.db", clock);
              std::string error;
              const int64_t stored = write_until_error(archive, error);
              if (stored < 100) return "failed early: " + error;
              if (!has(error, "disk")) return "unclear message: " + error;
              return events(folder / "a.db") == stored ? "" : "an acknowledged event is missing";
            }),
            "");
}

}  // namespace
}  // namespace ballast::population
