#include "common/frame.h"

#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "common/error.h"

namespace ballast {
namespace {

constexpr size_t kHeader = 4;  // bytes of the length

uint32_t decode_length(const char* bytes) {
  unsigned char b[kHeader];
  std::memcpy(b, bytes, kHeader);
  const uint32_t length =
      uint32_t{b[0]} | uint32_t{b[1]} << 8 | uint32_t{b[2]} << 16 | uint32_t{b[3]} << 24;
  if (length > kMaxFrame)
    throw Error("frame of " + std::to_string(length) + " bytes exceeds the limit of " +
                std::to_string(kMaxFrame));
  return length;
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(std::string("writing a frame failed: ") + std::strerror(errno));
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

// Reads exactly `size` bytes; false when the stream ended before the first of them.
bool read_exact(int fd, char* out, size_t size) {
  size_t got = 0;
  while (got < size) {
    const ssize_t n = ::read(fd, out + got, size - got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error(std::string("reading a frame failed: ") + std::strerror(errno));
    if (n == 0 && got == 0) return false;
    if (n == 0) throw Error("the stream ended inside a frame");
    got += static_cast<size_t>(n);
  }
  return true;
}

}  // namespace

void FrameDecoder::feed(std::string_view bytes) {
  if (offset_ > 0) {
    buffer_.erase(0, offset_);
    offset_ = 0;
  }
  buffer_.append(bytes);
}

std::optional<std::string> FrameDecoder::next() {
  if (buffer_.size() - offset_ < kHeader) return std::nullopt;
  const size_t length = decode_length(buffer_.data() + offset_);
  if (buffer_.size() - offset_ < kHeader + length) return std::nullopt;
  std::string frame = buffer_.substr(offset_ + kHeader, length);
  offset_ += kHeader + length;
  return frame;
}

std::string encode_frame(std::string_view payload) {
  assert(payload.size() <= kMaxFrame);
  const auto n = static_cast<uint32_t>(payload.size());
  std::string frame{static_cast<char>(n & 255), static_cast<char>(n >> 8 & 255),
                    static_cast<char>(n >> 16 & 255), static_cast<char>(n >> 24 & 255)};
  frame.append(payload);
  return frame;
}

void write_frame(int fd, std::string_view payload) { write_all(fd, encode_frame(payload)); }

void write_raw(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t n = std::min(bytes.size(), kMaxFrame);
    write_frame(fd, bytes.substr(0, n));
    bytes.remove_prefix(n);
  }
}

std::optional<std::string> read_frame(int fd) {
  char header[kHeader];
  if (!read_exact(fd, header, kHeader)) return std::nullopt;
  std::string frame(decode_length(header), '\0');
  if (!frame.empty() && !read_exact(fd, frame.data(), frame.size()))
    throw Error("the stream ended inside a frame");
  return frame;
}

std::string read_raw(int fd, size_t bytes) {
  std::string joined;
  while (joined.size() < bytes) {
    const std::optional<std::string> frame = read_frame(fd);
    if (!frame) throw Error("the stream ended before its tensors");
    if (frame->empty() || joined.size() + frame->size() > bytes)
      throw Error("tensor frames do not add up to " + std::to_string(bytes) + " bytes");
    joined += *frame;
  }
  return joined;
}

}  // namespace ballast
