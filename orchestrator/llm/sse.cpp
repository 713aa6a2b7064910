#include "orchestrator/llm/sse.h"

namespace ballast::orchestrator {
namespace {

// Takes one line off the front; lines end in "\n", "\r\n" or "\r".
std::string_view take_line(std::string_view& text) {
  const size_t end = text.find_first_of("\r\n");
  const std::string_view line = text.substr(0, end);
  if (end == std::string_view::npos) {
    text = {};
  } else {
    const bool two = text[end] == '\r' && end + 1 < text.size() && text[end + 1] == '\n';
    text.remove_prefix(end + (two ? 2 : 1));
  }
  return line;
}

}  // namespace

std::vector<SseEvent> parse_sse(std::string_view text) {
  std::vector<SseEvent> events;
  SseEvent event;
  bool has_data = false;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.empty()) {
      if (has_data) {
        if (event.name.empty()) event.name = "message";
        events.push_back(std::move(event));
      }
      event = {};
      has_data = false;
      continue;
    }
    const size_t colon = line.find(':');
    const std::string_view field = line.substr(0, colon);
    std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "event") {
      event.name = value;
    } else if (field == "data") {
      if (has_data) event.data += '\n';
      event.data += value;
      has_data = true;
    }
  }
  return events;
}

bool looks_like_sse(std::string_view content_type, std::string_view body) {
  if (content_type.find("text/event-stream") != std::string_view::npos) return true;
  const size_t start = body.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return false;
  body.remove_prefix(start);
  return body.starts_with("data:") || body.starts_with("event:") || body.starts_with(":");
}

}  // namespace ballast::orchestrator
