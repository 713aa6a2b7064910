#include "evaluator/session.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "common/error.h"
#include "evaluator/replies.h"
#include "evaluator/tree.h"

namespace ballast::evaluator {
namespace {

constexpr double kLookEvery = 0.05;        // seconds between looks at memory and clocks
constexpr size_t kSteadyOutput = 4096;     // bytes of output allowed at each look, beyond the rest
constexpr size_t kPiece = 256 * 1024;      // bytes read at once
constexpr size_t kKeptErrors = 4096;       // bytes of stderr kept
constexpr size_t kMostErrors = 64u << 20;  // bytes of stderr before it is a flood
constexpr size_t kMostStatus = 64 * 1024;  // bytes of bubblewrap's reports
constexpr size_t kMostProcesses = 8;       // bubblewrap's two, the trainer, and room
constexpr double kSilentEnd = 2;           // seconds between closing stdout and exiting
constexpr double kLastBreath = 10;         // seconds for a killed tree to be gone
constexpr size_t kShownErrors = 500;       // bytes of stderr in a message

std::string megabytes(int64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

std::string seconds_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g s", seconds);
  return text;
}

}  // namespace

Session::Session(std::unique_ptr<Process> process, Wrapped wrapped, const Clock& clock)
    : process_(std::move(process)),
      wrapped_(wrapped),
      clock_(clock),
      status_ended_(wrapped == Wrapped::kNo) {
  watch(JobLimits{}, false, {});
}

Session::~Session() { kill_tree(); }

void Session::watch(const JobLimits& limits, bool stall, std::stop_token stop) {
  limits_ = limits;
  stall_ = stall;
  stop_ = std::move(stop);
  started_ = last_heard_ = clock_.monotonic();
  errors_.clear();
}

void Session::send(std::string_view bytes) {
  outgoing_.erase(0, outgoing_at_);
  outgoing_at_ = 0;
  outgoing_.append(bytes);
}

std::optional<std::string> Session::receive() {
  while (true) {
    try {
      if (std::optional<std::string> frame = decoder_.next()) return frame;
    } catch (const Error& e) {
      condemn(Outcome::kCrash, e.what());
    }
    // What it said before it ended counts; how it ended matters only when that is not enough.
    if (!verdict_ && ended_) verdict_ = verdict_of(*ended_);
    if (verdict_) return std::nullopt;
    tick(static_cast<int>(kLookEvery * 1000));
  }
}

std::optional<std::string> Session::receive_raw(size_t bytes) {
  std::string joined;
  while (joined.size() < bytes) {
    const std::optional<std::string> frame = receive();
    if (!frame) return std::nullopt;
    if (frame->empty() || frame->size() > bytes - joined.size()) {
      condemn(Outcome::kCrash, "its tensors do not add up to " + std::to_string(bytes) + " bytes");
      return std::nullopt;
    }
    joined += *frame;
  }
  return joined;
}

bool Session::has_more() {
  if (!verdict_ && !ended_ && !output_ended_) read_output();
  return decoder_.mid_frame();
}

bool Session::alive() {
  if (!verdict_ && !ended_)
    if (const std::optional<Exit> exit = process_->poll_exit()) take_end(*exit);
  return !verdict_ && !ended_;
}

bool Session::has_read() {
  if (!read_something_ && sent_ > 0 && process_->unread() < sent_) {
    read_something_ = true;
    started_ = last_heard_ = clock_.monotonic();  // starting up is not on the job's account
  }
  return read_something_;
}

void Session::condemn(Outcome outcome, const std::string& message) {
  if (verdict_) return;
  verdict_ = Reply{0, outcome, message};
  kill_tree();
}

// One round: bytes in and out, limits, the end.
void Session::tick(int milliseconds) {
  move_bytes(milliseconds);
  if (verdict_) return;
  if (const double now = clock_.monotonic(); now >= next_look_) {
    next_look_ = now + kLookEvery;
    output_left_ += kSteadyOutput;
    check_limits();
    if (verdict_) return;
  }
  // A pipe closes moments before its process can be reaped.
  const std::optional<Exit> exit =
      output_ended_ ? process_->wait_exit(kLookEvery) : process_->poll_exit();
  if (exit) return take_end(*exit);
  if (output_ended_ && clock_.monotonic() - output_ended_at_ > kSilentEnd)
    condemn(Outcome::kCrash, with_errors("it closed its output and went on"));
}

void Session::move_bytes(int milliseconds) {
  const bool sending = outgoing_at_ < outgoing_.size();
  // An ended pipe would be ready for ever.
  std::array fds{pollfd{sending ? process_->input() : -1, POLLOUT, 0},
                 pollfd{output_ended_ ? -1 : process_->output(), POLLIN, 0},
                 pollfd{errors_ended_ ? -1 : process_->errors(), POLLIN, 0},
                 pollfd{status_ended_ ? -1 : process_->report(0), POLLIN, 0}};
  if (::poll(fds.data(), fds.size(), output_ended_ ? 0 : milliseconds) < 0) return;
  if (fds[0].revents != 0) write_input();
  if (fds[1].revents != 0) read_output();
  if (fds[2].revents != 0) read_errors();
  if (fds[3].revents != 0) read_status();
  if (ending_input_ && outgoing_at_ == outgoing_.size() && process_->input() >= 0 && has_read())
    process_->close_input();
}

void Session::write_input() {
  const std::string_view rest = std::string_view(outgoing_).substr(outgoing_at_);
  const std::optional<size_t> n = process_->write_some(rest.substr(0, kPiece));
  // A trainer that reads no more will end or has ended; that is where the reason comes from.
  outgoing_at_ = n ? outgoing_at_ + *n : outgoing_.size();
  sent_ += n.value_or(0);
}

void Session::read_output() {
  std::string piece(kPiece, '\0');
  const ssize_t n = ::read(process_->output(), piece.data(), piece.size());
  if (n < 0) return;
  if (n == 0) {
    output_ended_ = true;
    output_ended_at_ = clock_.monotonic();
    return;
  }
  const auto bytes = static_cast<size_t>(n);
  if (bytes > output_left_) return condemn(Outcome::kCrash, "it flooded its output");
  output_left_ -= bytes;
  decoder_.feed(std::string_view(piece).substr(0, bytes));
}

void Session::read_errors() {
  char piece[4096];
  const ssize_t n = ::read(process_->errors(), piece, sizeof piece);
  if (n < 0) return;
  if (n == 0) {
    errors_ended_ = true;
    return;
  }
  errors_seen_ += static_cast<size_t>(n);
  errors_.append(piece, static_cast<size_t>(n));
  if (errors_.size() > kKeptErrors) errors_.erase(0, errors_.size() - kKeptErrors);
  if (errors_seen_ > kMostErrors) condemn(Outcome::kCrash, "it flooded its error output");
}

void Session::read_status() {
  char piece[1024];
  const ssize_t n = ::read(process_->report(0), piece, sizeof piece);
  if (n > 0) status_.append(piece, static_cast<size_t>(n));
  if (n == 0 || status_.size() > kMostStatus) status_ended_ = true;
}

void Session::look_at_tree() {
  const TreeUse use = use_of_tree(process_->pid());
  peak_bytes_ = std::max(peak_bytes_, use.resident_bytes);
  if (use.resident_bytes > limits_.memory_bytes)
    condemn(Outcome::kOom, "it used " + megabytes(use.resident_bytes) +
                               " of memory; the limit is " + megabytes(limits_.memory_bytes));
  else if (use.pids.size() > kMostProcesses)
    condemn(Outcome::kSandboxViolation, "it started processes");
}

void Session::check_limits() {
  look_at_tree();
  const double now = clock_.monotonic();
  if (stop_.stop_requested()) return condemn(Outcome::kCancelled, "stopped");
  if (!has_read()) {
    if (sent_ > 0 && now - started_ > limits_.start_seconds)
      condemn(Outcome::kInfra, with_errors("the trainer did not start within " +
                                           seconds_text(limits_.start_seconds)));
    return;
  }
  // `now` may lie before the start that has_read() has just noticed; these are then negative.
  if (now - started_ > limits_.seconds)
    return condemn(Outcome::kTimeout, "it ran longer than " + seconds_text(limits_.seconds));
  if (stall_ && now - last_heard_ > limits_.stall_seconds)
    condemn(Outcome::kTimeout, "it made no step for " + seconds_text(limits_.stall_seconds));
}

// Notes that it ended, and reads what is left in the pipes.
void Session::take_end(const Exit& exit) {
  ended_ = exit;
  peak_bytes_ = std::max(peak_bytes_, exit.peak_bytes);
  for (size_t before = SIZE_MAX; before != output_left_ && !output_ended_ && !verdict_;) {
    before = output_left_;
    read_output();
  }
  for (size_t before = SIZE_MAX; before != errors_seen_ && !errors_ended_ && !verdict_;) {
    before = errors_seen_;
    read_errors();
  }
  if (!status_ended_) read_status();
}

Reply Session::verdict_of(const Exit& exit) {
  const bool ran = wrapped_ == Wrapped::kNo || status_.find("\"exit-code\"") != std::string::npos;
  if (!ran && !exit.signalled)
    return {0, Outcome::kInfra, with_errors("bubblewrap could not set up the sandbox")};
  if (!has_read())
    return {0, Outcome::kInfra, with_errors("the trainer did not start (" + describe(exit) + ')')};
  switch (exit.code - 128) {
    case SIGSYS:
      return {0, Outcome::kSandboxViolation, "it made a forbidden system call"};
    case SIGKILL:
      // Not by us. The kernel's out-of-memory killer, or somebody; a job near its limit is the
      // reason itself, any other is a victim.
      if (peak_bytes_ > limits_.memory_bytes / 10 * 9)
        return {0, Outcome::kOom, "killed at " + megabytes(peak_bytes_) + " of memory"};
      return {0, Outcome::kInfra,
              "killed from outside (SIGKILL), at " + megabytes(peak_bytes_) + " of memory"};
    case SIGABRT:
      if (errors_.find("std::bad_alloc") != std::string::npos)
        return {0, Outcome::kOom, with_errors("it could not get more memory")};
      break;
    default:
      break;
  }
  if (decoder_.mid_frame())
    return {0, Outcome::kCrash, with_errors("it ended inside a frame (" + describe(exit) + ')')};
  return {0, Outcome::kCrash, with_errors("it ended without a reply (" + describe(exit) + ')')};
}

void Session::kill_tree() {
  if (process_->poll_exit()) return;
  const TreeUse use = use_of_tree(process_->pid());
  peak_bytes_ = std::max(peak_bytes_, use.resident_bytes);
  // In a PID namespace of its own the root takes all others with it. Without one, whatever is below
  // goes first, innermost first, or it would be orphaned.
  if (!process_->own_pid_namespace())
    for (auto pid = use.pids.rbegin(); pid + 1 != use.pids.rend(); ++pid) ::kill(*pid, SIGKILL);
  process_->kill_group();
  if (!process_->wait_exit(kLastBreath) && verdict_)
    verdict_->message += "; process " + std::to_string(process_->pid()) +
                         " does not die of SIGKILL: it hangs in the kernel";
}

std::string Session::with_errors(std::string message) const {
  const size_t from = errors_.size() > kShownErrors ? errors_.size() - kShownErrors : 0;
  const std::string tail = one_line(std::string_view(errors_).substr(from), kShownErrors);
  return tail.empty() ? message : message + ": " + tail;
}

}  // namespace ballast::evaluator
