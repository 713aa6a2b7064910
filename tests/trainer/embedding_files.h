// The tiny encoder and the recorded vectors of tests/golden/make_embedding.py.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "common/error.h"
#include "common/json.h"

namespace ballast::trainer {

inline const std::filesystem::path& tiny_encoder() {
  static const std::filesystem::path kFolder = BALLAST_TINY_ENCODER;
  return kFolder;
}

inline std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  require(in.good(), "cannot read " + path.string());
  return text.str();
}

struct GoldenText {
  std::string text;
  std::vector<int64_t> ids;
  std::string vector;  // base64 of float32
};

inline std::vector<GoldenText> golden_texts(const std::string& model) {
  const std::filesystem::path path = tiny_encoder() / "golden.json";
  std::vector<GoldenText> out;
  const Json all = parse_json(read_bytes(path), path.string());
  for (const Json& one : all.at(model))
    out.push_back({one.at("text"), one.at("ids"), one.at("vector")});
  require(out.size() >= 10, "golden.json holds few texts of " + model);
  return out;
}

// A copy of the tiny encoder's files that a test may spoil; removed at the end.
class SpoiledEncoder {
 public:
  explicit SpoiledEncoder(const std::string& name)
      : folder_(std::filesystem::temp_directory_path() /
                ("ballast-encoder-" + name + "-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(folder_);
    std::filesystem::copy(tiny_encoder(), folder_);
  }
  ~SpoiledEncoder() { std::filesystem::remove_all(folder_); }
  SpoiledEncoder(const SpoiledEncoder&) = delete;
  SpoiledEncoder& operator=(const SpoiledEncoder&) = delete;

  const std::filesystem::path& folder() const { return folder_; }
  void write(const std::string& name, const std::string& bytes) const {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
  }

 private:
  std::filesystem::path folder_;
};

}  // namespace ballast::trainer
