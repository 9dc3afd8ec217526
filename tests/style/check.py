#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The house's rules that a machine can keep: check.py ROOT [RULE...]. Prints cmocka's closing lines.

Rules: licence, size, functions, format, layers, library, kernels, headers, readme, text.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(sys.argv[1]).resolve()
FILES = [ROOT / name for name in subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                                                check=True, capture_output=True, text=True).stdout.split("\n") if name]
FILES = [path for path in FILES if path.is_file()]
CODE = {".c", ".h", ".cl", ".clh"}


def under(path, *folders):
    name = path.relative_to(ROOT).as_posix()
    return any(name.startswith(folder) for folder in folders)


def code(*folders, suffixes=CODE):
    return [p for p in FILES if p.suffix in suffixes and (not folders or under(p, *folders))]


def strip_comments(text):
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def rule_licence():
    """every source file says its licence in its first three lines"""
    for path in FILES:
        if (path.suffix in CODE | {".py", ".sh", ".graph"} and not under(path, "tests/graph/seeds")) or path.name == "meson.build":
            head = "\n".join(path.read_text().split("\n")[:3])
            if "SPDX-License-Identifier: MIT" not in head:
                yield path, 1, "no SPDX line"


def rule_size():
    """files under 800 lines, headers under 300"""
    for path in FILES:
        if path.suffix in CODE | {".py", ".sh", ".graph"}:
            lines = path.read_text().count("\n")
            limit = 300 if path.suffix == ".h" else 800
            if lines >= limit:
                yield path, lines, f"{lines} lines, the limit is {limit}"


def rule_functions():
    """functions of at most 90 lines (60 is the aim)"""
    for path in code("runtime", "ops", "graph", "tools", suffixes={".c"}):
        start = None
        for number, line in enumerate(path.read_text().split("\n"), 1):
            if line == "{":
                start = number
            elif line.startswith("}") and start:
                if number - start > 90:
                    yield path, start, f"a function of {number - start} lines"
                start = None


def rule_format():
    """clang-format agrees"""
    paths = [p for p in code(suffixes={".c", ".h"})]
    for at in range(0, len(paths), 40):
        result = subprocess.run(["clang-format", "--dry-run", *map(str, paths[at:at + 40])], cwd=ROOT, capture_output=True,
                                text=True)
        seen = set()
        for match in re.finditer(r"^(.*?):(\d+):\d+: warning", result.stderr, re.M):
            if match.group(1) not in seen:
                seen.add(match.group(1))
                yield pathlib.Path(match.group(1)), int(match.group(2)), "not as clang-format writes it"


# Which includes a layer may use: (folders, allowed patterns besides the C library and its own folder).
SYSTEM = r"<(?:[a-z]+|sys/[a-z]+|bits/[a-z]+)\.h>"
LAYERS = [
    (("runtime/include",), [r"<clade/(clade|tensor|device|op|host|step)\.h>"]),
    (("runtime/src/cl",), [r"<clade/(clade|tensor|device|op|host|step|messages)\.h>", r"<CL/[a-z_]+\.h>", r"<openssl/[a-z]+\.h>",
                           r'"(\.\./)?[a-z_]+\.h"']),
    (("runtime/src",), [r"<clade/(clade|tensor|device|op|host|step|tuned|messages)\.h>", r"<openssl/[a-z]+\.h>", r'"[a-z_/.]+\.h"']),
    (("ops/clblast",), [r"<clade/(clade|tensor|device|op|host|linear)\.h>", r"<clblast_c\.h>", r"<CL/[a-z_]+\.h>", r'"[a-z_]+\.h"']),
    (("ops/builtin", "ops/include"), [r"<clade/(builtin|host|step|op_kit|op_group|tile_kit|dot_kit|stored)\.h>"]),
    (("ops",), [r"<clade/(clade|tensor|device|op|host|op_kit|op_group|tile_kit|dot_kit|stored|linear)\.h>", r'"(\.\./)?[a-z_]+\.h"', r'"(\.\./)*kernels/include/[a-z_]+\.clh"',
                r'"[a-z_]+\.clh"']),
    (("graph",), [r"<clade/(clade|tensor|device|op|host|step|tuned|graph|session|writer|messages)\.h>", r"<jansson\.h>", r"<openssl/[a-z]+\.h>",
                  r'"(\.\./)?(src/|formats/)?[a-z_]+\.h"']),
    (("tools/text",), [r"<clade/(clade|tensor|text|chat|sampling|messages)\.h>", r"<(jansson|pcre2|utf8proc)\.h>", r'"(\.\./internal|[a-z_]+)\.h"']),
    (("tools", "examples"), [r"<clade/[a-z]+\.h>", r"<jansson\.h>", r'"[a-z_]+\.h"']),
]


