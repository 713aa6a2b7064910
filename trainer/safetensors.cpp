#include "trainer/safetensors.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "common/error.h"
#include "common/json.h"

namespace ballast::trainer {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are read as they lie");

constexpr uint64_t kLongestHeader = 16u << 20;
constexpr uint64_t kLargest = uint64_t{1} << 40;  // bytes of a tensor

// Bytes of a number; 0 for a type we do not know.
uint64_t width_of(const std::string& dtype) {
  constexpr std::pair<const char*, uint64_t> kWidths[] = {
      {"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8}, {"I32", 4},
      {"I16", 2}, {"I8", 1},  {"U8", 1},  {"BOOL", 1}, {"U64", 8}, {"U32", 4}};
  for (const auto& [name, width] : kWidths)
    if (dtype == name) return width;
  return 0;
}

std::string text_of(const std::vector<int64_t>& shape) {
  std::string out;
  for (const int64_t n : shape) out += (out.empty() ? "" : ",") + std::to_string(n);
  return "(" + out + ")";
}

}  // namespace

SafeTensors::SafeTensors(const std::filesystem::path& path)
    : path_(path.string()), file_(path, std::ios::binary) {
  file_.seekg(0, std::ios::end);
  const auto size = static_cast<int64_t>(file_.tellg());
  if (!file_.good() || size < 0) fail("it cannot be read");
  uint64_t length = 0;
  file_.seekg(0);
  file_.read(reinterpret_cast<char*>(&length), sizeof length);
  const uint64_t rest = static_cast<uint64_t>(size) - std::min<uint64_t>(size, sizeof length);
  if (!file_.good() || length > std::min(rest, kLongestHeader))
    fail("its first 8 bytes are not the length of a header");
  try {
    read_header(length, rest - length);
  } catch (const Error& e) {
    fail(e.what());
  }
}

void SafeTensors::read_header(uint64_t length, uint64_t data_bytes) {
  std::string text(length, '\0');
  file_.read(text.data(), static_cast<std::streamsize>(length));
  require(file_.good(), "its header cannot be read");
  const Json header = parse_json(text, "its header");
  require(header.is_object(), "its header is no JSON object");
  for (const auto& [name, json] : header.items()) {
    if (name == "__metadata__") continue;
    ObjectReader in(json, "tensor " + name);
    Entry entry{in.text("dtype"), in.integers("shape")};
    const std::vector<int64_t> offsets = in.integers("data_offsets");
    in.done();
    require(offsets.size() == 2 && offsets[0] >= 0 && offsets[1] >= offsets[0],
            "tensor " + name + ": data_offsets are not two ascending numbers");
    entry.begin = static_cast<uint64_t>(offsets[0]);
    entry.end = static_cast<uint64_t>(offsets[1]);
    uint64_t bytes = width_of(entry.dtype);
    require(bytes > 0, "tensor " + name + ": unknown type \"" + entry.dtype + "\"");
    for (const int64_t n : entry.shape) {
      require(n > 0 && bytes <= kLargest / static_cast<uint64_t>(n),
              "tensor " + name + ": impossible shape " + text_of(entry.shape));
      bytes *= static_cast<uint64_t>(n);
    }
    require(bytes == entry.end - entry.begin, "tensor " + name + ": " +
                                                  std::to_string(entry.end - entry.begin) +
                                                  " bytes for shape " + text_of(entry.shape));
    tensors_.emplace(name, std::move(entry));
  }
  data_at_ = sizeof length + length;
  check_layout(data_bytes);
}

// No gap, no overlap, nothing missing at the end.
void SafeTensors::check_layout(uint64_t data_bytes) const {
  std::vector<std::pair<uint64_t, uint64_t>> parts;
  for (const auto& [name, entry] : tensors_) parts.emplace_back(entry.begin, entry.end);
  std::ranges::sort(parts);
  uint64_t at = 0;
  for (const auto& [begin, end] : parts) {
    require(begin == at, "its tensors overlap, or leave a gap");
    at = end;
  }
  require(at == data_bytes, "it holds " + std::to_string(data_bytes) +
                                " bytes of tensors, and its " + "header describes " +
                                std::to_string(at) + ": was it cut off?");
}

void SafeTensors::fail(const std::string& why) const {
  throw Error("the weights " + path_ + ": " + why);
}

const SafeTensors::Entry& SafeTensors::find(const std::string& name) const {
  const auto it = tensors_.find(name);
  if (it == tensors_.end()) fail("there is no tensor " + name);
  return it->second;
}

std::vector<float> SafeTensors::read(const std::string& name, const std::vector<int64_t>& shape) {
  const Entry& entry = find(name);
  if (entry.dtype != "F32" || entry.shape != shape)
    fail("tensor " + name + " is " + entry.dtype + " " + text_of(entry.shape) + ", expected F32 " +
         text_of(shape));
  std::vector<float> values((entry.end - entry.begin) / sizeof(float));
  file_.seekg(static_cast<std::streamoff>(data_at_ + entry.begin));
  file_.read(reinterpret_cast<char*>(values.data()),
             static_cast<std::streamsize>(entry.end - entry.begin));
  if (!file_.good()) fail("tensor " + name + " cannot be read");
  if (!std::ranges::all_of(values, [](float x) { return std::isfinite(x); }))
    fail("tensor " + name + " holds a number that is not finite");
  return values;
}

}  // namespace ballast::trainer
