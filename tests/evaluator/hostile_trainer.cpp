// A trainer that speaks the protocol and does what the job's text tells it to, good or bad. The
// text is the candidate's source in train and probe jobs, the preset's name in score jobs. Built
// without sanitizers, whose shadow memory would trip the limits.
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <sstream>

#include "common/error.h"
#include "common/frame.h"
#include "common/job.h"
#include "common/lockdown.h"

extern char** environ;

namespace ballast {
namespace {

struct Told {
  std::string kind, what, argument;
  int64_t attempt = 0;
  DataView data;
  Tensors weights;
};

void say(const std::string& json) { write_frame(STDOUT_FILENO, json); }

void progress(const Told& t, int64_t step) { say(to_json(Progress{t.attempt, step, 10, 2.5})); }

Tensors some_weights() {
  Tensors w;
  w.infos = {{"w", "float32", {2, 3}}};
  w.bytes.assign(24, 'x');
  return w;
}

// The reply to this kind of job, with `outcome` and `message`.
void reply(const Told& t, Outcome outcome, const std::string& message) {
  auto fill = [&](Reply& r) {
    r.attempt = t.attempt;
    r.outcome = outcome;
    r.message = message;
  };
  if (t.kind == "train") {
    TrainResult r;
    fill(r);
    if (outcome == Outcome::kOk) {
      r.metrics.scalars["tokens"] = 1024;
      r.weights = some_weights();
    }
    say(to_json(r));
    write_raw(STDOUT_FILENO, r.weights.bytes);
  } else if (t.kind == "score") {
    ScoreResult r;
    fill(r);
    r.metrics.scalars["cross_entropy"] = 2.25;
    r.metrics.scalars["weight_bytes"] = static_cast<double>(t.weights.bytes.size());
    say(to_json(r));
  } else {
    ProbeResult r;
    fill(r);
    r.has_loss = true;
    r.fingerprint = {1, 0};
    say(to_json(r));
  }
}

[[noreturn]] void sleep_for_ever() {
  while (true) pause();
}

void allocate(size_t mebibytes) {
  for (size_t i = 0; i < mebibytes; ++i) {
    auto* piece = static_cast<volatile char*>(std::malloc(1 << 20));
    if (piece == nullptr) throw std::bad_alloc();
    for (size_t at = 0; at < 1 << 20; at += 4096) piece[at] = 1;
  }
}

// A daemon in its own session, twice removed.
void leave_grandchild() {
  if (fork() != 0) {
    wait(nullptr);
    return;
  }
  setsid();
  if (fork() != 0) _exit(0);
  signal(SIGTERM, SIG_IGN);
  sleep_for_ever();
}

std::string list_folder(const std::string& path) {
  DIR* folder = opendir(path.c_str());
  if (folder == nullptr) return std::strerror(errno);
  std::string names;
  while (const dirent* e = readdir(folder))
    if (e->d_name[0] != '.') names += std::string(e->d_name) + ' ';
  closedir(folder);
  return names;
}

std::string try_to_write(const std::string& folder) {
  const int fd = open((folder + "/x").c_str(), O_WRONLY | O_CREAT, 0600);
  return fd >= 0 ? "written" : std::strerror(errno);
}

std::string try_to_connect() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(53);
  inet_pton(AF_INET, "8.8.8.8", &address.sin_addr);
  return connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0
             ? "connected"
             : std::strerror(errno);
}

// What it can see; the test reads it from the message.
std::string look(const std::string& what, const std::string& argument) {
  if (what == "environment") {
    std::string all;
    for (char** e = environ; *e != nullptr; ++e) all += std::string(*e) + ' ';
    return all;
  }
  if (what == "list") return list_folder(argument);
  if (what == "descriptors") return list_folder("/proc/self/fd");
  if (what == "write") return try_to_write(argument);
  if (what == "connect") return try_to_connect();
  if (what == "host") {
    char name[100] = "";
    gethostname(name, sizeof name);
    return name;
  }
  if (what == "user") return std::to_string(getuid()) + ' ' + std::to_string(getgid());
  if (what == "mount")
    return mount("none", "/data", "tmpfs", 0, "") == 0 ? "mounted" : std::strerror(errno);
  if (what == "read") {
    const int fd = open(argument.c_str(), O_RDONLY);
    char text[200] = "";
    if (fd < 0) return std::strerror(errno);
    if (read(fd, text, sizeof text - 1) < 0) return std::strerror(errno);
    return std::string("read: ") + text;
  }
  return "unknown look";
}

void write_bytes(std::string_view bytes) {
  (void)!write(STDOUT_FILENO, bytes.data(), bytes.size());
}

// Nonsense in the protocol. False when `what` is none of these.
bool talk_nonsense(const Told& t) {
  const std::string& w = t.what;
  if (w == "garbage") {
    write_bytes(std::string(100, '\xff'));
  } else if (w == "torn") {
    write_bytes(encode_frame(std::string(1000, ' ')).substr(0, 500));
    _exit(0);
  } else if (w == "torn-weights") {
    TrainResult r;
    r.attempt = t.attempt;
    r.outcome = Outcome::kOk;
    r.weights = some_weights();
    say(to_json(r));
    write_bytes(encode_frame(r.weights.bytes).substr(0, 10));
    _exit(0);
  } else if (w == "too-many-weights") {
    TrainResult r;
    r.attempt = t.attempt;
    r.outcome = Outcome::kOk;
    r.weights = some_weights();
    say(to_json(r));
    write_raw(STDOUT_FILENO, r.weights.bytes + "more");
  } else if (w == "huge-weights") {
    TrainResult r;
    r.attempt = t.attempt;
    r.outcome = Outcome::kOk;
    r.weights.infos = {{"w", "float32", {1 << 20, 1 << 12}}};
    say(to_json(r));
  } else if (w == "wrong-attempt") {
    Told other = t;
    ++other.attempt;
    reply(other, Outcome::kOk, "");
  } else if (w == "wrong-kind") {
    Told other = t;
    other.kind = t.kind == "score" ? "probe" : "score";
    reply(other, Outcome::kOk, "");
  } else if (w == "deep") {
    say(R"({"v":1,"kind":"train_result","attempt":)" + std::string(1 << 20, '[') +
        std::string(1 << 20, ']') + "}");
  } else if (w == "claims-timeout") {
    reply(t, Outcome::kTimeout, "");
  } else if (w == "leftover") {
    reply(t, Outcome::kOk, "");
    reply(t, Outcome::kOk, "");
  } else {
    return false;
  }
  return true;
}

bool misbehave(const Told& t) {
  const std::string& w = t.what;
  if (w == "crash") raise(SIGSEGV);
  if (w == "abort") std::abort();
  if (w == "exit") _exit(std::atoi(t.argument.c_str()));
  if (w == "kill-self") kill(getpid(), SIGKILL);
  if (w == "stop-self") kill(getpid(), SIGSTOP);
  if (w == "hang") {
    signal(SIGTERM, SIG_IGN);
    sleep_for_ever();
  }
  if (w == "spin")
    for (volatile uint64_t i = 0;;) i = i + 1;
  if (w == "stall" || w == "stammer") {
    for (int64_t step = 1; step <= 3; ++step) progress(t, step);
    while (w == "stammer") {
      usleep(20'000);
      progress(t, 3);
    }
    sleep_for_ever();
  }
  if (w == "flood")
    while (true) progress(t, 1);
  if (w == "flood-errors")
    while (true) (void)!write(STDERR_FILENO, std::string(4096, 'e').data(), 4096);
  if (w == "close-output") {
    close(STDOUT_FILENO);
    sleep_for_ever();
  }
  if (w == "allocate") {
    allocate(static_cast<size_t>(std::atol(t.argument.c_str())));
    sleep_for_ever();
  }
  if (w == "breed") {
    for (int i = std::atoi(t.argument.c_str()); i > 0; --i)
      if (fork() == 0) sleep_for_ever();
    sleep_for_ever();
  }
  if (w == "orphans") {
    leave_grandchild();
    if (t.argument == "exit") _exit(0);
    return false;  // goes on to an ordinary reply
  }
  if (w == "locked") {
    lock_down();
    if (t.argument == "socket") socket(AF_INET, SOCK_STREAM, 0);
    if (t.argument == "fork") fork();
    if (t.argument == "passwd") reply(t, Outcome::kDiverged, look("read", "/proc/self/status"));
    if (t.argument == "data")
      reply(t, Outcome::kDiverged, look("read", t.data.folder + "/code.train.bin"));
  }
  return false;
}

void run(const Told& t) {
  if (t.kind == "train") progress(t, 0);
  if (talk_nonsense(t) || misbehave(t)) return;
  if (t.what == "look") {
    std::istringstream words(t.argument);
    std::string what, argument;
    words >> what >> argument;
    return reply(t, Outcome::kDiverged, look(what, argument));
  }
  if (t.what == "say") return reply(t, Outcome::kDiverged, t.argument);
  if (t.what == "complain") {
    (void)!write(STDERR_FILENO, "the reason\n", 11);
    _exit(9);
  }
  if (t.kind == "train") progress(t, 10);
  reply(t, Outcome::kOk, "");
}

Told read_job(const std::string& frame) {
  Told t;
  std::string text;
  t.kind = kind_of(frame);
  if (t.kind == "train") {
    const TrainJob job = parse_train_job(frame);
    t.attempt = job.attempt;
    t.data = job.data;
    text = job.balancer.source;
  } else if (t.kind == "score") {
    ScoreJob job = parse_score_job(frame);
    t.attempt = job.attempt;
    t.data = job.data;
    text = job.spec.preset;
    t.weights = job.weights;
    t.weights.bytes = read_raw(STDIN_FILENO, static_cast<size_t>(bytes_of(job.weights.infos)));
  } else {
    const ProbeJob job = parse_probe_job(frame);
    t.attempt = job.attempt;
    text = job.source;
  }
  const size_t space = text.find(' ');
  t.what = text.substr(0, space);
  if (space != std::string::npos) t.argument = text.substr(space + 1);
  return t;
}

}  // namespace
}  // namespace ballast

int main() {
#ifdef NEVER_READS
  while (true) pause();
#endif
#ifdef NEVER_STARTS
  (void)!write(STDERR_FILENO, "no lockdown here\n", 17);
  return 1;
#endif
  // Held by every descendant, too, until the last is dead: tests look whether anybody still has it.
  flock(open("/job", O_RDONLY), LOCK_SH);
  while (const std::optional<std::string> frame = ballast::read_frame(STDIN_FILENO))
    ballast::run(ballast::read_job(*frame));
}
