#include "evaluator/bubblewrap.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <filesystem>
#include <mutex>

#include "common/error.h"
#include "common/frame.h"
#include "common/lockdown.h"
#include "evaluator/replies.h"
#include "evaluator/session.h"
#include "evaluator/view.h"

namespace ballast::evaluator {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostJobs = 2000;                // of one warm process, against slow leaks
constexpr size_t kMostTalk = 2 * kMostReplyBytes;  // bytes of output besides weights
constexpr int64_t kOvershoot = int64_t{1}
                               << 30;  // bytes above the memory limit that may be asked for

template <class Result>
Result failed(const Reply& why, int64_t attempt) {
  Result result;
  result.attempt = attempt;
  result.outcome = why.outcome;
  result.message = why.message;
  return result;
}

std::string nonsense(const Error& e) {
  return std::string("the trainer spoke nonsense: ") + e.what();
}

// A domain's name becomes part of a path.
void check_domain(const std::string& name) {
  const bool fine = std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
  if (name.empty() || name.starts_with('.') || !fine)
    throw Error("\"" + name + "\" is no name of a domain or split (letters, digits, - _ .)");
}

std::vector<Shown> files_of(const DataView& data) {
  std::vector<Shown> files;
  check_domain(data.split);
  for (const std::string& domain : data.domains) {
    check_domain(domain);
    const std::string name = domain + '.' + data.split + ".bin";
    const fs::path outside = fs::absolute(fs::path(data.folder) / name);
    if (!fs::is_regular_file(outside))
      throw Error("the data file " + outside.string() +
                  " does not exist; ballast data build makes it");
    files.push_back({outside.string(), std::string(kSandboxData) + '/' + name});
  }
  return files;
}

constexpr const char* kEncoderFiles[] = {"config.json", "model.safetensors", "vocab.txt"};

std::vector<Shown> encoder_files(const std::string& folder) {
  std::vector<Shown> files;
  for (const std::string name : kEncoderFiles) {
    const fs::path outside = fs::absolute(fs::path(folder) / name);
    if (!fs::is_regular_file(outside))
      throw Error("the encoder's file " + outside.string() +
                  " does not exist; scripts/local-embedding.sh downloads all-MiniLM-L6-v2");
    files.push_back({outside.string(), std::string(kSandboxData) + '/' + name});
  }
  return files;
}

// A process that answers one job after the other, and is replaced whenever it dies.
struct Warm {
  std::mutex mutex;
  // Guarded by mutex:
  std::unique_ptr<Session> session;
  std::vector<Shown> files;  // that it sees
  int64_t jobs = 0;          // it has had
  int64_t attempt = 0;       // of the last job of all its predecessors and itself
};

class Bubblewrap final : public Sandbox {
 public:
  Bubblewrap(const SandboxConfig& config, HostReport host) : host_(std::move(host)) {
    view_.program = fs::canonical(config.trainer).string();
    wrapped_ = host_.namespaces ? Wrapped::kBubblewrap : Wrapped::kNo;
    own_pid_namespace_ = host_.own_pid_namespace && config.own_pid_namespace;
    if (wrapped_ == Wrapped::kBubblewrap) view_.libraries = libraries_of(view_.program);
  }

  TrainResult train(const TrainJob& job, const JobLimits& limits, const OnProgress& on_progress,
                    std::stop_token stop) override;
  ScoreResult score(const ScoreJob& job, const JobLimits& limits, std::stop_token stop) override;
  ProbeResult probe(const ProbeJob& job, const JobLimits& limits) override;
  EmbedResult embed(const EmbedJob& job, const JobLimits& limits) override;
  std::string level() const override { return host_.level; }

 private:
  std::unique_ptr<Session> start(const std::vector<Shown>& files, const JobLimits& limits);
  // Where the job finds its data.
  DataView inside(const DataView& data) const;
  template <class Result, class Job, class Talk>
  Result in_session(const Job& job, const JobLimits& limits, Talk talk);
  static std::optional<TrainResult> read_training(Session& session, const TrainJob& job,
                                                  const OnProgress& on_progress);
  template <class Result, class Job, class Read>
  Result ask_warm(Warm& warm, const std::vector<Shown>& files, const Job& job,
                  const JobLimits& limits, Read read);
  template <class Result, class Job, class Read>
  Result ask_once(Warm& warm, const std::vector<Shown>& files, const Job& job,
                  const JobLimits& limits, Read read);

