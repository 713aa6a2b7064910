// Server-sent events: splits a stream into the data of its events.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ballast::orchestrator {

struct SseEvent {
  std::string name;  // "message" when the stream does not say
  std::string data;  // lines joined by '\n'
  bool operator==(const SseEvent&) const = default;
};

// All events of a text, comments (": keep-alive") and blank lines left out. An event that the text
// ends in the middle of is left out too.
std::vector<SseEvent> parse_sse(std::string_view text);

// Whether a body is a stream of events rather than JSON: by content type, else by its first bytes.
bool looks_like_sse(std::string_view content_type, std::string_view body);

}  // namespace ballast::orchestrator
