// Extraction on literal pieces of the formats, and the dropping of repeated paragraphs.
#include "corpus/extract.h"

#include <gtest/gtest.h>

#include "corpus/dedup.h"
#include "corpus/overlap.h"

namespace ballast::corpus {
namespace {

TEST(Html, DropsTagsHeadScriptsAndComments) {
  EXPECT_EQ(strip_html("<!DOCTYPE html><html><head><title>no</title></head><body><!-- <p>no -->"
                       "<p>One <b>two</b>\n  three</p><script>var no = '<p>';</script>"
                       "<div>four<br/>five</div></body></html>"),
            "One two three\n\nfour\nfive\n\n");
}

TEST(Html, DecodesEntitiesAndKeepsWhatIsNone) {
  EXPECT_EQ(strip_html("a &lt; b &amp; &#228;&#xe4;&eacute; AT&T &unknown; &#xd800;x 1 < 2"),
            "a < b & ääé AT&T &unknown; x 1 < 2");
}

TEST(Html, KeepsLinesInsidePre) {
  EXPECT_EQ(strip_html("<p>x\ny</p><pre>a\n  b</pre>c\nd"), "x y\n\na\n  b\n\nc d");
}

TEST(Html, SurvivesUnfinishedInput) {
  for (const char* html :
       {"<", "</", "<p", "<!--", "<script>", "&", "&#", "&#x;", "<pre", "a<b "}) {
    strip_html(html);
  }
  EXPECT_EQ(strip_html("text <b"), "text ");
}

TEST(Roff, DropsMacrosEscapesCommentsAndTables) {
  EXPECT_EQ(
      strip_roff(".\\\" comment\n.TH LS 1 \"2022\"\n.SH \"THE NAME\"\nls \\- list\\fB bold\\fP\n"
                 ".TS\nl l.\nno\n.TE\n.PP\n\\(co \\[u00E4]\\*(Aq\\h'2'x\\s-1y\\s0\\e\n"),
      "\n\nTHE NAME\n\nls - list bold\n\n\n© ä'xy\\\n");
}

TEST(Roff, JoinsFontMacrosToTheirSentence) {
  EXPECT_EQ(strip_roff(".PP\nuse\n.B grep\\ -E\nor\n.BR sed (1),\ndone\nend"),
            "\n\nuse grep -E or sed(1), done\nend\n");
}

TEST(Roff, KeepsTagsAndUnfilledLinesApart) {
  EXPECT_EQ(strip_roff(".TP\n.B \\-\\-all\ntext\n.nf\n.B one\ntwo\n.fi\n"),
            "\n\n--all\ntext\none\ntwo\n");
}

TEST(Roff, SkipsConditionsAndDefinitions) {
  EXPECT_EQ(strip_roff(".de Id\n.ds x y\n..\n.if n \\{\\\n.  ds lq ``\nno\n.\\}\nyes\n"), "yes\n");
}

TEST(Roff, RefusesMdocPages) { EXPECT_EQ(strip_roff(".Dd May 1\n.Dt X 1\n.Sh NAME\n.Nm x\n"), ""); }

TEST(Roff, SurvivesUnfinishedInput) {
  for (const char* roff : {"\\", "\\(", "\\[", "\\[u", "\\*", "\\f", "\\s", "\\s+", "\\h'", ".",
                           "'", ".B \"", ".SH", ".if \\{", ".de", "\\[uFFFFFF]x", ".B \\"}) {
    strip_roff(roff);
  }
}

TEST(LicenceHead, IsDroppedFromCppButOtherCommentsStay) {
  EXPECT_EQ(strip_licence_head("// Copyright (C) 2001 A\n// Use it.\n\n#pragma once\n"
                               "/* All rights\n * reserved */\n// about x\nint x;\n",
                               "//"),
            "\n#pragma once\n// about x\nint x;\n");
}

TEST(LicenceHead, IsDroppedFromPythonAndScheme) {
  EXPECT_EQ(strip_licence_head("#!/usr/bin/python\n# License: PSF\nimport x\n# plain\n", "#"),
            "import x\n# plain\n");
  EXPECT_EQ(strip_licence_head(";;; Permission to copy\n;;; this\n\n(car x)\n", ";"),
            "\n(car x)\n");
}

TEST(LicenceHead, IsNotLookedForFarDown) {
  std::string source(2000, 'x');
  for (size_t i = 9; i < source.size(); i += 10) source[i] = '\n';
  source += "// copyright\n";
  EXPECT_EQ(strip_licence_head(source, "//"), source);
}

TEST(Metamath, LosesTheLettersOfProofsOnly) {
  EXPECT_EQ(
      strip_metamath_proofs("$( Text. $)\na1 $p |- ph $=\n  ( wa wb ) ABCD\n EF $.\nb $a x $.\n"),
      "$( Text. $)\na1 $p |- ph $=\n  ( wa wb ) $.\nb $a x $.\n");
  EXPECT_EQ(strip_metamath_proofs("x $= ("), "x $= (");
}

TEST(Fasta, IsItsLetters) { EXPECT_EQ(fasta_letters(">E. coli\nACgt\nNNA\n>next\nT\n"), "ACGTAT"); }

TEST(Normalise, MakesLineEndsAndBlanksUniform) {
  EXPECT_EQ(normalise("\xef\xbb\xbf\n\na \t\r\nb\rc\n\n\n\nd\xc2\xa0"
                      "e\x01\x1b\n\n"),
            "a\nb\nc\n\nd e\n");
  EXPECT_EQ(normalise("no end"), "no end\n");
  EXPECT_EQ(normalise(" \n \n"), "");
}

TEST(Normalise, RefusesWhatIsNotUtf8) {
  for (const char* bad :
       {"\xff", "a\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\x80"}) {
    EXPECT_FALSE(normalise(bad)) << testing::PrintToString(std::string(bad));
  }
  EXPECT_EQ(normalise("ä中😀"), "ä中😀\n");
}

TEST(Filters, TellGeneratedAndUntranslatedText) {
  EXPECT_TRUE(looks_generated("{71261, 0x12, 99}, {71262, 0x13, 98}\n"));
  EXPECT_TRUE(looks_generated(std::string(2001, 'x')));
  EXPECT_FALSE(looks_generated("int x = 3;\n"));
  EXPECT_DOUBLE_EQ(non_ascii_share("aä"), 2.0 / 3);
  EXPECT_DOUBLE_EQ(non_ascii_share(""), 0);
}

TEST(Dedup, DropsAParagraphSeenBeforeAndItsHeading) {
  Dedup dedup;
  const std::string paragraph = "This paragraph is long enough to be looked at.";
  EXPECT_EQ(dedup.filter("Title\n\n" + paragraph + "\n\nshort\n"),
            "Title\n\n" + paragraph + "\n\nshort\n");
  EXPECT_EQ(dedup.filter("Kept\n\nOther\n\n  " + paragraph + "\n\nshort\n"), "Kept\n\nshort\n");
}

TEST(Overlap, IsTheShareOfWindowsThatOccurInTrain) {
  std::string shared, own;
  for (int i = 0; i < 400; ++i) shared += "s" + std::to_string(i * 7919 % 1000) + " ";
  for (int i = 0; i < 400; ++i) own += "o" + std::to_string(i * 104729 % 1000) + " ";
  const std::vector<Document> train{{"a", "begin " + shared + "end"}};
  EXPECT_EQ(overlap_ppm(train, {{"b", shared}}), 1'000'000);
  EXPECT_EQ(overlap_ppm(train, {{"b", own}}), 0);
  EXPECT_NEAR(static_cast<double>(overlap_ppm(train, {{"b", shared}, {"c", own}})), 5e5, 1e4);
  EXPECT_EQ(overlap_ppm(train, {{"b", "short"}}), 0);
}

TEST(Overlap, TakesWhiteSpaceAsOne) {
  const std::string words =
      "one two three four five six seven eight nine ten eleven twelve 13 14 15";
  std::string broken = words;
  for (size_t at = 0; (at = broken.find(' ', at)) != std::string::npos; at += 3) {
    broken.replace(at, 1, "\n \n");
  }
  EXPECT_EQ(overlap_ppm({{"a", words}}, {{"b", broken}}), 1'000'000);
}

}  // namespace
}  // namespace ballast::corpus