def rule_layers():
    """who may include whom (DESIGN: layout)"""
    for path in code("runtime", "ops", "graph", "tools", "examples", suffixes={".c", ".h"}):
        allowed = next(patterns for folders, patterns in LAYERS if under(path, *folders))
        for number, line in enumerate(path.read_text().split("\n"), 1):
            match = re.match(r'\s*#\s*include\s*([<"][^>"]+[>"])', line)
            if match and not any(re.fullmatch(p, match.group(1)) for p in [SYSTEM, *allowed]):
                yield path, number, f"{match.group(1)} is not for this layer"
    # an op's family never uses another's: its own header, or those at the top of ops/
    families = {p.name for p in (ROOT / "ops").iterdir() if p.is_dir()}
    for path in code("ops", suffixes={".c", ".h"}):
        for number, line in enumerate(path.read_text().split("\n"), 1):
            match = re.match(r'\s*#\s*include\s*"(?:\.\./)?([a-z_]+)/', line)
            if match and match.group(1) in families - {path.parent.name}:
                yield path, number, f"family {match.group(1)} from family {path.parent.name}"


def rule_library():
    """the library never exits, prints, aborts or reads the environment"""
    words = re.compile(r"\b(getenv|secure_getenv|setenv|putenv|exit|_exit|abort|assert|printf|puts|putchar|fprintf|perror|system)\s*\(")
    for path in code("runtime", "ops", "graph", "tools/text", suffixes={".c", ".h"}):
        for number, line in enumerate(strip_comments(path.read_text()).split("\n"), 1):
            match = words.search(line)
            if match:
                yield path, number, f"{match.group(1)}() in the library"
    mutable = re.compile(r"^static (?!const\b|inline\b|_Thread_local const)(?:struct |enum |unsigned |int|char|float|double|bool|u?int\d+_t|size_t)[^()]*(=|;)")
    for path in code("runtime", "ops", "graph", "tools/text", suffixes={".c", ".h"}):
        for number, line in enumerate(strip_comments(path.read_text()).split("\n"), 1):
            if mutable.match(line) and "const " not in line.split("=")[0]:
                yield path, number, "mutable data of file scope"


def rule_kernels():
    """OpenCL 1.2 without extensions (but of sub-groups, where SUB_GROUP is defined), f32 literals, no functions whose rounding is open"""
    sub_groups = ROOT / "kernels/include/group.clh"  # used only by implementations that declare CLADE_NEEDS_SUB_GROUPS
    words = re.compile(r"\b(native_\w+|half_\w+|mad|mad24|double\d*|printf|fmax|fmin|get_sub_group\w*|sub_group_\w+|atom\w*_add|size_t)\b")
    bare = re.compile(r"(?<![\w.])(\d+\.\d*|\d*\.\d+)(e[+-]?\d+)?(?![\w.])", re.I)
    for path in code("kernels", suffixes={".cl", ".clh"}):
        for number, line in enumerate(strip_comments(path.read_text()).split("\n"), 1):
            match = words.search(line) or bare.search(line)
            if match and not (path == sub_groups and match.group().startswith("get_sub_group")):
                yield path, number, f"'{match.group()}' in a kernel"
            if re.search(r"#\s*pragma\s+OPENCL\s+EXTENSION", line) and path != sub_groups:
                yield path, number, "an extension"
    # a program may hold kernels of any of these files
    seen = {}
    named = re.compile(r"^(?:(?:static|struct|union|typedef|__kernel)\b[^\n;={(]*?\b(\w+)\s*[({]|#\s*define\s+(\w+))", re.M)
    for path in code("kernels", suffixes={".cl", ".clh"}):
        text = strip_comments(path.read_text())
        for match in named.finditer(text):
            name = match.group(1) or match.group(2)
            if name == "__attribute__" or re.search(rf"#\s*undef\s+{name}\b", text):
                continue  # no name; a macro of a few lines
            if seen.setdefault(name, path) != path:
                yield path, path.read_text()[:match.start()].count("\n") + 1, f"'{name}' is a name of {seen[name].relative_to(ROOT)}"


