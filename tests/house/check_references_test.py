"""A reference to another file names a file that exists: in comments, documents and scripts."""
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("common|candidate|corpus|population|prompts|evaluator|orchestrator|kernels|trainer|tests|"
           "configs|docs|scripts|cmake")
REFERENCE = re.compile(rf"(?<![\w/.$}}-])((?:{FOLDERS})/[\w./-]*\w\.(?:h|cpp|cu|def|py|sh|md|toml|txt|cmake|jsonl?))\b")
# Where files are named that are made by a command, or that stand for any file.
EXCEPT = {"docs/design.md", "tests/house/check_includes_test.py"}


def dangling(name, text):
    return [f"{name}: {found}" for found in REFERENCE.findall(text)
            if not (ROOT / found).exists() and not found.endswith("_generated.h")]


def files_of_checkout():
    try:
        listed = subprocess.run(["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard"],
                                capture_output=True, text=True)
        if listed.returncode == 0:
            return listed.stdout.splitlines()
    except FileNotFoundError:
        pass  # no git on this machine: all that is no product of a build
    return [str(path.relative_to(ROOT)) for top in ROOT.iterdir()
            if top.name not in (".deps", ".git", "build")
            for path in ([top] if top.is_file() else top.rglob("*")) if path.is_file()]


class CheckReferences(unittest.TestCase):
    def test_named_files_exist(self):
        names = [n for n in files_of_checkout()
                 if n.endswith((".h", ".cpp", ".py", ".sh", ".md", ".def", ".toml", "CMakeLists.txt"))]
        found = []
        for name in names:
            path = ROOT / name
            if name not in EXCEPT and "/data/" not in name and path.exists():
                found += dangling(name, path.read_text(errors="replace"))
        self.assertEqual(found, [])

    def test_a_planted_one_is_found(self):
        planted = "see docs/" + "nothing.md"
        self.assertEqual(dangling("x.md", planted), ["x.md: " + planted[4:]])


if __name__ == "__main__":
    unittest.main()
