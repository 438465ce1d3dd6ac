# SPDX-License-Identifier: Apache-2.0
"""The modules of the pages become one script (cmake/write_page_files.cmake): their outer names differ, and each imports
what it uses from where it is exported. Nothing is ever set as markup."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODULES = {file.name: file.read_text() for file in (ROOT / "src/report/page").glob("*.js") if file.name != "chart_library.js"}
IMPORT = re.compile(r'import \{([^}]*)\} from "\./(\w+\.js)";\n')
OUTER = re.compile(r"^(export )?(?:async )?(?:function|class|const|let) (\w+)", re.MULTILINE)


def outer(text, exported=False):
    return [name for export, name in OUTER.findall(text) if export or not exported]


def imports(text):
    return [(name.strip(), module) for names, module in IMPORT.findall(text) for name in names.split(",") if name.strip()]


class PageModules(unittest.TestCase):
    def test_outer_names_differ(self):
        names = sorted(name for text in MODULES.values() for name in outer(text))
        self.assertEqual(names, sorted(set(names)))

    def test_imports_are_exported_and_used(self):
        for module, text in MODULES.items():
            body = IMPORT.sub("", text)
            for name, other in imports(text):
                self.assertIn(name, outer(MODULES[other], exported=True), f"{module} imports it from {other}")
                self.assertRegex(body, rf"\b{name}\b", f"{module} imports it for nothing")

    def test_exports_are_imported_somewhere(self):
        wanted = {name for text in MODULES.values() for name, _ in imports(text)}
        self.assertEqual({name for text in MODULES.values() for name in outer(text, exported=True)} - wanted, set())

    def test_every_module_is_reached(self):
        reached, todo = set(), ["main.js"]
        while todo:
            module = todo.pop()
            if module not in reached:
                reached.add(module)
                todo += [other for _, other in imports(MODULES[module])]
        self.assertEqual(reached, set(MODULES))

    def test_nothing_is_set_as_markup_and_nothing_is_fetched(self):
        for module, text in MODULES.items():
            for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "fetch(", "XMLHttpRequest",
                         "import(", "WebSocket"):
                self.assertNotIn(word, text, module)

    def test_the_lock_file_has_hashes_and_names_no_host(self):
        lock = (ROOT / "src/report/page/package-lock.json").read_text()
        self.assertNotIn("resolved", lock)
        self.assertNotIn("://", lock)
        self.assertEqual(lock.count('"integrity": "sha512-'), lock.count('"node_modules/'))


class Pictures(unittest.TestCase):
    """Those of docs/pages, which tools/page_screenshots makes."""

    def test_each_is_small_and_shown_at_both_widths(self):
        pictures = {file.stem: file for file in (ROOT / "docs/pages").iterdir()}
        gallery = (ROOT / "docs/gallery.md").read_text()
        self.assertGreater(len(pictures), 10)
        for name, file in pictures.items():
            self.assertEqual(file.suffix, ".png", name)
            self.assertLess(file.stat().st_size, 150_000, name)
            self.assertIn(f"(pages/{name}.png)", gallery)
            kind, _, width = name.rpartition("_")
            self.assertIn(f"{kind}_{'390' if width == '1280' else '1280'}", pictures)


if __name__ == "__main__":
    unittest.main()
