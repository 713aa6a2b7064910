// Whatever arrives on a pipe: the frame decoder and the readers of messages answer or throw Error.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/error.h"
#include "common/frame.h"
#include "common/job.h"

namespace {

using namespace ballast;  // NOLINT: a fuzz target is one file

[[noreturn]] void give_up(const char* why, std::string_view detail) {
  std::fprintf(stderr, "fuzz_frame: %s\n%.*s\n", why, static_cast<int>(detail.size()),
               detail.data());
  std::abort();
}

// A message that can be read is written and read again to the same text.
template <typename Read>
void read_twice(std::string_view json, const Read& read) {
  try {
    const std::string once = to_json(read(json));
    if (to_json(read(once)) != once) give_up("a message changes when it is written", once);
  } catch (const Error&) {
    // The answer for what is no message.
  }
}

void read_message(std::string_view json) {
  try {
    kind_of(json);
#ifdef BALLAST_PLANTED_CRASH
    // One number of the seed changed, whichever: what mutation must find in seconds if it works at
    // all.
    const Progress progress = parse_progress(json);
    if (progress.attempt != 0 || progress.step != 0 || progress.steps != 0 ||
        progress.cross_entropy != 0)
      give_up("the planted crash", json);
#endif
  } catch (const Error&) {
    // The answer for what is no message.
  }
  read_twice(json, parse_train_job);
  read_twice(json, parse_score_job);
  read_twice(json, parse_probe_job);
  read_twice(json, parse_train_result);
  read_twice(json, parse_score_result);
  read_twice(json, parse_probe_result);
  read_twice(json, parse_progress);
  read_twice(json, parse_metrics);
}

// The bytes after the first as a stream, in pieces of a size that the first byte gives.
void decode(std::string_view bytes) {
  const size_t piece = 1 + static_cast<unsigned char>(bytes[0]);
  bytes.remove_prefix(1);
  FrameDecoder decoder;
  try {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
      decoder.feed(bytes.substr(0, piece));
      while (const auto frame = decoder.next()) read_message(*frame);
    }
  } catch (const Error&) {
    // A length that no frame may have.
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.empty()) return 0;
  if (bytes[0] == '{') {
    read_message(bytes);
  } else {
    decode(bytes);
  }
  return 0;
}
