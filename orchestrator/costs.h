// What language models have cost and brought, as people and programs see it.
#pragma once

#include <string>
#include <vector>

#include "orchestrator/terminal.h"
#include "population/reader.h"

namespace ballast::orchestrator {

// The sum of all rows; its model is "total", its operator "".
population::CostRow total_of(const std::vector<population::CostRow>& rows);

// A table, a row per model and operator and one for the total; a line where there are none.
std::string costs_text(const std::vector<population::CostRow>& rows, const Terminal& terminal);

// {"rows": [...], "total": {...}}: every column of the view `costs`.
std::string costs_json(const std::vector<population::CostRow>& rows);

// USD to three significant digits or cents, whichever says more: "$12.34", "$0.00123".
std::string dollars(double usd);

}  // namespace ballast::orchestrator
