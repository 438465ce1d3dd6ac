// SPDX-License-Identifier: Apache-2.0
// Writes the files of a run folder: all of them, or none.
#include "dojo/report/run_folder.h"

#include "report/bottlenecks.h"
#include "report/files.h"
#include "report/groups.h"
#include "report/page.h"
#include "report/tables.h"
#include "report/text.h"
#include "report/value.h"

namespace dojo::report {

void write_run_folder(const RunContext& context, const std::string& directory) {
  write_run_folder(context, directory, [](OutputSet&) {});
}

void write_run_folder(const RunContext& context, const std::string& directory,
                      const std::function<void(OutputSet&)>& more) {
  const Json report = report_value(context);
  FileSet files(directory);
  files.add("config.resolved.json", config::resolved_json(context.config));
  const RunTables tables{dies_csv(context), links_csv(context), tasks_csv(context), use_csv(context)};
  files.add("links.csv", tables.links);
  const Json& ops = report["latency"]["ops"];
  files.add("ops.csv", ops_csv(ops));
  for (const char* by : {"kind", "phase", "layer"}) {
    files.add(std::string("by_") + by + ".csv",
              grouped_csv(by, ops, report["workload"]["ranks"].get<double>(), report["time"]["seconds"].get<double>()));
  }
  files.add("collectives.csv", collectives_csv(report["latency"]["collectives"]));
  files.add("critical_path.csv", critical_path_csv(context));
  files.add("dies.csv", tables.dies);
  files.add("tasks.csv", tables.tasks);
  files.add("use_over_time.csv", tables.use);
  if (context.timeline != nullptr && !context.timeline->empty()) files.add("timeline.pftrace.gz", *context.timeline);
  more(files.set());
  files.add("report.txt", text_of(report));
  files.add("report.html", run_page(report, tables));
  files.add("report.json", dump(report));  // last: a folder with report.json is complete
  files.commit();
}

}  // namespace dojo::report
