// The names a candidate may call, with PyTorch's signatures, and the functions that lower a call to
// nodes. Also what is known and refused (randomness, in-place methods, ...), and what is near.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "candidate/graph.h"
#include "candidate/value.h"

namespace ballast::candidate {

class Lowering;
class Arguments;

// Where a name can be written, as bits.
enum Space : uint8_t {
  kTorch = 1,       // torch.sum(x); dotted ones too: torch.linalg.norm
  kMethod = 2,      // x.sum()
  kFunctional = 4,  // F.softmax(x)
  kBuiltin = 8,     // abs(x)
  kMath = 16,       // math.sqrt(x)
};

// What a call does to the tensors it gets: decides where `x += y` would mean something else in
// PyTorch than x = x + y.
enum class Effect : uint8_t {
  kFresh,   // a new tensor; autograd keeps the operands
  kResult,  // a new tensor; autograd keeps it and the operands
  kLinear,  // a new tensor; nothing is kept
  kView,    // may share the first operand's memory; nothing is kept
};

struct SignatureParameter {
  std::string_view name;
  std::string_view fallback;  // default as written: "None", "True", "-1", "'mean'"; empty: required
  bool keyword_only = false;
  bool rest = false;  // *name: all remaining positional arguments
};

using Lower = Value (*)(Lowering& low, const Arguments& args);

struct NameRow {
  uint8_t spaces;
  std::string_view name;
  std::string_view signature;  // "input, dim=None, keepdim=False, *, dtype=None"
  Effect effect;
  Lower lower;
  Op op;  // of rows whose lowering is one node
  std::vector<SignatureParameter> parameters;
  size_t section = 0;  // index into name_sections()
};

// The parts of the table, for people: see reference.h.
struct NameSection {
  std::string_view title;
  std::string_view shape;  // of the results, in words
};
const std::vector<NameSection>& name_sections();  // in the table's order

const std::vector<NameRow>& source_names();  // in the table's order
const NameRow* find_name(Space space, std::string_view name);

// Why a name of PyTorch or Python that is no source name is refused, and what to write instead.
// Falls back to the nearest known names.
struct Refusal {
  std::string message, hint;
};
Refusal refuse_name(Space space, std::string_view name);

// Names that are known and refused, in groups of one reason.
struct RefusedNames {
  std::vector<std::string_view> names;
  std::string_view message, hint;  // the hint may be empty
};
std::vector<RefusedNames> refused_names();

// The nearest of `known` by edit distance, best first; empty when none is near.
std::vector<std::string_view> nearest(std::string_view name,
                                      const std::vector<std::string_view>& known);

}  // namespace ballast::candidate
