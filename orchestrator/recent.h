// The values used last, by key: for what can be worked out again at a price.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <utility>

namespace ballast::orchestrator {

// Not thread-safe.
template <class Key, class Value>
class Recent {
 public:
  // REQUIRES: most > 0.
  explicit Recent(size_t most) : most_(most) {}
  Recent(const Recent&) = delete;
  Recent& operator=(const Recent&) = delete;

  // The value of `key`, made by `make` where it is not kept. It stays until `most` - 1 others have
  // been asked for.
  template <class Make>
  const Value& get(const Key& key, const Make& make) {
    const auto known = places_.find(key);
    if (known != places_.end()) {
      values_.splice(values_.begin(), values_, known->second);
    } else {
      values_.emplace_front(key, make());
      places_[key] = values_.begin();
    }
    if (values_.size() > most_) {
      places_.erase(values_.back().first);
      values_.pop_back();
    }
    return values_.front().second;
  }

 private:
  using Values = std::list<std::pair<Key, Value>>;
  size_t most_;
  Values values_;  // the one used last first
  std::map<Key, typename Values::iterator> places_;
};

}  // namespace ballast::orchestrator
