// What people see on a terminal: colour, aligned tables, a progress line. Plain text everywhere
// else.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"

namespace ballast::orchestrator {

// What one output stream can show.
struct Terminal {
  bool interactive = false;  // a terminal: a line may be drawn over
  bool colour = false;
  int width = 80;  // columns
};

// Of the file descriptor 1 or 2: NO_COLOR and TERM=dumb switch colour off, COLUMNS sets the width
// of what is no terminal.
Terminal terminal_of(int fd);

enum class Style { kBold, kDim, kRed, kGreen, kYellow };
std::string styled(const Terminal& terminal, Style style, std::string_view text);

// Columns that `text` takes: code points, escape sequences not counted.
int display_width(std::string_view text);
// At most `width` columns of `text`; what was cut ends in "…". For text without escape sequences.
std::string clipped(std::string_view text, int width);

// Text of strangers (a model's reply, say) as a terminal may show it: characters that a terminal
// would obey, and those that change the direction of writing, become "\x1b", "\u202e"; newlines
// and tabs stay.
std::string harmless(std::string_view text);

// Rows under a header; every column as wide as its widest cell.
class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  void add(std::vector<std::string> cells);               // REQUIRES: one per column
  std::string to_string(const Terminal& terminal) const;  // ends in a newline

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

std::string fixed(double x, int decimals);      // "0.0123"
std::string with_sign(double x, int decimals);  // "+0.0123", "-0.0123"
std::string duration(double seconds);           // "3.2 s", "4 min 05 s", "7 h 12 min"
std::string count(int64_t n);                   // "1,234,567"

// The line that shows how far something is: redrawn in place on a terminal, else a new line now and
// then. Nothing is shown in the first two seconds. Not thread-safe.
class ProgressLine {
 public:
  ProgressLine(std::ostream& out, Terminal terminal, const Clock& clock);
  ~ProgressLine();  // clears what was drawn

  // `share` of the work done, in [0, 1], where it is known. Draws if enough time has passed.
  void update(std::optional<double> share, std::string_view text);
  // A line that stays, above the progress line.
  void say(std::string_view line);
  void clear();

 private:
  void draw(std::optional<double> share, std::string_view text);

  std::ostream& out_;
  Terminal terminal_;
  const Clock& clock_;
  double started_;
  double shown_ = -1;   // when something was last shown; -1: never
  bool drawn_ = false;  // a line without its newline stands on the terminal
};

}  // namespace ballast::orchestrator
