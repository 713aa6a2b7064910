// Runs the real `ballast` as people do, in an empty folder of its own.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace ballast::orchestrator {

struct Ran {
  int code = 0;  // exit code; 128 + signal when it died by one
  std::string out, err;
};

class BallastTest : public testing::Test {
 protected:
  BallastTest() {
    std::string name = (std::filesystem::temp_directory_path() / "ballast-cli-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~BallastTest() override { std::filesystem::remove_all(folder_); }

  // Starts `ballast arguments...` with BALLAST_DATA = folder()/data and returns its process id;
  // finish() waits for it.
  pid_t start(const std::vector<std::string>& arguments) const {
    std::vector<std::string> words{BALLAST_BINARY};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::string out = folder_ / "stdout", err = folder_ / "stderr", data = folder_ / "data";
    const pid_t pid = fork();
    if (pid != 0) return pid;
    if (chdir(folder_.c_str()) != 0) _exit(99);
    setenv("BALLAST_DATA", data.c_str(), 1);
    dup2(open("/dev/null", O_RDONLY), 0);
    dup2(open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
    dup2(open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
    execv(BALLAST_BINARY, argv.data());
    _exit(98);
  }

  Ran finish(pid_t pid) const {
    int status = 0;
    waitpid(pid, &status, 0);
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return {code, read("stdout"), read("stderr")};
  }

  Ran run(const std::vector<std::string>& arguments) const { return finish(start(arguments)); }

  // Runs and parses what it printed; the exit code must be 0.
  nlohmann::json json(std::vector<std::string> arguments) const {
    arguments.emplace_back("--json");
    const Ran ran = run(arguments);
    EXPECT_EQ(ran.code, 0) << ran.err;
    const nlohmann::json j = nlohmann::json::parse(ran.out, nullptr, false);
    EXPECT_FALSE(j.is_discarded()) << ran.out;
    return j;
  }

  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  std::string read(const std::string& name) const {
    std::ifstream in(folder_ / name, std::ios::binary);
    std::stringstream text;
    text << in.rdbuf();
    return text.str();
  }
  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
};

// One line on stderr that contains `part`, nothing on stdout, and that exit code.
inline void expect_complaint(const Ran& ran, int code, const std::string& part) {
  EXPECT_EQ(ran.code, code) << ran.err;
  EXPECT_EQ(ran.out, "");
  EXPECT_NE(ran.err.find(part), std::string::npos) << ran.err;
  EXPECT_EQ(ran.err.substr(0, 9), "ballast: ");
  EXPECT_EQ(ran.err.find('\n'), ran.err.size() - 1) << "more than one line: " << ran.err;
}

}  // namespace ballast::orchestrator
