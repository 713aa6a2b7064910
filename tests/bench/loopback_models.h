// A language model and an embedding model behind a real HTTP server on loopback, in a process of
// its own: what answering costs is not on our clock of CPU time.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace ballast::bench {

// How long a reply takes: log-normal with this mean, and this deviation of its logarithm; 0: always
// the mean.
struct Latency {
  double mean = 0;  // seconds; 0: at once
  double sigma = 0;
};

// Chat answers are whole losses, no two alike, all of the loss language; embeddings are vectors of
// kEmbeddingLength numbers, as close to one another as those of different texts of one kind.
class LoopbackModels {
 public:
  static constexpr int kEmbeddingLength = 384;

  // Forks. REQUIRES: no other thread runs.
  explicit LoopbackModels(Latency latency, uint64_t seed = 1);
  ~LoopbackModels();
  LoopbackModels(const LoopbackModels&) = delete;
  LoopbackModels& operator=(const LoopbackModels&) = delete;

  const std::string& url() const { return url_; }  // "http://127.0.0.1:PORT"

 private:
  pid_t child_ = -1;
  std::string url_;
};

}  // namespace ballast::bench
