// SPDX-License-Identifier: Apache-2.0
// Writes the files of a run folder: all of them, or none.
#include "report/files.h"
#include "report/html.h"
#include "report/tables.h"
#include "report/text.h"
#include "report/value.h"

namespace dojo::report {

void write_run_folder(const RunContext& context, const std::string& directory) {
  const Json report = report_value(context);
  FileSet files(directory);
  files.add("config.resolved.json", config::resolved_json(context.config));
  files.add("links.csv", links_csv(context));
  files.add("ops.csv", ops_csv(report["latency"]["ops"]));
  files.add("dies.csv", dies_csv(context));
  files.add("report.txt", text_of(report));
  files.add("report.html", run_html(report, dies_csv(context)));
  files.add("report.json", dump(report));  // last: a folder with report.json is complete
  files.commit();
}

}  // namespace dojo::report
