#include "orchestrator/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ostream>

#include "population/utf8.h"

namespace ballast::orchestrator {
namespace {

constexpr double kSilentSeconds = 2;      // work that is done sooner shows no progress
constexpr double kRedrawSeconds = 0.2;    // on a terminal
constexpr double kPlainLineSeconds = 15;  // elsewhere: one line in so many seconds
constexpr int kBarWidth = 20;

bool is_set(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

std::string bar(double share) {
  const int full = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * kBarWidth));
  return "[" + std::string(static_cast<size_t>(full), '#') +
         std::string(static_cast<size_t>(kBarWidth - full), '.') + "] ";
}

std::string percent(double share) {
  char text[16];
  std::snprintf(text, sizeof text, "%3.0f %% ", 100 * std::clamp(share, 0.0, 1.0));
  return text;
}

// The character that begins at `at` in UTF-8; its length in bytes is put into `length`.
uint32_t character(std::string_view text, size_t at, size_t& length) {
  const auto first = static_cast<unsigned char>(text[at]);
  length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  uint32_t code = length == 1 ? first : first & (0x7fU >> length);
  for (size_t i = 1; i < length; ++i)
    code = code << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3fU);
  return code;
}

// Unicode's controls, line separators, and what changes the direction of writing (Unicode Standard
// Annex 9, "explicit directional formatting").
bool commands_a_terminal(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 || code == 0x2029 ||
         (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

}  // namespace

Terminal terminal_of(int fd) {
  Terminal terminal;
  const char* term = std::getenv("TERM");
  const bool dumb = term != nullptr && std::string_view(term) == "dumb";
  terminal.interactive = isatty(fd) == 1 && !dumb;
  terminal.colour = terminal.interactive && !is_set("NO_COLOR");
  winsize size{};
  if (terminal.interactive && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    terminal.width = size.ws_col;
  } else if (is_set("COLUMNS")) {
    const long columns = std::strtol(std::getenv("COLUMNS"), nullptr, 10);
    if (columns >= 40 && columns <= 1000) terminal.width = static_cast<int>(columns);
  }
  return terminal;
}

std::string styled(const Terminal& terminal, Style style, std::string_view text) {
  if (!terminal.colour) return std::string(text);
  constexpr const char* kCodes[] = {"1", "2", "31", "32", "33"};
  return std::string("\033[") + kCodes[static_cast<size_t>(style)] + "m" + std::string(text) +
         "\033[0m";
}

int display_width(std::string_view text) {
  int width = 0;
  bool escape = false;
  for (const char c : text) {
    if (c == '\033') escape = true;
    if (!escape && !continues(c)) ++width;
    if (escape && c == 'm') escape = false;
  }
  return width;
}

std::string clipped(std::string_view text, int width) {
  if (display_width(text) <= width) return std::string(text);
  int seen = 0;
  size_t end = 0;
  while (end < text.size() && (continues(text[end]) || seen + 1 < width)) {
    if (!continues(text[end])) ++seen;
    ++end;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string harmless(std::string_view text) {
  const std::string plain = population::to_plain_utf8(text);
  std::string out;
  size_t length = 1;
  for (size_t at = 0; at < plain.size(); at += length) {
    const uint32_t code = character(plain, at, length);
    const bool line_end = code == '\n' || (code == '\r' && plain.compare(at, 2, "\r\n") == 0);
    if (line_end || code == '\t' || !commands_a_terminal(code)) {
      out.append(plain, at, length);
    } else {
      char escape[8];
      std::snprintf(escape, sizeof escape, code < 0x100 ? "\\x%02x" : "\\u%04x", code);
      out += escape;
    }
  }
  return out;
}

void Table::add(std::vector<std::string> cells) {
  assert(cells.size() == columns_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::to_string(const Terminal& terminal) const {
  std::vector<int> widths;
  for (size_t c = 0; c < columns_.size(); ++c) {
    int width = display_width(columns_[c].title);
    for (const auto& row : rows_) width = std::max(width, display_width(row[c]));
    widths.push_back(width);
  }
  const auto line = [&](const auto& cell_of) {
    std::string out;
    for (size_t c = 0; c < columns_.size(); ++c) {
      const std::string& cell = cell_of(c);
      const std::string pad(static_cast<size_t>(widths[c] - display_width(cell)), ' ');
      if (c != 0) out += "  ";
      out += columns_[c].align == Align::kRight ? pad + cell : cell + pad;
    }
    out.erase(out.find_last_not_of(' ') + 1);
    return out;
  };
  std::string out = styled(terminal, Style::kBold,
                           line([&](size_t c) -> const auto& { return columns_[c].title; }));
  for (const auto& row : rows_) {
    out += "\n" + line([&](size_t c) -> const auto& { return row[c]; });
  }
  return out + "\n";
}

std::string fixed(double x, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", decimals, x);
  return text;
}

std::string with_sign(double x, int decimals) {
  char text[64];
  std::snprintf(text, sizeof text, "%+.*f", decimals, x);
  return text;
}

std::string duration(double seconds) {
  char text[64];
  const int64_t s = std::llround(seconds);
  if (seconds < 60) {
    std::snprintf(text, sizeof text, "%.1f s", seconds);
  } else if (s < 3600) {
    std::snprintf(text, sizeof text, "%d min %02d s", static_cast<int>(s / 60),
                  static_cast<int>(s % 60));
  } else {
    std::snprintf(text, sizeof text, "%lld h %02d min", static_cast<long long>(s / 3600),
                  static_cast<int>(s % 3600 / 60));
  }
  return text;
}

std::string count(int64_t n) {
  std::string digits = std::to_string(n);
  const size_t first = n < 0 ? 1 : 0;
  for (size_t at = digits.size(); at > first + 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

ProgressLine::ProgressLine(std::ostream& out, Terminal terminal, const Clock& clock)
    : out_(out), terminal_(terminal), clock_(clock), started_(clock.monotonic()) {}

ProgressLine::~ProgressLine() { clear(); }

void ProgressLine::update(std::optional<double> share, std::string_view text) {
  const double now = clock_.monotonic();
  if (now - started_ < kSilentSeconds) return;
  const double pause = terminal_.interactive ? kRedrawSeconds : kPlainLineSeconds;
  if (shown_ >= 0 && now - shown_ < pause) return;
  shown_ = now;
  draw(share, text);
}

void ProgressLine::draw(std::optional<double> share, std::string_view text) {
  if (!terminal_.interactive) {
    out_ << (share ? percent(*share) : "") << text << std::endl;
    return;
  }
  const std::string line = (share ? bar(*share) + percent(*share) : "") + std::string(text);
  out_ << "\r\033[K" << clipped(line, terminal_.width - 1) << std::flush;
  drawn_ = true;
}

void ProgressLine::say(std::string_view line) {
  clear();
  out_ << line << std::endl;
}

void ProgressLine::clear() {
  if (drawn_) out_ << "\r\033[K" << std::flush;
  drawn_ = false;
}

}  // namespace ballast::orchestrator
