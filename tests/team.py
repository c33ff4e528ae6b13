"""A team without MPI: its processes are threads, in one room; and one with mpiexec."""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from elsewhere import environment

from numnet.parallel import Team

MPI = pytest.mark.skipif(importlib.util.find_spec("mpi4py") is None,
                         reason="many processes need the extra mpi")


class Comm:
    """What a Team needs of an MPI communicator. there: what each thread has brought."""

    def __init__(self, rank, there, barrier):
        self.rank, self.size = rank, len(there)
        self.there, self.barrier = there, barrier

    def allgather(self, brought):
        self.there[self.rank] = brought
        self.barrier.wait(20)
        every = list(self.there)
        self.barrier.wait(20)                        # all have looked: it may change
        return every

    def bcast(self, brought):
        return self.allgather(brought)[0]

    def Allreduce(self, mine, total):
        total[...] = sum(self.allgather(mine))


def together(size, function):
    """What function(team) returns, or raises, in each process of a team of this size.

    An interrupt in one ends the others where they wait for it.
    """
    there, barrier = [None] * size, threading.Barrier(size)

    def run(rank):
        try:
            return function(Team(Comm(rank, there, barrier)))
        except Exception as error:
            return error
        except KeyboardInterrupt as error:
            barrier.abort()
            return error

    with ThreadPoolExecutor(size) as pool:
        return list(pool.map(run, range(size)))


def mpiexec(folder, size, *arguments):
    """Start so many Python processes in a folder, and give what started them."""
    places = sysconfig.get_path("scripts"), os.environ["PATH"]
    program = shutil.which("mpiexec", path=os.pathsep.join(places))
    return subprocess.Popen(
        [program, "-n", str(size), "--oversubscribe", "--bind-to", "none",
         sys.executable, *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", cwd=folder,
        env=environment(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1"))
