#include "candidate/type.h"

#include <algorithm>

namespace ballast::candidate {
namespace {

std::string element_name(Element element) {
  switch (element) {
    case Element::kBool:
      return "bool";
    case Element::kInt:
      return "int";
    case Element::kFloat:
      return "float";
  }
  return "";
}

}  // namespace

std::string to_string(const Shape& shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ",";
    text += shape[i].to_string();
  }
  return text + (shape.size() == 1 ? ",)" : ")");
}

std::string to_string(const Type& type) {
  if (!type.tensor) return element_name(type.element);
  return element_name(type.element) + " " + to_string(type.shape) + " tensor";
}

std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
  Shape shape = a.size() >= b.size() ? a : b;
  const Shape& other = a.size() >= b.size() ? b : a;
  const size_t offset = shape.size() - other.size();
  for (size_t i = 0; i < other.size(); ++i) {
    Dim& size = shape[offset + i];
    if (size.is_one()) {
      size = other[i];
    } else if (!other[i].is_one() && size != other[i]) {
      return std::nullopt;
    }
  }
  return shape;
}

Dim elements(const Shape& shape) {
  Dim product(1);
  for (const Dim& size : shape) product = product * size;
  return product;
}

}  // namespace ballast::candidate
