// ballast lineage ID: where a candidate comes from, what came of it, and what each step was worth.
#include <CLI/CLI.hpp>
#include <iostream>
#include <map>
#include <memory>

#include "common/json.h"
#include "evaluator/replies.h"
#include "orchestrator/command.h"
#include "orchestrator/leaderboard.h"
#include "orchestrator/resolve.h"
#include "orchestrator/terminal.h"
#include "population/reader.h"

namespace ballast::orchestrator {
namespace {

using OrderedJson = nlohmann::ordered_json;
using population::LineageRow;

// A candidate of the family: its row of the lineage, and what is known about it.
struct Member {
  LineageRow row;                    // of its main parent
  std::vector<std::string> parents;  // names
  std::string change;                // what the operator did
  std::optional<population::LeaderboardRow> standing;
};

struct Family {
  Member self;
  std::vector<Member> ancestors, descendants;  // nearest first
};

std::vector<Member> members_of(const std::vector<LineageRow>& rows,
                               const std::map<std::string, std::string>& changes,
                               const std::map<std::string, population::LeaderboardRow>& standings) {
  std::vector<Member> out;
  for (const LineageRow& row : rows) {
    if (out.empty() || out.back().row.identity != row.identity) {
      Member member;
      member.row = row;
      if (const auto it = changes.find(row.identity); it != changes.end())
        member.change = it->second;
      if (const auto it = standings.find(row.identity); it != standings.end())
        member.standing = it->second;
      out.push_back(std::move(member));
    }
    if (!row.parent.empty()) out.back().parents.push_back(row.parent_name);
  }
  return out;
}

Family collect(const population::Reader& archive, const std::string& identity) {
  std::map<std::string, std::string> changes;
  const population::Table births = archive.sql(
      "SELECT identity, detail FROM proposal WHERE reason = 'accepted' ORDER BY id DESC",
      1'000'000);
  for (const auto& row : births.rows)
    changes[std::get<std::string>(row[0])] = std::get<std::string>(row[1]);
  std::map<std::string, population::LeaderboardRow> standings;
  for (population::LeaderboardRow& row : archive.leaderboard())
    standings.emplace(row.identity, std::move(row));

  std::vector<Member> up = members_of(archive.lineage(identity), changes, standings);
  Family family;
  family.descendants = members_of(archive.descendants(identity), changes, standings);
  family.self = std::move(up.front());
  up.erase(up.begin());
  family.ancestors = std::move(up);
  return family;
}

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "-" : out;
}

std::string difference_text(const Member& member) {
  if (!member.standing || member.standing->pairs == 0) return "not measured";
  const auto& error = member.standing->standard_error;
  return with_sign(member.standing->mean_difference, 4) + " ± " + (error ? fixed(*error, 4) : "?");
}

void add_rows(Table& table, const char* relation, const std::vector<Member>& members) {
  for (const Member& member : members)
    table.add({relation, std::to_string(member.row.generation), member.row.name,
               short_id(member.row.identity), joined(member.parents), difference_text(member),
               member.standing ? std::to_string(member.standing->rung) : "-",
               member.change.empty() ? "-" : evaluator::one_line(member.change)});
}

void print(const Family& family) {
  using enum Table::Align;
  Table table({{""},
               {"generation", kRight},
               {"name"},
               {"id"},
               {"parents"},
               {"difference", kRight},
               {"rung", kRight},
               {"what was done"}});
  std::vector<Member> oldest_first(family.ancestors.rbegin(), family.ancestors.rend());
  add_rows(table, "ancestor", oldest_first);
  add_rows(table, "this", {family.self});
  add_rows(table, "descendant", family.descendants);
  std::cout << table.to_string(terminal_of(1))
            << "\ndifference: objective minus the reference's, at the highest rung; ± standard "
               "error. Rungs are not comparable with each other.\n";
}

OrderedJson member_json(const Member& member) {
  const auto& standing = member.standing;
  return {{"identity", member.row.identity},
          {"name", member.row.name},
          {"generation", member.row.generation},
          {"operator", member.row.op.empty() ? Json() : Json(member.row.op)},
          {"parents", member.parents},
          {"change", member.change},
          {"rung", standing ? Json(standing->rung) : Json()},
          {"pairs", standing ? Json(standing->pairs) : Json()},
          {"mean_difference", standing ? Json(standing->mean_difference) : Json()},
          {"standard_error",
           standing && standing->standard_error ? Json(*standing->standard_error) : Json()}};
}

OrderedJson json_of(const Family& family) {
  OrderedJson ancestors = OrderedJson::array(), descendants = OrderedJson::array();
  for (const Member& member : family.ancestors) ancestors.push_back(member_json(member));
  for (const Member& member : family.descendants) descendants.push_back(member_json(member));
  return {{"candidate", member_json(family.self)},
          {"ancestors", ancestors},
          {"descendants", descendants}};
}

}  // namespace

Job set_up_lineage(CLI::App& app) {
  struct Given : Options {
    std::string id;
  };
  const auto given = std::make_shared<Given>();
  add_candidate(app, given->id);
  add_archive(app, *given);
  add_config(app, *given);
  add_json(app, *given);
  return [given] {
    const population::Reader archive(given->load().archive);
    const Family family = collect(archive, resolve_id(archive, given->id));
    if (given->json)
      std::cout << json_of(family).dump(2) << "\n";
    else
      print(family);
    return 0;
  };
}

}  // namespace ballast::orchestrator
