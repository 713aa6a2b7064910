// What daemon and trainer speak over pipes: u32 little-endian length, then that many bytes.
// A JSON frame is UTF-8 JSON; tensors follow it as raw frames, in pieces of at most kMaxFrame
// bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ballast {

constexpr size_t kMaxFrame = 16u << 20;  // bytes

// Takes bytes as they arrive and gives back whole frames. Holds at most one frame and what followed
// it. Throws Error on a length above kMaxFrame: the stream is then unusable.
class FrameDecoder {
 public:
  void feed(std::string_view bytes);
  std::optional<std::string> next();  // the next whole frame, if there is one
  // True when bytes of an unfinished frame are held: an end of file here means a torn frame.
  bool mid_frame() const { return offset_ < buffer_.size(); }

 private:
  std::string buffer_;
  size_t offset_ = 0;  // start of the first byte not yet handed out
};

std::string encode_frame(std::string_view payload);  // REQUIRES: payload.size() <= kMaxFrame

// Blocking, for the trainer's end of the pipe. Both throw Error naming what broke.
void write_frame(int fd, std::string_view payload);
void write_raw(int fd, std::string_view bytes);  // as many frames as it takes
std::optional<std::string> read_frame(int fd);   // nullopt at a clean end of file
std::string read_raw(int fd, size_t bytes);      // joins frames until `bytes` are there

}  // namespace ballast
