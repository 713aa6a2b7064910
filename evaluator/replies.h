// What a trainer's frames must look like to be believed. A trainer that was taken over can write
// anything, so everything is bounded and checked here before the daemon acts on it. Pure functions;
// all throw Error saying what is wrong.
#pragma once

#include <string>
#include <string_view>

#include "common/job.h"

namespace ballast::evaluator {

// More JSON than this is no reply.
inline constexpr size_t kMostReplyBytes = 4u << 20;

// The kind of a frame ("progress", "train_result", ...).
std::string reply_kind(std::string_view frame);

// Each checks kind and attempt, that the outcome is one a trainer can know of (time, memory and
// forbidden calls are judged from outside), names and numbers of metrics; the message becomes one
// line.
Progress read_progress(std::string_view frame, int64_t attempt);
TrainResult read_train_result(std::string_view frame, int64_t attempt, int64_t most_bytes);
ScoreResult read_score_result(std::string_view frame, int64_t attempt);
ProbeResult read_probe_result(std::string_view frame, int64_t attempt);
// `texts`: how many vectors there must be when it is kOk.
EmbedResult read_embed_result(std::string_view frame, int64_t attempt, size_t texts);

// Whether this is the result of a probe, or of an embedding, with an attempt lower than `attempt`.
bool answers_before(std::string_view frame, int64_t attempt);

// Bytes that the weights of such a model cannot exceed: twice its parameters in float32, and room
// for buffers.
int64_t most_weight_bytes(const ModelSpec& model);

// One line for a person out of whatever a trainer wrote: no control characters, at most `longest`
// bytes, cut between UTF-8 characters.
std::string one_line(std::string_view text, size_t longest = 1000);

}  // namespace ballast::evaluator
