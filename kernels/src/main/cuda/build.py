#!/usr/bin/env python3
"""Compiles the CUDA kernels and writes what Coffey loads to kernels/src/main/resources/dev/coffey/kernels/cuda.

    kernels/src/main/cuda/build.py            compile, check, write
    kernels/src/main/cuda/build.py --check    compile and check, and fail if what is committed is not the same

Takes the nvcc on the path if it is the pinned version, else installs the pinned compiler's wheels into a scratch folder
(--tools DIR keeps it). All machine code is assembled from the very PTX that is committed and that the tests interpret. Run twice, it
writes the same bytes.

Fails when a kernel spills, takes more registers or shared memory than its budget allows, or lacks the instructions it was written for.
"""

import argparse
import gzip
import hashlib
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import venv

HERE = pathlib.Path(__file__).resolve().parent
RESOURCES = HERE.parent / "resources/dev/coffey/kernels/cuda"

VERSION = "13.0.88"
COMPILER = ["nvidia-cuda-nvcc==13.0.88", "nvidia-nvvm==13.0.88", "nvidia-cuda-crt==13.0.88", "nvidia-cuda-runtime==13.0.96"]
DISASSEMBLER = ["nvidia-cuda-nvdisasm==13.5.37"]

# fmad off: what is fused is written so, and every instance of a template then rounds alike.
FLAGS = ["-O3", "-std=c++17", "-fmad=false", "--Werror=all-warnings"]

# A PTX module, the language version that its instructions need (nvcc writes its own, which older drivers refuse), and the cards whose machine code is made of it.
MODULES = {75: ("6.5", [75]), 80: ("7.0", [80, 90, 100, 120])}

BLOCK = 128
# By compute capability: shared memory of a multiprocessor in bytes and its resident threads.
MULTIPROCESSOR = {75: (65536, 1024), 80: (167936, 2048), 90: (233472, 2048), 100: (233472, 2048), 120: (102400, 1536)}
SHARED_LIMIT = 49152
# 255 registers is what a thread may have; the row kernels should leave room for 8 CTAs (64 registers).
REGISTER_BUDGET = {"linear_": 255, "attention_": 255}
DEFAULT_REGISTER_BUDGET = 64


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


class Tools:
    def __init__(self, folder):
        self.folder = folder
        self.python = folder / "bin/python"
        nvcc = shutil.which("nvcc")
        if nvcc and f"V{VERSION}" in run(nvcc, "--version"):
            home = pathlib.Path(nvcc).resolve().parent
        else:
            home = self._install(COMPILER, "bin/nvcc")
        self.nvcc, self.ptxas, self.fatbinary = home / "nvcc", home / "ptxas", home / "fatbinary"
        self.nvdisasm = self._install(DISASSEMBLER, "bin/nvdisasm") / "nvdisasm"

    def _install(self, wheels, program):
        if not self.python.exists():
            venv.create(self.folder, with_pip=True)
        run(self.python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *wheels)
        found = sorted(self.folder.glob(f"lib/python*/site-packages/nvidia/*/{program}"))
        if not found:
            sys.exit(f"{wheels[0]} holds no {program}")
        return found[0].parent


def sources_hash():
    """SHA-256 over name, line feed and content of each source and of this script, by name; CudaArtifactsTest computes it too."""
    digest = hashlib.sha256()
    for source in sorted([*HERE.glob("*.cu"), *HERE.glob("*.cuh"), HERE / "build.py"], key=lambda path: path.name):
        digest.update(source.name.encode() + b"\n" + source.read_bytes())
    return digest.hexdigest()


def compile_module(tools, work, architecture, language):
    ptx = work / f"coffey-sm{architecture}.ptx"
    run(tools.nvcc, *FLAGS, "-ptx", f"-arch=compute_{architecture}", HERE / "coffey.cu", "-o", ptx)
    text = re.sub(r"^//.*\n", "", ptx.read_text(), flags=re.MULTILINE)
    ptx.write_text(re.sub(r"^\.version .*$", f".version {language}", text, count=1, flags=re.MULTILINE))
    return ptx


def disassembled(code):
    """Instruction names by entry, and those of its main loop: the first that has a barrier in it."""
    found = {}
    for part in re.split(r"^\s*\.section\s+\.text\.", code, flags=re.MULTILINE)[1:]:
        names, labels, loop = [], {}, []
        for line in part.splitlines():
            if label := re.match(r"(\.L_\w+):", line):
                labels[label.group(1)] = len(names)
            elif instruction := re.match(r"\s*/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][A-Z0-9_.]*)([^;]*);", line):
                names.append(instruction.group(1))
                back = re.search(r"\((\.L_\w+)\)", instruction.group(2)) if names[-1] == "BRA" else None
                if back and back.group(1) in labels:
                    body = names[labels[back.group(1)]:]
                    if not loop and any(name.startswith("BAR.SYNC") for name in body):
                        loop = body
        found[re.match(r"\w+", part).group()] = (names, loop)
    return found


