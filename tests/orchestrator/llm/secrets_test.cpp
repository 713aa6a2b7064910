// A canary key goes through everything that can go wrong and is looked for everywhere afterwards.
#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <sstream>

#include "common/error.h"
#include "evaluator/process.h"
#include "tests/orchestrator/llm/llm_server.h"

namespace ballast::orchestrator {
namespace {

const std::string kCanary = "sk-canary-7f3a9c51d2e84b06";

std::string bytes_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

// Standard output and error of this process go to a file while it lives.
class Captured {
 public:
  explicit Captured(const std::filesystem::path& file) {
    fflush(nullptr);
    const int to = open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    for (int fd : {1, 2}) {
      saved_[fd - 1] = dup(fd);
      dup2(to, fd);
    }
    close(to);
  }
  ~Captured() {
    fflush(nullptr);
    for (int fd : {1, 2}) {
      dup2(saved_[fd - 1], fd);
      close(saved_[fd - 1]);
    }
  }

 private:
  int saved_[2];
};

class SecretsTest : public ClientTest {
 protected:
  // Asks a server that echoes the key wherever it can.
  void provoke(Model model) {
    int served = 0;
    std::string seen;
    const HttpServer server([&](const ServedRequest& request, Connection& c) {
      seen = request.headers.at("authorization");
      switch (++served) {
        case 1:
          return c.respond(500, R"({"error":{"message":"bad key )" + seen + R"("}})");
        case 2:
          return c.reset();
        case 3:
          return c.respond(200, R"({"error":{"code":503,"message":")" + seen + R"("}})",
                           {{"x-request-id", seen}});
        case 4:
          return c.respond(200, seen);  // not JSON
        case 5:
          return c.respond(200, chat("your key is " + seen), {{"x-request-id", seen}});
        default:
          return c.respond(401, R"({"error":{"message":"Incorrect key: )" + seen + R"("}})");
      }
    });
    model.base_url = server.url() + "/v1";
    client({model});
    const LlmReply first = reply_to("say it");
    EXPECT_EQ(seen, "Bearer " + kCanary) << "the server did get it";
    EXPECT_EQ(first.outcome, LlmOutcome::kOk) << first.message;
    EXPECT_NE(first.text.find("[key]"), std::string::npos) << first.text;
    const LlmReply second = reply_to("again");
    EXPECT_EQ(second.outcome, LlmOutcome::kAuth);
    for (const LlmReply& reply : {first, second})
      EXPECT_EQ((reply.text + reply.message + reply.request_id).find(kCanary), std::string::npos);
    EXPECT_EQ(client_->models()[0].reason.find(kCanary), std::string::npos);
    archive_->add_event("model", client_->models()[0].reason);
  }
  void expect_nowhere() {
    client_.reset();
    archive_.reset();
    if (HasFailure()) std::cerr << bytes_of(folder_ / "printed");
    int files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      if (entry.path().filename() == "key") continue;
      ++files;
      EXPECT_EQ(bytes_of(entry.path()).find(kCanary), std::string::npos) << entry.path();
    }
    EXPECT_GE(files, 2);  // the archive, and what was printed
  }
};

TEST_F(SecretsTest, AKeyFromTheEnvironmentIsFoundNowhere) {
  setenv("BALLAST_TEST_KEY", kCanary.c_str(), 1);
  Model model = model_at("http://127.0.0.1:1");
  model.key_env = "BALLAST_TEST_KEY";
  {
    const Captured captured(folder_ / "printed");
    provoke(model);
  }
  unsetenv("BALLAST_TEST_KEY");
  expect_nowhere();
}

TEST_F(SecretsTest, AKeyFromAFileIsFoundNowhere) {
  std::ofstream(folder_ / "key") << kCanary << "\n";
  chmod((folder_ / "key").c_str(), 0600);
  Model model = model_at("http://127.0.0.1:1");
  model.key_file = folder_ / "key";
  {
    const Captured captured(folder_ / "printed");
    provoke(model);
  }
  expect_nowhere();
}

// A core file would hold it. One byte is less than any of them has.
TEST_F(SecretsTest, WhoHoldsItWritesNoCoreFile) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_CORE, &before), 0);
  rlimit core = before;
  core.rlim_cur = core.rlim_max;
  ASSERT_EQ(setrlimit(RLIMIT_CORE, &core), 0);
  setenv("BALLAST_TEST_KEY", kCanary.c_str(), 1);
  const auto key = Secret::from_environment("BALLAST_TEST_KEY");
  unsetenv("BALLAST_TEST_KEY");
  ASSERT_EQ(getrlimit(RLIMIT_CORE, &core), 0);
  EXPECT_LE(core.rlim_cur, 1u);
  setrlimit(RLIMIT_CORE, &before);
}

// The processes that run candidates are started with an environment of their own.
TEST_F(SecretsTest, NoProcessOfOursInheritsIt) {
  setenv("BALLAST_TEST_KEY", kCanary.c_str(), 1);
  Model model = model_at("http://127.0.0.1:1");
  model.key_env = "BALLAST_TEST_KEY";
  client({model});
  evaluator::ProcessSpec spec;
  spec.arguments = {"/bin/sleep", "30"};
  spec.environment = {"LANG=C"};
  const evaluator::Process process(spec);
  unsetenv("BALLAST_TEST_KEY");
  const std::string folder = "/proc/" + std::to_string(process.pid()) + "/";
  EXPECT_NE(bytes_of(folder + "environ").find("LANG=C"), std::string::npos) << "it was looked at";
  for (const char* name : {"environ", "cmdline"})
    EXPECT_EQ(bytes_of(folder + name).find(kCanary), std::string::npos) << name;
}

}  // namespace
}  // namespace ballast::orchestrator
