// Plain text out of the formats that distribution packages hold. Pure functions; none of them
// fails: odd input gives odd text, which normalise() and the filters below judge.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ballast::corpus {

// Tags, comments, scripts and the head are dropped, entities decoded, block elements become
// paragraph ends; white space is collapsed outside of <pre>.
std::string strip_html(std::string_view html);

// A man page (man macros) without its macros, escapes, tables and definitions. Empty for mdoc
// pages, whose macros mean something else.
std::string strip_roff(std::string_view roff);

// Comments that mention a licence or a copyright, within the first 100 lines of a source file.
// `line_comment` is "//" (C++, which has /* */ as well), "#" or ";".
std::string strip_licence_head(std::string_view source, std::string_view line_comment);

// A Metamath database without the letters of its compressed proofs (they are a permutation code,
// not text): statements, comments and the labels of each proof stay.
std::string strip_metamath_proofs(std::string_view database);

// The letters of a FASTA file, A, C, G and T only, without headers and line ends.
std::string fasta_letters(std::string_view fasta);

// Valid UTF-8 with "\n" line ends, without control characters, byte-order marks, trailing blanks
// and runs of empty lines; ends in one newline. nullopt when it is not UTF-8; may be empty.
std::optional<std::string> normalise(std::string_view text);

// Share of bytes above 127: how a page that was never translated is told from one that was.
double non_ascii_share(std::string_view text);

// Tables and machine-made source: more than 30 % digits, or a line above 2,000 bytes.
bool looks_generated(std::string_view source);

}  // namespace ballast::corpus
