#include "prompts/template.h"

#include <algorithm>
#include <optional>

#include "common/error.h"

namespace ballast::prompts {

Values& Values::set(const std::string& name, std::string text) {
  texts_[name] = std::move(text);
  return *this;
}

Values& Values::list(const std::string& name, std::vector<Values> items) {
  lists_[name] = std::move(items);
  return *this;
}

Values& Values::add(const std::string& name, Values item) {
  lists_[name].push_back(std::move(item));
  return *this;
}

Values& Values::flag(const std::string& name, bool on) {
  return list(name, std::vector<Values>(on ? 1 : 0));
}

void Template::refuse(int line, const std::string& what) const {
  throw Error("prompt template " + name_ + ", line " + std::to_string(line) + ": " + what);
}

// Reads a template from its text, from left to right.
struct Template::Reader {
  const Template& owner;
  std::string_view text;
  size_t at = 0;
  int line = 1;

  struct Tag {
    char sign = ' ';  // '#', '^', '/' or ' '
    std::string name;
    size_t start = 0, end = 0;  // of the whole tag, braces included
    int line = 1;
  };

  // The next tag at or after `at`.
  std::optional<Tag> next() const {
    Tag tag;
    tag.start = text.find("{{", at);
    if (tag.start == std::string_view::npos) return std::nullopt;
    tag.line =
        line + static_cast<int>(std::count(text.begin() + static_cast<ptrdiff_t>(at),
                                           text.begin() + static_cast<ptrdiff_t>(tag.start), '\n'));
    const size_t close = text.find("}}", tag.start);
    if (close == std::string_view::npos) owner.refuse(tag.line, "{{ is never closed");
    std::string_view inside = text.substr(tag.start + 2, close - tag.start - 2);
    if (!inside.empty() && std::string_view("#^/").find(inside[0]) != std::string_view::npos) {
      tag.sign = inside[0];
      inside.remove_prefix(1);
    }
    const bool valid = !inside.empty() && std::all_of(inside.begin(), inside.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || c == '_';
    });
    if (!valid) owner.refuse(tag.line, "{{" + std::string(inside) + "}} is not a name");
    tag.name = inside;
    tag.end = close + 2;
    return tag;
  }

  void advance(size_t to) {
    line += static_cast<int>(std::count(text.begin() + static_cast<ptrdiff_t>(at),
                                        text.begin() + static_cast<ptrdiff_t>(to), '\n'));
    at = to;
  }

  // Of a tag that stands alone on its line, the whole line.
  void widen(Tag& tag) const {
    if (tag.sign == ' ') return;
    size_t start = tag.start, end = tag.end;
    while (start > at && (text[start - 1] == ' ' || text[start - 1] == '\t')) --start;
    while (end < text.size() && (text[end] == ' ' || text[end] == '\t')) ++end;
    const bool opens = start == 0 || text[start - 1] == '\n';
    const bool closes = end == text.size() || text[end] == '\n';
    if (!opens || !closes) return;
    tag.start = start;
    tag.end = std::min(end + 1, text.size());
  }

  // Until the end of the section `inside`, or of the text.
  std::vector<Part> parts(const Tag* inside) {
    std::vector<Part> out;
    const auto literal = [&](size_t to) {
      if (to > at) out.push_back({Kind::kLiteral, std::string(text.substr(at, to - at)), line, {}});
      advance(to);
    };
    while (std::optional<Tag> tag = next()) {
      widen(*tag);
      literal(tag->start);
      advance(tag->end);
      if (tag->sign == '/') {
        if (inside == nullptr || inside->name != tag->name)
          owner.refuse(tag->line, "{{/" + tag->name + "}} closes nothing");
        return out;
      }
      if (tag->sign == ' ') {
        out.push_back({Kind::kText, tag->name, tag->line, {}});
      } else {
        const Kind kind = tag->sign == '#' ? Kind::kEach : Kind::kEmpty;
        out.push_back({kind, tag->name, tag->line, parts(&*tag)});
      }
    }
    if (inside != nullptr)
      owner.refuse(inside->line,
                   "{{" + std::string(1, inside->sign) + inside->name + "}} is never closed");
    literal(text.size());
    return out;
  }
};

Template::Template(std::string name, std::string_view text) : name_(std::move(name)) {
  parts_ = Reader{*this, text}.parts(nullptr);
}

void Template::render(const std::vector<Part>& parts, const Scopes& scopes,
                      std::string& out) const {
  for (const Part& part : parts) {
    if (part.kind == Kind::kLiteral) {
      out += part.text;
      continue;
    }
    const std::string* text = nullptr;
    const std::vector<Values>* items = nullptr;
    for (auto scope = scopes.rbegin(); scope != scopes.rend() && !text && !items; ++scope) {
      if (const auto found = (*scope)->texts_.find(part.text); found != (*scope)->texts_.end())
        text = &found->second;
      if (const auto found = (*scope)->lists_.find(part.text); found != (*scope)->lists_.end())
        items = &found->second;
    }
    if (part.kind == Kind::kText) {
      if (text == nullptr) refuse(part.line, "no text was given for " + part.text);
      out += *text;
      continue;
    }
    if (items == nullptr) refuse(part.line, "no list was given for " + part.text);
    if (part.kind == Kind::kEmpty) {
      if (items->empty()) render(part.parts, scopes, out);
      continue;
    }
    for (const Values& item : *items) {
      check_used(part.parts, item);
      Scopes inner = scopes;
      inner.push_back(&item);
      render(part.parts, inner, out);
    }
  }
}

void Template::check_used(const std::vector<Part>& parts, const Values& values) const {
  const auto uses = [](const auto& self, const std::vector<Part>& in,
                       const std::string& name) -> bool {
    return std::any_of(in.begin(), in.end(), [&](const Part& part) {
      return part.kind != Kind::kLiteral && (part.text == name || self(self, part.parts, name));
    });
  };
  const int line = parts.empty() ? 1 : parts[0].line;
  for (const auto& [name, text] : values.texts_)
    if (!uses(uses, parts, name)) refuse(line, "the text " + name + " is given and not used");
  for (const auto& [name, items] : values.lists_)
    if (!uses(uses, parts, name)) refuse(line, "the list " + name + " is given and not used");
}

std::string Template::render(const Values& values) const {
  check_used(parts_, values);
  std::string out;
  render(parts_, {&values}, out);
  return out;
}

}  // namespace ballast::prompts
