#include "population/run_difference.h"

#include <algorithm>
#include <set>

#include "common/json.h"

namespace ballast::population {
namespace {

void add(std::string& out, const std::string& what, const std::string& stored,
         const std::string& now) {
  if (stored == now) return;
  out += (out.empty() ? "" : "; ") + what + " is " + stored + " in the archive and " + now + " now";
}

// "/model/experts" -> 16, for every leaf.
Json leaves(std::string_view spec) {
  const Json json = Json::parse(spec, nullptr, /*allow_exceptions=*/false);
  return json.is_discarded() || !json.is_structured() ? Json::object() : json.flatten();
}

}  // namespace

std::string run_difference(const RunRow& stored, const RunRow& now) {
  std::string out;
  if (stored.spec_hash != now.spec_hash) {
    const Json a = leaves(stored.spec), b = leaves(now.spec);
    std::set<std::string> names;
    for (const auto& [name, value] : a.items()) names.insert(name);
    for (const auto& [name, value] : b.items()) names.insert(name);
    for (const std::string& name : names) {
      std::string dotted = "spec" + name;
      std::replace(dotted.begin(), dotted.end(), '/', '.');
      add(out, dotted, a.contains(name) ? a[name].dump() : "absent",
          b.contains(name) ? b[name].dump() : "absent");
    }
    if (out.empty()) add(out, "the spec's hash", stored.spec_hash, now.spec_hash);
  }
  add(out, "seed", std::to_string(stored.seed), std::to_string(now.seed));
  add(out, "objective", stored.objective, now.objective);
  add(out, "mu", json_number(stored.mu).dump(), json_number(now.mu).dump());
  add(out, "target", json_number(stored.target).dump(), json_number(now.target).dump());
  add(out, "reference", stored.reference, now.reference);
  return out;
}

}  // namespace ballast::population
