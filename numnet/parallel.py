"""One network trained by many processes, on one machine or on many.

    mpiexec -n 2 python -m numnet train --parallel …

Every process holds the whole network and all the data, and does all that one process
alone would do, but for its share of each batch only: every size-th picture, from its
own rank on. Their losses and gradients are then joined, so that all of them take the
same step and stay alike to the last bit (to rounding, where processors of different
kinds round differently). The first process, of rank 0, alone reads and writes the run's
files, and speaks.

Nothing here is random, nor is any network of `recipes`. A network with dropout would
need masks that come from the picture and not from the order of the calls, since a
process does not know what the others have drawn.
"""

import os
import platform
import sys
import time

import numpy as np

THREADS = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}


class Alone:
    """A team of one process: its share is the whole, and nobody else need be asked."""

    leads, part = True, slice(None)

    def join(self, loss, n, parameters):
        return float(loss)

    def gather(self, parts):
        return parts

    def first(self, function):
        return function()


ALONE = Alone()


class Team:
    """The processes of an MPI communicator. All of them call each method, in turn.

    leads: whether this is the first one   part: the slice of a batch's pictures, or of
    a list of batches, that is its share; it may be empty.
    """

    def __init__(self, comm):
        self.comm, self.leads = comm, comm.rank == 0
        self.part = slice(comm.rank, None, comm.size)

    def join(self, loss, n, parameters):
        r"""Make the loss and the gradient of a batch from those of its shares.

        (join.1)  N = \sum_r n_r
        (join.2)  L = \frac{1}{N} \sum_r n_r\, L_r
        (join.3)  dw = \frac{1}{N} \sum_r n_r\, dw_r

        loss, n: L_r and n_r of this process r, the mean loss over its n_r examples
        parameters: theirs are the gradients dw_r of L_r, which become dw   →   L.
        Where a loss is a mean over examples, n_r L_r is the sum over those of r, and
        the sum over all r is the sum over the batch: L is what one process alone would
        find. Its gradient is the sum of the gradients, by the sum rule, with the same
        weights. An empty share has n_r = 0. All of it travels as one row of numbers of
        the gradients' dtype, in one Allreduce, that gives all processes the same bits.
        A loss that is not a mean, such as contrastive, has no such sum.
        Source: the sum rule; Goyal et al. 2017, section 3 (arXiv 1706.02677).
        """
        grads = [p.grad.ravel() for p in parameters]
        row = np.concatenate([*grads, np.array([loss, 1], grads[0].dtype)])
        total = np.empty_like(row)
        self.comm.Allreduce(n * row, total)
        count = total[-1]                                        # (join.1)
        loss = total[-2] / count                                 # (join.2)
        dw = total[:-2] / count                                  # (join.3)
        ends = np.cumsum([grad.size for grad in grads])
        for p, grad in zip(parameters, np.split(dw, ends[:-1]), strict=True):
            p.grad = grad.reshape(p.grad.shape)
        return float(loss)

    def gather(self, parts):
        """The lists of all processes as one list, those of the first one first."""
        return [part for parts in self.comm.allgather(parts) for part in parts]

    def first(self, function):
        """What the first process gets from a function, which only it calls."""
        return self.comm.bcast(function() if self.leads else None)


def launched():
    """This process's rank, and how many mpiexec started: 0 and 1 without mpiexec."""
    for name in "OMPI_COMM_WORLD", "PMI":            # Open MPI; MPICH and its kin
        if f"{name}_SIZE" in os.environ:
            return int(os.environ[f"{name}_RANK"]), int(os.environ[f"{name}_SIZE"])
    return 0, 1


def alone():
    """ALONE; raises ValueError where mpiexec started more, that would do the same."""
    _, size = launched()
    if size > 1:
        raise ValueError(f"mpiexec started {size} processes: with --parallel they "
                         "train one network together, without it each trains its own")
    return ALONE


def assemble():
    """The Team of all processes that mpiexec started; ALONE where there is just one.

    Raises ValueError where MPI is not installed, or is not the one of mpiexec. From
    here on, a process that ends with an error ends all others.
    """
    _, size = launched()
    if size > 1:
        settle()
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:     # no mpi4py; no MPI library
        raise ValueError('--parallel needs mpi4py and Open MPI: pip install '
                         f'"numnet[mpi]" ({error})') from error
    comm = MPI.COMM_WORLD
    if comm.size < size:
        raise ValueError(f"mpiexec started {size} processes, but mpi4py sees "
                         f"{comm.size}: they are of two different MPIs")
    if comm.size == 1:
        return ALONE
    show = sys.excepthook

    def show_and_end(*error):
        show(*error)
        end(1)

    sys.excepthook = show_and_end
    return Team(comm)


def settle():
    """Make this process a good neighbour of those that share its machine.

    Waiting for the others, it lets them work. Its matrix products use one core, unless
    the environment says otherwise: all cores in every process would be many times
    slower. That is read as NumPy is imported, so the program begins again.
    """
    os.environ.setdefault("OMPI_MCA_mpi_yield_when_idle", "1")
    if os.name == "posix" and THREADS.isdisjoint(os.environ):
        os.environ["OMP_NUM_THREADS"] = "1"          # OpenBLAS and MKL go by it as well
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def give_way():
    """Wait, unless this is the first process, for it to say what fails in all alike.

    As it ends, mpiexec ends the others. Whoever is still there failed by itself.
    """
    rank, _ = launched()
    if rank:
        time.sleep(min(2 + rank / 10, 10))


def fail(why, code=2):
    """Print why in one line, once for all processes, and end them. Returns the code."""
    give_way()
    rank, size = launched()
    where = f" (process {rank} of {size}, on {platform.node()})" if rank else ""
    sys.stderr.write(f"numnet: {why}{where}\n")      # at once: others write there too
    return end(code)


def end(code):
    """End all processes of the team, if there is one. Returns the code."""
    MPI = sys.modules.get("mpi4py.MPI")              # not imported: no team
    if MPI and MPI.COMM_WORLD.size > 1 and not MPI.Is_finalized():
        sys.stdout.flush()
        sys.stderr.flush()
        MPI.COMM_WORLD.Abort(code)
    return code
