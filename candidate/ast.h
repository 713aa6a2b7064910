// The syntax tree of a source text. All nodes live in one arena; children are indices.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "candidate/fail.h"

namespace ballast::candidate {

enum class Operator : uint8_t {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kFloorDiv,
  kMod,
  kMatmul,
  kPow,
  kBitAnd,
  kBitOr,
  kBitXor,
  kShiftLeft,
  kShiftRight,
  kPlus,
  kMinus,
  kInvert,
  kNot,
  kEq,
  kNe,
  kLt,
  kLe,
  kGt,
  kGe,
  kIs,
  kIsNot,
  kIn,
  kNotIn,
};

using ExprId = uint32_t;
constexpr ExprId kNoExpr = UINT32_MAX;

enum class ExprKind : uint8_t {
  kName,   // text
  kInt,    // integer
  kFloat,  // number
  kText,   // string
  kTrue,
  kFalse,
  kNone,
  kEllipsis,
  kTuple,          // items
  kList,           // items
  kPrefix,         // operators[0] items[0]
  kChain,          // items[0] operators[0] items[1] operators[1] ..., from left to right
  kCompare,        // the same for comparisons: a < b < c
  kAnd,            // items
  kOr,             // items
  kTernary,        // items[0] if items[1] else items[2]
  kAttribute,      // items[0].text
  kCall,           // items[0](items[1], ...), keywords[i] names items[i + 1]
  kSubscript,      // items[0][items[1]]
  kSlice,          // items[0]:items[1]:items[2], each may be kNoExpr
  kComprehension,  // [items[0] for items[1] in items[2] if items[3] if ...]
};

struct OperatorAt {
  Operator op;
  Position at;
};

struct Expr {
  ExprKind kind;
  Position at;
  std::string_view text;
  std::string string;
  int64_t integer = 0;
  double number = 0;
  std::vector<ExprId> items;
  std::vector<OperatorAt> operators;
  std::vector<std::string_view> keywords;  // empty: positional
};

using StmtId = uint32_t;
using Block = std::vector<StmtId>;

enum class StmtKind : uint8_t {
  kExpression,  // value
  kAssign,      // targets[0] = targets[1] = ... = value
  kAugment,     // targets[0] op= value
  kReturn,      // value or kNoExpr
  kIf,          // conditions[i]: blocks[i]; the last block may have no condition (else)
  kFor,         // for targets[0] in value: blocks[0]
  kPass,
  kBreak,
  kContinue,
  kDef,     // functions[function]
  kImport,  // imports
};

struct Import {
  std::string module;      // "torch.nn.functional"; with `from`, the module a name is taken from
  std::string_view name;   // what is taken from it; empty: the module itself
  std::string_view bound;  // the local name
};

struct Stmt {
  StmtKind kind = StmtKind::kPass;
  Position at;
  std::vector<ExprId> targets;
  ExprId value = kNoExpr;
  Operator op = Operator::kAdd;
  std::vector<ExprId> conditions;
  std::vector<Block> blocks;
  uint32_t function = 0;
  std::vector<Import> imports;
};

struct Parameter {
  std::string_view name;
  Position at;
  ExprId value = kNoExpr;  // default
  bool keyword_only = false;
};

struct Function {
  std::string_view name;
  Position at;
  std::vector<Parameter> parameters;
  Block body;
  std::set<std::string_view> locals;  // every name the body binds; parameters too
};

struct Ast {
  std::vector<Expr> exprs;
  std::vector<Stmt> stmts;
  std::vector<Function> functions;
  Block body;
};

struct Token;

// Throws Fail. The tree points into the source that the tokens point into.
Ast parse_tokens(const std::vector<Token>& tokens, const Limits& limits);

}  // namespace ballast::candidate
