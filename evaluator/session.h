// A running trainer and the conversation with it: frames in and out, and the judgement, from
// outside, of how it ended. Nothing it says is believed beyond what the caller checks.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "common/clock.h"
#include "common/frame.h"
#include "evaluator/sandbox.h"
#include "evaluator/spawner.h"

namespace ballast::evaluator {

// Whether the process started is bubblewrap, which reports and wraps the trainer's end.
enum class Wrapped { kNo, kBubblewrap };

class Session {
 public:
  Session(std::unique_ptr<Process> process, Wrapped wrapped, const Clock& clock);
  ~Session();  // kills the whole tree
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Limits count from here on. `stall` says whether JobLimits::stall_seconds applies; heard() is
  // then due at least so often.
  void watch(const JobLimits& limits, bool stall, std::stop_token stop);
  void heard() { last_heard_ = clock_.monotonic(); }

  // Queues bytes for the trainer's stdin; they leave while receive() runs.
  void send(std::string_view bytes);
  // No more input after what is queued.
  void end_input() { ending_input_ = true; }

  // At most so many more bytes, and 80 KiB per second (heartbeats of a long job), are read from the
  // trainer; more than that is a flood.
  void allow_output(size_t bytes) { output_left_ += bytes; }

  // The next frame; nullopt when the trainer ended or was ended, and why() says how.
  std::optional<std::string> receive();
  // As receive(), until `bytes` bytes of raw frames are there.
  std::optional<std::string> receive_raw(size_t bytes);
  // True when the trainer has said more than was asked for.
  bool has_more();

  // Kills the tree and makes this the verdict, unless there is one already. For nonsense from the
  // trainer.
  void condemn(Outcome outcome, const std::string& message);
  bool alive();  // no verdict, and it has not ended by itself; does not wait
  const Reply& why() const { return *verdict_; }  // REQUIRES: a verdict; attempt is not set

  // Whether the trainer has read anything of what was sent. Until then it is starting (loading
  // libraries, locking itself down), and what goes wrong is not the job's fault.
  bool has_read();

  int64_t peak_bytes() const { return peak_bytes_; }  // resident, whole tree, as seen so far

 private:
  void tick(int milliseconds);
  void move_bytes(int milliseconds);
  void write_input();
  void read_output();
  void read_errors();
  void read_status();
  void look_at_tree();
  void check_limits();
  void take_end(const Exit& exit);
  Reply verdict_of(const Exit& exit);
  void kill_tree();
  std::string with_errors(std::string message) const;

  std::unique_ptr<Process> process_;
  const Wrapped wrapped_;
  const Clock& clock_;

  JobLimits limits_;
  std::stop_token stop_;
  bool stall_ = false;
  double started_ = 0, last_heard_ = 0, next_look_ = 0;

  std::string outgoing_;
  size_t outgoing_at_ = 0, sent_ = 0;
  bool ending_input_ = false, read_something_ = false;

  FrameDecoder decoder_;
  size_t output_left_ = 0;
  bool output_ended_ = false;
  double output_ended_at_ = 0;
  std::string errors_;  // the last of stderr
  size_t errors_seen_ = 0;
  bool errors_ended_ = false;
  std::string status_;  // bubblewrap's reports
  bool status_ended_;

  int64_t peak_bytes_ = 0;
  std::optional<Exit> ended_;  // by itself
  std::optional<Reply> verdict_;
};

}  // namespace ballast::evaluator
