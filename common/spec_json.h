// TrainSpec inside other messages; included by .cpp files only.
#pragma once

#include "common/json.h"
#include "common/spec.h"

namespace ballast {

Json json_of(const TrainSpec& spec);
TrainSpec train_spec_of(const Json& json);

}  // namespace ballast
