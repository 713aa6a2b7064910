// The balancers that the trainer has in C++, by name: what `--loss`, `reference` and BalancerRef take.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ballast {

struct BuiltinBalancer {
  std::string_view name;    // "global_lbl"
  std::string_view source;  // where its formula is published
  std::string_view help;    // one line
};

const std::vector<BuiltinBalancer>& builtin_balancers();
const BuiltinBalancer* find_builtin(std::string_view name);  // nullptr: no such balancer
std::vector<std::string> builtin_names();

}  // namespace ballast
