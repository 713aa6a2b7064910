// Requests and responses as plain data, between the wire formats and the transport.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::orchestrator {

using Headers = std::vector<std::pair<std::string, std::string>>;

// A request without its key: the transport adds that header as the last thing it does, so a request
// may be stored and logged.
struct HttpRequest {
  std::string url;
  Headers headers;
  std::string body;  // JSON; always a POST
};

struct HttpResponse {
  int status = 0;
  Headers headers;  // names in lower case
  std::string body;

  // The last value of a header; nullopt without it. `name` in lower case.
  std::optional<std::string_view> header(std::string_view name) const;
};

}  // namespace ballast::orchestrator
