// A strict little template language, for prompts.
//
//   {{name}}                    the text of that name, as it is: never read as a template again
//   {{#name}} ... {{/name}}     once for each item of the list of that name, with the item's names
//                               before those around it
//   {{^name}} ... {{/name}}     once when that list is empty
//
// A line that holds nothing but the start or end of a section goes away with it. Names are made of
// lower-case letters and _. What a template asks for and was not given is an Error, and so is what
// was given and not asked for: a fact that silently drops out of a prompt would never be noticed.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ballast::prompts {

class Values {
 public:
  Values& set(const std::string& name, std::string text);
  Values& list(const std::string& name, std::vector<Values> items);
  Values& add(const std::string& name, Values item);  // to a list, which is made when needed
  // A list of one item with nothing in it, or an empty one.
  Values& flag(const std::string& name, bool on);

 private:
  friend class Template;
  std::map<std::string, std::string, std::less<>> texts_;
  std::map<std::string, std::vector<Values>, std::less<>> lists_;
};

class Template {
 public:
  // `name` is for messages. Throws Error, with the line, for text that is no template.
  Template(std::string name, std::string_view text);

  // Throws Error for a name that is missing, of the other kind, or not used.
  std::string render(const Values& values) const;

 private:
  enum class Kind { kLiteral, kText, kEach, kEmpty };
  struct Part {
    Kind kind = Kind::kLiteral;
    std::string text;  // a literal's characters, else a name
    int line = 1;
    std::vector<Part> parts;  // of a section
  };
  struct Reader;
  using Scopes = std::vector<const Values*>;  // innermost last

  void render(const std::vector<Part>& parts, const Scopes& scopes, std::string& out) const;
  void check_used(const std::vector<Part>& parts, const Values& values) const;
  [[noreturn]] void refuse(int line, const std::string& what) const;

  std::string name_;
  std::vector<Part> parts_;
};

}  // namespace ballast::prompts
