"""A team without MPI: its processes are threads, in one room."""

import threading
from concurrent.futures import ThreadPoolExecutor

from numnet.parallel import Team


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
