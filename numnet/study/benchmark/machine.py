"""What computes: BLAS, threads, memory, and the most that this machine can do."""

import ctypes
import importlib.util
import os
import platform
import time
from dataclasses import dataclass, replace

import numpy as np

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS",
           "VECLIB_MAXIMUM_THREADS")
MALLOC = {                         # what glibc does with memory that is given back
    "default": {},                                   # large blocks: to the system
    "kept": {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "4000000000"},
    "returned": {"MALLOC_MMAP_THRESHOLD_": "65536"},     # at once, to count memory
}
AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2", "OPENBLAS_CORETYPE": "Haswell"}


@dataclass(frozen=True)
class Setting:
    """Under what a process measures; it has to be so when the process starts."""

    threads: int = 1
    malloc: str = "default"
    isa: str = "as set"            # or "AVX2": both sides held to these instructions
    cpu_time: bool = False         # the processor's time, not the time that passes

    @property
    def clock(self):
        return time.process_time if self.cpu_time else time.perf_counter

    def environment(self):
        """The environment of a process with this setting."""
        chosen = dict.fromkeys(THREADS, str(self.threads)) | MALLOC[self.malloc]
        if self.isa == "AVX2":
            chosen |= AVX2 | {"NPY_DISABLE_CPU_FEATURES": " ".join(_beyond_avx2())}
        return {name: value for name, value in os.environ.items()
                if not name.startswith("MALLOC_")} | chosen

    def __str__(self):
        isa = "" if self.isa == "as set" else f", both with {self.isa} at most"
        clock = ", processor time" if self.cpu_time else ""
        return (f"{self.threads} thread{'s' if self.threads > 1 else ''}, "
                f"{self.malloc} malloc{isa}{clock}")


def _beyond_avx2():
    """NumPy's own names of the instruction sets here that are wider than AVX2."""
    found = np.show_config(mode="dicts").get("SIMD Extensions", {}).get("found", [])
    return [name for name in found if "AVX512" in name or name == "X86_V4"]


def settings(threads, equal_isa, cpu_time=False):
    """Those to measure under, the judged one first."""
    glibc = platform.libc_ver()[0] == "glibc"
    mallocs = ["default", "kept"] if glibc else ["default"]
    found = [Setting(k, malloc) for k in threads for malloc in mallocs] + [
        Setting(k, isa="AVX2") for k in threads if equal_isa]
    return [replace(each, cpu_time=cpu_time) for each in found]


def torch_or_none(threads=None):
    """PyTorch with so many threads, or None where it is not installed."""
    if importlib.util.find_spec("torch") is None:
        return None
    import torch
    if threads:
        torch.set_num_threads(threads)
    return torch


def blas():
    """The kind of BLAS that NumPy calls, and the processor it takes this one for."""
    found = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    kind = f"{found.get('name', 'unknown')} {found.get('version', '')}".strip()
    try:
        library = ctypes.CDLL(np._core._multiarray_umath.__file__)
        core = library.scipy_openblas_get_corename64_
        core.restype = ctypes.c_char_p
        kind += f", kernels for {core().decode()}"
    except (AttributeError, OSError):                # another BLAS, or another system
        pass
    chosen = os.environ.get("OPENBLAS_CORETYPE")
    return kind + (f" (OPENBLAS_CORETYPE={chosen})" if chosen else "")


def describe(setting, torch, peaks):
    """What a table has to say about where it was measured."""
    lines = [f"{platform.machine()} {platform.system()}, {os.cpu_count()} cores, "
             f"Python {platform.python_version()}, NumPy {np.__version__}",
             f"BLAS: {blas()}",
             f"most that was measured: {peaks['gflops']:.0f} GFLOP/s in a product of "
             f"float32 matrices, {peaks['bandwidth']:.1f} GB/s read and written"]
    if torch is None:
        lines.append("PyTorch is not installed: numnet is compared with the product "
                     "of matrices alone (pip install torch)")
    else:
        lines.append(f"PyTorch {torch.__version__}, "
                     f"{torch.backends.cpu.get_cpu_capability()}, its own product "
                     f"{peaks['torch_gflops']:.0f} GFLOP/s")
    return [f"{setting}:", *("  " + line for line in lines)]


def busy():
    """One line where others use this machine, else none."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0
    return [f"The load average was {load:.1f} before: others use this machine, so "
            "times are too long\nand ratios less sure."] * (load > 0.5)


def peaks(torch=None, clock=time.perf_counter, side=512, megabytes=64, runs=60):
    """The fastest product of square matrices and the fastest copy, best of many runs.

    Each is short, so that on a busy machine one or the other is not interrupted.
    """
    def best(f):
        def once():
            start = clock()
            f()
            return clock() - start
        return min(once() for _ in range(runs))

    rng = np.random.default_rng(0)
    a, b, y = (rng.standard_normal((side, side), np.float32) for _ in range(3))
    source, target = (np.ones(megabytes << 18, np.float32) for _ in range(2))
    found = {"gflops": 2e-9 * side ** 3 / best(lambda: np.matmul(a, b, y)),
             "bandwidth": 2e-9 * source.nbytes / best(
                 lambda: np.copyto(target, source))}
    if torch:
        a, b, y = map(torch.tensor, (a, b, y))
        found["torch_gflops"] = 2e-9 * side ** 3 / best(
            lambda: torch.mm(a, b, out=y))
    return found
