"""The include graph's checker finds planted bad edges, and the tree has none."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def check(root):
    done = subprocess.run([sys.executable, ROOT / "scripts/check_includes.py", root],
                          capture_output=True, text=True)
    return done.returncode, done.stdout


class CheckIncludes(unittest.TestCase):
    def planted(self, files):
        with tempfile.TemporaryDirectory() as root:
            for name, text in files.items():
                path = pathlib.Path(root, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return check(root)

    def test_the_tree_has_no_wrong_edge(self):
        self.assertEqual(check(ROOT), (0, ""))

    def test_an_edge_upwards_is_found(self):
        code, out = self.planted({"common/a.h": '#include "trainer/b.h"\n', "trainer/b.h": ""})
        self.assertEqual(code, 1)
        self.assertIn('common/a.h:1: "trainer/b.h": common/ knows nothing of ours', out)

    def test_an_edge_sideways_is_found(self):
        code, out = self.planted({"evaluator/a.cpp": '#include "population/b.h"\n', "population/b.h": ""})
        self.assertEqual(code, 1)
        self.assertIn("evaluator/ knows common, but not population/", out)

    def test_a_library_has_one_owner(self):
        code, out = self.planted({"orchestrator/a.cpp": "\n#include <sqlite3.h>\n"})
        self.assertEqual(code, 1)
        self.assertIn("orchestrator/a.cpp:2: <sqlite3.h> (libsqlite3-dev) belongs to", out)

    def test_torch_in_the_daemon_is_found(self):
        code, _ = self.planted({"evaluator/a.cpp": "#include <torch/torch.h>\n"})
        self.assertEqual(code, 1)

    def test_json_in_a_header_is_found(self):
        code, _ = self.planted({"evaluator/a.h": "#include <nlohmann/json.hpp>\n"})
        self.assertEqual(code, 1)

    def test_an_unknown_library_is_found(self):
        code, out = self.planted({"common/a.cpp": "#include <boost/any.hpp>\n"})
        self.assertEqual(code, 1)
        self.assertIn("no row for this library", out)

    def test_allowed_edges_pass(self):
        self.assertEqual(
            self.planted({
                "common/a.h": "#include <vector>\n",
                "trainer/b.cpp": '#include <ATen/ATen.h>\n#include "common/a.h"\n',
            }), (0, ""))


if __name__ == "__main__":
    unittest.main()
