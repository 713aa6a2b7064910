// kill -9 in the middle of calls: every request that a server ever saw has its row, and no money is
// forgotten. The server, in the parent, is the ledger outside.
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

#include "common/rng.h"
#include "tests/orchestrator/llm/llm_server.h"

namespace ballast::orchestrator {
namespace {

constexpr int kKills = 15;
constexpr double kCeiling = 3;  // USD; reached some way through

void pause_ms(double ms) {
  const timespec time{static_cast<time_t>(ms / 1000), static_cast<long>(ms * 1e6) % 1'000'000'000};
  nanosleep(&time, nullptr);
}

// Asks for ever, starting where the archive stands.
[[noreturn]] void ask_for_ever(const std::string& url, const std::filesystem::path& path) {
  const fakes::FastClock clock(200);
  population::Archive archive(path, clock);
  ClientOptions options;
  options.models = {model_at(url)};
  options.ceilings = {.usd = kCeiling};
  Client client(options, archive, clock);
  for (int n = static_cast<int>(archive.calls().size());;) {
    while (client.pending() < 16) client.submit(call_of("prompt " + std::to_string(n++)));
    client.wait(1);
    if (client.exhausted()) pause();  // nothing more to ask: waits to be killed
  }
}

// Forked before there is any thread; told the server's address through the pipe.
class KilledChild {
 public:
  explicit KilledChild(const std::filesystem::path& path) {
    int ends[2];
    if (pipe(ends) != 0) std::abort();
    pid_ = fork();
    if (pid_ == 0) {
      close(ends[1]);
      std::string url;
      char c = 0;
      while (read(ends[0], &c, 1) == 1) url += c;
      try {
        if (!url.empty()) ask_for_ever(url, path);
      } catch (const std::exception& error) {
        fprintf(stderr, "child: %s\n", error.what());
      }
      _exit(1);
    }
    close(ends[0]);
    channel_ = ends[1];
  }
  void start(const std::string& url) {
    EXPECT_EQ(write(channel_, url.data(), url.size()), static_cast<ssize_t>(url.size()));
    close(channel_);
  }
  void kill_now() {
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, WNOHANG), 0) << "it ended by itself";
    kill(pid_, SIGKILL);
    waitpid(pid_, &status, 0);
  }

 private:
  pid_t pid_ = 0;
  int channel_ = -1;
};

TEST_F(ClientTest, KilledAtAnyMomentItForgetsNoRequestAndNoMoney) {
  archive_.reset();  // the child's
  Rng rng(5);
  std::atomic<int> seen{0};
  int killed_at_work = 0;
  int64_t lost = 0;
  for (int i = 0; i < kKills; ++i) {
    SCOPED_TRACE(i);
    KilledChild child(path());
    const int before = seen;
    {
      const HttpServer server([&](const ServedRequest&, Connection& c) {
        ++seen;
        c.pause(0.002);
        c.respond(200, chat("x"));
      });
      child.start(server.url());
      for (int ms = 0; seen == before && ms < 20'000 && i < 3; ++ms) pause_ms(1);
      pause_ms(rng.uniform(0, 60));
      child.kill_now();
    }
    killed_at_work += seen > before;
    population::Archive archive(path(), clock_);
    const auto attempts = archive.attempts();
    EXPECT_LE(seen, static_cast<int>(attempts.size())) << "a request without a row";
    const population::Spending spent = archive.llm_spending();
    EXPECT_LE(seen * kChatUsd, spent.usd + 1e-9);
    EXPECT_LE(spent.usd, kCeiling + 1e-9);
    lost += archive.lose_open_calls();
    EXPECT_EQ(archive.llm_spending().usd, spent.usd) << "what is lost counts as before";
  }
  EXPECT_GE(killed_at_work, 3);
  EXPECT_GT(lost, 0) << "nobody was killed in the middle of a call";
}

}  // namespace
}  // namespace ballast::orchestrator
