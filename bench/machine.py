# SPDX-License-Identifier: MIT
"""What a page says of the machine and of the run."""
import datetime
import os
import platform
import subprocess

CORES = (0, 1)  # PoCL pins its threads to the first ones
KINDS = {"avx512": "AVX-512", "avx2": "AVX2, no AVX-512"}


def cpu_info():
    """the first processor's lines of /proc/cpuinfo"""
    info = {}
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            key, _, value = line.partition(":")
            if not key.strip():
                break
            info[key.strip()] = value.strip()
    return info


def kind():
    """a word for results that compare"""
    flags = cpu_info().get("flags", "").split()
    return "avx512" if "avx512f" in flags else "avx2" if "avx2" in flags else platform.machine()


def describe(only=None):
    """`only`: the kind that it runs as, where that is not its own"""
    info = cpu_info()
    wanted = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "avx_vnni")
    return {"processor": info.get("model name", "unknown"), "family": f"{info.get('vendor_id', '?')} family {info.get('cpu family', '?')}",
            "features": [flag for flag in wanted if flag in info.get("flags", "").split()], "processors": os.cpu_count(), "used": len(CORES),
            "system": f"{platform.system()} {platform.machine()}", **({"as": only} if only else {})}


def clade_version(root):
    """the commit that was measured"""
    def git(*words):
        return subprocess.run(["git", "-C", root, *words], capture_output=True, text=True, check=True).stdout.strip()
    try:
        changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench")
        return git("rev-parse", "--short=10", "HEAD") + (" with changes" if changed else "")
    except (subprocess.CalledProcessError, FileNotFoundError):
        return "not from a repository"


def today():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def load():
    return round(os.getloadavg()[0], 1)
