// A key: it can be held and sent, but not printed, copied, compared or stored.
#pragma once

#include <cstddef>
#include <filesystem>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>

namespace ballast::orchestrator {

class Secret {
 public:
  Secret() = default;
  ~Secret();  // overwrites the bytes
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  bool empty() const { return size_ == 0; }
  // Puts "[key]" where the key stands in a text from outside: some servers send it back in their
  // errors. Keys shorter than 12 bytes ("local") are words, not secrets, and stay.
  void redact(std::string& text) const;

  // Each throws Error (usage) that names where the key was looked for, and never the key: when it
  // is missing, empty, longer than 4 KiB, or holds anything but visible ASCII (which no header
  // may). From then on the process writes no core file.
  static std::shared_ptr<const Secret> from_environment(const std::string& name);
  // A regular file of ours that nobody else may read (mode 600 or 400); blanks around are dropped.
  static std::shared_ptr<const Secret> from_file(const std::filesystem::path& path);

 private:
  friend class Transport;  // which adds it to a request as the last thing
  std::string_view reveal() const { return {bytes_.get(), size_}; }
  static std::shared_ptr<const Secret> made_of(std::string_view text, const std::string& from);

  std::unique_ptr<char[]> bytes_;  // on the heap: a moved string would leave a copy behind
  size_t size_ = 0;
};

std::ostream& operator<<(std::ostream&, const Secret&) = delete;

}  // namespace ballast::orchestrator
