# SPDX-License-Identifier: MIT
"""Running the built program from tests: calls, files, and cmocka's closing lines."""
import json
import math
import os
import re
import struct
import subprocess
import sys
import tempfile
import traceback

ERROR = re.compile(r"^clade: error: .+ \[CLADE-\d{3}\]$")
OTHER = re.compile(r"^clade: (note|warning|log|info|debug): .*$")


class Program:
    def __init__(self, path, folder):
        self.path = path
        self.folder = folder
        self.env = dict(os.environ, XDG_CACHE_HOME=os.path.join(folder, "cache"), CLADE_DEVICE="ref",
                        CLADE_COMPILE="here")  # nothing of a test outlives it
        os.makedirs(self.env["XDG_CACHE_HOME"], exist_ok=True)

    def start(self, *args, env=None, **options):
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        return subprocess.Popen([self.path, *args], cwd=self.folder, env={**self.env, **(env or {})}, stderr=subprocess.PIPE, **options)

    def __call__(self, *args, text="", env=None, rc=0, **options):
        """Runs it; checks the exit code and the form of everything on stderr. Returns stdout and stderr."""
        for _ in range(3):
            process = self.start(*args, env=env, stdin=subprocess.PIPE, **options)
            out, err = process.communicate(text.encode(), timeout=240)
            out, err = (out or b"").decode(), err.decode()
            # clang 14's leak checker may crash while it stops a driver's threads at exit; that says nothing about clade
            if "LeakSanitizer has encountered a fatal error" not in err:
                break
        assert process.returncode == rc, f"clade {' '.join(args)}: exit {process.returncode}, expected {rc}\n{out[-500:]}{err}"
        errors = [line for line in err.splitlines() if line.startswith("clade: error:")]
        assert len(errors) == (0 if rc in (0, 130) else 1), f"clade {' '.join(args)}: {err}"
        for line in errors:
            assert ERROR.match(line), line
        return out, err

    def json(self, *args, **options):
        return json.loads(self(*args, "--json", **options)[0])

    def file(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path


def shape_of(values):
    return (len(values), *shape_of(values[0])) if isinstance(values, list) else ()


def flat(values):
    return [x for value in values for x in flat(value)] if isinstance(values, list) else [values]


def f32(values):
    """The numbers as 32-bit floats, which is what was printed."""
    return [struct.unpack("<f", struct.pack("<f", x))[0] for x in flat(values)]


def npy(values, kind="f4"):
    codes = {"f4": "f", "f8": "d", "i4": "i", "i8": "q", "b1": "?"}
    order = "|" if kind == "b1" else "<"
    head = f"{{'descr': '{order}{kind}', 'fortran_order': False, 'shape': {shape_of(values)}, }}".replace(")(", ", ")
    head += " " * (-(len(head) + 11) % 64) + "\n"
    data = flat(values)
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode() + struct.pack(f"<{len(data)}{codes[kind]}", *data)


def read_npy(path):
    with open(path, "rb") as file:
        data = file.read()
    length = struct.unpack("<H", data[8:10])[0]
    head = eval(data[10:10 + length].decode(), {"__builtins__": {}})
    codes = {"<f4": "f", "<i4": "i", "|b1": "?"}
    body = data[10 + length:]
    count = len(body) // struct.calcsize(codes[head["descr"]])
    return head["shape"], list(struct.unpack(f"<{count}{codes[head['descr']]}", body))


def safetensors(tensors):
    head, data = {}, b""
    for name, values in tensors.items():
        part = struct.pack(f"<{len(flat(values))}f", *flat(values))
        head[name] = {"dtype": "F32", "shape": list(shape_of(values)), "data_offsets": [len(data), len(data) + len(part)]}
        data += part
    text = json.dumps(head).encode()
    return struct.pack("<Q", len(text)) + text + data


# Of a block of the type: ggml's number, elements, bytes, and its bytes by a number that changes it.
GGUF_TYPES = {
    "f32": (0, 1, lambda i: struct.pack("<f", i % 13 - 6)),
    "q8_0": (8, 32, lambda i: struct.pack("<e32b", 0.01, *((i * 31 + k * 7) % 255 - 127 for k in range(32)))),
    "q5_0": (6, 32, lambda i: struct.pack("<eI16B", 0.02, i * 2654435761 % 2**32, *((i * 5 + k * 9) % 256 for k in range(16)))),
}


def gguf(tensors):
    """A GGUF file of tensors NAME: (TYPE, SHAPE), with values made up, and without metadata."""
    heads, data = b"", b""
    for name, (kind, shape) in tensors.items():
        number, elements, block = GGUF_TYPES[kind]
        heads += struct.pack("<Q", len(name)) + name.encode() + struct.pack("<I", len(shape))
        heads += struct.pack(f"<{len(shape)}QIQ", *reversed(shape), number, len(data))
        data += b"".join(block(i) for i in range(math.prod(shape) // elements))
        data += bytes(-len(data) % 32)
    heads = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), 0) + heads
    return heads + bytes(-len(heads) % 32) + data


def close_to(got, expected, tolerance=1e-5):
    got, expected = flat(got), flat(expected)
    assert len(got) == len(expected), (len(got), len(expected))
    for a, b in zip(got, expected):
        assert abs(a - b) <= tolerance * (1 + abs(b)), (a, b)


def main(tests, program, name):
    """Runs each test with a Program of its own; a test that returns text is skipped for that reason."""
    failed = skipped = 0
    print(f"[==========] Running {len(tests)} test(s).")
    for test in tests:
        with tempfile.TemporaryDirectory(prefix="clade-test-") as folder:
            try:
                reason = test(Program(program, folder))
            except Exception:
                traceback.print_exc(file=sys.stdout)
                print(f"[  FAILED  ] {test.__name__}")
                failed += 1
                continue
        if reason:
            print(f"skip: {test.__name__}: {reason}")
            skipped += 1
        print(f"[       {'OK' if not reason else 'SKIP'} ] {test.__name__}: {test.__doc__}")
    print(f"[==========] {len(tests)} test(s) run.")
    print(f"[  PASSED  ] {len(tests) - failed - skipped} test(s).")
    if skipped:
        print(f"[  SKIPPED ] {name}: {skipped} test(s)")
    if failed:
        print(f"[  FAILED  ] {name}: {failed} test(s)")
    return 1 if failed else 0
