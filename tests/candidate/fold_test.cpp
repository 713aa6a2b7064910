#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "tests/candidate/graph_maker.h"

namespace ballast::candidate {
namespace {

// "int 3", "float 0.5", "bool 1", or the op's name when nothing was folded.
std::string shown(const Builder& b, NodeId id) {
  const Node& node = b.node(id);
  switch (node.op) {
    case Op::kSize:
      return "int " + node.dims[0].to_string();
    case Op::kNumber: {
      std::ostringstream text;
      text << "float " << node.number;
      return text.str();
    }
    case Op::kBool:
      return node.ints[0] != 0 ? "True" : "False";
    default:
      return std::string(row(node.op).name);
  }
}

class Fold : public testing::Test {
 protected:
  GraphMaker g;
  std::string show(Op op, NodeId a, NodeId b) { return shown(g.b, g.op(op, {a, b})); }
  std::string show(Op op, NodeId a) { return shown(g.b, g.op(op, {a})); }
  std::string show_cast(NodeId a, Element element) {
    return shown(g.b, g.op(Op::kCast, {a}, {static_cast<int64_t>(element)}));
  }
  NodeId i(int64_t value) { return g.integer(value); }
  NodeId f(double value) { return g.num(value); }
};

TEST_F(Fold, IntsStayExactInts) {
  EXPECT_EQ(show(Op::kAdd, i(2), i(3)), "int 5");
  EXPECT_EQ(show(Op::kSub, g.experts, i(1)), "int E-1");
  EXPECT_EQ(show(Op::kMul, g.experts, g.top_k), "int E*k");
  EXPECT_EQ(show(Op::kPow, i(2), i(10)), "int 1024");
  EXPECT_EQ(show(Op::kPow, g.experts, i(2)), "int E*E");
  EXPECT_EQ(show(Op::kPow, i(-1), i(1000001)), "int -1");
  EXPECT_EQ(show(Op::kPow, i(0), i(0)), "int 1");
  EXPECT_EQ(show(Op::kNeg, g.experts), "int -E");
  EXPECT_EQ(show(Op::kAbs, i(-4)), "int 4");
}

TEST_F(Fold, DivisionFollowsPython) {
  EXPECT_EQ(show(Op::kDiv, i(1), i(4)), "float 0.25");
  EXPECT_EQ(show(Op::kDiv, i(6), i(3)), "float 2");  // a float, even when whole
  EXPECT_EQ(show(Op::kFloorDiv, i(-7), i(2)), "int -4");
  EXPECT_EQ(show(Op::kMod, i(-7), i(2)), "int 1");
  EXPECT_EQ(show(Op::kMod, i(7), i(-2)), "int -1");
  EXPECT_EQ(show(Op::kFloorDiv, f(-7.5), i(2)), "float -4");
  EXPECT_EQ(show(Op::kMod, f(-7.5), i(2)), "float 0.5");
  EXPECT_EQ(show(Op::kMod, f(5), f(-3)), "float -1");
  EXPECT_EQ(show(Op::kFloorDiv, f(1), f(0.1)), "float 9");  // CPython: 1 // 0.1 == 9.0
  EXPECT_EQ(show(Op::kDiv, g.experts, g.experts), "float 1");
  EXPECT_EQ(show(Op::kDiv, g.experts, i(2)), "Div");
}

TEST_F(Fold, FloorDivisionOfSizesIsASizeOnlyWhereItIsWhole) {
  const NodeId tokens = g.b.size(Dim::symbol(Symbol::kT));
  const NodeId sequences = g.b.size(Dim::symbol(Symbol::kS));
  EXPECT_EQ(show(Op::kFloorDiv, tokens, sequences), "int T/S");
  EXPECT_EQ(show(Op::kMod, tokens, sequences), "int 0");
  EXPECT_EQ(show(Op::kFloorDiv, g.experts, g.top_k), "FloorDiv");
  EXPECT_EQ(show(Op::kFloorDiv, g.experts, i(2)), "FloorDiv");
  EXPECT_EQ(g.b.type(g.op(Op::kFloorDiv, {g.experts, i(2)})).element, Element::kInt);
}

TEST_F(Fold, ErrorsOfPythonAreBuildErrors) {
  EXPECT_THROW(g.op(Op::kDiv, {i(1), i(0)}), BuildError);
  EXPECT_THROW(g.op(Op::kDiv, {g.progress, f(0)}), BuildError);
  EXPECT_THROW(g.op(Op::kMod, {g.experts, i(0)}), BuildError);
  EXPECT_THROW(g.op(Op::kFloorDiv, {g.order, i(0)}), BuildError);
  EXPECT_THROW(g.op(Op::kPow, {f(0), f(-1)}), BuildError);
  EXPECT_THROW(g.op(Op::kPow, {f(-8), f(1.0 / 3)}), BuildError);
  EXPECT_THROW(g.op(Op::kLog, {i(0)}), BuildError);
  EXPECT_THROW(g.op(Op::kSqrt, {f(-1)}), BuildError);
  EXPECT_THROW(g.op(Op::kExp, {f(1000)}), BuildError);
  EXPECT_THROW(g.op(Op::kPow, {i(10), i(20)}), BuildError);
  EXPECT_THROW(g.op(Op::kSub, {f(INFINITY), f(INFINITY)}), BuildError);
  EXPECT_THROW(g.op(Op::kCast, {f(INFINITY)}, {static_cast<int>(Element::kInt)}), BuildError);
  EXPECT_EQ(show(Op::kDiv, g.load, f(0)), "Div");  // of a tensor: infinite, not an error
}

TEST_F(Fold, ComparisonsAndChoicesAreDecidedWhereKnown) {
  EXPECT_EQ(show(Op::kLt, i(1), f(1.5)), "True");
  EXPECT_EQ(show(Op::kGe, i(1), f(1.5)), "False");
  EXPECT_EQ(show(Op::kEq, g.experts, g.experts), "True");
  EXPECT_EQ(show(Op::kLt, g.experts, g.op(Op::kAdd, {g.experts, i(1)})), "True");
  EXPECT_EQ(show(Op::kGt, g.experts, i(8)), "Lt");
  EXPECT_EQ(show(Op::kMaximum, i(1), f(0.5)), "int 1");  // Python keeps the winner's type
  EXPECT_EQ(show(Op::kMaximum, f(2.0), f(1.5)), "float 2");
  EXPECT_EQ(show(Op::kMinimum, g.experts, i(64)), "Minimum");
  EXPECT_EQ(show(Op::kNot, i(0)), "True");
  EXPECT_EQ(show(Op::kAdd, g.b.boolean(true), i(1)), "int 2");
  EXPECT_EQ(show(Op::kAnd, g.b.boolean(true), g.b.boolean(false)), "False");
}

TEST_F(Fold, RoundingsGiveIntsAndCastsCut) {
  EXPECT_EQ(show(Op::kRound, f(2.5)), "int 2");
  EXPECT_EQ(show(Op::kRound, f(3.5)), "int 4");
  EXPECT_EQ(show(Op::kRound, f(-2.5)), "int -2");
  EXPECT_EQ(show(Op::kFloor, f(-1.5)), "int -2");
  EXPECT_EQ(show_cast(f(-1.5), Element::kInt), "int -1");
  EXPECT_EQ(show_cast(i(3), Element::kFloat), "float 3");
  EXPECT_EQ(show_cast(f(0.1), Element::kBool), "True");
}

TEST_F(Fold, OnlyExactOrCorrectlyRoundedResultsAreFolded) {
  EXPECT_EQ(show(Op::kAdd, f(0.1), f(0.2)), "float 0.3");
  EXPECT_EQ(g.b.node(g.op(Op::kAdd, {f(0.1), f(0.2)})).number, 0.1 + 0.2);
  EXPECT_EQ(show(Op::kSqrt, i(2)), "float 1.41421");
  EXPECT_EQ(show(Op::kLog, i(2)), "Log");  // depends on libm
  EXPECT_EQ(show(Op::kPow, f(0.9), i(2)), "Pow");
  EXPECT_EQ(show(Op::kPow, f(0.5), i(2)), "float 0.25");
  EXPECT_EQ(show(Op::kPow, f(2), f(-3)), "float 0.125");
  EXPECT_EQ(show(Op::kPow, f(10), i(-3)), "Pow");
}

TEST_F(Fold, AnIntToANegativePowerIsAFloat) {
  EXPECT_EQ(show(Op::kPow, i(2), i(-1)), "float 0.5");
  const NodeId inverse = g.op(Op::kPow, {g.experts, i(-1)});
  EXPECT_EQ(g.b.type(inverse).element, Element::kFloat);
  EXPECT_EQ(inverse, g.op(Op::kPow, {g.op(Op::kCast, {g.experts}, {2}), i(-1)}));
  EXPECT_THROW(g.op(Op::kPow, {g.experts, g.op(Op::kSub, {g.top_k, i(1)})}), BuildError);
}

TEST_F(Fold, WhatDoesNotKeepTheBitsIsNotFolded) {
  const NodeId x = g.mean;
  EXPECT_EQ(show(Op::kAdd, x, i(0)), "Add");  // -0.0 + 0.0
  EXPECT_EQ(show(Op::kMul, x, i(0)), "Mul");  // nan * 0
  EXPECT_EQ(show(Op::kSub, x, x), "Sub");
  EXPECT_EQ(show(Op::kEq, x, x), "Eq");
  EXPECT_EQ(show(Op::kDiv, x, x), "Div");
}

TEST_F(Fold, WhatKeepsTheBitsIsFolded) {
  const NodeId x = g.mean;
  EXPECT_EQ(g.op(Op::kMul, {f(1), x}), x);
  EXPECT_EQ(g.op(Op::kDiv, {x, i(1)}), x);
  EXPECT_EQ(g.op(Op::kPow, {x, i(1)}), x);
  EXPECT_EQ(g.op(Op::kSub, {x, f(0)}), x);
  EXPECT_NE(g.op(Op::kSub, {x, f(-0.0)}), x);
  EXPECT_NE(g.op(Op::kMul, {g.order, f(1)}), g.order);  // becomes float
  EXPECT_EQ(g.op(Op::kNeg, {g.op(Op::kNeg, {x})}), x);
  EXPECT_EQ(g.op(Op::kNot, {g.op(Op::kNot, {g.mask})}), g.mask);
  EXPECT_NE(g.op(Op::kNot, {g.op(Op::kNot, {x})}), x);
  EXPECT_EQ(g.op(Op::kCast, {x}, {static_cast<int>(Element::kFloat)}), x);
  EXPECT_EQ(g.op(Op::kSum, {g.total}, {0}), g.total);
  EXPECT_EQ(g.op(Op::kSelect, {g.b.boolean(false), g.load, x}), x);
}

TEST_F(Fold, TruthIsAComparisonWithZero) {
  const NodeId is_zero = g.op(Op::kEq, {g.progress, i(0)});
  const NodeId is_not = g.op(Op::kNe, {g.progress, i(0)});
  EXPECT_EQ(g.op(Op::kNot, {g.progress}), is_zero);
  EXPECT_EQ(g.op(Op::kNot, {is_zero}), is_not);
  EXPECT_EQ(g.op(Op::kCast, {g.progress}, {static_cast<int64_t>(Element::kBool)}), is_not);
  EXPECT_EQ(g.op(Op::kNot, {g.op(Op::kEq, {g.mean, g.load})}), g.op(Op::kNe, {g.mean, g.load}));
}

TEST_F(Fold, DetachIsKeptOnlyWhereItCutsAGradient) {
  const NodeId cut = g.op(Op::kDetach, {g.mean});
  EXPECT_NE(cut, g.mean);
  EXPECT_EQ(g.op(Op::kDetach, {cut}), cut);
  EXPECT_EQ(g.op(Op::kDetach, {g.load}), g.load);
  EXPECT_EQ(g.op(Op::kDetach, {g.op(Op::kMul, {cut, g.load})}), g.op(Op::kMul, {cut, g.load}));
}

TEST_F(Fold, ViewsOfViewsAreOneView) {
  const Dim T = Dim::symbol(Symbol::kT), E = Dim::symbol(Symbol::kE);
  const NodeId flat = g.op(Op::kReshape, {g.probs}, {}, {T * E});
  EXPECT_EQ(g.op(Op::kReshape, {flat}, {}, {T, E}), g.probs);
  EXPECT_EQ(g.op(Op::kReshape, {flat}, {}, {E, T}), g.op(Op::kReshape, {g.probs}, {}, {E, T}));
  const NodeId turned = g.op(Op::kTranspose, {g.probs}, {1, 0});
  EXPECT_EQ(turned, g.op(Op::kTranspose, {g.probs}, {0, 1}));
  EXPECT_EQ(g.op(Op::kTranspose, {turned}, {0, 1}), g.probs);
  EXPECT_EQ(g.op(Op::kSlice, {g.probs}, {1, 1}, {0, E}), g.probs);
  EXPECT_EQ(g.op(Op::kCat, {g.probs}, {1}), g.probs);
  EXPECT_EQ(g.op(Op::kExpand, {g.probs}, {}, {T, E}), g.probs);
}

TEST_F(Fold, BesideAFloatAWholeNumberIsAnInt) {
  EXPECT_EQ(g.op(Op::kMul, {f(2), g.mean}), g.op(Op::kMul, {g.mean, i(2)}));
  EXPECT_EQ(g.op(Op::kPow, {g.progress, f(2)}), g.op(Op::kPow, {g.progress, i(2)}));
  EXPECT_NE(g.op(Op::kMul, {f(2), g.order}), g.op(Op::kMul, {i(2), g.order}));
  EXPECT_NE(g.op(Op::kAdd, {g.mean, f(-0.0)}), g.op(Op::kAdd, {g.mean, i(0)}));
}

TEST_F(Fold, ComparisonsHaveOneDirection) {
  EXPECT_EQ(g.op(Op::kGt, {g.mean, g.load}), g.op(Op::kLt, {g.load, g.mean}));
  EXPECT_EQ(g.op(Op::kLe, {f(0.5), g.load}), g.op(Op::kGe, {g.load, f(0.5)}));
  EXPECT_EQ(g.b.node(g.op(Op::kLe, {f(0.5), g.load})).in[0], g.load);  // the tensor first
}

}  // namespace
}  // namespace ballast::candidate
