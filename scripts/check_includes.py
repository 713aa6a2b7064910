#!/usr/bin/env python3
"""Checks who includes whom against docs/design.md, section 2: folders of ours, and the one owner of
each third-party library. Prints a line for each wrong edge; exits 1 if there is one.

usage: scripts/check_includes.py [ROOT]
"""
import pathlib
import re
import sys

# Folder -> folders whose headers it may include besides its own.
FOLDERS = {
    "common": set(),
    "candidate": {"common"},
    "corpus": {"common"},
    "population": {"common"},
    "prompts": {"common", "candidate"},
    "evaluator": {"common"},
    "kernels": {"common"},
    "trainer": {"common", "candidate", "kernels"},
    "orchestrator": {"common", "candidate", "corpus", "population", "prompts", "evaluator"},
}

# Third-party header -> files that may include it (regular expressions), and the package it is from.
# What has no row here must be a header of the standard library or of the operating system.
LIBRARIES = [
    (r"nlohmann/", r"(common|candidate|corpus|population|evaluator|trainer|orchestrator|orchestrator/llm)/[^/]*(\.cpp|json\.h)", "nlohmann-json3-dev"),
    (r"toml\+\+/|toml\.hpp", r"common/config[a-z_]*\.cpp|orchestrator/llm/models\.cpp", "libtomlplusplus-dev"),
    (r"openssl/", r"common/hash\.cpp", "libssl-dev"),
    (r"seccomp\.h", r"common/lockdown[a-z_]*\.cpp", "libseccomp-dev"),
    (r"zlib\.h", r"corpus/[a-z_]*\.cpp", "zlib1g-dev"),
    (r"sqlite3\.h", r"population/db\.(h|cpp)", "libsqlite3-dev"),
    (r"curl/", r"orchestrator/llm/transport\.cpp", "libcurl4-openssl-dev"),
    (r"CLI/", r"orchestrator/[a-z_]*\.(cpp|h)", "libcli11-dev"),
    (r"(ATen|c10|torch)/", r"trainer/[a-z_]*\.(cpp|h)", "LibTorch"),
]
SYSTEM = re.compile(r"[a-z_0-9]+$|(sys|linux|arpa|netinet|net|asm)/[a-z_0-9]+\.h$|"
                    r"(assert|cxxabi|dirent|dlfcn|errno|execinfo|fcntl|fnmatch|immintrin|poll|pthread|pwd|sched|signal|"
                    r"spawn|string|syscall|sysexits|termios|time|ucontext|unistd|link|limits|stdio|stdlib|stdint|omp|grp)\.h$")
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def problems(root: pathlib.Path):
    for folder, allowed in FOLDERS.items():
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in {".h", ".cpp", ".cu", ".cuh", ".inc"}:
                continue
            name = path.relative_to(root).as_posix()
            for number, line in enumerate(path.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                if match:
                    wrong = judge(root, folder, allowed, name, match[1], match[2])
                    if wrong:
                        yield f"{name}:{number}: {wrong}"


def judge(root, folder, allowed, name, ours, theirs):
    if ours:
        target = ours.split("/")[0]
        if ours.endswith(".inc") and "/" not in ours:
            return None  # made at build time
        if ours.endswith(".inc") and "/" not in ours:
            return None  # made at build time
        if target not in FOLDERS:
            return f'"{ours}": write the path from the root; third-party headers go in <>'
        if not (root / ours).exists() and not ours.endswith("_generated.h"):
            return f'"{ours}" does not exist'
        if target != folder and target not in allowed:
            knows = ", ".join(sorted(allowed)) or "nothing of ours"
            return f'"{ours}": {folder}/ knows {knows}, but not {target}/'
        return None
    for header, owners, package in LIBRARIES:
        if re.match(header, theirs):
            if not re.fullmatch(owners, name):
                return f"<{theirs}> ({package}) belongs to {owners}"
            return None
    if not SYSTEM.match(theirs):
        return f"<{theirs}>: no row for this library in scripts/check_includes.py"
    return None


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    found = list(problems(root))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
