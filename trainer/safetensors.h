// Reads files in the format "safetensors": u64 little-endian length, that many bytes of JSON {name:
// {dtype, shape, data_offsets}}, then the tensors' bytes, little-endian and row-major.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace ballast::trainer {

class SafeTensors {
 public:
  // Throws Error naming the file unless it is whole: every tensor as large as its shape says, and
  // all of them together exactly the bytes behind the header.
  explicit SafeTensors(const std::filesystem::path& path);

  bool has(const std::string& name) const { return tensors_.contains(name); }
  // Throws Error when there is no such tensor.
  const std::vector<int64_t>& shape(const std::string& name) const { return find(name).shape; }
  // Throws Error when it is not there, of another type or shape, or a number in it is not finite.
  std::vector<float> read(const std::string& name, const std::vector<int64_t>& shape);

 private:
  struct Entry {
    std::string dtype;
    std::vector<int64_t> shape;
    uint64_t begin = 0, end = 0;  // behind the header
  };
  [[noreturn]] void fail(const std::string& why) const;
  const Entry& find(const std::string& name) const;
  void read_header(uint64_t length, uint64_t data_bytes);
  void check_layout(uint64_t data_bytes) const;

  std::string path_;
  std::ifstream file_;
  uint64_t data_at_ = 0;
  std::map<std::string, Entry> tensors_;
};

}  // namespace ballast::trainer
