// Widths, tables, figures and the progress line.
#include "orchestrator/terminal.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>

namespace ballast::orchestrator {
namespace {

class TurnedClock final : public Clock {
 public:
  int64_t wall_ns() const override { return 0; }
  double monotonic() const override { return now; }
  double now = 100;
};

TEST(Terminal, AFileIsNotInteractiveAndHasNoColour) {
  const Terminal terminal = terminal_of(-1);
  EXPECT_FALSE(terminal.interactive);
  EXPECT_FALSE(terminal.colour);
  EXPECT_EQ(styled(terminal, Style::kRed, "x"), "x");
}

TEST(Terminal, TakesTheWidthOfAFileFromTheEnvironment) {
  setenv("COLUMNS", "123", 1);
  EXPECT_EQ(terminal_of(-1).width, 123);
  setenv("COLUMNS", "nonsense", 1);
  EXPECT_EQ(terminal_of(-1).width, 80);
  unsetenv("COLUMNS");
}

TEST(Terminal, ColouredTextEndsPlain) {
  EXPECT_EQ(styled({.interactive = true, .colour = true}, Style::kRed, "x"), "\033[31mx\033[0m");
}

TEST(Harmless, ShowsWhatATerminalWouldObey) {
  EXPECT_EQ(harmless("def f():\n\treturn 1\r\n"), "def f():\n\treturn 1\r\n");
  EXPECT_EQ(harmless("\033[31mred\033]0;title\a"), "\\x1b[31mred\\x1b]0;title\\x07");
  EXPECT_EQ(harmless("over\rwritten\x7f\b"), "over\\x0dwritten\\x7f\\x08");
  EXPECT_EQ(harmless("\xc2\x9b[2J"), "\\x9b[2J") << "the escape of one character";
  EXPECT_EQ(harmless("a\u202eb\u2066c\u2029"), "a\\u202eb\\u2066c\\u2029");
  EXPECT_EQ(harmless("ä \u00b1 \u20ac \U0001f600"), "ä \u00b1 \u20ac \U0001f600");
  EXPECT_EQ(harmless("\x9b\xff"), "\ufffd\ufffd") << "no UTF-8";
}

TEST(DisplayWidth, CountsLettersAndNoEscapes) {
  EXPECT_EQ(display_width("abc"), 3);
  EXPECT_EQ(display_width("1 ± 2"), 5);
  EXPECT_EQ(display_width("\033[31mabc\033[0m"), 3);
}

TEST(Clipped, KeepsWholeLettersAndShowsTheCut) {
  EXPECT_EQ(clipped("abc", 3), "abc");
  EXPECT_EQ(clipped("abcd", 3), "ab…");
  EXPECT_EQ(clipped("±±±±", 3), "±±…");
}

TEST(Table, AlignsByWidestCell) {
  Table table({{"name"}, {"value", Table::Align::kRight}, {"note"}});
  table.add({"a", "1.5 ± 0.1", ""});
  table.add({"longer", "2", "x"});
  EXPECT_EQ(table.to_string({}),
            "name        value  note\n"
            "a       1.5 ± 0.1\n"
            "longer          2  x\n");
}

TEST(Figures, AreWrittenForPeople) {
  EXPECT_EQ(count(0), "0");
  EXPECT_EQ(count(999), "999");
  EXPECT_EQ(count(1234567), "1,234,567");
  EXPECT_EQ(count(-123456), "-123,456");
  EXPECT_EQ(duration(3.24), "3.2 s");
  EXPECT_EQ(duration(245), "4 min 05 s");
  EXPECT_EQ(duration(3599.7), "1 h 00 min");
  EXPECT_EQ(duration(25920), "7 h 12 min");
  EXPECT_EQ(with_sign(0.01234, 4), "+0.0123");
  EXPECT_EQ(with_sign(-0.5, 2), "-0.50");
}

TEST(ProgressLine, ShowsNothingInTheFirstTwoSeconds) {
  std::ostringstream out;
  TurnedClock clock;
  ProgressLine line(out, {.interactive = true}, clock);
  line.update(0.1, "working");
  clock.now += 1.9;
  line.update(0.2, "working");
  EXPECT_EQ(out.str(), "");
  clock.now += 0.2;
  line.update(0.25, "working");
  EXPECT_EQ(out.str(), "\r\033[K[#####...............]  25 % working");
}

TEST(ProgressLine, RedrawsSparinglyAndClearsForOtherLines) {
  std::ostringstream out;
  TurnedClock clock;
  ProgressLine line(out, {.interactive = true, .width = 12}, clock);
  clock.now += 3;
  line.update({}, "a long line of text");
  line.update({}, "too soon");
  clock.now += 1;
  line.update({}, "b");
  line.say("stays");
  EXPECT_EQ(out.str(), "\r\033[Ka long lin…\r\033[Kb\r\033[Kstays\n");
}

TEST(ProgressLine, WritesPlainLinesNowAndThenIntoAFile) {
  std::ostringstream out;
  TurnedClock clock;
  ProgressLine line(out, {}, clock);
  for (int second = 0; second < 60; ++second) {
    clock.now += 1;
    line.update(second / 60.0, "step " + std::to_string(second));
  }
  EXPECT_EQ(out.str(), "  2 % step 1\n 27 % step 16\n 52 % step 31\n 77 % step 46\n");
}

}  // namespace
}  // namespace ballast::orchestrator
