// The recursive-descent parser: tokens in, tree out. Split over syntax_expression.cpp and
// syntax_statement.cpp.
#pragma once

#include <initializer_list>
#include <optional>

#include "candidate/ast.h"
#include "candidate/lexer.h"

namespace ballast::candidate {

class Syntax {
 public:
  Syntax(const std::vector<Token>& tokens, const Limits& limits)
      : tokens_(tokens), limits_(limits) {}
  Ast run();

 private:
  // One level deeper for as long as it lives. Fails beyond the limit.
  class Deeper {
   public:
    explicit Deeper(Syntax& syntax);
    ~Deeper() { --syntax_.depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;

   private:
    Syntax& syntax_;
  };

  const Token& peek(size_t ahead = 0) const {
    return tokens_[std::min(index_ + ahead, tokens_.size() - 1)];
  }
  const Token& next() { return tokens_[index_ + 1 < tokens_.size() ? index_++ : index_]; }
  bool at_op(std::string_view text) const { return peek().kind == Tok::kOp && peek().text == text; }
  bool at_word(std::string_view text) const {
    return peek().kind == Tok::kName && peek().text == text;
  }
  bool take_op(std::string_view text);
  bool take_word(std::string_view text);
  void expect_op(std::string_view text, std::string_view where);
  std::string_view expect_name(std::string_view where);  // fails on keywords
  [[noreturn]] void unexpected(std::string_view where) const;
  void refuse_foreign_keyword() const;  // fails at `lambda`, `await`, ...

  // Expressions.
  ExprId make(ExprKind kind, Position at, std::vector<ExprId> items = {});
  ExprId expression();       // a ternary or simpler
  ExprId expression_list();  // with bare tuples: a, b
  ExprId or_test();
  ExprId and_test();
  ExprId not_test();
  ExprId comparison();
  std::optional<OperatorAt> comparison_operator();
  ExprId binary(int level);
  ExprId prefix();
  ExprId power();
  ExprId postfix();
  ExprId atom();
  ExprId strings();
  ExprId parenthesised();
  ExprId list();
  ExprId call(ExprId callee);
  ExprId subscript(ExprId base);
  ExprId slice();
  ExprId comprehension(ExprId element, Position at);
  ExprId target_list();  // of `for`: a name or names

  // Statements.
  void statement(Block& out);
  void simple_statements(Block& out);
  StmtId simple_statement();
  StmtId expression_statement();
  StmtId annotated(ExprId target, Stmt stmt);
  StmtId if_statement();
  StmtId for_statement();
  StmtId definition();
  void parameters(Function& function);
  StmtId import_statement();
  StmtId from_import();
  std::string dotted_name();
  void add_import(Stmt& stmt, Position at, std::string module, std::string_view name,
                  std::string_view bound);
  Block block();
  StmtId add(Stmt stmt);
  void check_target(ExprId target);  // fails when it is not a name or names; binds them
  void bind(std::string_view name);
  void skip_annotation();
  void refuse_statement() const;  // fails at `while`, `with`, ...

  const std::vector<Token>& tokens_;
  Limits limits_;
  size_t index_ = 0;
  int depth_ = 0;
  Ast ast_;
  std::vector<std::set<std::string_view>*> scopes_;  // names bound by the functions being read
  int loops_ = 0;                                    // loops around the statement being read
};

bool is_keyword(std::string_view name);

}  // namespace ballast::candidate