  const HostReport host_;
  View view_;
  Wrapped wrapped_ = Wrapped::kNo;
  bool own_pid_namespace_ = false;
  SystemClock clock_;
  Spawner spawner_;

  Warm prober_, encoder_;
};

DataView Bubblewrap::inside(const DataView& data) const {
  DataView view = data;
  view.folder =
      wrapped_ == Wrapped::kBubblewrap ? kSandboxData : fs::absolute(data.folder).string();
  return view;
}

// Without namespaces the trainer runs on its own; its lockdown is then told which files it may
// read.
std::unique_ptr<Session> Bubblewrap::start(const std::vector<Shown>& files,
                                           const JobLimits& limits) {
  View view = view_;
  view.files = files;
  if (host_.seccomp) view.arguments.push_back("--lockdown");
  ProcessSpec spec;
  if (wrapped_ == Wrapped::kBubblewrap) {
    spec.arguments = bubblewrap_command(host_.bubblewrap, view);
    spec.reports = 1;
    spec.own_pid_namespace = own_pid_namespace_;
  } else {
    spec.arguments = {view.program};
    spec.arguments.insert(spec.arguments.end(), view.arguments.begin(), view.arguments.end());
    for (const Shown& file : files)
      if (host_.seccomp) spec.arguments.insert(spec.arguments.end(), {"--readable", file.outside});
  }
  spec.environment = job_environment();
  // The memory that counts is judged by looking at the tree now and then; RLIMIT_DATA bounds what
  // can be had between two looks. No limit on address space, of which LibTorch reserves plenty.
  const auto data = static_cast<uint64_t>(limits.memory_bytes + kOvershoot);
  spec.limits = {{RLIMIT_CORE, 0}, {RLIMIT_NOFILE, 256}, {RLIMIT_FSIZE, 0}, {RLIMIT_DATA, data}};
  auto session = std::make_unique<Session>(spawner_.start(spec), wrapped_, clock_);
  session->allow_output(kMostTalk);
  return session;
}

// Starts a trainer and talks to it; `talk` returns nullopt when the session came to another end
// than a reply, and throws Error when the trainer speaks nonsense.
template <class Result, class Job, class Talk>
Result Bubblewrap::in_session(const Job& job, const JobLimits& limits, Talk talk) {
  if (job.device != "cpu")
    throw Error("device = " + job.device +
                ": a sandbox shows its jobs no device yet; set device = cpu");
  const std::vector<Shown> files = files_of(job.data);
  std::unique_ptr<Session> session;
  try {
    session = start(files, limits);
  } catch (const Error& e) {  // no more processes, no more descriptors
    return failed<Result>({0, Outcome::kInfra, e.what()}, job.attempt);
  }
  try {
    if (std::optional<Result> result = talk(*session)) return *std::move(result);
  } catch (const Error& e) {
    session->condemn(Outcome::kCrash, nonsense(e));
  }
  return failed<Result>(session->why(), job.attempt);
}

TrainResult Bubblewrap::train(const TrainJob& job, const JobLimits& limits,
                              const OnProgress& on_progress, std::stop_token stop) {
  if (job.data.split != "train")
    throw Error("a train job asked for the split \"" + job.data.split +
                "\"; it may see only \"train\"");
  return in_session<TrainResult>(job, limits, [&](Session& session) {
    session.watch(limits, /*stall=*/true, stop);
    TrainJob told = job;
    told.data = inside(job.data);
    session.send(encode_frame(to_json(told)));
    session.end_input();
    return read_training(session, job, on_progress);
  });
}

// Reads until the result is there.
std::optional<TrainResult> Bubblewrap::read_training(Session& session, const TrainJob& job,
                                                     const OnProgress& on_progress) {
  int64_t last_step = -1;
  while (const std::optional<std::string> frame = session.receive()) {
    if (reply_kind(*frame) == "progress") {
      const Progress progress = read_progress(*frame, job.attempt);
      if (progress.step > last_step) session.heard();  // repeating oneself is no sign of life
      last_step = std::max(last_step, progress.step);
      if (on_progress) on_progress(progress);
      continue;
    }
    TrainResult result = read_train_result(*frame, job.attempt, most_weight_bytes(job.spec.model));
    const auto bytes = static_cast<size_t>(bytes_of(result.weights.infos));
    session.heard();
    session.allow_output(bytes + bytes / 1024 + kMaxFrame);
    std::optional<std::string> weights = session.receive_raw(bytes);
    if (!weights) return std::nullopt;
    result.weights.bytes = *std::move(weights);
    return result;
  }
  return std::nullopt;
}

ScoreResult Bubblewrap::score(const ScoreJob& job, const JobLimits& limits, std::stop_token stop) {
  assert(static_cast<int64_t>(job.weights.bytes.size()) == bytes_of(job.weights.infos));
  return in_session<ScoreResult>(job, limits, [&](Session& session) -> std::optional<ScoreResult> {
    session.watch(limits, /*stall=*/false, stop);
    ScoreJob told = job;
    told.data = inside(job.data);
    told.weights.bytes.clear();
    session.send(encode_frame(to_json(told)));
    const std::string_view weights = job.weights.bytes;
    for (size_t at = 0; at < weights.size(); at += kMaxFrame)
      session.send(encode_frame(weights.substr(at, kMaxFrame)));
    session.end_input();
    const std::optional<std::string> frame = session.receive();
    if (!frame) return std::nullopt;
    return read_score_result(*frame, job.attempt);
  });
}

ProbeResult Bubblewrap::probe(const ProbeJob& job, const JobLimits& limits) {
  return ask_warm<ProbeResult>(prober_, {}, job, limits, read_probe_result);
}

EmbedResult Bubblewrap::embed(const EmbedJob& job, const JobLimits& limits) {
  EmbedJob told = job;
  const std::vector<Shown> files = encoder_files(job.folder);
  told.folder = wrapped_ == Wrapped::kBubblewrap ? kSandboxData : fs::absolute(job.folder).string();
  return ask_warm<EmbedResult>(encoder_, files, told, limits,
                               [&](std::string_view frame, int64_t attempt) {
                                 return read_embed_result(frame, attempt, job.texts.size());
                               });
}

// A job that found its process killed by somebody else, or unable to start, is not to blame: once
// more.
template <class Result, class Job, class Read>
Result Bubblewrap::ask_warm(Warm& warm, const std::vector<Shown>& files, const Job& job,
                            const JobLimits& limits, Read read) {
  const std::lock_guard lock(warm.mutex);
  Result result = ask_once<Result>(warm, files, job, limits, read);
  if (result.outcome == Outcome::kInfra) result = ask_once<Result>(warm, files, job, limits, read);
  return result;
}

template <class Result, class Job, class Read>
Result Bubblewrap::ask_once(Warm& warm, const std::vector<Shown>& files, const Job& job,
                            const JobLimits& limits, Read read) {
  if (!warm.session || !warm.session->alive() || warm.session->has_more() ||
      warm.jobs >= kMostJobs || warm.files != files) {
    warm.session.reset();
    try {
      warm.session = start(files, limits);
    } catch (const Error& e) {
      return failed<Result>({0, Outcome::kInfra, e.what()}, job.attempt);
    }
    warm.files = files;
    warm.jobs = 0;
  }
  ++warm.jobs;
  Job told = job;
  told.attempt = ++warm.attempt;  // so that no answer can pass for one to another job
  Session& session = *warm.session;
  session.watch(limits, /*stall=*/false, {});
  session.allow_output(kMostTalk);
  session.send(encode_frame(to_json(told)));
  std::optional<Result> result;
  try {
    const std::optional<std::string> frame = session.receive();
    if (frame && answers_before(*frame, told.attempt))
      session.condemn(Outcome::kInfra, "the warm process answered an earlier job twice");
    else if (frame)
      result = read(*frame, told.attempt);
  } catch (const Error& e) {
    session.condemn(Outcome::kCrash, nonsense(e));
  }
  if (!result) result = failed<Result>(session.why(), job.attempt);
  result->attempt = job.attempt;
  return *std::move(result);
}

}  // namespace

std::unique_ptr<Sandbox> make_sandbox(const SandboxConfig& config) {
  if (config.trainer.empty() || ::access(config.trainer.c_str(), X_OK) != 0)
    throw Error("the trainer \"" + config.trainer +
                "\" cannot be run; build the target ballast-trainer");
  HostReport host = inspect_host(config.bubblewrap);
  if ((!host.namespaces || !host.seccomp) && !config.accept_no_sandbox) {
    std::string why;
    for (const std::string& note : host.notes) why += "\n  " + note;
    throw Error(
        "no sandbox on this machine (level " + host.level +
        "; L3 is needed), and candidates are not run without one:" + why +
        "\nMend that, or accept the risk with --accept-no-sandbox; scores are then marked with "
        "the level.");
  }
  return std::make_unique<Bubblewrap>(config, std::move(host));
}

}  // namespace ballast::evaluator
