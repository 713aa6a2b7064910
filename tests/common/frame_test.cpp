#include "common/frame.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

#include "common/error.h"

namespace ballast {
namespace {

TEST(FrameDecoder, GivesTheSameFramesForEverySplitOfTheStream) {
  const std::string stream = encode_frame("{}") + encode_frame("") + encode_frame("abc");
  for (size_t cut = 0; cut <= stream.size(); ++cut) {
    FrameDecoder decoder;
    std::vector<std::string> frames;
    for (std::string_view piece :
         {std::string_view(stream).substr(0, cut), std::string_view(stream).substr(cut)}) {
      decoder.feed(piece);
      while (auto frame = decoder.next()) frames.push_back(*frame);
    }
    EXPECT_EQ(frames, (std::vector<std::string>{"{}", "", "abc"})) << "cut at " << cut;
    EXPECT_FALSE(decoder.mid_frame());
  }
}

TEST(FrameDecoder, RefusesALengthBeyondTheLimit) {
  FrameDecoder decoder;
  decoder.feed("\xff\xff\xff\xff");
  EXPECT_THROW(decoder.next(), Error);
}

TEST(FrameDecoder, KnowsATornFrame) {
  FrameDecoder decoder;
  decoder.feed(encode_frame("abc").substr(0, 6));
  EXPECT_EQ(decoder.next(), std::nullopt);
  EXPECT_TRUE(decoder.mid_frame());
}

TEST(Frame, RawBytesLargerThanAFrameArriveWhole) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  std::string bytes(kMaxFrame + 12345, 'x');
  bytes[kMaxFrame] = 'y';
  std::thread writer([&] {
    write_raw(fds[1], bytes);
    close(fds[1]);
  });
  EXPECT_EQ(read_raw(fds[0], bytes.size()), bytes);
  EXPECT_EQ(read_frame(fds[0]), std::nullopt);
  writer.join();
  close(fds[0]);
}

TEST(Frame, AStreamThatEndsInsideAFrameIsAnError) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  const std::string torn = encode_frame("abcdef").substr(0, 7);
  ASSERT_EQ(write(fds[1], torn.data(), torn.size()), static_cast<ssize_t>(torn.size()));
  close(fds[1]);
  EXPECT_THROW(read_frame(fds[0]), Error);
  close(fds[0]);
}

}  // namespace
}  // namespace ballast
