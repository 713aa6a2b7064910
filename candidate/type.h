// Types of the loss language: Python numbers, and tensors with symbolic shapes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "candidate/dim.h"

namespace ballast::candidate {

enum class Element : uint8_t { kBool, kInt, kFloat };

using Shape = std::vector<Dim>;

struct Type {
  bool tensor = false;  // false: a Python bool, int or float (shape is then empty)
  Element element = Element::kFloat;
  Shape shape;

  bool operator==(const Type&) const = default;
};

std::string to_string(const Shape& shape);  // "(T,E)", "()", "(E,)"
std::string to_string(const Type& type);    // "float (T,E) tensor", "int"

// PyTorch's broadcasting: aligned at the right, a size is 1 or equal. nullopt when they do not fit.
std::optional<Shape> broadcast(const Shape& a, const Shape& b);

// Product of the sizes; Dim(1) for ().
Dim elements(const Shape& shape);

}  // namespace ballast::candidate
