# SPDX-License-Identifier: Apache-2.0
"""tools/check_layers finds each kind of forbidden include and nothing else."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools" / "check_layers"


class CheckLayers(unittest.TestCase):
    def check(self, path, text):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / path
            file.parent.mkdir(parents=True)
            file.write_text(text)
            done = subprocess.run([sys.executable, TOOL, folder], capture_output=True, text=True)
            return done.returncode, done.stderr

    def test_include_to_the_right_is_found_with_file_and_line(self):
        code, words = self.check("include/dojo/fabric/x.h", '#pragma once\n#include "dojo/machine/machine.h"\n')
        self.assertEqual(code, 1)
        self.assertIn("fabric/x.h:2: 'fabric' includes 'dojo/machine/machine.h'", words)

    def test_private_include_of_a_module_to_the_right_is_found(self):
        self.assertEqual(self.check("src/topology/x.cpp", '#include "fabric/die_network.h"\n')[0], 1)

    def test_includes_to_the_left_are_fine(self):
        text = '#include <vector>\n#include "dojo/base/types.h"\n#include "machine/shard.h"\n#include "local.h"\n'
        self.assertEqual(self.check("src/machine/x.cpp", text), (0, ""))

    def test_systemc_only_in_systemc(self):
        self.assertEqual(self.check("src/machine/x.cpp", "#include <systemc>\n")[0], 1)
        self.assertEqual(self.check("src/systemc/x.cpp", "#include <systemc>\n")[0], 0)

    def test_the_hierarchy_does_not_include_report(self):
        self.assertEqual(self.check("src/systemc/x.cpp", '#include "dojo/report/report.h"\n')[0], 1)

    def test_json_only_inside_three_modules(self):
        self.assertEqual(self.check("src/config/x.cpp", "#include <nlohmann/json.hpp>\n")[0], 0)
        self.assertEqual(self.check("include/dojo/config/x.h", "#include <nlohmann/json.hpp>\n")[0], 1)
        self.assertEqual(self.check("src/node/x.cpp", "#include <nlohmann/json.hpp>\n")[0], 1)

    def test_unknown_module_is_found(self):
        code, words = self.check("src/gadgets/x.cpp", "\n")
        self.assertEqual(code, 1)
        self.assertIn("module 'gadgets' is unknown", words)


if __name__ == "__main__":
    unittest.main()
