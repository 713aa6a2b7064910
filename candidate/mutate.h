// Genetic operators on candidates: each makes a child that is well-typed by construction.
//
// Pure functions of their arguments: the same programs and the same state of `rng` give the same
// child. nullopt: nothing of the kind was possible within a few tries. Every child passes
// Builder::finish, keeps the limits, has another identity than its parents, and can train a router
// (see trains_router). What is drawn treats all experts alike, so that an expert-permutation
// equivariant parent has an equivariant child.
#pragma once

#include <optional>
#include <string>

#include "candidate/graph.h"
#include "candidate/parse.h"
#include "common/rng.h"

namespace ballast::candidate {

struct Mutation {
  Program program;
  std::string description;  // "swap sum for logsumexp": what was done, for people and prompts
};

struct MutationLimits {
  size_t nodes = 200;  // of a child; a parent above it has only children that are not larger
  Limits graph;        // the printed child is within source_bytes
};

// Constants: multiplied, perturbed or replaced; exponents, bounds of clamps, orders of norms,
// temperatures of softmax; a factor put where there is none. Leaves out the scale of the whole
// loss, which the coefficient takes up again.
std::optional<Mutation> tune(const Program& parent, Rng& rng, const MutationLimits& limits = {});

// Typed tree operators: another sub-expression, op or field of the same type, a function around
// one, one more term from the library of idioms, a schedule, a new or changed selection_bias.
std::optional<Mutation> mutate(const Program& parent, Rng& rng, const MutationLimits& limits = {});

// Crossover: a term, a sub-expression or the bias hook of `other` goes into `parent`.
std::optional<Mutation> splice(const Program& parent, const Program& other, Rng& rng,
                               const MutationLimits& limits = {});

// Removes a term, a factor, a wrapping function, or one of two hooks. The child has fewer nodes.
std::optional<Mutation> drop(const Program& parent, Rng& rng, const MutationLimits& limits = {});

// Whether the program can change a router, as far as its text tells: it has a selection_bias that
// does not just return the bias, or a differentiable path from its loss to logits, scores, probs or
// probs_global.
bool trains_router(const Program& program);

}  // namespace ballast::candidate
