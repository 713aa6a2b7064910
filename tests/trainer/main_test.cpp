// ballast-trainer as a process: the protocol of common/job.h over real pipes.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "common/error.h"
#include "common/frame.h"
#include "tests/trainer/training.h"

namespace ballast::trainer {
namespace {

using testing::HasSubstr;

class Child {
 public:
  explicit Child(std::vector<std::string> arguments = {}) {
    std::array<int, 2> in{}, out{}, err{};
    if (::pipe2(in.data(), O_CLOEXEC) || ::pipe2(out.data(), O_CLOEXEC) ||
        ::pipe2(err.data(), O_CLOEXEC))
      throw Error("no pipes");
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(in[0], STDIN_FILENO);
      ::dup2(out[1], STDOUT_FILENO);
      ::dup2(err[1], STDERR_FILENO);
      std::vector<char*> argv;
      std::string program = BALLAST_TRAINER_PROGRAM;
      argv.push_back(program.data());
      for (std::string& a : arguments) argv.push_back(a.data());
      argv.push_back(nullptr);
      ::execv(program.c_str(), argv.data());
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    ::close(err[1]);
    in_ = in[1];
    out_ = out[0];
    err_ = err[0];
  }
  ~Child() {
    close_input();
    if (out_ >= 0) ::close(out_);
    ::close(err_);
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  int in() const { return in_; }
  int out() const { return out_; }
  void close_input() {
    if (in_ >= 0) ::close(in_);
    in_ = -1;
  }
  void close_output() {
    ::close(out_);
    out_ = -1;
  }
  std::string errors() { return read_all(err_); }
  std::string output() { return read_all(out_); }
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  static std::string read_all(int fd) {
    std::string text;
    std::array<char, 4096> buffer;
    for (ssize_t n = 0; (n = ::read(fd, buffer.data(), buffer.size())) > 0;)
      text.append(buffer.data(), static_cast<size_t>(n));
    return text;
  }
  pid_t pid_ = -1;
  int in_ = -1, out_ = -1, err_ = -1;
};

// The reply of a train job with its weights; counts the progress frames before it.
TrainResult train_in(Child& child, const TrainJob& job, int* progress = nullptr) {
  write_frame(child.in(), to_json(job));
  while (true) {
    const std::optional<std::string> frame = read_frame(child.out());
    if (!frame) throw Error("no reply");
    if (kind_of(*frame) == "progress") {
      EXPECT_EQ(parse_progress(*frame).attempt, job.attempt);
      if (progress) ++*progress;
      continue;
    }
    TrainResult r = parse_train_result(*frame);
    r.weights.bytes = read_raw(child.out(), static_cast<size_t>(bytes_of(r.weights.infos)));
    return r;
  }
}

TEST(TrainerProcess, ServesJobsUntilTheEndOfInput) {
  const Folder folder;
  const TrainJob job = train_job(write_corpus(folder), "global_lbl", 0.1, 20);
  Child child, other;
  int progress = 0;
  const TrainResult trained = train_in(child, job, &progress);
  ASSERT_EQ(trained.outcome, Outcome::kOk) << trained.message;
  EXPECT_GE(progress, 1);

  // Another process gives the same bits.
  TrainResult again = train_in(other, job);
  EXPECT_EQ(again.weights.bytes, trained.weights.bytes);
  again.metrics.scalars["tokens_per_second"] = trained.metrics.scalars.at("tokens_per_second");
  EXPECT_EQ(again.metrics, trained.metrics);

  const ScoreJob score = score_job(job, trained);
  write_frame(child.in(), to_json(score));
  write_raw(child.in(), score.weights.bytes);
  const ScoreResult scored = parse_score_result(*read_frame(child.out()));
  EXPECT_EQ(scored.outcome, Outcome::kOk) << scored.message;
  EXPECT_EQ(scored.attempt, score.attempt);
  EXPECT_GT(scored.metrics.scalars.at("cross_entropy"), 0);

  ProbeJob probe;
  probe.attempt = 9;
  probe.source = "def balance_loss(r): return (r.load_global * r.probs.mean(0)).sum()";
  write_frame(child.in(), to_json(probe));
  const ProbeResult probed = parse_probe_result(*read_frame(child.out()));
  EXPECT_EQ(probed.outcome, Outcome::kOk) << probed.message;
  EXPECT_TRUE(probed.has_loss);

  child.close_input();
  EXPECT_EQ(child.wait(), 0);
  EXPECT_EQ(child.errors(), "");
}

TEST(TrainerProcess, AnswersForJobsThatFailAndGoesOn) {
  const Folder folder;
  TrainJob bad = train_job(write_corpus(folder), "", 1, 2);
  bad.balancer.source = "def balance_loss(r): return r.nothing";
  Child child;
  EXPECT_EQ(train_in(child, bad).outcome, Outcome::kStaticReject);
  TrainJob missing = train_job({folder.path().string(), "train", {"nowhere"}}, "none", 0, 2);
  const TrainResult r = train_in(child, missing);
  EXPECT_EQ(r.outcome, Outcome::kInfra);
  EXPECT_THAT(r.message, HasSubstr("nowhere.train.bin"));
  EXPECT_EQ(train_in(child, train_job(write_corpus(folder), "none", 0, 2)).outcome, Outcome::kOk);
}

TEST(TrainerProcess, EndsWithAMessageOnTornFramesAndNonsense) {
  const std::string job = encode_frame(R"({"v":1,"kind":"train","attempt":1})");
  const auto fed = [](std::string_view bytes) {
    Child child;
    EXPECT_EQ(::write(child.in(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    child.close_input();
    EXPECT_EQ(child.wait(), 1);
    return child.errors();
  };
  EXPECT_THAT(fed(job.substr(0, 9)), HasSubstr("ended inside a frame"));
  EXPECT_THAT(fed(job.substr(0, 2)), HasSubstr("ended inside a frame"));
  EXPECT_THAT(fed(job), HasSubstr("\"spec\" is missing"));
  EXPECT_THAT(fed(encode_frame("hello")), HasSubstr("not JSON"));
  EXPECT_THAT(fed(encode_frame(R"({"kind":"dance"})")), HasSubstr("dance"));
  EXPECT_THAT(fed("\xff\xff\xff\xff"), HasSubstr("exceeds the limit"));
}

TEST(TrainerProcess, EndsWithAMessageWhenItsReaderHasGone) {
  const Folder folder;
  Child child;
  child.close_output();
  write_frame(child.in(), to_json(train_job(write_corpus(folder), "none", 0, 2)));
  EXPECT_EQ(child.wait(), 1);
  EXPECT_THAT(child.errors(), HasSubstr(std::strerror(EPIPE)));
}

TEST(TrainerProcess, ExplainsItself) {
  Child version({"--version"}), help({"--help"}), wrong({"--fast"});
  EXPECT_EQ(version.wait(), 0);
  EXPECT_THAT(version.output(), HasSubstr("ballast-trainer "));
  EXPECT_EQ(help.wait(), 0);
  EXPECT_THAT(help.output(), HasSubstr("--lockdown"));
  EXPECT_EQ(wrong.wait(), 2);
  EXPECT_THAT(wrong.errors(), HasSubstr("usage"));
}

// After the lockdown only /data can be read: the job gets an answer, and the process lives on.
TEST(TrainerProcess, LockedDownReadsNothingOutsideTheSandboxsData) {
  const Folder folder;
  Child child({"--lockdown"});
  const TrainResult r = train_in(child, train_job(write_corpus(folder), "none", 0, 2));
  EXPECT_EQ(r.outcome, Outcome::kInfra);
  EXPECT_THAT(r.message, HasSubstr("Permission denied"));
  ProbeJob probe;
  probe.source = "def balance_loss(r): return (r.load_global * r.probs.mean(0)).sum()";
  write_frame(child.in(), to_json(probe));
  EXPECT_EQ(parse_probe_result(*read_frame(child.out())).outcome, Outcome::kOk);
  child.close_input();
  EXPECT_EQ(child.wait(), 0);
}

}  // namespace
}  // namespace ballast::trainer
