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

#include "tests/fakes/temporary_folder.h"

namespace ballast::orchestrator {

// One that runs: its process and where its output goes.
struct Child {
  pid_t pid = 0;
  std::string out, err;  // names below folder()
};

struct Ran {
  int code = 0;  // exit code; 128 + signal when it died by one
  std::string out, err;
};

class BallastTest : public testing::Test {
 protected:
  BallastTest() { folder_ = fakes::make_temporary_folder(); }
  ~BallastTest() override { std::filesystem::remove_all(folder_); }

  // Starts `ballast arguments...` with BALLAST_DATA = folder()/data; finish() waits for its end.
  Child start(const std::vector<std::string>& arguments) {
    std::vector<std::string> words{binary_};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    Child child;
    child.out = "stdout." + std::to_string(++started_);
    child.err = "stderr." + std::to_string(started_);
    const std::string data = folder_ / "data";
    child.pid = fork();
    if (child.pid != 0) return child;
    if (chdir(folder_.c_str()) != 0) _exit(99);
    setenv("BALLAST_DATA", data.c_str(), 1);
    dup2(open("/dev/null", O_RDONLY), 0);
    dup2(open(child.out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 1);
    dup2(open(child.err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
    execv(binary_.c_str(), argv.data());
    _exit(98);
  }

  Ran finish(const Child& child) const {
    int status = 0;
    waitpid(child.pid, &status, 0);
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return {code, read(child.out), read(child.err)};
  }

  Ran run(const std::vector<std::string>& arguments) { return finish(start(arguments)); }

  // Makes the synthetic corpus. Why nothing can be trained here; empty: it can.
  std::string training_trouble() {
    const Ran built = run({"data", "build", "--synthetic"});
    EXPECT_EQ(built.code, 0) << built.err;
    const nlohmann::json doctor =
        nlohmann::json::parse(run({"doctor", "data=synthetic", "--json"}).out);
    for (const auto& finding : doctor["findings"])
      if (finding["subject"] == "sandbox" && finding["health"] == "broken")
        return finding["detail"];
    return "";
  }

  // Runs and parses what it printed; the exit code must be 0.
  nlohmann::json json(std::vector<std::string> arguments) {
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

  std::string binary_ = BALLAST_BINARY;  // what start() runs

 private:
  std::filesystem::path folder_;
  int started_ = 0;
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
