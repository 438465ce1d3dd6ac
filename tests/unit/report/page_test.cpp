// SPDX-License-Identifier: Apache-2.0
// The frame of a page: what is in its island, that nothing in it can end the island, and which scripts may run.
#include "report/page.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "dojo/config/config.h"
#include "dojo/report/report.h"
#include "synthetic_run.h"

namespace dojo::report {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string island_of(const std::string& page) {
  const std::string begin = "<script type=\"application/json\" id=\"island\">";
  const std::size_t from = page.find(begin) + begin.size();
  return page.substr(from, page.find("</script>", from) - from);
}

std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const std::size_t from = text.find(begin) + begin.size();
  return text.substr(from, text.find(end, from) - from);
}

TEST(Page, TheIslandIsOneTextWhateverItHolds) {
  const std::string name = "</script><script>alert(1)</script><!-- & \xe2\x80\xa8\xe2\x80\xa9 \xff";
  const std::string text = page("a <title> & \"more\"", {{"name", name}});
  const std::string island = island_of(text);
  for (const char* bad : {"<", ">", "&", "\xe2\x80\xa8", "\xe2\x80\xa9"}) EXPECT_THAT(island, Not(HasSubstr(bad)));
  const std::string read = Json::parse(island)["name"];
  EXPECT_EQ(read.substr(0, read.size() - 3), name.substr(0, name.size() - 1)) << "only what is no UTF-8 is replaced";
  EXPECT_THAT(text, HasSubstr("<title>a &lt;title&gt; &amp; &quot;more&quot;</title>"));
}

TEST(Page, LetsOnlyItsOwnScriptsRunAndFetchesNothing) {
  const std::string text = page("title", {{"kind", "run"}});
  const std::string policy = between(text, "http-equiv=\"Content-Security-Policy\" content=\"", "\"");
  EXPECT_THAT(policy, HasSubstr("default-src 'none'"));
  EXPECT_THAT(policy, Not(HasSubstr("http")));
  EXPECT_THAT(between(policy, "script-src", ";"), Not(HasSubstr("unsafe")));
  // openssl dgst -sha256 -binary </dev/null | base64
  const std::string nothing = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='";
  const bool charts = page_files().chart_library[0] != '\0';
  EXPECT_EQ(policy.find(nothing) != std::string::npos, !charts) << "the hash of an empty script";
}

TEST(Page, PacksRowsAsColumns) {
  const CsvTable table = parse_csv(
      "path,share,word,count\n"
      "tile.die[0].noc.east,0.123456,noc,7\n"
      "tile.die[0].noc.west,,noc,1000000\n"
      "tile.die[1].edge.east,1e-9,edge,0\n",
      "t.csv");
  const Json columns = packed(table, 3);
  EXPECT_EQ(columns["share"].dump(), "[0.123,null,1e-09]");
  EXPECT_EQ(columns["count"].dump(), "[7,1000000.0,0]");
  EXPECT_EQ(columns["word"].dump(), R"({"words":["noc","edge"],"at":[0,0,1]})");
  std::string text = "path\n";
  for (int i = 0; i < 100; ++i) text += fmt::format("die[{}].noc\n", i);
  const Json paths = packed(parse_csv(text, "t.csv"), 3)["path"];
  EXPECT_EQ(paths["same"][0], 0);
  EXPECT_EQ(paths["rest"][0], "die[0].noc");
  EXPECT_EQ(paths["same"][1], 4);
  EXPECT_EQ(paths["rest"][1], "1].noc");
}

TEST(Page, ACellThatLooksLikeAFormulaIsReadAsItWas) {
  for (const char* text : {"=cmd|'/c calc'!A1", "-x", "'quoted'", "plain", "-5"})
    EXPECT_EQ(plain_cell(csv_cell(text)), text);
  EXPECT_EQ(csv_cell("a\x1b[2J\tb"), "a\\u001b[2J\tb") << "a table is printed on terminals too";
  EXPECT_EQ(csv_cell("\xc3\xa4\xff"), "\xc3\xa4\\u00ff");
}

TEST(Page, OfARunIsMadeAgainFromItsFolder) {
  const Folder folder;
  const SyntheticRun run;
  write_run_folder(run.context(), folder / "out");
  const std::string first = folder.read("out/report.html");
  EXPECT_EQ(write_html(folder / "out"), folder / "out/report.html");
  EXPECT_EQ(folder.read("out/report.html"), first);
  const Json island = Json::parse(island_of(first));
  EXPECT_EQ(island["kind"], "run");
  EXPECT_EQ(island["report"], Json::parse(report_json(run.context())));
  EXPECT_EQ(island["layers"].size(), island["report"]["latency"]["ops"].size());
}

TEST(Page, WorksForAFolderOfAnOlderVersion) {
  const Folder folder;
  folder.write("report.json", R"({"schema": "dojosim.report/1", "machine": {"name": "<old>"}})");
  (void)write_html(folder / "");
  EXPECT_THAT(folder.read("report.html"), HasSubstr("&lt;old&gt;"));
}

}  // namespace
}  // namespace dojo::report
