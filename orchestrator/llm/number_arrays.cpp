#include "orchestrator/llm/number_arrays.h"

#include "common/number_array.h"

namespace ballast::orchestrator {

NumberArrays take_number_arrays(std::string_view text, std::string_view key) {
  NumberArrays out;
  const std::string quoted = '"' + std::string(key) + '"';
  for (size_t found = 0; (found = text.find(quoted)) != std::string_view::npos;) {
    std::string_view rest = text.substr(found + quoted.size());
    const size_t colon = rest.find_first_not_of(" \t\r\n");
    if (colon == std::string_view::npos || rest[colon] != ':') {  // a text that reads like the key
      out.rest += text.substr(0, found + quoted.size());
    } else {
      rest.remove_prefix(colon + 1);
      std::vector<double> array = take_number_array(rest);
      if (array.empty()) return {};
      out.arrays.push_back(std::move(array));
      out.rest += text.substr(0, found);
      out.rest += quoted + ":[]";
    }
    text = rest;
  }
  if (out.arrays.empty()) return {};
  out.rest += text;
  return out;
}

}  // namespace ballast::orchestrator