def rule_headers():
    """every public header compiles alone, as C11 and as C++"""
    headers = [p for p in FILES if p.suffix == ".h" and "/include/clade/" in p.as_posix()]
    if not headers:
        yield ROOT, 0, "no headers found"
    includes = [f"-I{ROOT / folder}" for folder in ("runtime/include", "ops/include", "graph/include", "tools/text/include")]
    with tempfile.TemporaryDirectory() as folder:
        for language, standard in (("c", "c11"), ("c++", "c++17")):
            for header in headers:
                source = pathlib.Path(folder) / ("alone.c" if language == "c" else "alone.cc")
                source.write_text(f"#include <clade/{header.name}>\n#include <clade/{header.name}>\n")
                result = subprocess.run(["cc", "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                                         *includes, str(source)], capture_output=True, text=True)
                if result.returncode:
                    yield header, 1, f"does not compile alone as {standard}: {result.stderr.strip().splitlines()[:1]}"


def rule_readme():
    """every folder that people look into has a README of at most a page"""
    folders = ["runtime", "ops", "kernels", "graph", "tools", "tests", "models", "bench", "examples"]
    folders += sorted({p.parent.relative_to(ROOT).as_posix() for p in FILES if under(p, "models/") and p.parent != ROOT / "models"})
    for folder in folders:
        readme = ROOT / folder / "README.md"
        if not readme.exists():
            yield readme, 0, "missing"
        elif readme.read_text().count("\n") > 120:
            yield readme, 120, "longer than a page"


def rule_text():
    """no paths of a machine, hosts of registries, trailing space, or unfinished work"""
    machine = re.compile(r"/(work|root|home/[a-z]+|opt/venvs)/|https?://[a-z.]*(?:p[y]pi|d[e]bian|p[y]thonhosted)")
    unfinished = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
    for path in FILES:
        if path.suffix in CODE | {".py", ".sh", ".md", ".graph", ".build", ".txt", ".json"} and path.name != "check.py":
            for number, line in enumerate(path.read_text(errors="replace").split("\n"), 1):
                if machine.search(line):
                    yield path, number, "a path of a machine or a registry's host"
                if path.suffix in CODE | {".py", ".sh", ".graph"}:
                    if unfinished.search(line):
                        yield path, number, "unfinished work"
                    if line != line.rstrip():
                        yield path, number, "trailing space"


def main():
    rules = {name[5:]: rule for name, rule in globals().items() if name.startswith("rule_")}
    chosen = sys.argv[2:] or list(rules)
    failed = 0
    print(f"[==========] Running {len(chosen)} test(s).")
    for name in chosen:
        problems = list(rules[name]())
        for path, number, text in problems[:40]:
            print(f"{path.relative_to(ROOT) if path.is_absolute() else path}:{number}: {text}")
        print(f"[       {'OK' if not problems else 'FAILED'} ] {name}: {rules[name].__doc__}")
        failed += bool(problems)
    print(f"[==========] {len(chosen)} test(s) run.")
    print(f"[  PASSED  ] {len(chosen) - failed} test(s).")
    if failed:
        print(f"[  FAILED  ] style: {failed} test(s)")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