def assemble(tools, work, ptx, architecture):
    """The machine code, and a row of figures for each entry."""
    cubin = work / f"coffey-sm{architecture}.cubin"
    report = run(tools.ptxas, "-O3", "-v", f"-arch=sm_{architecture}", ptx, "-o", cubin)
    code = run(tools.nvdisasm, "-c", cubin)
    code = disassembled(code)
    rows = []
    for part in report.split("Compiling entry function ")[1:]:
        entry = re.match(r"'(\w+)'", part).group(1)
        shared = re.search(r"(\d+) bytes smem", part)
        rows.append({
            "entry": entry,
            "registers": int(re.search(r"Used (\d+) registers", part).group(1)),
            "spills": sum(map(int, re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", part).groups())),
            "shared": int(shared.group(1)) if shared else 0,
            "instructions": code[entry][0],
            "loop": code[entry][1],
        })
    return cubin, sorted(rows, key=lambda row: row["entry"])


def residents(row, architecture):
    """How many CTAs of a kernel one multiprocessor holds, and by what it is limited."""
    shared, threads = MULTIPROCESSOR[architecture]
    limits = {"threads": threads // BLOCK, "registers": 65536 // (-(-row["registers"] // 8) * 8 * BLOCK)}
    if row["shared"]:
        # From 8.0 on the system takes 1 KiB of each CTA.
        limits["shared"] = shared // (row["shared"] + (1024 if architecture >= 80 else 0))
    limit = min(limits, key=limits.get)
    return limits[limit], limit


def check(row, architecture):
    entry, code = row["entry"], row["instructions"]
    budget = next((b for prefix, b in REGISTER_BUDGET.items() if entry.startswith(prefix)), DEFAULT_REGISTER_BUDGET)
    faults = []
    if row["spills"] or any(name.startswith(("LDL", "STL")) for name in code):
        faults.append("spills registers")
    if row["registers"] > budget:
        faults.append(f"takes {row['registers']} registers, budget {budget}")
    if row["shared"] > SHARED_LIMIT:
        faults.append(f"takes {row['shared']} bytes of shared memory, limit {SHARED_LIMIT}")
    if entry.startswith(("linear_", "attention_")):
        wanted = ["FFMA"] if "_f32" in entry else ["HMMA", "LDSM"]
        for name in wanted + (["LDGSTS"] if architecture >= 80 else []):
            if not any(found.startswith(name) for found in code):
                faults.append(f"has no {name}")
    return [f"sm_{architecture} {entry} {fault}" for fault in faults]


def table(architecture, rows):
    print(f"\nsm_{architecture}: registers a thread; bytes of shared memory; resident CTAs and their limit; instructions in all; of the main loop (the path for unaligned rows "
          "included): all, matrix (HMMA, or FFMA for f32), loads from shared memory (LDSM, or LDS), asynchronous copies (LDGSTS)\n")
    print("| entry | registers | shared | CTAs | limit | all | loop | matrix | shared loads | copies |\n|---|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        def count(*names):
            return sum(name.split(".")[0] in names for name in row["loop"])
        ctas, limit = residents(row, architecture)
        fp32 = "_f32" in row["entry"]
        loop = [len(row["loop"]), count("FFMA" if fp32 else "HMMA"), count("LDS" if fp32 else "LDSM"), count("LDGSTS")] if row["loop"] else ["", "", "", ""]
        print("| " + " | ".join(map(str, [row["entry"], row["registers"], row["shared"], ctas, limit, len(row["instructions"]), *loop])) + " |")


def build(tools, work):
    artifacts, faults, images = {}, [], []
    for module, (language, architectures) in MODULES.items():
        ptx = compile_module(tools, work, module, language)
        artifacts[ptx.name] = ptx.read_bytes()
        for architecture in architectures:
            cubin, rows = assemble(tools, work, ptx, architecture)
            images.append(f"--image3=kind=elf,sm={architecture},file={cubin}")
            table(architecture, rows)
            for row in rows:
                faults += check(row, architecture)
    if faults:
        sys.exit("\n".join(faults))
    fatbin = work / "coffey.fatbin"
    run(tools.fatbinary, f"--create={fatbin}", "-64", "--compress=false", *images)
    artifacts[fatbin.name] = fatbin.read_bytes()
    files = {f"{name}.gz": gzip.compress(content, 9, mtime=0) for name, content in artifacts.items()}
    lines = [f"compiler=nvcc {VERSION}", f"sources.sha256={sources_hash()}"]
    lines += [f"{name}.sha256={hashlib.sha256(content).hexdigest()}" for name, content in sorted(artifacts.items())]
    files["coffey.properties"] = ("\n".join(lines) + "\n").encode()
    return files


def main():
    parser = argparse.ArgumentParser(description="Compiles the CUDA kernels.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if what is committed differs")
    parser.add_argument("--tools", type=pathlib.Path, help="folder for the compiler's wheels, kept for the next time")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        work = pathlib.Path(scratch)
        files = build(Tools((options.tools or work / "tools").absolute()), work)
    print()
    if options.check:
        different = [name for name, content in files.items() if not (RESOURCES / name).exists() or (RESOURCES / name).read_bytes() != content]
        if different:
            sys.exit(f"not what is committed: {', '.join(different)}; run build.py and commit what it writes")
        print("same as committed")
        return
    RESOURCES.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (RESOURCES / name).write_bytes(content)
        print(f"{name}: {len(content)} bytes")


if __name__ == "__main__":
    main()
